"""Products -> how they are divided into tiles, which stay in registers, and what is copied first.

What is known of a product decides; what is None is known only when it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..target import Target

MANY = 32
"""Vector registers of targets that have many."""
DEPTH = 256
"""How many k are summed up in registers, at most, before the sums go to memory."""
TILES = 20
"""Tiles of rows in a block."""
MORE_TILES = 56
"""The same where `right` is large, and has to be copied, or read again, for every block."""
FEW_ROWS = 64
"""Results of so few rows stream `right` once, row after row, a few rows at a time."""
STREAMED = ((16, 8), (FEW_ROWS, 32))
"""How many k are summed up in registers then, by rows of the result, at most."""
CACHE = 512 * 1024
"""Bytes of `right` that stay next to the core: fewer are never streamed, nor copied for their
strides' sake.
"""
WIDE = 8
"""Tiles of columns in a block, where something is copied for it that all of them read."""
FAR = 4096
"""Rows of `right` that are more bytes apart are copied before many tiles of rows read them."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What is known of a product: its sizes, and how far apart rows and columns of left and right
    are; whether its result goes to memory as it is; rows, columns and depth that it has at most.
    """

    rows: int | None
    columns: int | None
    depth: int | None
    left: tuple[int | None, int | None]
    right: tuple[int | None, int | None]
    plain: bool
    most: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Tiles:
    """How a product is divided.

    rows, columns   of the result that are in registers, at most
    vectors         in such columns
    blocks          tiles of rows that follow each other before the next columns
    depth           how many k are summed up in registers
    copied_left, copied_right   whether kernels read a copy
    across          tiles of columns in a block; None: all, and `right` is read as it lies
    ahead           whether the processor is told to fetch tiles of the result before they come
    """

    rows: int
    columns: int
    vectors: int
    blocks: int
    depth: int
    copied_left: bool
    copied_right: bool
    across: int | None
    ahead: bool

    @property
    def streamed(self) -> bool:
        """Whether `right` is read as it lies, a few rows at a time, for all of the result."""
        return self.across is None

    @property
    def by_rows(self) -> bool:
        """Whether there is but one row of the result, to which rows of `right` are added."""
        return self.streamed and self.rows == 1

    def words(self) -> Iterator[str]:
        """As it is printed."""
        yield f"tiles of {self.rows} x {self.columns}"
        if self.ahead:
            yield "row after row"
        if self.by_rows:
            yield "right streamed, row after row"
        elif self.streamed:
            yield f"right streamed by {self.depth} rows"
        copied = [
            n for n, is_so in (("left", self.copied_left), ("right", self.copied_right)) if is_so
        ]
        if copied:
            yield f"{' and '.join(copied)} copied"


def tiles_of(p: Operands, target: Target) -> Tiles:
    """The tiles of a product for a target."""
    size, lanes = target.bits // 8, target.lanes
    most_rows, most_columns, most_depth = p.most
    wide = target.registers == MANY
    rows, vectors = 6, 4 if wide else 2
    if wide and p.columns is not None and p.columns <= lanes:
        rows, vectors = 12, 1
    large = most_columns * most_depth * size > CACHE
    many = most_columns > 4 * vectors * lanes
    swept = p.plain and most_rows * most_columns * size > 2 * CACHE and most_depth <= DEPTH and many

    def far(stride: int | None) -> bool:
        return stride is None or stride * size > FAR

    row, column = p.left
    copied_left = column != 1 and (row != 1 or (far(column) and many and (large or swept)))
    few = most_rows <= FEW_ROWS
    row, column = p.right
    copied_right = column != 1 or (far(row) and (swept or (large and not few)))
    streamed = large and few and p.columns is not None and not copied_right and not copied_left
    if p.rows == 1 and p.columns is not None and not copied_right:
        rows, vectors = 1, vectors if streamed else 4 * vectors  # rows of `right` as they lie
    depth, across = DEPTH, WIDE if swept or (copied_left and most_depth > DEPTH) else 1
    if streamed:
        depth = next(depth for least, depth in STREAMED if most_rows <= least)
    elif across == 1 and column != 1 and most_columns * most_depth * size > 4 * CACHE:
        depth = 4 * DEPTH  # of columns that are copied as rows, long pieces
    elif across == 1 and column == 1 and copied_right and most_rows <= rows * TILES:
        depth, across = DEPTH // 2, 2 * WIDE  # of rows, the same
    return Tiles(
        rows,
        vectors * lanes,
        vectors,
        MORE_TILES if swept or (p.plain and large) else TILES,
        depth,
        copied_left,
        copied_right,
        None if streamed else across,
        swept,
    )
