"""That the derivatives of a program are added up in the order in which the trace's are.

`Value.backward` goes from the value that was made last to the first, and each time to the operands
left to right. `passes/reverse.py` goes through a program from its last point to its first. The
numbers are the same, bit for bit, if every op is computed at one point only, and if for every
element what was computed of it is, in the program's order, in the order of the trace. What is taken
of a table at an index that is given is, there, the element itself: a use of what was taken is one
of every row, as it may be of any.

Requires a program that is proved to compute what the graph does (`prove`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..ir.nests import Ints, distinct
from ..ir.points import elements, points
from ..ir.program import Access, Apply, Program, Role, Statement
from .prove import Claims, Place, Values, operand_of, placed
from .strings import Bools

LAST = np.iinfo(np.int64).max
"""The key of results: nothing comes after them."""
Use = tuple[Access, Ints, int]
"""What is read, the keys of what that is for at each point, and which of its reads it is there."""


def in_creation_order(
    program: Program,
    values: Values,
    claims: Claims,
    gathered: Program,
    behind: Collection[str] = (),
) -> bool:
    """Whether the derivatives of the program are the trace's, in the order of every sum.

    gathered   the program with gathers for its lookups
    behind     arrays of leaves that have cotangents already when its derivatives begin
    """
    wrong = Order(program, values, claims, gathered).wrong(behind)
    return wrong is not None and not len(wrong)


class Order:
    """The uses of all elements: of which, by what, and when.

    The key of a use grows in the order of the trace: by the op, and of one op from the last operand
    to the first.
    """

    def __init__(self, program: Program, values: Values, claims: Claims, gathered: Program) -> None:
        self.program = program
        pairs = zip(program.statements, gathered.statements, strict=True)
        self.read = {id(s): g.expr for s, g in pairs}  # by statements: with gathers
        self.values = values
        self.claims = claims
        self.base: dict[str, int] = {}
        size = 0
        for a in program.arrays.values():
            if a.role is not Role.CONSTANT:
                self.base[a.name] = size
                size += a.size
        self.count = np.zeros(size, dtype=np.int64)
        self.least = np.full(size, LAST, dtype=np.int64)  # of the keys of the uses
        self.begun = np.full(size, -1, dtype=np.int64)  # that of the first term added to it
        self.settled = np.zeros(size, dtype=bool)  # whether a copy has taken its uses for all
        self.computed: list[Ints] = []
        self.used: list[tuple[Ints, Ints, Bools, list[Ints]]] = []

    def wrong(self, behind: Collection[str]) -> Ints | None:
        """The elements whose uses are not in the order of the trace; None if ops are computed more
        than once.
        """
        copies, late = [], [np.zeros(0, dtype=np.int64)]
        for s, place in placed(self.program.body):
            if s.accumulate is None and isinstance(self.read[id(s)], Access):
                copies.append((s, place))
            for a, keys, rank in self._uses(s):
                self._use(s, place, a, keys, rank)
        every = np.concatenate([np.zeros(0, dtype=np.int64), *self.computed])
        if (np.bincount(every, minlength=1) > 1).any():
            return None
        for s, place in reversed(copies):
            if self._copy(s, place):
                late.append(self._elements(s.target, s))
        for name in behind:
            if name in self.base:
                at = self.base[name] + np.arange(self.program.arrays[name].size)
                self.count[at] += 1
                last = np.full(len(at), LAST, dtype=np.int64)
                self.used.append((at, last, np.zeros(len(at), dtype=bool), [last]))
        return np.concatenate([*late, self._unsorted()])

    # -- uses ------------------------------------------------------------------------------------

    def _uses(self, s: Statement) -> Iterator[Use]:
        """What the ops of a statement read; copies are none."""
        read = self.read[id(s)]
        if s.accumulate is None:
            if isinstance(read, Apply):
                yield from self._tree(read, self.claims[id(s)])
            return
        chain = self.claims[id(s)]
        at = self._elements(s.target, s)
        _, first = np.unique(at, return_index=True)
        self.begun[at[first]] = key_of(chain[first], 0)
        self.computed.append(chain)
        term = operand_of(replace(s, expr=read), self.values, chain)
        if isinstance(term, Access):
            yield term, key_of(chain, 1), 0
        elif isinstance(term, Apply):
            yield from self._tree(term, self.values.operand(1, chain))

    def _tree(self, expr: Apply, ops: Ints) -> Iterator[Use]:
        """What an expression reads, in the order in which cotangents flow to it."""
        rank = 0
        stack: list[tuple[Apply, Ints]] = [(expr, ops)]
        while stack:
            e, own = stack.pop()
            self.computed.append(own)
            for slot, arg in enumerate(e.args):
                if isinstance(arg, Access):
                    yield arg, key_of(own, slot), rank
                    rank += 1
                elif isinstance(arg, Apply):
                    stack.append((arg, self.values.operand(slot, own)))

    def _use(
        self,
        s: Statement,
        place: Place,
        a: Access,
        keys: Ints,
        rank: int,
        several: Bools | None = None,
    ) -> bool:
        """Note uses, which may stand for several; whether there are some that come too late."""
        if a.array not in self.base:
            return False
        late = [self._use_of(s, place, row, keys, rank, several) for row in _rows(a, self.program)]
        return any(late)

    def _use_of(
        self,
        s: Statement,
        place: Place,
        a: Access,
        keys: Ints,
        rank: int,
        several: Bools | None,
    ) -> bool:
        """The same of what is read at indices that are known."""
        at = self._elements(a, s)
        known = keys >= 0
        time = _time(points(s.domain, self.program), place, rank)
        several = np.zeros(len(at), dtype=bool) if several is None else several
        if not known.all():
            at, keys, several = at[known], keys[known], several[known]
            time = [_some(x, known) for x in time]
        self.count += np.bincount(at, minlength=len(self.count))
        np.minimum.at(self.least, at, keys)
        self.used.append((at, keys, several, time))
        return bool(self.settled[at].any())

    def _copy(self, s: Statement, place: Place) -> bool:
        """The use of what a statement copies: that of the copy, of several the first. Whether that
        is of something of which it has been taken that there is no other.
        """
        read = self.read[id(s)]
        assert isinstance(read, Access)
        at = self._elements(s.target, s)
        self.settled[at] = True
        keys = np.where(self.begun[at] >= 0, self.begun[at], self.least[at])
        keys = np.where(keys == LAST, -1, keys)  # what nothing reads is sent nothing
        several = (self.count[at] > 1) & (self.begun[at] < 0)
        if self.program.arrays[s.target.array].role is Role.OUTPUT:
            keys = np.full(len(at), LAST, dtype=np.int64)
            several = self.count[at] > 0
        return self._use(s, place, read, keys, 0, several)

    def _elements(self, a: Access, s: Statement) -> Ints:
        return self.base[a.array] + elements(a, s.domain, self.program)

    # -- their order -----------------------------------------------------------------------------

    def _unsorted(self) -> Ints:
        """The elements of which the keys of the uses do not grow with time.

        What a copy with several uses is sent is added up first, so that use has to be the last. Of
        the last two either may be: the sum of two numbers is the same both ways.
        """
        width = max((len(time) for *_, time in self.used), default=0)
        columns: list[list[Ints]] = [[] for _ in range(width + 3)]
        for at, keys, several, time in self.used:
            shared = self.count[at] > 1
            padded = [*time, *[np.zeros(len(at), dtype=np.int64)] * (width - len(time))]
            own = [keys, several.astype(np.int64), *reversed(padded), at]
            for column, numbers in zip(columns, own, strict=True):
                column.append(_some(numbers, shared))
        if not columns[0]:
            return np.zeros(0, dtype=np.int64)
        keys, marks, *rest = [np.concatenate(column) for column in columns]
        order = np.lexsort(rest)
        keys, several, at = keys[order], marks[order] != 0, rest[-1][order]
        again = np.diff(at) == 0
        ends = np.flatnonzero(again & np.append(~again[1:], True))
        ends = ends[keys[ends] > keys[ends + 1]]
        keys[ends], keys[ends + 1] = keys[ends + 1], keys[ends]
        several[ends], several[ends + 1] = several[ends + 1], several[ends]
        return distinct(at[1:][again & ((np.diff(keys) < 0) | several[:-1])])


def _rows(a: Access, program: Program) -> Iterator[Access]:
    """What an access may read: it is that itself, unless an index of it is known only when the code
    runs.
    """
    for k, part in enumerate(a.parts):
        index = program.arrays[str(part.by)] if part.is_entry else None
        if index is not None and index.data is None:
            parts = (*a.parts[:k], *a.parts[k + 1 :])
            for row in range(index.below):
                moved = replace(a, offset=a.offset + row * part.scale, parts=parts)
                yield from _rows(moved, program)
            return
    yield a


def key_of(ops: Ints, slot: int) -> Ints:
    """The keys of what ops read in a slot."""
    return ops * 4 + (3 - slot)


def _time(columns: Sequence[Ints], place: Place, rank: int) -> list[Ints]:
    """When the points of a statement are computed: numbers that are compared first to last.

    Its reads are gone through one after the other, each at all points.
    """
    total = len(columns[0]) if columns else 1
    depth = len(place) - 1
    time = []
    for k, (position, _) in enumerate(place):
        time.append(np.full(total, position, dtype=np.int64))
        if k < depth:
            time.append(columns[k])
    return [*time, np.full(total, -rank, dtype=np.int64), *columns[depth:]]


def _some(numbers: Ints, which: np.ndarray) -> Ints:
    found: Ints = numbers[which]
    return found
