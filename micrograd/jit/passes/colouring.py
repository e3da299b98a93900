"""Columns of a sparse matrix that are computed together: a colour for each, so that one product of
the matrix with a direction has the entries of all columns of a colour.

Source: Curtis, Powell and Reid (1974), greedily: columns of a colour share no row. Of a symmetric
matrix, columns that share many rows have colours of their own, and their entries are taken from
these only; the others need not be apart in their rows (as in star colourings, Coleman and Moré
1984). So an arrowhead takes two colours. Of any other matrix, the fullest rows may be directions.
"""

from __future__ import annotations

import numpy as np

from ..ir.nests import Ints
from .reaching import Bools

MOST_TRIED = 64
"""How many columns, or rows, with colours of their own are tried."""
REVERSE = 2
"""How many directions of columns take as long as one of rows, which is forward over reverse."""


def coloured(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Ints:
    """A colour for each column of a pattern, of as few as are found; -1 without entries.

    >>> tridiagonal = np.array([(i, j) for i in range(9) for j in range(9) if abs(i - j) < 2])
    >>> coloured(*tridiagonal.T, (9, 9)).tolist()
    [0, 1, 2, 0, 1, 2, 0, 1, 2]
    """
    count = np.bincount(columns, minlength=shape[1])
    best = _greedy(rows, columns, shape, np.flatnonzero(count))
    if number(best) > np.bincount(rows, minlength=1).max():
        by_count = np.argsort(-count, kind="stable")
        best = min(best, _greedy(rows, columns, shape, by_count[count[by_count] > 0]), key=number)
    return best


def number(colours: Ints) -> int:
    """How many colours there are."""
    return int(colours.max(initial=-1)) + 1


def _greedy(rows: Ints, columns: Ints, shape: tuple[int, int], order: Ints) -> Ints:
    """The first colour for each column, in this order, that no column has which shares a row."""
    by_column = np.argsort(columns, kind="stable")
    ends = np.cumsum(np.bincount(columns, minlength=shape[1])).tolist()
    rows_of = rows[by_column].tolist()
    taken = [0] * shape[0]  # the colours in each row, as bits
    colours = np.full(shape[1], -1, dtype=np.int64)
    for column in order.tolist():
        own = rows_of[ends[column - 1] if column else 0 : ends[column]]
        others = 0
        for row in own:
            others |= taken[row]
        bit = ~others & (others + 1)
        colours[column] = bit.bit_length() - 1
        for row in own:
            taken[row] |= bit
    return colours


def both_sides(rows: Ints, columns: Ints, shape: tuple[int, int]) -> tuple[Ints, Ints, Bools]:
    """Colours of columns and of rows, and which entries are taken by rows: where it makes fewer
    directions, all of them or those of the fullest rows. A row counts REVERSE times.
    """
    by_rows, back = np.zeros(len(rows), dtype=bool), np.full(shape[0], -1, dtype=np.int64)
    along = coloured(rows, columns, shape)
    best = along, back, by_rows
    fewest = number(along)
    left = np.bincount(rows, minlength=shape[0])
    order = np.argsort(-left, kind="stable")[: min(MOST_TRIED, shape[0])]
    bounds = np.append(left[order[1:]], 0) + REVERSE * (np.arange(len(order)) + 2)
    some, every = order[: 1 + int(bounds.argmin())], np.flatnonzero(left)
    for full, bound in ((some, int(bounds.min())), (every, 0)):
        alone = np.zeros(shape[0], dtype=bool)
        alone[full] = True
        taken = alone[rows]
        bound = max(bound, REVERSE * (1 + int(np.bincount(columns[taken]).max())))
        if bound >= fewest:
            continue
        along = coloured(rows[~taken], columns[~taken], shape)
        back = coloured(columns[taken], rows[taken], shape[::-1])
        cost = number(along) + REVERSE * (1 + number(back))
        if cost < fewest:
            best, fewest = (along, back, taken), cost
    return best


def symmetric(rows: Ints, columns: Ints, size: int) -> tuple[Ints, Ints, Ints]:
    """Colours of a symmetric pattern, and for each entry the row and the column that it is taken
    from: its own, or each other's.
    """
    fullest = _fullest(rows, columns, size)
    colours, alone = _with_own(rows, columns, size, fullest[:0])
    if len(fullest):
        other = _with_own(rows, columns, size, fullest)
        if number(other[0]) < number(colours):
            colours, alone = other
    swapped = np.where(alone[columns] == alone[rows], rows < columns, alone[rows])
    return colours, np.where(swapped, columns, rows), np.where(swapped, rows, columns)


def _with_own(rows: Ints, columns: Ints, size: int, hubs: Ints) -> tuple[Ints, Bools]:
    """Colours of which some columns have their own, and which columns these are."""
    alone = np.zeros(size, dtype=bool)
    alone[hubs] = True
    among = ~(alone[rows] | alone[columns])
    colours = coloured(rows[among], columns[among], (size, size))
    colours[hubs] = number(colours) + np.arange(len(hubs))
    return colours, alone


def _fullest(rows: Ints, columns: Ints, size: int) -> Ints:
    """The columns with the most entries, as many as should have colours of their own: the others
    have at least as many colours as the fullest row of these has entries.
    """
    left = np.bincount(columns, minlength=size)
    hubs: list[int] = []
    best, chosen = int(left.max(initial=0)), 0
    while len(hubs) < MOST_TRIED and len(hubs) < best:
        hub = int(left.argmax())
        hubs.append(hub)
        left[rows[columns == hub]] -= 1
        left[hub] = -size
        bound = len(hubs) + max(0, int(left.max()))
        if bound < best:
            best, chosen = bound, len(hubs)
    return np.array(hubs[:chosen], dtype=np.int64)
