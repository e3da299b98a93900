"""Which numbers of an array depend on which elements, by paths that derivatives take: the pattern
of a Jacobian, exactly.

Statements are followed in order, all points of one at once, as columns of integers; loops in order
turn by turn. Every element has the set of what reaches it, a stretch of one pool of numbers, so
that what only hands a set on costs little. What only the code knows, an index or how often a loop
runs, may be anything that it can be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir import nests
from ..ir.nests import Ints
from ..ir.points import Unknown, counted, distinct, points
from ..ir.program import Access, Loop, Node, Order, Program, Role, Statement, statements
from ..trace.trace import Element
from .flows import active, holding, paths
from .reaching import Bools, is_certain, known_elements


@dataclass(frozen=True, slots=True)
class Pattern:
    """The entries of a matrix that may be other than zero, row by row, in order of columns."""

    rows: Ints
    columns: Ints
    shape: tuple[int, int]

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self.rows)


def pattern(program: Program, wrt: Sequence[Element | None], of: str) -> Pattern:
    """Which elements of the array `of` depend on which of those in `wrt`, each of which is there
    once; on none that is None.

    Cost: that of the sets of all elements, of which those that are equal may be one.
    """
    size = program.arrays[of].size
    places = np.array([k for k, e in enumerate(wrt) if e is not None], dtype=np.int64)
    sets = _Sets(program, [e for e in wrt if e is not None])
    sets.follow(program.body)
    rows, number = sets.of(of, np.arange(size))
    number = places[number]
    order = np.lexsort((number, rows))
    return Pattern(rows[order], number[order], (size, len(wrt)))


def both_ways(found: Pattern) -> Pattern:
    """A pattern of a square matrix with that of its transpose."""
    n = max(1, found.shape[1])
    keys = nests.distinct(
        np.concatenate([found.rows * n + found.columns, found.columns * n + found.rows])
    )
    return Pattern(keys // n, keys % n, found.shape)


MOST_TURNS = 1 << 12
"""Iterations that there may be or not, up to which they are followed one by one."""


class _Sets:
    """The sets of the elements of all arrays, of numbers of what reaches them."""

    def __init__(self, program: Program, seeds: Sequence[Element]) -> None:
        self.program = program
        self.active = active(program, {name for name, _ in seeds})
        self.count = len(seeds)
        self.pool = np.arange(self.count)
        self.used = self.count
        self.starts = {n: np.zeros(program.arrays[n].size, np.int64) for n in self.active}
        self.sizes = {n: np.zeros(program.arrays[n].size, np.int64) for n in self.active}
        for number, (name, k) in enumerate(seeds):
            self.starts[name][k], self.sizes[name][k] = number, 1
        self._touched: dict[int, _Touched] = {}

    def of(self, array: str, index: Ints) -> tuple[Ints, Ints]:
        """The sets of these elements of an array: the place of each in `index`, and the number."""
        if array not in self.active:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        sizes = self.sizes[array][index]
        numbers = self.pool[ranges(self.starts[array][index], sizes)]
        return np.repeat(np.arange(len(index)), sizes), numbers

    def follow(self, body: Sequence[Node]) -> None:
        """Go through statements in the order in which they run."""
        for node in body:
            own = [s for s in statements([node]) if s.target.array in self.active]
            try:
                around = dict(_around([node], self.program)) if own else {}
                for s in own:
                    found = _Touched(s, self.program, self.active, around[id(s)])
                    self._touched[id(s)] = found
                self._run([node] if own else [], ())
            except Unknown:
                self._take_all(own)

    def _run(self, body: Sequence[Node], turn: tuple[int, ...]) -> None:
        """Run statements in this turn of the loops around them that take turns."""
        for node in body:
            if isinstance(node, Statement):
                if node.target.array in self.active:
                    self._take(node, turn)
            elif not _takes_turns(node, self.program):
                self._run(node.body, turn)
            else:
                turns = range(int(node.extent))
                for k in turns[::-1] if node.order is Order.REVERSE else turns:
                    self._run(node.body, (*turn, k))

    def _take(self, s: Statement, turn: tuple[int, ...]) -> None:
        """Let what a statement reads in a turn reach what it writes."""
        touched = self._touched[id(s)]
        now = touched.points(turn)
        target, reads = touched.target, [(a, *touched.read(r, now)) for a, r in touched.reads]
        reads = [read for read in reads if self.sizes[read[0]][read[2]].any()]
        name, adds = s.target.array, s.accumulate is not None or touched.perhaps
        if target is not None and not adds and len(reads) <= 1:  # the sets are handed on
            index = target[now]
            if not reads:
                self.sizes[name][index] = 0
                return
            array, places, read, exact = reads[0]
            if exact:
                starts, sizes = self.starts[array][read], self.sizes[array][read]
                self.sizes[name][index] = 0
                self.starts[name][index[places]] = starts
                self.sizes[name][index[places]] = sizes
                return
        if not reads:
            return
        found = [self._pairs(*read, touched.count(now)) for read in reads]
        if target is None:  # any of them
            every = distinct(s.target, s.domain, self.program)[0]
            numbers = nests.distinct(np.concatenate([n for _, n in found] or [every[:0]]))
            found = [(np.repeat(every, len(numbers)), np.tile(numbers, len(every)))]
            index, adds = every, True
        else:
            found = [(target[now][places], numbers) for places, numbers in found]
            index = target[now]
        if adds:
            index = nests.distinct(index)
            places, numbers = self.of(name, index)
            found.append((index[places], numbers))
        self._put(name, index, *(np.concatenate(x) for x in zip(*found, strict=True)))

    def _pairs(
        self, array: str, places: Ints, index: Ints, exact: bool, count: int
    ) -> tuple[Ints, Ints]:
        """What reaches the points of a statement from what they read: their places, and numbers."""
        own, numbers = self.of(array, index)
        if exact:
            return places[own], numbers
        numbers = nests.distinct(numbers)
        return np.repeat(np.arange(count), len(numbers)), np.tile(numbers, count)

    def _put(self, array: str, index: Ints, found: Ints, numbers: Ints) -> None:
        """Let these elements have the sets of the pairs of an element and a number."""
        keys = nests.distinct(found * max(1, self.count) + numbers)
        found, numbers = keys // max(1, self.count), keys % max(1, self.count)
        index = nests.distinct(index)
        sizes = np.bincount(np.searchsorted(index, found), minlength=len(index))
        ends = self.used + np.cumsum(sizes)
        if self.used + len(numbers) > len(self.pool):
            more = np.zeros(len(self.pool) + len(numbers), dtype=np.int64)
            self.pool = np.concatenate([self.pool, more])
        self.pool[self.used : self.used + len(numbers)] = numbers
        self.starts[array][index], self.sizes[array][index] = ends - sizes, sizes
        self.used += len(numbers)

    def _take_all(self, own: Sequence[Statement]) -> None:
        """Let all that statements read reach all that they write, through each other, too."""
        before = -1
        while before != (before := sum(int(self.sizes[s.target.array].sum()) for s in own)):
            for s in own:
                read = {a.array for a, _ in paths(s.expr, self.program) if a.array in self.active}
                found = [
                    self.of(n, np.arange(len(self.sizes[n])))[1] for n in {*read, s.target.array}
                ]
                numbers = nests.distinct(np.concatenate(found))
                every = np.arange(len(self.sizes[s.target.array]))
                pairs = np.repeat(every, len(numbers)), np.tile(numbers, len(every))
                self._put(s.target.array, every, *pairs)


class _Touched:
    """What a statement touches at its points, in order.

    target    the element that it writes; None: any, as only the code knows
    perhaps   whether only the code knows at which of the points it runs: then it does at all, and
              elements keep what has reached them before
    """

    def __init__(
        self, s: Statement, program: Program, active: Collection[str], turned: Sequence[int]
    ) -> None:
        known = [is_certain((c,), program) for c in s.domain]
        self.perhaps = not all(known)
        most = [c if k else int(c) for c, k in zip(s.domain, known, strict=True)]
        self._program, self._domain = program, tuple(most)
        self._count = counted(self._domain, program)
        self.target = self._elements(s.target)
        self.reads: list[tuple[str, tuple[Access, Bools | None]]] = []
        held: dict[Access, Bools | None] = {}
        for a, conditions in paths(s.expr, program):
            if a.array in active:
                at = holding(conditions, self._domain, program)
                if a in held:
                    before = held[a]
                    at = None if at is None or before is None else at | before
                held[a] = at
        self.reads = [(a.array, (a, at)) for a, at in held.items()]
        self._index = {a: self._elements(a) for a in held}
        if turned:
            columns = points(self._domain, program)
            key = np.zeros(self._count, dtype=np.int64)
            for d in turned:
                key = key * (int(s.domain[d]) + 1) + columns[d]
            self._bases = [int(s.domain[d]) + 1 for d in turned]
            self._order = np.argsort(key, kind="stable")
            self._keys = key[self._order]

    def _elements(self, a: Access) -> Ints | None:
        index = known_elements(a, self._domain, self._program)
        return None if index is None else np.broadcast_to(index, (self._count,))

    def points(self, turn: tuple[int, ...]) -> Any:
        """The numbers of the points that run in a turn."""
        if not turn:
            return slice(None)
        key = 0
        for k, base in zip(turn, self._bases, strict=True):
            key = key * base + k
        first, last = (int(np.searchsorted(self._keys, key, side)) for side in ("left", "right"))
        return self._order[first:last]

    def count(self, now: Any) -> int:
        """How many points these are."""
        return self._count if isinstance(now, slice) else len(now)

    def read(self, read: tuple[Access, Bools | None], now: Any) -> tuple[Ints, Ints, bool]:
        """Which of the points read something, and which elements; or any of these elements at all
        points, and False.
        """
        a, at = read
        index = self._index[a]
        if index is None:
            return np.zeros(0, np.int64), distinct(a, self._domain, self._program)[0], False
        places = np.arange(self.count(now)) if at is None else np.flatnonzero(at[now])
        return places, index[now][places], True


def _takes_turns(loop: Loop, program: Program) -> bool:
    """Whether iterations are told apart: they run in order, or rewrite what others have written."""
    rewritten = (Role.STATE, Role.SCRATCH)
    return loop.order is not Order.FREE or any(
        program.arrays[s.target.array].role in rewritten for s in statements(loop.body)
    )


def _around(
    body: Sequence[Node],
    program: Program,
    depth: int = 0,
    turned: tuple[int, ...] = (),
    perhaps: int = 0,
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The loops around each statement, by its id, that take turns.

    Raises Unknown for more than MOST_TURNS of those of which it is not known how many there are.
    """
    for node in body:
        if isinstance(node, Statement):
            yield id(node), turned
            continue
        if not is_certain((node.extent,), program):
            perhaps = max(1, perhaps) * int(node.extent)
            if perhaps > MOST_TURNS:
                raise Unknown
        inner = (*turned, depth) if _takes_turns(node, program) else turned
        yield from _around(node.body, program, depth + 1, inner, perhaps)


def ranges(starts: Ints, sizes: Ints) -> Ints:
    """The numbers from each start on, so many for each, one behind the other.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    found: Ints = np.arange(total) + np.repeat(starts - ends + sizes, sizes)
    return found
