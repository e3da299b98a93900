"""Order in long loops, without a look at every iteration: by how far apart accesses are.

Where a loop moves all accesses to an array by one stride, an element is touched by two accesses in
iterations that are a fixed distance apart, the same for the whole loop. Then what holds in one
iteration holds in all, but for the first ones, which read what was there before the loop. What does
not move so is left to `iterations`, which looks at every point; so are all errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .extents import Entries, Extent, is_number
from .placed import Placed, apart, span
from .points import Ints
from .program import Access, Loop, Order
from .progress import Bools, Broken, Progress, is_known
from .touches import ASSIGNED, first_iteration, touches

LONG = 1000
"""Iterations, at least 2, from which on a loop is long."""
MOST_CLASSES = 1 << 20
"""Touches of one iteration that are looked at."""


@dataclass(slots=True)
class Moved:
    """The touches of an access in a loop of `count` iterations, of which the k-th runs as k-th.

    Element `step * k + start` is touched in iteration k, for each start, `when` of its iteration.
    """

    step: int
    start: Ints
    when: Ints
    count: int

    @property
    def classes(self) -> tuple[Ints, Ints]:
        """Which of the elements that the loop keeps apart, and where in their row iteration 0 is:
        element and iteration of touches with the same first number differ by the second's.
        """
        size = abs(self.step)
        rows, places = self.start % size, self.start // size
        return rows, places if self.step > 0 else -places

    def slices(self) -> Iterator[slice]:
        """The elements of all iterations: those of each start, or together where they tile."""
        starts = np.unique(self.start)
        n, size = len(starts), abs(self.step)
        shift = min(0, self.step * (self.count - 1))
        apart = int(starts[1] - starts[0]) if n > 1 else 0
        if apart and size == n * apart and bool((np.diff(starts) == apart).all()):
            first = int(starts[0]) + shift
            yield slice(first, first + size * self.count, apart)
            return
        for start in (starts + shift).tolist():
            yield slice(start, start + size * (self.count - 1) + 1, size or 1)


def are_apart(writers: Sequence[Moved]) -> bool:
    """Whether no element is written twice."""
    rows, places = together(writers)
    order = np.lexsort((places, rows))
    rows, places = rows[order], places[order]
    same = rows[1:] == rows[:-1]
    return not bool((same & (np.diff(places) < writers[0].count)).any())


def together(touches: Sequence[Moved]) -> tuple[Ints, Ints]:
    """The classes of several touches."""
    rows, places = zip(*[x.classes for x in touches], strict=True)
    return np.concatenate(rows), np.concatenate(places)


def is_ready(read: Moved, writers: Sequence[Moved], written: Bools) -> bool:
    """Whether all that is read is written: by earlier iterations, earlier in the same one, or
    before the loop.

    Requires that writers are apart, and of one step with the reader, which is not 0.
    """
    rows, places = together(writers)
    when = np.concatenate([x.when for x in writers])
    if len(np.unique(rows)) < len(rows):
        return False
    order = np.argsort(rows)
    rows, places, when = rows[order], places[order], when[order]
    own, place = read.classes
    at = np.minimum(np.searchsorted(rows, own), len(rows) - 1)
    found = rows[at] == own
    # the iteration that writes comes so much later than the one that reads
    later = place - places[at]
    here = found & (np.abs(later) < read.count)
    if bool((here & ((later > 0) | ((later == 0) & (when[at] >= read.when)))).any()):
        return False
    before = np.where(here, np.minimum(-later, read.count), read.count)
    for start, n in zip(read.start[before > 0].tolist(), before[before > 0].tolist(), strict=True):
        first = Moved(read.step, np.array([start]), read.when[:1], n)
        if not all(written[x].all() for x in first.slices()):
            return False
    return True


def own_iterations(uses: Sequence[Moved]) -> bool:
    """Whether no element is touched in two iterations."""
    rows, places = together(uses)
    order = np.lexsort((places, rows))
    rows, places = rows[order], places[order]
    return not bool(((rows[1:] == rows[:-1]) & (places[1:] != places[:-1])).any())


Use = tuple[Placed, Access, int, Moved]


def is_in_order(node: Loop, placed: Sequence[Placed], p: Progress) -> bool:
    """Whether distances show that a tree of loops keeps all rules of order; then what it writes is
    noted. Else nothing is known, and nothing noted.
    """
    extent = node.extent
    given = isinstance(extent, Entries) and not is_known(extent.array, p.program)
    if int(extent) < LONG or not (given or is_number(extent) or isinstance(extent, Extent)):
        return False
    uses: dict[str, list[Use]] = {}
    classes = 0
    for x in placed:
        for a, kind in x.done():
            found = _moved(node, x, a, p)
            if found is None:
                return False
            uses.setdefault(a.array, []).append((x, a, kind, found))
            classes += len(found.start)
            if classes > MOST_CLASSES:
                return False
    if not all(_is_ordered(name, some, p) for name, some in uses.items()):
        return False
    if not _is_any_order(placed, uses, p):
        return False
    for name, some in uses.items():
        for _, _, kind, found in some:
            if kind == ASSIGNED and name not in p.state:
                for elements in found.slices():
                    p.written[name][elements] = True
    return True


def _moved(node: Loop, x: Placed, a: Access, p: Progress) -> Moved | None:
    """How the outermost loop moves what an access touches; None if not by one stride."""
    domain = first_iteration([a], x.domain, 1)
    if domain is None or any(part.strides[0] for part in a.parts):
        return None
    try:
        found = touches(a, domain, len(x.loops), p.program)
    except Broken:
        return None
    step, start = a.strides[0], found.index
    when = found.numbers(x.start, x.weights)
    count = int(node.extent)
    if node.order is Order.REVERSE:
        step, start = -step, start + step * (count - 1)
        when = when - span(node) // count * (count - 1)
    return Moved(step, start, when, count)


def _is_ordered(name: str, uses: Sequence[Use], p: Progress) -> bool:
    """Whether each element is assigned once, and before all other uses."""
    if name in p.state:
        return True
    written = p.written[name]
    assigned = [found for _, _, kind, found in uses if kind == ASSIGNED]
    others = [found for _, _, kind, found in uses if kind != ASSIGNED]
    if not assigned:
        return bool(written.all()) or all(written[x].all() for f in others for x in f.slices())
    steps = {found.step for _, _, _, found in uses}
    if len(steps) > 1 or 0 in steps or not are_apart(assigned):
        return False
    if written.any() and any(written[x].any() for f in assigned for x in f.slices()):
        return False
    return all(is_ready(f, assigned, written) for f in others)


def _is_any_order(placed: Sequence[Placed], uses: Mapping[str, list[Use]], p: Progress) -> bool:
    """Whether no iteration of a loop in any order needs another one."""
    free = {
        id(loop): (loop, depth)
        for x in placed
        for depth, loop in enumerate(x.loops)
        if loop.order is Order.FREE
    }
    for loop, depth in free.values():
        for name, some in uses.items():
            inside = [u for u in some if len(u[0].loops) > depth and u[0].loops[depth] is loop]
            kinds = {kind for _, _, kind, _ in inside}
            if len(kinds) < 2 and ASSIGNED not in kinds:
                continue
            steps = {found.step for _, _, _, found in inside}
            if len(steps) > 1:
                return False
            if depth == 0:
                if 0 in steps or not own_iterations([found for _, _, _, found in inside]):
                    return False
                continue
            first = [(x.at_first(), a, kind) for x, a, kind, _ in inside]
            try:
                apart(name, first, depth, p)
            except Broken:
                return False
    return True
