"""Tiles of a product, in strips and blocks, as loops that its code has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lowering.bindings import ir

from .builder import Builder
from .parts import added
from .product_pieces import Count, Cut, divided, least, times, value


@dataclass(frozen=True, slots=True)
class Strip:
    """Tiles of rows, or of columns, that follow each other.

    first    row or column
    count    of tiles
    size     of a tile, in rows or vectors
    extent   of a tile, in rows or columns
    last     of its last vector, the lanes that are there
    """

    first: Count
    count: Count
    size: int
    extent: int
    last: Count


def strips(b: Builder, cuts: Sequence[tuple[Cut, Count]], unit: int) -> list[Strip]:
    """Of the tiles of each cut, from one of them on; `unit`: rows or columns in size 1.

    Where there are none, the next strip's first is also theirs, so that the first strip begins
    where all of them do.
    """
    found: list[Strip] = []
    for cut, tile in reversed(cuts):
        wide = cut.size * unit
        first = cut.first
        if not isinstance(tile, int):
            first = added(b, cut.first, times(b, tile, wide))
            if found:
                none = b.compare_integers("eq", value(b, cut.count), b.integer(0))
                first = b.select(none, value(b, found[-1].first), value(b, first))
        found.append(Strip(first, cut.count, cut.size, wide, cut.last))
    return found[::-1]


def blocks(b: Builder, strips: Sequence[Strip], most: int | None) -> Iterator[Sequence[Strip]]:
    """Blocks of so many tiles at most, each in its loop; None: all of them are one."""
    if most is None:
        yield strips
        return
    for strip in strips:
        if isinstance(strip.count, int) and strip.count <= most:
            yield [strip]
            continue
        count = value(b, strip.count)
        with b.each(divided(b, count, b.integer(most))) as block:
            first = added(b, strip.first, times(b, block, most * strip.extent))
            here: Count = in_block(b, block, count, most) if most > 1 else 1
            yield [replace(strip, first=first, count=here)]


def each(b: Builder, strip: Strip) -> Iterator[ir.Value]:
    """The first row or column of each tile, in a loop."""
    if strip.count == 1:
        yield value(b, strip.first)
        return
    with b.each(strip.count) as k:
        yield value(b, added(b, strip.first, times(b, k, strip.extent)))


def in_block(b: Builder, block: ir.Value, count: ir.Value, size: int) -> ir.Value:
    """How many there are in a block of `size` at most."""
    left = b.integer_op("llvm.sub", count, times(b, block, size))
    return least(b, left, b.integer(size))


def extent(b: Builder, strips: Sequence[Strip]) -> ir.Value:
    """Rows, or columns, in all of them."""
    total: Count = 0
    for strip in strips:
        total = added(b, total, times(b, strip.count, strip.extent))
    return value(b, total)


def behind(b: Builder, x: ir.Value, first: Count) -> ir.Value:
    """How far it is behind the first."""
    return x if first == 0 else b.integer_op("llvm.sub", x, value(b, first))
