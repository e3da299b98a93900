"""The versions of an array's elements: how often something was accumulated into each, and when.

Found by running the program in order, on counts instead of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...errors import CompilerError
from ..ir.extents import Extent
from ..ir.nests import Ints
from ..ir.points import distinct
from ..ir.program import Access, Program, Statement, accesses, map_statements, statements
from ..ir.progress import at_most
from ..ir.running import Run, run_in_order
from .cotangents import owners
from .reaching import is_certain, known_elements


@dataclass(slots=True)
class Touched:
    """Which versions of an array's elements a statement reads, and which it makes.

    By point; or one number for all of them. What it reads through entries that are not known, may
    be of several versions: the last of each element then.
    """

    s: Statement
    target: Ints
    made: Ints
    read: dict[Access, Ints] = field(default_factory=dict)
    reads_last: set[Access] = field(default_factory=set)


class Versions:
    """The versions of the elements of one array, wherever they are read or written.

    touched   for each statement of the program in order; None if it has nothing to do with it
    last      how often each element was accumulated into at the end
    writers   how many of the program's nodes there are until nothing writes to it any more

    Raises CompilerError where that is known only when the code runs.
    """

    def __init__(self, program: Program, array: str) -> None:
        self.program = program
        self.array = array
        self.last = np.zeros(program.arrays[array].size, dtype=np.int64)
        self.touched: list[Touched | None] = []
        self._own = owners(program, set())[0].get(array, set())

        def bounded(s: Statement) -> Statement:
            self._require_known(s)
            return Statement(s.target, s.expr, at_most(s.domain, program), s.accumulate)

        body = map_statements(program.body, bounded)
        run_in_order(Program(program.arrays, body), self._prepare)
        ends = np.cumsum([len(list(statements([node]))) for node in program.body])
        found = [x is not None and x.s.target.array == array for x in self.touched]
        last = max(k for k, writes in enumerate(found) if writes)
        self.writers = int(np.searchsorted(ends, last, side="right")) + 1
        for x in self.touched[: int(ends[self.writers - 1])]:
            if x is not None and x.reads_last:
                raise self._error(x.s)

    def _require_known(self, s: Statement) -> None:
        if s.target.array != self.array:
            return
        rest = tuple([c for c in s.domain if not isinstance(c, Extent)])
        extents = {c for c in s.domain if isinstance(c, Extent)}
        known = is_certain(rest, self.program) and extents <= self._own
        if not known or known_elements(s.target, s.domain, self.program) is None:
            raise self._error(s)

    def _error(self, s: Statement) -> CompilerError:
        return CompilerError(
            f"derivatives: which elements of {self.array} the statement {s} touches, and in which "
            "order, is known only when the code runs; keep each partial result in an element of "
            "its own, in a loop in order, as in `s[i + 1] = maximum(s[i], x[i])`"
        )

    def _prepare(self, s: Statement) -> Run:
        reads = dict.fromkeys(a for a in accesses(s.expr) if a.array == self.array)
        writes = s.target.array == self.array
        if not reads and not writes:
            self.touched.append(None)
            return lambda points: None
        none = np.zeros(0, dtype=np.int64)
        target = known_elements(s.target, s.domain, self.program) if writes else none
        assert target is not None
        found = Touched(s, target, np.zeros(len(target), dtype=np.int64))
        index: dict[Access, Ints | None] = {}
        for a in reads:
            index[a] = every = known_elements(a, s.domain, self.program)
            found.read[a] = none if every is None else np.zeros(len(every), dtype=np.int64)
        self.touched.append(found)

        def run(points: range) -> None:
            chosen = slice(points.start, points.stop)
            for a, every in index.items():
                if every is None:
                    self._common(a, found)
                else:
                    found.read[a][chosen] = self.last[every[chosen]]
            if writes and s.accumulate is not None:
                found.made[chosen] = self._next(target[chosen])

        return run

    def _common(self, a: Access, found: Touched) -> None:
        """Note the one version of all elements that an access may touch, now and before."""
        every = self.last[distinct(a, found.s.domain, self.program)[0]]
        every = np.append(every, found.read[a])
        found.read[a] = every[:1]
        if len(every) and every.min() != every.max():
            found.reads_last.add(a)

    def _next(self, index: Ints) -> Ints:
        """The versions that elements get which are accumulated into, one after the other."""
        order = np.argsort(index, kind="stable")
        ordered = index[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        before = np.arange(len(index)) - np.repeat(starts, np.diff(starts, append=len(index)))
        found = np.empty(len(index), dtype=np.int64)
        found[order] = self.last[ordered] + before + 1
        self.last += np.bincount(index, minlength=len(self.last))
        return found
