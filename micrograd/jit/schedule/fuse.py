"""Statements -> parts: which statements share an outer loop, and in which order the parts run.

Requires the body of a verified program; establishes an order that computes the same, where every
statement with loops is in one `Group`: a loop whose iterations run the group's statements one
after the other.

Statements may share a loop if, for every array that one of them writes, either all their accesses
stay within the iteration's own stretch of it (the array is *private* to an iteration), or none
reads it: sums into it commute. A statement between two members of a group that does not fit
moves before the loop or behind it, where its operands allow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..ir.extents import Extent
from ..ir.program import Access, Statement, accesses, map_accesses, runs

MAX_FUSED = 400
"""More statements with loops than this are not searched for what to fuse."""


@dataclass(slots=True)
class Group:
    """A loop of `count` iterations around statements whose first dimension it is.

    private   array -> the length of the stretch that belongs to one iteration
    in_turn   whether an iteration may need what the one before it has computed
    """

    count: int
    statements: list[Statement]
    private: dict[str, int] = field(default_factory=dict)
    in_turn: bool = False


@dataclass(slots=True)
class Straight:
    """Statements without loops."""

    statements: list[Statement]


Part = Group | Straight


def fuse(body: Sequence[Statement], *, alone: bool = False) -> list[Part]:
    """The parts of a program, in order; `alone`: every loop by itself, nothing moves.

    Statements that run in turn are a group as they stand, and nothing moves past them.
    """
    parts: list[Part] = []
    between: list[Statement] = []
    for run in runs(body):
        if run[0].turn:
            parts += _between(between, alone)
            parts.append(_in_turn(run))
            between = []
        else:
            between += run
    return _merge_straight(parts + _between(between, alone))


def _between(body: list[Statement], alone: bool) -> list[Part]:
    loops = sum(1 for s in body if s.domain)
    # batches read the array that they write: nothing could be fused
    alone = alone or any(a.array == s.target.array for s in body for a in accesses(s.expr))
    return _singly(body) if alone or loops > MAX_FUSED else _parts(body)


def _in_turn(run: list[Statement]) -> Group:
    targets = {s.target.array for s in run}
    return Group(run[0].domain[0], run, _private(targets, _touched(run)), in_turn=True)


def _touched(body: Iterable[Statement]) -> dict[str, set[tuple[int, int] | None]]:
    """The stretches of every array that the statements touch."""
    touched: dict[str, set[tuple[int, int] | None]] = {}
    for s in body:
        for a in s.accesses:
            touched.setdefault(a.array, set()).add(_stretch(a, s.domain))
    return touched


def _parts(body: list[Statement]) -> list[Part]:
    """Group the statements, the most profitable loop first; what is around it, likewise."""
    todo = [body]
    done: list[Part] = []
    while todo:
        part = todo.pop()
        counts = dict.fromkeys(s.domain[0] for s in part if s.domain)
        if not counts:
            if part:
                done.append(Straight(part))
            continue
        plans = [_Plan(part, count) for count in counts]
        best = max(plans, key=lambda plan: plan.profit)
        if not best.group:  # a loop that reads what it writes shares with nothing
            done += _singly(part)
            continue
        if best.before or best.after:
            todo += [best.after, best.group, best.before]
        else:
            done.append(Group(best.count, best.group, best.private()))
    return done


def _singly(body: Sequence[Statement]) -> list[Part]:
    return [Group(s.domain[0], [s]) if s.domain else Straight([s]) for s in body]


def _merge_straight(parts: Iterable[Part]) -> list[Part]:
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, Straight) and merged and isinstance(merged[-1], Straight):
            merged[-1].statements += part.statements
        else:
            merged.append(part)
    return merged


def split(s: Statement, count: int) -> Statement | None:
    """The statement with a first dimension of `count`, if its own is a multiple of that."""
    if not s.domain:
        return None
    own = s.domain[0]
    if own == count:
        return s
    if isinstance(own, Extent) or isinstance(count, Extent) or own % count:
        return None
    rest = own // count

    def divide(a: Access) -> Access:
        stride = a.strides[0]
        return Access(a.array, a.offset, (stride * rest, stride, *a.strides[1:]), a.table)

    return replace(
        s,
        target=divide(s.target),
        expr=map_accesses(s.expr, divide),
        domain=(count, rest, *s.domain[1:]),
    )


def _stretch(a: Access, domain: tuple[int, ...]) -> tuple[int, int] | None:
    """(stride, first multiple) if every iteration touches a stretch of `stride` elements only."""
    stride = a.strides[0]
    if a.table is not None or stride <= 0:
        return None
    spans = [d * (c - 1) for d, c in zip(a.strides[1:], domain[1:], strict=True)]
    low = a.offset + sum(x for x in spans if x < 0)
    high = a.offset + sum(x for x in spans if x > 0)
    return (stride, low // stride) if low // stride == high // stride else None


class _Uses:
    """Which arrays some statements read, assign and accumulate into."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.assigned: set[str] = set()
        self.accumulated: set[str] = set()

    def add(self, s: Statement) -> None:
        """Count a statement in."""
        self.read.update(a.array for a in accesses(s.expr))
        (self.accumulated if s.accumulate else self.assigned).add(s.target.array)

    def commutes(self, s: Statement) -> bool:
        """Whether `s` may be exchanged with these statements."""
        target = s.target.array
        if any(a.array in self.assigned or a.array in self.accumulated for a in accesses(s.expr)):
            return False
        if target in self.read:
            return False
        # sums commute; and an element is assigned once, so assignments are to other elements
        return target not in (self.assigned if s.accumulate else self.accumulated)


