"""What iterations of loops need of each other: the rules of order inside of trees of loops.

Every point of every statement of a tree has a time, counted in statements; an element has the time
when it is assigned. Loops in any order are told apart by the iterations that touch an element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...ops import OPS
from .extents import INDEX_NAMES
from .order import require
from .points import Ints, distinct, elements
from .program import Access, Loop, Node, Order, Statement, accesses
from .progress import Broken, Progress, at_most
from .touches import ACCUMULATED, ASSIGNED, READ, Touches, clash, row_numbers, touches

_KINDS = {op: ACCUMULATED + k for k, op in enumerate(OPS.values())}


@dataclass(slots=True)
class Placed:
    """A statement in a tree of loops.

    number    counted from the first of the tree
    start     when it runs for the first time, and by how many later with each loop's index
    """

    s: Statement
    number: int
    loops: tuple[Loop, ...]
    start: int
    weights: tuple[int, ...]
    domain: tuple[int, ...]
    _times: Ints | None = None  # of the iterations of the loops around it

    def touches(self, a: Access, p: Progress) -> Touches:
        """What an access touches, by the loops around the statement and of it."""
        try:
            return touches(a, self.domain, len(self.loops), p.program)
        except Broken as broken:
            raise Broken(str(broken), self.number) from None

    def times(self, found: Touches) -> Ints:
        """When touches happen."""
        if len(found.domain) > len(self.loops):
            return found.numbers(self.start, self.weights)
        if self._times is None:
            iterations = Access("", self.start, self.weights)
            self._times = elements(iterations, found.domain, found.program)
        return self._times if found.choices == 1 else np.repeat(self._times, found.choices)

    def done(self) -> list[tuple[Access, int]]:
        """Its accesses, and what it does there."""
        by = self.s.accumulate
        kind = ASSIGNED if by is None else _KINDS.get(by, ACCUMULATED)
        return [(self.s.target, kind), *[(a, READ) for a in dict.fromkeys(accesses(self.s.expr))]]


def _span(node: Node) -> int:
    """How long it takes, in statements."""
    if isinstance(node, Statement):
        return 1
    return int(node.extent) * sum(map(_span, node.body))


def _place(
    body: Sequence[Node],
    p: Progress,
    loops: tuple[Loop, ...] = (),
    start: int = 0,
    weights: tuple[int, ...] = (),
) -> Iterator[Placed]:
    for node in body:
        if isinstance(node, Statement):
            domain = at_most(node.domain, p.program)
            yield Placed(node, 0, loops, start, weights, domain)
            start += 1
            continue
        each = sum(map(_span, node.body))
        back = node.order is Order.REVERSE
        begin = start + each * max(0, int(node.extent) - 1) * back
        own = (*weights, -each if back else each)
        yield from _place(node.body, p, (*loops, node), begin, own)
        start += each * int(node.extent)


def order_in_loops(node: Loop, p: Progress) -> None:
    """In every iteration each element is there before it is read or added to."""
    placed = list(_place([node], p))
    for number, x in enumerate(placed):
        x.number = number
    late = _span(node)  # a time that never comes
    times = _assigned(placed, late, p)
    for x in placed:
        for a, kind in x.done():
            if kind == ASSIGNED or a.array in p.state:
                continue
            time = times.get(a.array)
            if time is None:
                _written(x, a, kind, p)
                continue
            found = x.touches(a, p)
            early = time[found.index] >= x.times(found)
            if early.any():
                element = int(found.index[np.argmax(early)])
                raise Broken(f"{a.array}[{element}] is {_said(kind)} too early", x.number)
    _any_order(placed, p)
    for name, time in times.items():
        p.written[name] |= time < late


def _said(kind: int) -> str:
    return "read" if kind == READ else "accumulated into"


def _written(x: Placed, a: Access, kind: int, p: Progress) -> None:
    """What the tree does not assign, is written before it."""
    if p.written[a.array].all():
        return
    try:
        require(p.written[a.array], distinct(a, x.domain, p.program)[0], a.array, _said(kind))
    except Broken as broken:
        raise Broken(str(broken), x.number) from None


def _assigned(placed: list[Placed], late: int, p: Progress) -> dict[str, Ints]:
    """When the elements of each array that is assigned in the tree are; -1 before it."""
    times: dict[str, Ints] = {}
    for x in placed:
        target = x.s.target
        if x.s.accumulate is not None or target.array in p.state:
            continue
        time = times.get(target.array)
        if time is None:
            time = times[target.array] = np.where(p.written[target.array], -1, late)
        found = x.touches(target, p)
        now = x.times(found)
        twice = time[found.index] < late
        if not twice.any():
            time[found.index] = now
            twice = time[found.index] != now
        if twice.any():
            element = int(found.index[np.argmax(twice)])
            raise Broken(f"{target.array}[{element}] is assigned twice", x.number)
    return times


def _any_order(placed: list[Placed], p: Progress) -> None:
    """No iteration of a loop in any order needs another one of it."""
    free: dict[int, tuple[Loop, int]] = {}
    for x in placed:
        for depth, loop in enumerate(x.loops):
            if loop.order is Order.FREE:
                free[id(loop)] = loop, depth
    for loop, depth in free.values():
        inside = [x for x in placed if len(x.loops) > depth and x.loops[depth] is loop]
        uses: dict[str, list[tuple[Placed, Access, int]]] = {}
        for x in inside:
            for a, kind in x.done():
                uses.setdefault(a.array, []).append((x, a, kind))
        for name, found in uses.items():
            kinds = {kind for _, _, kind in found}
            if len(kinds) > 1 or ASSIGNED in kinds:
                _apart(name, found, depth, p)


def _apart(name: str, uses: list[tuple[Placed, Access, int]], depth: int, p: Progress) -> None:
    """No iteration of the loop at this depth touches what another one writes."""
    size = p.program.arrays[name].size
    codes, iterations, kinds = [], [], []
    for x, a, kind in uses:
        found = x.touches(a, p)
        outside = found.numbers(0, row_numbers(x.domain[:depth]))
        codes.append(outside * size + found.index)
        iterations.append(found.numbers(0, (0,) * depth + (1,)))
        kinds.append(np.full(len(found.index), kind))
    place = clash(np.concatenate(codes), np.concatenate(iterations), np.concatenate(kinds))
    if place is None:
        return
    element = int(np.concatenate(codes)[place]) % size
    ends = np.cumsum([len(k) for k in kinds])
    x = uses[int(np.searchsorted(ends, place, side="right"))][0]
    raise Broken(
        f"{name}[{element}] is written in one iteration of the loop over {INDEX_NAMES[depth]} and "
        "used in another; such a loop runs in order, or in reverse order",
        x.number,
    )
