"""Copies of values for their uses: in which statements they are made, in the order of the trace.

The statements that copy what one other has written are boxes of its points, in each of which all
elements have their uses in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise, product

import numpy as np

from ..ir.extents import is_number
from ..ir.nests import Ints
from ..ir.points import elements, points
from ..ir.program import Access, Role, Statement
from ..ir.statements import Nodes
from .prove import placed
from .statics import affine
from .strings import Bools
from .uses import Left, Use, Uses

CUTS: tuple[tuple[int, ...], ...] = ((), (1, -1), (1, 2, -2, -1))
"""Where loops are cut, from their beginnings and their ends, as edges have their own copies."""
LEAVES = (Role.INPUT, Role.PARAMETER)


@dataclass(frozen=True)
class _Box:
    """Points of a statement, what it has written there, and where uses have their copies of it, in
    the order in which these are made.

    behind   the id of the statement; 0: leaves, which are there
    """

    behind: int
    source: Access
    domain: tuple[int, ...]
    targets: dict[int, Access]
    origin: Nodes


class Copies:
    """Elements for uses, and the statements that write them.

    firsts   from which element of the array on each use has its own
    """

    def __init__(self, uses: Uses, chosen: list[Use]) -> None:
        self.all, self.uses, self.program = uses, chosen, uses.program
        self.boxes: list[_Box] = []
        self.numbers: list[tuple[int, Statement]] = []  # of what use a statement writes some
        self.place = np.full((len(chosen), uses.size), -1, dtype=np.int64)
        self.keys = np.full((len(chosen), uses.size), -1, dtype=np.int64)
        self.read: list[Bools] = []
        self.times: list[Ints] = []  # how often each element of the copies is written
        self.above = {id(s): len(place) - 1 for s, place in placed(self.program.body)}
        self.firsts = [0] * len(chosen)
        for k, use in enumerate(chosen):
            array = self.program.arrays[use.access.array]
            local = use.at - uses.order.base[array.name]
            root = uses.root[use.at]
            made = root < uses.size
            self.place[k, root[made]] = local[made]
            self.keys[k, root[made]] = use.keys[made]
            self.read.append(np.zeros(array.size, dtype=bool))
            self.read[k][local] = True
            self.times.append(np.zeros(array.size, dtype=np.int64))
            if not made.all():
                self._numbers(k, array.name)

    def _numbers(self, k: int, array: str) -> None:
        """Copy the numbers that a use has beside other values. Raises Left if they are mixed."""
        for s in self.program.statements:
            if s.target.array != array or not self.all.is_copy(s):
                continue
            at = elements(s.target, s.domain, self.program)
            made = self.all.root[at + self.all.order.base[array]] < self.all.size
            if made.all() or not self.read[k][at].any():
                continue
            if made.any():
                raise Left
            np.add.at(self.times[k], at, 1)
            self.numbers.append((k, s))

    # -- boxes -----------------------------------------------------------------------------------

    def of(self, array: str) -> None:
        """Copy the elements of an array when they are there. Raises Left if they are written, or
        used, in no order that statements have.
        """
        base, size = self.all.order.base[array], self.program.arrays[array].size
        if self.program.arrays[array].role in LEAVES:
            used = np.flatnonzero((self.place[:, base : base + size] >= 0).any(axis=0))
            for some in np.split(used, np.flatnonzero(np.diff(used) != 1) + 1):
                if len(some):  # of what nothing is used, this is one stretch of none
                    self._copied(0, Access(array, int(some[0]), (1,)), (len(some),), 0, ())
            return
        writing = [s for s in self.program.statements if s.target.array == array]
        last = np.full(size, -1, dtype=np.int64)
        for k, s in enumerate(writing):
            last[elements(s.target, s.domain, self.program)] = k
        for k, s in enumerate(writing):
            here = last[elements(s.target, s.domain, self.program)] == k
            if self.all.is_copy(s) or not here.any():
                continue
            depth = len(s.domain)
            while s.accumulate is not None and depth and not s.target.strides[depth - 1]:
                depth -= 1
            above = self.above[id(s)]
            if depth < above or s.target.parts or not here.all():
                raise Left
            source = replace(s.target, strides=s.target.strides[:depth])
            self._copied(id(s), source, s.domain[:depth], above, s.origin)

    def _copied(
        self, behind: int, source: Access, domain: tuple[int, ...], above: int, origin: Nodes
    ) -> None:
        """Copy what a statement has written.

        above   loops around it
        """
        columns = points(domain, self.program)
        at = self.all.elements(source, domain)
        where = np.stack(columns).T if columns else np.zeros((1, 0), dtype=np.int64)
        own = domain[above:]
        for cuts in CUTS if all(map(is_number, own)) else CUTS[:1]:
            pieces = [_pieces(int(n), cuts) for n in own]
            boxes: list[_Box] = []
            for box in product(*pieces):
                inside = np.ones(len(at), dtype=bool)
                for d, (low, high) in enumerate(box, above):
                    inside &= (where[:, d] >= low) & (where[:, d] < high)
                if not inside.any():
                    continue
                targets = self._targets(source, where[inside], at[inside])
                if targets is None:
                    break
                lows = [0] * above + [low for low, _ in box]
                counts = domain
                if cuts:
                    counts = (*domain[:above], *(high - low for low, high in box))
                moved = {k: _moved(a, lows) for k, a in targets.items()}
                boxes.append(_Box(behind, _moved(source, lows), counts, moved, origin))
            else:
                self.boxes += boxes
                return
        raise Left

    def _targets(self, source: Access, where: Ints, at: Ints) -> dict[int, Access] | None:
        """Where uses have their copies of elements, in the order of the trace; None if there is
        none for all.
        """
        keys = self.keys[:, at]
        used = np.flatnonzero((keys >= 0).any(axis=1)).tolist()
        graph = TopologicalSorter[int]()
        for b in used:
            graph.add(b, *(a for a in used if ((keys[a] < keys[b]) & (keys[a] >= 0)).any()))
        try:
            found = {k: self._target(k, source, where, at) for k in graph.static_order()}
        except (CycleError, Left):
            return None
        return found

    def _target(self, k: int, source: Access, where: Ints, at: Ints) -> Access:
        """Where a use has its copies of elements. Raises Left if that is not affine."""
        there = self.place[k, at]
        known = there >= 0
        local = at - self.all.order.base[source.array]
        apart = (there - local)[known]
        if (apart == apart[0]).all():
            target, every = replace(source, offset=source.offset + int(apart[0])), local + apart[0]
        else:
            map = affine(where[known], there[known, None])
            if map is None:
                raise Left
            strides = map[0][:, 0]
            target = Access("", int(map[1][0]), tuple(strides.tolist()))
            every = where @ strides + map[1][0]
        unread = every[~known]
        size = len(self.read[k])
        if ((unread < 0) | (unread >= size)).any() or self.read[k][unread].any():
            raise Left
        return target

    # -- statements ------------------------------------------------------------------------------

    def written(self) -> tuple[str, int, dict[int, list[Statement]]]:
        """The array of all copies, how many they are, and the statements that make them, by the id
        of that behind which they stand. Raises Left if one is made twice, or is read but not made.
        """
        self._check()
        name = f"t{len(self.program.arrays)}"
        while name in self.program.arrays:
            name += "_"
        usual = max(self.boxes, key=lambda box: int(np.prod(box.domain)))
        first = 0
        for k in dict.fromkeys([*usual.targets, *range(len(self.uses))]):
            self.firsts[k] = first
            first += len(self.read[k])
        behind: dict[int, list[Statement]] = {}
        for k, s in self.numbers:
            target = replace(s.target, array=name, offset=s.target.offset + self.firsts[k])
            behind.setdefault(id(s), []).append(replace(s, target=target))
        for box in self.boxes:
            targets = [
                replace(a, array=name, offset=a.offset + self.firsts[k])
                for k, a in box.targets.items()
            ]
            behind.setdefault(box.behind, []).extend(_together(box, targets))
        return name, first, behind

    def _check(self) -> None:
        for box in self.boxes:
            for k, target in box.targets.items():
                np.add.at(self.times[k], elements(target, box.domain, self.program), 1)
        for read, times in zip(self.read, self.times, strict=True):
            if (times > 1).any() or (times[read] == 0).any():
                raise Left


def _together(box: _Box, targets: list[Access]) -> list[Statement]:
    """The copies of a box: what goes on in equal steps in one statement."""
    found: list[Statement] = []
    while targets:
        a, count, step = targets[0], 1, 0
        for b in targets[1:]:
            apart = b.offset - targets[count - 1].offset
            if b.strides != a.strides or (count > 1 and apart != step):
                break
            count, step = count + 1, apart
        targets = targets[count:]
        target, source, domain = a, box.source, box.domain
        if count > 1:
            target = replace(a, strides=(*a.strides, step))
            source, domain = replace(source, strides=(*source.strides, 0)), (*domain, count)
        found.append(Statement(target, source, domain, origin=box.origin))
    return found


def _moved(a: Access, by: Sequence[int]) -> Access:
    """An access in loops that begin so much later."""
    return replace(a, offset=a.offset + sum(x * y for x, y in zip(a.strides, by, strict=True)))


def _pieces(count: int, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """A loop cut at some places."""
    at = sorted({0, count, *(c % count for c in cuts if abs(c) < count)})
    return list(pairwise(at))
