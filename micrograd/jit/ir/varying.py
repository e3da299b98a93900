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
from .program import Access, Loop, Statement, statements
from .progress import Broken, Progress, at_most, is_known
from .touches import Touches, touches

_ENTRY = 32
"""A level is the number of an iteration, from 1, and from this bit on, that of the entry."""
Symbol = tuple[str, int]
"""An extent, or an index array and which of the loops over its entries."""


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
    found = _touches(s, s.target, p)
    for symbol, level in _levels(s, found, p).items():
        needs = p.needs.setdefault(name, {})
        if symbol not in needs:
            needs[symbol] = np.zeros(p.program.arrays[name].size, dtype=np.int64)
        needs[symbol][found.index] = level


def _check(s: Statement, p: Progress) -> None:
    used = dict.fromkeys(s.accesses[0 if s.accumulate is not None else 1 :])
    for a in used:
        if a.array not in p.needs or _essence(s, a) in p.as_needed:
            continue
        if not all(is_known(name, p.program) for name in a.index_arrays):
            continue  # whoever gives the entries knows how large the numbers are
        found = _touches(s, a, p)
        levels = _levels(s, found, p)
        for symbol, need in p.needs[a.array].items():
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


def _touches(s: Statement, a: Access, p: Progress) -> Touches:
    domain = at_most(s.domain, p.program)
    return touches(a, domain, len(domain), p.program)


def _levels(s: Statement, found: Touches, p: Progress) -> dict[Symbol, Ints]:
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
        elif isinstance(count, Entries) and not is_known(count.array, p.program):
            symbol = count.array, sum(name == count.array for name, _ in levels)
            number = number + (found.numbers(count.offset, count.strides) << _ENTRY)
        else:
            continue
        levels[symbol] = number
    return levels
