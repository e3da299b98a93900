"""What the processor is told to fetch before a product reads it, or writes it."""

from __future__ import annotations

from lowering.bindings import ir

from ..schedule.tiles import Tiles
from .builder import Builder
from .product_pieces import Matrix, Product, times


def fetch(b: Builder, tile: Matrix, rows: int, vectors: int, *, written: bool = False) -> None:
    """So many rows of a matrix, of so many vectors."""
    for r in range(rows):
        for v in range(vectors):
            place = tile.place(b, b.integer(r), b.integer(v * b.target.lanes))
            b.prefetch(place, written=written)


def fetch_right(
    b: Builder,
    p: Product,
    t: Tiles,
    after: ir.Value,
    tile: tuple[ir.Value, ir.Value],
    vectors: int,
) -> None:
    """Some rows of what the block of k that begins at `after` needs of the right matrix: each tile
    of rows fetches a few, all of them together all.

    tile   the row, in its block, and the column where it begins
    """
    row, column = tile
    tiles = -(-min(p.at_most[0], t.rows * t.blocks) // t.rows)
    rows = -(-t.depth // tiles)
    mine = b.integer_op("llvm.udiv", times(b, row, rows), b.integer(t.rows))
    there = p.right.place(b, b.integer_op("llvm.add", after, mine), column)
    fetch(b, Matrix(there, p.right.row, 1), rows, vectors)
