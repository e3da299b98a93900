"""What is there only if a number that is given when the code runs is large enough.

An element that is assigned in iteration i of a loop over `count` is there if count is more than i;
so it may be read only in an iteration that there is not for less. The same holds of loops over the
entries of an index array that is given. Entries that accesses go through are given together with
these numbers, and name what is there.
"""

from __future__ import annotations

import numpy as np

from .extents import Affine, Entries, Extent, is_number
from .points import Ints
from .program import Access, Loop, Program, Statement, statements
from .progress import Broken, Progress, at_most, is_known
from .touches import Touches, touches

_ENTRY = 32
"""A level is the number of an iteration, from 1, and from this bit on, that of the entry."""
Symbol = tuple[str, int]
"""An extent, or an index array and which of the loops over its entries."""
MOST_WRITERS = 16
"""Statements that assign an array, up to which they are looked at one by one."""


class Needs:
    """How large given numbers are for what is there of an array.

    writers   what assigns elements in loops as long as such numbers say
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.writers: list[Statement] = []
        self._levels: dict[Symbol, Ints] = {}
        self._noted = 0

    @property
    def levels(self) -> dict[Symbol, Ints]:
        """For each number how large it is at least, for each element; written out when asked."""
        for s in self.writers[self._noted :]:
            size = self.program.arrays[s.target.array].size
            found = _touches(s, s.target, self.program)
            for symbol, level in _levels(s, found, self.program).items():
                if symbol not in self._levels:
                    self._levels[symbol] = np.zeros(size, dtype=np.int64)
                self._levels[symbol][found.index] = level
        self._noted = len(self.writers)
        return self._levels

    def show(self, s: Statement, a: Access) -> bool:
        """Whether strides alone say that what a statement reads is there."""
        few = len(self.writers) <= MOST_WRITERS
        return few and all(_is_later(s, a, writer) for writer in self.writers)


def there_alone(s: Statement, p: Progress) -> None:
    """What a statement uses is there whenever it runs."""
    if not p.needs and all(map(is_number, s.domain)):
        return
    _check(s, p)
    _note(s, p)


def there_in_loops(node: Loop, p: Progress) -> None:
    """The same of a tree of loops."""
    found = list(statements([node]))
    for s in found:
        _note(s, p)
    for k, s in enumerate(found):
        try:
            _check(s, p)
        except Broken as broken:
            raise Broken(str(broken), k) from None


def _note(s: Statement, p: Progress) -> None:
    """Note how large the numbers must be for what a statement assigns."""
    name = s.target.array
    if s.accumulate is not None or name in p.state or all(map(is_number, s.domain)):
        return
    p.as_needed.add(_essence(s, s.target))
    if _is_given(s, p.program):
        p.needs.setdefault(name, Needs(p.program)).writers.append(s)


def _check(s: Statement, p: Progress) -> None:
    used = dict.fromkeys(s.accesses[0 if s.accumulate is not None else 1 :])
    for a in used:
        if a.array not in p.needs or _essence(s, a) in p.as_needed:
            continue
        if not all(is_known(name, p.program) for name in a.index_arrays):
            continue  # whoever gives the entries knows how large the numbers are
        if p.needs[a.array].show(s, a):
            continue
        found = _touches(s, a, p.program)
        levels = _levels(s, found, p.program)
        for symbol, need in p.needs[a.array].levels.items():
            if symbol[0] in a.index_arrays:  # the row that the last iteration has left
                continue
            wanted = need[found.index]
            have = levels.get(symbol, np.zeros(1, dtype=np.int64))
            if np.array_equal(wanted, have):
                continue
            missing = (wanted > have) | ((wanted > 0) & (wanted >> _ENTRY != have >> _ENTRY))
            if missing.any():
                raise Broken(
                    f"{a.array}[{int(found.index[np.argmax(missing)])}] may not be there: it is "
                    f"assigned in a loop as long as {symbol[0]} says, and used where that may be "
                    "less"
                )


def _essence(s: Statement, a: Access) -> tuple[Access, tuple[int, ...]]:
    """An access and its loops, without those of a number of iterations that it does not depend on:
    where two are the same, so are the elements, and how large the numbers must be for each.
    """
    if any(isinstance(count, Affine | Entries) for count in s.domain):
        return a, s.domain
    along = [a.strides, *(part.strides for part in a.parts)]
    kept = [
        d
        for d, count in enumerate(s.domain)
        if not is_number(count) or not count or any(strides[d] for strides in along)
    ]
    return a.with_strides(lambda strides: tuple([strides[d] for d in kept])), tuple(
        [s.domain[d] for d in kept]
    )


def _is_given(s: Statement, program: Program) -> bool:
    """Whether a number that is given says how often a loop around a statement runs."""
    return any(
        isinstance(n, Extent) or (isinstance(n, Entries) and not is_known(n.array, program))
        for n in s.domain
    )


def _is_later(s: Statement, a: Access, writer: Statement) -> bool:
    """Whether what a statement reads in an iteration of the outermost loop is written in no later
    one of a loop as long, as both are moved by one stride, a row of elements in each iteration.
    """
    target = writer.target
    if not s.domain or not writer.domain or s.domain[0] != writer.domain[0]:
        return False
    if a.parts or target.parts or not all(map(is_number, (*s.domain[1:], *writer.domain[1:]))):
        return False
    step = a.strides[0]
    if not step or target.strides[0] != step:
        return False
    rows = []
    for x, domain in ((a, s.domain), (target, writer.domain)):
        spans = [d * max(0, int(n) - 1) for d, n in zip(x.strides[1:], domain[1:], strict=True)]
        ends = [x.offset + sum(f(0, span) for span in spans) for f in (min, max)]
        rows.append([end // abs(step) for end in ends])
    (first, last), (own, own_last) = rows
    if first != last or own != own_last:
        return False
    return first <= own if step > 0 else first >= own


def _touches(s: Statement, a: Access, program: Program) -> Touches:
    domain = at_most(s.domain, program)
    return touches(a, domain, len(domain), program)


def _levels(s: Statement, found: Touches, program: Program) -> dict[Symbol, Ints]:
    """How large each number is at least where the statement runs, for each touch."""
    levels: dict[Symbol, Ints] = {}
    for d, count in enumerate(s.domain):
        if is_number(count):
            continue
        number = found.numbers(1, (0,) * d + (1,))
        if isinstance(count, Extent):
            symbol = count.name, 0
            if symbol in levels:
                number = np.maximum(number, levels[symbol])
        elif isinstance(count, Entries) and not is_known(count.array, program):
            symbol = count.array, sum(name == count.array for name, _ in levels)
            number = number + (found.numbers(count.offset, count.strides) << _ENTRY)
        else:
            continue
        levels[symbol] = number
    return levels
