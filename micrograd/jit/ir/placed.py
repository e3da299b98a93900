"""Statements of trees of loops, with the time of every point, counted in statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...ops import OPS
from .extents import INDEX_NAMES
from .points import Ints, elements
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

    def at_first(self) -> Placed:
        """The same with one iteration of the outermost loop."""
        return replace(self, domain=(1, *self.domain[1:]), _times=None)

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


def span(node: Node) -> int:
    """How long it takes, in statements."""
    if isinstance(node, Statement):
        return 1
    return int(node.extent) * sum(map(span, node.body))


def place(
    body: Sequence[Node],
    p: Progress,
    loops: tuple[Loop, ...] = (),
    start: int = 0,
    weights: tuple[int, ...] = (),
) -> Iterator[Placed]:
    """The statements of a body, not numbered yet."""
    for node in body:
        if isinstance(node, Statement):
            domain = at_most(node.domain, p.program)
            yield Placed(node, 0, loops, start, weights, domain)
            start += 1
            continue
        each = sum(map(span, node.body))
        back = node.order is Order.REVERSE
        begin = start + each * max(0, int(node.extent) - 1) * back
        own = (*weights, -each if back else each)
        yield from place(node.body, p, (*loops, node), begin, own)
        start += each * int(node.extent)


def apart(name: str, uses: list[tuple[Placed, Access, int]], depth: int, p: Progress) -> None:
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
