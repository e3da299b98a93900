"""Packs: copies of what is read across its grain, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.program import Access
from .scratch import UNROLLED_POINTS, Memory, Scratch, tiling
from .shuffles import transpose
from .storage import Index


def fill(
    memory: Memory,
    a: Access,
    pack: Scratch,
    domain: Sequence[int],
    lane: int,
    size: int,
    at: Sequence[Index],
    first: int = 1,
) -> None:
    """Copy what `a` reads over the loops from the `first` on, with `lane` along its rows, in
    vectors of `size`; `at`: the indices of the loops before.

    Where its rows lie along another dimension in memory, squares are transposed.
    """
    counts = _merged(a, pack, domain, first)
    dims = [d for d in range(first, len(domain)) if a.strides[d]]
    lane_at = dims.index(lane) if lane in dims else None
    across = lane_at is not None and a.strides[lane] != 1
    row = next((k for k, d in enumerate(dims) if across and a.strides[d] == 1), None)
    for box, width in tiling([int(counts[d]) for d in dims], lane_at, size):
        if row is not None and width == size:
            full, left = divmod(box[row][1], size)
            squares = [*box[:row], (0, full, size), *box[row + 1 :]]
            for index in memory.points(squares, UNROLLED_POINTS // size):
                _square(memory, a, pack, _at(at, dims, index), lane, dims[row], size)
            box[row] = (full * size, left, 1)
        for index in memory.points(box):
            there = _at(at, dims, index)
            value = memory.fetch(a, there, lane if width > 1 else None, width)
            memory.store(pack, there, value, width)
    memory.forget()


def _merged(a: Access, pack: Scratch, domain: Sequence[int], first: int) -> list[int]:
    """The domain, in which short rows that lie one behind the other, in the pack, too, are one long
    row, if there are any: short rows make no squares.
    """
    counts = list(domain)
    row = next((d for d in range(first, len(counts)) if a.strides[d] == 1), first)
    for d in reversed(range(first, row)):
        if any(m.strides[d] != m.strides[row] * int(counts[row]) for m in (a, pack)):
            break
        counts[row], counts[d] = int(counts[row]) * int(counts[d]), 1
    return counts


def _square(
    memory: Memory, a: Access, pack: Scratch, at: Sequence[Index], lane: int, row: int, size: int
) -> None:
    """Copy what `a` reads in a vector's width of steps along `lane` and along `row`."""
    rows = [memory.fetch(a, _moved(at, lane, k), row, size) for k in range(size)]
    for k, column in enumerate(transpose(memory.b, rows)):
        memory.store(pack, _moved(at, row, k), column, size)


def _at(around: Sequence[Index], dims: Sequence[int], index: Sequence[Index]) -> list[Index]:
    """The indices with those of some dimensions set."""
    at = list(around)
    for d, i in zip(dims, index, strict=True):
        at[d] = i
    return at


def _moved(at: Sequence[Index], d: int, steps: int) -> list[Index]:
    """The index so many steps along one dimension."""
    there = list(at)
    fixed, value = there[d]
    there[d] = (fixed + steps, value)
    return there
