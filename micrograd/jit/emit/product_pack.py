"""Copies of blocks of matrices in which the elements of a row lie next to each other."""

from __future__ import annotations

from dataclasses import dataclass

from lowering.bindings import ir

from .builder import Builder
from .product_pieces import Count, Matrix, divided, greatest, least, times, value
from .shuffles import transpose


@dataclass(frozen=True, slots=True)
class Panels:
    """Where a copy goes: panels of so many columns, a multiple of a vector's, which are `apart`;
    the rows of one are `row` apart.
    """

    base: ir.Value
    row: Count
    columns: Count
    apart: Count


def pack(b: Builder, source: Matrix, rows: ir.Value, columns: ir.Value, into: Panels) -> None:
    """Copy a block of so many rows and columns.

    It is a function of the module: one for matrices whose columns are 1 apart, one for those whose
    rows are, one for all others.
    """
    kind = "pack" if source.column == 1 else "pack.turned" if source.row == 1 else "pack.any"
    name = b.shared.get(kind)
    if name is None:
        name = b.shared[kind] = kind
        with b.inside():
            _define(b.twin(1), kind)
    given = [rows, columns, source.base, value(b, source.row), value(b, source.column), into.base]
    b.call(name, [*given, *[value(b, x) for x in (into.row, into.columns, into.apart)]])


def _define(b: Builder, name: str) -> None:
    types = [b.i64, b.i64, b.ptr, b.i64, b.i64, b.ptr, b.i64, b.i64, b.i64]
    entry = b.function(name, types, internal=True, attributes=b.explicit)
    rows, columns, base, row, column, *there = entry.arguments
    into = Panels(*there)
    lanes = b.integer(b.target.lanes)
    across = b.integer_op("llvm.udiv", columns, lanes)
    whole = b.integer_op("llvm.mul", across, lanes)
    zero = b.integer(0)
    if name == "pack":
        source = Matrix(base, row, 1)
        wide = b.integer_op("llvm.udiv", into.columns, lanes)
        with b.each(rows) as i, b.each(divided(b, across, wide)) as p:
            start = b.integer_op("llvm.mul", p, wide)
            room = Matrix(b.offset(into.base, times(b, p, into.apart), b.element_type), into.row, 1)
            with b.each(least(b, wide, b.integer_op("llvm.sub", across, start))) as v:
                here = times(b, b.integer_op("llvm.add", start, v), lanes)
                x = b.load(source.place(b, i, here), b.vector(b.target.lanes))
                b.store(x, room.place(b, i, times(b, v, lanes)))
        _copy(b, source, into, (zero, rows), (whole, columns))
    elif name == "pack.turned":
        source = Matrix(base, 1, column)
        down = b.integer_op("llvm.udiv", rows, lanes)
        with b.each(across) as v:
            j = times(b, v, lanes)
            panel = b.integer_op("llvm.udiv", j, into.columns)
            within = b.integer_op("llvm.urem", j, into.columns)
            room = b.offset(into.base, times(b, panel, into.apart), b.element_type)
            with b.each(down) as k:
                i = times(b, k, lanes)
                place = Matrix(room, into.row, 1).place(b, i, within)
                _square(b, source.place(b, i, j), column, place, into.row)
        done = b.integer_op("llvm.mul", down, lanes)
        _copy(b, source, into, (zero, done), (whole, columns))
        _copy(b, source, into, (done, rows), (zero, columns))
    else:
        _copy(b, Matrix(base, row, column), into, (zero, rows), (zero, columns))
    b.leave()


def _copy(
    b: Builder,
    source: Matrix,
    into: Panels,
    rows: tuple[ir.Value, ir.Value],
    columns: tuple[ir.Value, ir.Value],
) -> None:
    """Element by element, from the first to before the last; the first column is that of a panel,
    or all are in one.
    """
    first = b.integer_op("llvm.udiv", columns[0], into.columns)
    count = b.integer_op("llvm.sub", divided(b, columns[1], into.columns), first)
    with b.each(count) as k:
        panel = b.integer_op("llvm.add", first, k)
        start = times(b, panel, into.columns)
        room = Matrix(b.offset(into.base, times(b, panel, into.apart), b.element_type), into.row, 1)
        from_ = greatest(b, columns[0], start)
        to = least(b, columns[1], b.integer_op("llvm.add", start, into.columns))
        with b.each(b.integer_op("llvm.sub", rows[1], rows[0])) as i:
            at = b.integer_op("llvm.add", rows[0], i)
            with b.each(b.integer_op("llvm.sub", to, from_)) as j:
                there = b.integer_op("llvm.add", from_, j)
                x = b.load(source.place(b, at, there), b.element_type)
                b.store(x, room.place(b, at, b.integer_op("llvm.sub", there, start)))


def _square(
    b: Builder, source: ir.Value, column: ir.Value, room: ir.Value, stride: ir.Value
) -> None:
    """Transpose a square as wide as a vector."""
    rows = []
    for _ in range(b.target.lanes):
        rows.append(b.load(source, b.vector(b.target.lanes)))
        source = b.offset(source, column, b.element_type)
    for x in transpose(b, rows):
        b.store(x, room)
        room = b.offset(room, stride, b.element_type)
