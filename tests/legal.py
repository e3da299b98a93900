"""The rules of order, point by point: slow, obvious, and not as the verifier checks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from micrograd.jit.ir.extents import Affine, Entries, Extent
from micrograd.jit.ir.program import (
    GIVEN,
    Access,
    Array,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
)

Path = tuple[tuple[str, int], ...]
"""Where a point is: position in a body, number of an iteration, and so on; what may not be changed
in order is "body" or "in order", what may run in any is "free" or "own"."""


class Illegal(Exception):
    """What is wrong."""


@dataclass
class _Touch:
    kind: str  # "read", "=", or the op that is reduced by
    path: Path


class _Run:
    def __init__(self, program: Program, given: Mapping[str, Any]) -> None:
        self.program, self.given = program, given
        self.touches: dict[tuple[str, int], list[_Touch]] = {}
        self.assigned: set[tuple[str, int]] = set()

    def array(self, name: str) -> Array:
        if name not in self.program.arrays:
            raise Illegal(f"{name} is not declared")
        return self.program.arrays[name]

    def number(self, offset: int, strides: Sequence[int], at: Sequence[int]) -> int:
        return offset + sum(s * i for s, i in zip(strides, at, strict=True))

    def entry(self, name: str, place: int) -> int:
        a = self.array(name)
        if not 0 <= place < a.size:
            raise Illegal(f"{name}[{place}]")
        return int(self.given[name][place] if a.data is None else a.data[place])

    def count(self, count: int, at: Sequence[int]) -> int:
        if isinstance(count, Extent):
            return int(self.given[count.name])
        if isinstance(count, Affine | Entries):
            number = self.number(count.offset, count.strides, at)
            n = number if isinstance(count, Affine) else self.entry(count.array, number)
            if n > int(count):
                raise Illegal(f"{n} is more than {int(count)}")
            return max(0, n)
        if count < 0:
            raise Illegal(f"{count} iterations")
        return count

    def element(self, a: Access, at: Sequence[int]) -> tuple[str, int]:
        number = self.number(a.offset, a.strides, at)
        for part in a.parts:
            inner = self.number(part.offset, part.strides, at)
            if part.is_entry:
                number += part.scale * self.entry(str(part.by), inner)
            else:
                by = int(part.by)
                if inner < 0 or by < 1:
                    raise Illegal(f"{inner} {part.kind} {by}")
                number += part.scale * (inner % by if part.kind == "mod" else inner // by)
        if not 0 <= number < self.array(a.array).size:
            raise Illegal(f"{a.array}[{number}]")
        return a.array, number

    def body(self, body: Sequence[Node], at: tuple[int, ...], path: Path) -> None:
        for k, node in enumerate(body):
            here = (*path, ("body", k))
            if isinstance(node, Statement):
                for own in self.points(node.domain, at):
                    self.point(node, own, (*here, *[("own", i) for i in own[len(at) :]]))
                continue
            kind = "free" if node.order is Order.FREE else "in order"
            order = range(self.count(node.extent, at))
            for i in order[::-1] if node.order is Order.REVERSE else order:
                self.body(node.body, (*at, i), (*here, (kind, i)))

    def points(self, domain: tuple[int, ...], at: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(at) == len(domain):
            yield at
            return
        for i in range(self.count(domain[len(at)], at)):
            yield from self.points(domain, (*at, i))

    def point(self, s: Statement, at: tuple[int, ...], path: Path) -> None:
        target = self.element(s.target, at)
        role = self.array(target[0]).role
        if role in (Role.INPUT, Role.PARAMETER, Role.CONSTANT):
            raise Illegal(f"{target} is given")
        for a in dict.fromkeys(accesses(s.expr)):
            element = self.element(a, at)
            self.written(element, "read")
            if element == target and role is not Role.STATE:
                raise Illegal(f"{element} is read where it is written")
            self.touches.setdefault(element, []).append(_Touch("read", path))
        if s.accumulate is not None:
            self.written(target, "reduced into")
        elif target in self.assigned and role is not Role.STATE:
            raise Illegal(f"{target} is assigned twice")
        kind = "=" if s.accumulate is None else s.accumulate.reduces
        self.assigned.add(target)
        self.touches.setdefault(target, []).append(_Touch(kind, path))

    def written(self, element: tuple[str, int], what: str) -> None:
        a = self.array(element[0])
        if element not in self.assigned and a.role not in (*GIVEN, Role.CONSTANT):
            raise Illegal(f"{element} is {what} before it is assigned")

    def any_order(self) -> None:
        """No two touches that need an order have none."""
        for element, touches in self.touches.items():
            writes = [t for t in touches if t.kind != "read"]
            for x in writes:
                for y in touches:
                    if x.path != y.path and (x.kind != y.kind or x.kind == "="):
                        p, q = next(
                            pair for pair in zip(x.path, y.path, strict=False) if pair[0] != pair[1]
                        )
                        if p[0] in ("free", "own"):
                            raise Illegal(f"{element} in iterations {p[1]} and {q[1]}")


def check(program: Program, given: Mapping[str, Any]) -> None:
    """Raise Illegal if the program breaks a rule of order when it is given this."""
    run = _Run(program, given)
    _domains(program.body, ())
    run.body(program.body, (), ())
    run.any_order()
    for a in program.with_role(Role.OUTPUT):
        if not all((a.name, k) in run.assigned for k in range(a.size)):
            raise Illegal(f"{a.name} is not complete")


def _domains(body: Sequence[Node], outside: tuple[int, ...]) -> None:
    for node in body:
        if isinstance(node, Loop):
            _domains(node.body, (*outside, node.extent))
        elif node.domain[: len(outside)] != outside:
            raise Illegal("not the extents of the loops around")