class _Plan:
    """A body divided around a loop of `count`: what runs before, in, and after it."""

    def __init__(self, body: Sequence[Statement], count: int) -> None:
        self.count = count
        self.profit = 0
        self.before: list[Statement] = []
        self.group: list[Statement] = []
        self.after: list[Statement] = []
        inside, behind = _Uses(), _Uses()
        self.touched: dict[str, set[tuple[int, int] | None]] = {}
        self.written: set[str] = set()
        self.read: set[str] = set()
        own = points = 0  # a loop that is another's part is a poor reason to choose its count
        for s in body:
            member = split(s, count)
            if member is not None and behind.commutes(s) and self._joins(member):
                self.group.append(member)
                inside.add(member)
                own += member is s
                points += member.points * (10 if member is s else 1)
            elif inside.commutes(s) and behind.commutes(s):
                self.before.append(s)
            else:
                self.after.append(s)
                behind.add(s)
        self.profit = points * own

    def _joins(self, s: Statement) -> bool:
        """Whether the statement may share the loop; if so, its accesses are counted in."""
        touched = _touched([s])
        written = self.written | {s.target.array}
        read = self.read | {a.array for a in accesses(s.expr)}
        for name, stretches in touched.items():
            together = self.touched.get(name, set()) | stretches
            is_private = len(together) == 1 and None not in together
            if name in written and name in read and not is_private:
                return False
        target = s.target.array
        if target in self.written and target not in self.read:
            # sums into one element commute with each other, but not with an assignment
            same = {m.accumulate for m in self.group if m.target.array == target}
            together = self.touched[target] | touched[target]
            if same != {s.accumulate} and (len(together) > 1 or None in together):
                return False
        for name, stretches in touched.items():
            self.touched.setdefault(name, set()).update(stretches)
        self.written, self.read = written, read
        return True

    def private(self) -> dict[str, int]:
        """Arrays that the group writes, each iteration within its own stretch."""
        return _private(self.written, self.touched)


def _private(
    written: Collection[str], touched: dict[str, set[tuple[int, int] | None]]
) -> dict[str, int]:
    found = {}
    for name, (
        only,
        *others,
    ) in touched.items():
        if name in written and only is not None and not others:
            found[name] = only[0]
    return found
