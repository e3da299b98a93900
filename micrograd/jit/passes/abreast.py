"""Program of one sample, with run-time extents -> Program of several, each with extents of its own.

Requires a verified program whose one output is a number, whose inputs are of one sample, and whose
run-time extents are how large that sample is. Establishes a verified program of `abreast` samples:
loops over an extent run as often as for the largest of them, inside of them one over the samples;
what smaller samples have less is computed, too, but never read for what they have: a sum, or
another reduction, takes terms only where `live_...` says that the sample has them. So results are
those of each sample by itself, whatever the rest is. The output are those results.

An array of a row for each position has, in the new program, the rows of all samples for one
position after the other: so statements that do the same for each position of each sample are one
loop over rows, and their products are products of large matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ...ops import where
from ..ir.extents import Entries, Extent, Varying, is_number
from ..ir.program import (
    Access,
    Apply,
    Array,
    Node,
    Part,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    statements,
)
from ..ir.stretches import stays
from ..reroll.outputs import OUTPUT

EACH, LIVE = "each", "live_"
"""The results; and what inputs are called that say which positions samples have, for an extent."""


class Unfit(Exception):
    """A program has no such form; the text says why."""


def abreast(program: Program, count: int) -> Program:
    """The program of so many samples.

    Raises Unfit.
    """
    return _Abreast(program, count).run()


@dataclass(slots=True)
class _Layout:
    """Where the elements of an array are for each sample.

    rest   elements of a position; all of them, if positions do not stand apart
    """

    rest: int
    count: int
    whole: bool = False

    def moved(self, a: Access | Part, at: int) -> tuple[int, tuple[int, ...]]:
        """Offset and strides, with a loop over samples as number `at`."""

        def wide(n: int) -> int:
            return n if self.whole or n % self.rest else n * self.count

        first, inside = divmod(a.offset, self.rest)
        offset = a.offset if self.whole else first * self.rest * self.count + inside
        strides = [wide(s) for s in a.strides]
        return offset, (*strides[:at], self.rest, *strides[at:])

    def scale(self, n: int) -> int:
        """How far an entry of an index array moves."""
        return n if self.whole or n % self.rest else n * self.count


@dataclass(slots=True)
class _Abreast:
    program: Program
    count: int
    result: Program = field(default_factory=Program)
    layouts: dict[str, _Layout] = field(default_factory=dict)
    apart: dict[str, Extent] = field(default_factory=dict)
    """Arrays whose positions are those of an extent, from 0 on, wherever they are written."""

    def run(self) -> Program:
        program = self.program
        outputs = program.with_role(Role.OUTPUT)
        if [a.size for a in outputs] != [1]:
            raise Unfit("it has more than one result")
        for s in program.statements:
            if any(isinstance(c, Entries) for c in s.domain):
                raise Unfit("loops are as long as index arrays say")
        varying = self._varying()
        for name in varying:
            self.layouts[name] = self._layout(program.arrays[name])
        self.apart = dict(self._positions(varying))
        for a in program.arrays.values():
            name = EACH if a.name == OUTPUT else a.name
            shape = a.shape
            if a.name in varying:
                layout = self.layouts[a.name]
                rows = a.size // layout.rest
                shape = (rows, self.count, layout.rest) if rows > 1 else (self.count, layout.rest)
                shape = shape[:-1] if layout.rest == 1 else shape
            role = Role.TEMPORARY if a.role is Role.OUTPUT else a.role
            self.result.arrays[name] = replace(a, name=name, role=role, shape=shape)
        self.layouts[EACH] = self.layouts.get(OUTPUT, _Layout(1, self.count, whole=True))
        self.result.body = [self._node(node, 0, varying) for node in program.body]
        return self.result

    def _varying(self) -> set[str]:
        """The arrays that are of a sample: inputs, and what depends on them or on extents."""
        found = {a.name for a in self.program.with_role(Role.INPUT)}
        before = -1
        while len(found) > before:
            before = len(found)
            for node in self.program.body:
                own = list(statements([node]))
                names = {
                    name
                    for s in own
                    for a in accesses(s.expr)
                    for name in (a.array, *a.index_arrays)
                }
                runs = any(not is_number(c) for s in own for c in s.domain)
                if runs or not names.isdisjoint(found):
                    found |= {s.target.array for s in own}
        return found

    # -- where arrays lie ------------------------------------------------------------------------

    def _layout(self, array: Array) -> _Layout:
        rest = array.size // array.shape[0]
        if array.role is not Role.INPUT and array.shape[0] > 1:
            found = _Layout(rest, self.count)
            touched = [(a, s) for s in self.program.statements for a in s.accesses]
            if all(
                stays(a, s.domain, rest, self.program.arrays)
                for a, s in touched
                if a.array == array.name
            ):
                return found
        return _Layout(array.size, self.count, whole=True)

    def _positions(self, varying: set[str]) -> Iterator[tuple[str, Extent]]:
        for name in varying:
            layout = self.layouts[name]
            if layout.whole:
                continue
            found = {
                _position(s.target, s.domain, layout.rest)
                for s in self.program.statements
                if s.target.array == name
            }
            (extent, *others) = found
            if extent is not None and not others:
                yield name, extent

    # -- statements ------------------------------------------------------------------------------

    def _node(self, node: Node, depth: int, varying: set[str]) -> Node:
        if isinstance(node, Statement):
            if node.target.array not in varying:
                return node
            return self._statement(node, depth)
        if node.going is not None:
            raise Unfit("a loop asks whether it goes on")
        return replace(node, body=[self._node(n, depth + 1, varying) for n in node.body])

    def _statement(self, s: Statement, depth: int) -> Statement:
        """The statement with one more loop, behind that over positions, if it has one."""
        runs = [d for d, c in enumerate(s.domain) if isinstance(c, Extent)]
        at = max([depth, *(d + 1 for d in runs[:1])])

        def moved(a: Access) -> Access:
            array = EACH if a.array == OUTPUT else a.array
            layout = self.layouts.get(array)
            parts = []
            for p in a.parts:
                by = self.layouts.get(str(p.by))
                offset, strides = p.offset, (*p.strides[:at], 0, *p.strides[at:])
                if by is not None:
                    offset, strides = by.moved(p, at)
                scale = p.scale if layout is None else layout.scale(p.scale)
                parts.append(replace(p, offset=offset, strides=strides, scale=scale))
            if layout is None:
                strides = (*a.strides[:at], 0, *a.strides[at:])
                return Access(array, a.offset, strides, tuple(parts))
            return Access(array, *layout.moved(a, at), tuple(parts))

        domain = [c.around(at) if isinstance(c, Varying) else c for c in s.domain]
        domain.insert(at, self.count)
        found = replace(
            s,
            target=moved(s.target),
            expr=map_accesses(s.expr, moved),
            domain=tuple(domain),
        )
        return self._masked(found, s, at)

    def _masked(self, found: Statement, before: Statement, at: int) -> Statement:
        """The statement, which takes terms only where samples have them; `at`: their loop."""
        op = before.accumulate
        if op is None:
            return found
        expr = found.expr
        apart = self.apart.get(before.target.array)
        for d, extent in enumerate(found.domain):
            if not isinstance(extent, Extent) or (apart == extent and found.target.strides[d]):
                continue
            if op.identity is None:
                raise Unfit(f"a reduction by {op.name} begins with nothing")
            strides = [0] * len(found.domain)
            strides[d], strides[at] = self.count, 1
            name = LIVE + extent.name
            if name not in self.result.arrays:
                self.result.declare(name, Role.INPUT, (int(extent), self.count))
            live = Access(name, 0, tuple(strides))
            expr = Apply(where, (live, expr, float(op.identity)))
        return replace(found, expr=expr)


def _position(a: Access, domain: Sequence[int], rest: int) -> Extent | None:
    """The extent whose index is the position of what is written, where it is that."""
    moving = [d for d, stride in enumerate(a.strides) if stride and stride % rest == 0]
    if a.offset >= rest or len(moving) != 1 or any(p.scale % rest == 0 for p in a.parts):
        return None
    (d,) = moving
    extent = domain[d]
    return extent if a.strides[d] == rest and isinstance(extent, Extent) else None
