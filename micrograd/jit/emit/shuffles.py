"""Vectors from and to memory across its grain: whole vectors are moved, and lanes rearranged.

Elements a few places apart, and the columns of a square, take fewer operations as vectors in a
row and shuffles than one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from .builder import Builder
from .storage import Elements


@dataclass(frozen=True, slots=True)
class Window:
    """Elements in a row, as many as a vector has, that hold lanes of a strided vector.

    start   the constant part of the index of the first
    places  lane -> its place in the window
    """

    start: int
    places: dict[int, int]


def windows(e: Elements, size: int) -> list[Window]:
    """The windows that hold the elements of an array of `size`; none if they would be many.

    None reaches beyond the array. Where the index is constant they begin at multiples of the
    width if they can, so that vectors that interleave have them in common.
    """
    width, stride = e.width, e.stride
    if stride in (0, 1) or width < 4 or width & (width - 1):
        return []
    constant, value = e.index
    indices = [constant + k * stride for k in range(width)]
    first, end = min(indices), max(indices) + 1
    last = (end if value is not None else size) - width
    if value is None:
        first -= first % width
    if end - first > width * (width // 4 + 1):
        return []
    found = []
    seen = first
    while seen < end:
        start = min(seen, last)
        places = {k: i - start for k, i in enumerate(indices) if seen <= i < start + width}
        found.append(Window(start, places))
        seen = start + width
    return found


def gather(b: Builder, found: Sequence[Window], rows: Sequence[ir.Value]) -> ir.Value:
    """The strided vector that lies in the windows, whose contents are `rows`."""
    x, *others = rows
    width = b.width(x)
    taken = found[0].places
    if not others:
        return shuffle(b, x, x, [taken[k] for k in range(width)])
    for window, y in zip(found[1:], others, strict=True):
        places = window.places
        lanes = [width + places[k] if k in places else taken.get(k, k) for k in range(width)]
        x, taken = shuffle(b, x, y, lanes), {}
    return x


def spread(b: Builder, window: Window, x: ir.Value, rest: ir.Value) -> ir.Value:
    """What lies in the window if x is stored in strided elements, with `rest` in between."""
    width = b.width(x)
    lanes = {place: k for k, place in window.places.items()}
    return shuffle(b, x, rest, [lanes.get(place, width) for place in range(width)])


def transpose(b: Builder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """The columns of a square of numbers; how many is a power of two.

    Each stage exchanges the off-diagonal quarters of blocks half the size of the last stage's.
    Source: J. O. Eklundh, A Fast Computer Method for Matrix Transposing, 1972.
    """
    n = len(rows)
    square = list(rows)
    half = n // 2
    while half:
        upper = [n + c - half if c & half else c for c in range(n)]
        lower = [n + c if c & half else c + half for c in range(n)]
        for k in range(n):
            if not k & half:
                x, y = square[k], square[k + half]
                square[k] = shuffle(b, x, y, upper)
                square[k + half] = shuffle(b, x, y, lower)
        half //= 2
    return square


def column(b: Builder, rows: Sequence[ir.Value], place: int) -> ir.Value:
    """What the rows have at a place; how many they are, and how long, are powers of two.

    Each stage joins two vectors of what one row has, then two, four ... of them: stages of columns
    of the same rows have most in common, and together are no more than those of `transpose`.
    """
    n, half = b.width(rows[0]), 1
    while len(rows) > 1:
        if half < n:  # parts of both, in turn, as they lie
            parts = [g + (place & half) for g in range(0, n, 2 * half)]
            lanes = [part + k + other for part in parts for other in (0, n) for k in range(half)]
        else:
            lanes = list(range(2 * half))
        rows = [shuffle(b, x, y, lanes) for x, y in zip(rows[::2], rows[1::2], strict=True)]
        half *= 2
    return rows[0]


def fold(b: Builder, rows: Sequence[ir.Value]) -> ir.Value:
    """The sums of the lanes of some vectors, at most as many as they have lanes, which are a power
    of two: lane k is the sum of row k; lanes behind the last row hold anything.

    Each stage adds two vectors up to one: neighbours first, then vectors twice as far apart.
    """
    width = b.width(rows[0])
    half = 1
    rows = list(rows)
    while half < width:
        kept = [width + k if k & half else k for k in range(width)]
        moved = [width + k - half if k & half else k + half for k in range(width)]
        rows = [
            b.add(shuffle(b, x, y, kept), shuffle(b, x, y, moved), reduction=True)
            for x, y in zip(rows[::2], [*rows[1::2], rows[-1]], strict=False)
        ]
        half *= 2
    return rows[0]


def widen(b: Builder, x: ir.Value, width: int, rest: float = -0.0) -> ir.Value:
    """A vector that begins with the numbers of x; the rest adds nothing to their sum, or is what
    is given.
    """
    nothing = b.constant(rest)
    narrow = b.width(x)
    if narrow == 1:
        return b.build(
            "llvm.insertelement", [b.vector(width)], [b.splat(nothing, width), x, b.integer(0)]
        )
    return shuffle(b, x, b.splat(nothing, narrow), [min(k, narrow) for k in range(width)])


def reverse(b: Builder, x: ir.Value) -> ir.Value:
    """The vector from its last lane to its first."""
    return shuffle(b, x, x, range(b.width(x) - 1, -1, -1))


def shuffle(b: Builder, x: ir.Value, y: ir.Value, lanes: Sequence[int]) -> ir.Value:
    """A vector of the given lanes, counted through x and then y."""
    mask = {"mask": ir.DenseI32ArrayAttr.get(list(lanes))}
    return b.build("llvm.shufflevector", [b.vector(len(lanes))], [x, y], mask)
