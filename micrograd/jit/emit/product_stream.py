"""A vector times a large matrix, row after row of the matrix, as they lie in memory.

    sums[j] += left[k] * right[k, j]

The sums stay in the cache next to the core, and the matrix is one stream.
"""

from __future__ import annotations

from collections.abc import Sequence

from lowering.bindings import ir

from . import masks
from .builder import Builder
from .product_pieces import Matrix, times, value
from .product_strips import Strip, behind

ABREAST = 8
"""Vectors in an iteration."""


def stream(
    b: Builder, left: Matrix, right: Matrix, depth: ir.Value, columns: Sequence[Strip], sums: Matrix
) -> None:
    """Fill `sums`, for the columns of strips that follow each other."""
    zero, lanes = b.integer(0), b.target.lanes
    nothing = b.constant_vector(-0.0, lanes, b.element_type)
    with b.each(_vectors(b, columns)) as v:
        b.store(nothing, sums.place(b, zero, times(b, v, lanes)))
    with b.each(depth) as k:
        x = b.splat(b.load(left.place(b, zero, k), b.element_type), lanes)
        row = right.place(b, k, value(b, columns[0].first))
        for strip in columns:
            first = behind(b, value(b, strip.first), columns[0].first)
            _strip(b, strip, x, *(b.offset(p, first, b.element_type) for p in (row, sums.base)))


def _vectors(b: Builder, columns: Sequence[Strip]) -> ir.Value:
    total = b.integer(0)
    for strip in columns:
        total = b.integer_op("llvm.add", total, times(b, strip.count, strip.size))
    return total


def _strip(b: Builder, strip: Strip, x: ir.Value, row: ir.Value, sums: ir.Value) -> None:
    """Add a row, times x, to the sums: several vectors at a time, one by one, and what is left."""
    lanes = b.target.lanes
    ragged = strip.last != lanes
    whole = times(b, strip.count, strip.size - ragged)
    several = b.integer_op("llvm.udiv", whole, b.integer(ABREAST))

    def add(at: ir.Value, count: int, mask: ir.Value | None = None) -> None:
        nothing = b.constant_vector(-0.0, lanes, b.element_type)
        here, there = (b.offset(p, times(b, at, lanes), b.element_type) for p in (row, sums))
        for n in range(count):
            from_, to = (b.offset(p, n * lanes, b.element_type) for p in (here, there))
            old = b.load(to, b.vector(lanes))
            if mask is None:
                y = b.load(from_, b.vector(lanes))
            else:
                y = masks.load(b, from_, mask, nothing)
            b.store(b.multiply_add(x, y, old), to)

    with b.each(several) as v:
        add(times(b, v, ABREAST), ABREAST)
    done = times(b, several, ABREAST)
    with b.each(b.integer_op("llvm.sub", whole, done)) as v:
        add(b.integer_op("llvm.add", done, v), 1)
    if ragged:
        with b.each(strip.count):
            add(whole, 1, masks.first(b, lanes, value(b, strip.last)))
