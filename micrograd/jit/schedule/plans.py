"""A body divided around one loop: what shares it, what runs before it, and what after.

Statements may share a loop if, for every array that one of them writes, either all their accesses
stay within the iteration's own stretch of it (the array is *private* to an iteration), or none
reads it: sums into it commute, unless strict. So do reductions by an op that does not round;
products do not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ...ops import Op
from ..ir.extents import Varying, is_number
from ..ir.program import Access, Statement, accesses, map_accesses
from ..ir.stretches import private, stretches
from .courses import course, depends, reorders
from .routes import refusal

NOMINAL = 8
"""Numbers in a vector, where it is asked only which loop would lie in one."""


def kind(s: Statement) -> str:
    """What a statement can share a loop with: "vector" loops take it, or a "nest"; or "alone"."""
    if not refusal(s):
        return "vector" if s.domain else "alone"
    pays = len(s.domain) > 1 and course(s, 0, NOMINAL, strict=False).lane != 0
    return "nest" if pays else "alone"


def split(s: Statement, count: int) -> Statement | None:
    """The statement with a first dimension of `count`, if its own is a multiple of that."""
    if not s.domain:
        return None
    own = s.domain[0]
    if own == count:
        return s
    if not (is_number(own) and is_number(count)) or own % count:
        return None
    if any(depends(c, 0) for c in s.domain):
        return None
    rest = own // count

    def divide(a: Access) -> Access:
        return a.with_strides(lambda strides: (strides[0] * rest, *strides))

    return replace(
        s,
        target=divide(s.target),
        expr=map_accesses(s.expr, divide),
        domain=(count, rest, *[c.around(0) if isinstance(c, Varying) else c for c in s.domain[1:]]),
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may not be done: `strict`: sums keep their order; `state`: arrays whose elements may be
    set more than once, so that their assignments keep their order.
    """

    strict: bool = False
    state: Collection[str] = ()


def arrays_read(s: Statement) -> frozenset[str]:
    """The arrays that a statement reads, to be asked for once: plans ask it again and again."""
    return frozenset([a.array for a in accesses(s.expr)])


class Uses:
    """Which arrays some statements read, assign and accumulate into."""

    def __init__(self, bounds: Bounds, *statements: Statement) -> None:
        self.bounds = bounds
        self.read: set[str] = set()
        self.assigned: set[str] = set()
        self.accumulated: dict[str, set[Op]] = {}
        for s in statements:
            self.add(s)

    def add(self, s: Statement, read: frozenset[str] | None = None) -> None:
        """Count a statement in; `read`: the arrays that it reads, where they are known."""
        self.read |= arrays_read(s) if read is None else read
        if s.accumulate is None:
            self.assigned.add(s.target.array)
        else:
            self.accumulated.setdefault(s.target.array, set()).add(s.accumulate)

    def commutes(self, s: Statement, read: frozenset[str] | None = None) -> bool:
        """Whether `s`, which reads these arrays, may be exchanged with these statements."""
        target, assigned, accumulated = s.target.array, self.assigned, self.accumulated
        if target in self.read:
            return False
        if not assigned and not accumulated:
            return True
        for name in arrays_read(s) if read is None else read:
            if name in assigned or name in accumulated:
                return False
        if s.accumulate is None:  # assignments are to other elements, but of state
            again = target in self.bounds.state and target in self.assigned
            return target not in self.accumulated and not again
        others = self.accumulated.get(target, {s.accumulate})
        free = reorders(s.accumulate, self.bounds.strict) and others == {s.accumulate}
        return target not in self.assigned and (free or target not in self.accumulated)


def near_readers(body: Sequence[Statement], bounds: Bounds) -> list[Statement]:
    """The statements of an iteration, what is read in it standing as late as its readers allow.

    It waits in registers for a shorter time then.
    """
    found: list[Statement] = []
    read: set[str] = set()
    for s in reversed(body):
        place, own = 0, arrays_read(s)
        if s.target.array in read:
            while place < len(found) and Uses(bounds, found[place]).commutes(s, own):
                place += 1
        found.insert(place, s)
        read |= own
    return found


class Plan:
    """A body divided around a loop of `count`: what runs before, in, and after it.

    `reads`: the arrays that each of its statements reads.
    `aside`: arrays that are not assigned in it. `blocked`: those of which the loop would hold a sum
    if they were not assigned in it.
    """

    def __init__(
        self,
        body: Sequence[Statement],
        kinds: Sequence[str],
        reads: Sequence[frozenset[str]],
        count: int,
        wanted: str,
        bounds: Bounds,
        aside: Collection[str] = (),
    ) -> None:
        self.count = count
        self.blocked: set[str] = set()
        self.bounds = bounds
        self.profit = 0
        self.before: list[Statement] = []
        self.group: list[Statement] = []
        self.after: list[Statement] = []
        inside, behind = Uses(bounds), Uses(bounds)
        self.touched: dict[str, set[tuple[int, int] | None]] = {}
        self.written: set[str] = set()
        self.read: set[str] = set()
        own = points = 0  # a loop that is another's part is a poor reason to choose its count
        for s, found, read in zip(body, kinds, reads, strict=True):
            member = split(s, count) if found == wanted else None
            if member is not s and wanted == "nest":
                member = None
            if s.accumulate is None and s.target.array in aside:
                member = None
            if member is not None and behind.commutes(s, read) and self.joins(member, read):
                self.group.append(member)
                inside.add(member, read)
                own += member is s
                points += member.points * (10 if member is s else 1)
            elif inside.commutes(s, read) and behind.commutes(s, read):
                self.before.append(s)
            else:
                self.after.append(s)
                behind.add(s, read)
        self.profit = points * own

    def joins(self, s: Statement, own: frozenset[str] | None = None) -> bool:
        """Whether the statement, which reads these arrays, may share the loop; if so, its accesses
        are counted in.
        """
        touched = stretches([s])
        written = self.written | {s.target.array}
        read = self.read | (arrays_read(s) if own is None else own)
        for name, places in touched.items():
            together = self.touched.get(name, set()) | places
            is_private = len(together) == 1 and None not in together
            ordered = name in read or (name in self.written and name in self.bounds.state)
            if name in written and ordered and not is_private:
                return False
        target = s.target.array
        if target in self.written and target not in self.read:
            # sums into one element commute with each other, but not with an assignment
            same = {m.accumulate for m in self.group if m.target.array == target}
            together = self.touched[target] | touched[target]
            free = s.accumulate is None or reorders(s.accumulate, self.bounds.strict)
            if (same != {s.accumulate} or not free) and (len(together) > 1 or None in together):
                if same == {None} and free:
                    self.blocked.add(target)
                return False
        for name, places in touched.items():
            self.touched.setdefault(name, set()).update(places)
        self.written, self.read = written, read
        return True

    def private(self) -> dict[str, int]:
        """Arrays that the group writes, each iteration within its own stretch."""
        return private(self.written, self.touched)
