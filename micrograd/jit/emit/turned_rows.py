"""Loops in order whose lanes are rows -> what some iterations write, in squares of numbers.

Where the things in lanes each have a row, and a loop in order goes along these, an iteration would
store its lanes one by one, each in another row. As many iterations as a vector has lanes are
straight code instead, and what they write is a square: turned, it is stored a row at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..ir.program import Access, Loop, Order, Role, Statement, accesses
from ..schedule.counts import functions, operations
from .indices import element
from .operands import Piece, moved
from .recurrences import Pairs
from .shuffles import shuffle, transpose
from .storage import Index, Storage

LEAST_LANES = 4
"""Lanes of a vector from which on turning takes less than storing lanes."""
STRAIGHT_OPS, FUNCTION = 160, 25
"""Operations in the straight code of a square, about as many of them for a function."""


def rows_of(storage: Storage, loop: Loop, depth: int, pairs: Pairs, piece: Piece) -> list[Access]:
    """What a loop inside of `depth` others writes along rows of the things in lanes, and does not
    read again but from registers; none if iterations are too long for straight code.

    pairs   what an iteration reads of the one before
    piece   the things
    """
    b = storage.b
    body = [s for s in loop.body if isinstance(s, Statement) and len(s.domain) == depth + 1]
    alone = len(body) == len(loop.body) and loop.order is not Order.FREE
    if not alone or b.lanes > 1 or piece.there is not None:
        return []
    if piece.width < b.target.lanes or b.target.lanes < LEAST_LANES:
        return []
    work = sum(operations(s.expr) + 1 + FUNCTION * functions(s.expr) for s in body)
    if work * b.target.lanes > STRAIGHT_OPS:
        return []
    within = {*storage.schedule.within, *storage.schedule.within.values()}
    targets = [s.target for s in body]
    read = {a for s in body for a in accesses(s.expr)}
    found = []
    for s in body:
        a = s.target
        array = storage.program.arrays[a.array]
        again = {x for x in read if x.array == a.array}
        if (
            s.accumulate is None
            and array.role is Role.TEMPORARY
            and storage.is_exact(a.array)
            and a.array not in within
            and not a.parts
            and abs(a.strides[depth]) == 1
            and abs(a.strides[0]) >= int(loop.extent)
            and sum(x.array == a.array for x in targets) == 1
            and again <= {x for before, x in pairs.items() if x == a for x in (before, a)}
        ):
            found.append(a)
    return found


@contextmanager
def holding(storage: Storage, rows: Sequence[Access]) -> Iterator[dict[Access, list[Any]]]:
    """Inside, what is written to these accesses is not stored, but kept, in order."""
    storage.held = {a: [] for a in rows}
    yield storage.held
    storage.held = {}


def write(
    storage: Storage,
    a: Access,
    written: Sequence[Any],
    ends: tuple[Sequence[Index], Sequence[Index]],
    piece: Piece,
    order: Order,
) -> None:
    """Store what as many iterations as a vector has lanes have written to an access.

    ends   the indices of the first of these iterations and of the last
    """
    b = storage.b
    n = len(written)
    ascends = (a.strides[len(ends[0]) - 1] > 0) is (order is not Order.REVERSE)
    rows, at = (written, ends[0]) if ascends else (written[::-1], ends[1])
    fixed, value = piece.start
    for first in range(0, piece.width, n):
        lanes = range(first, first + n)
        square = [x if piece.width == n else shuffle(b, x, x, lanes) for x in rows]
        for k, row in zip(lanes, transpose(b, square), strict=True):
            place = element(storage, a, moved(at, 0, (fixed + k, value)))
            storage.store(a.array, place, row)
