"""Copies of blocks of matrices in which the elements of a row lie next to each other."""

from __future__ import annotations

from lowering.bindings import ir

from .builder import Builder
from .product_pieces import Matrix, times, value
from .shuffles import transpose


def pack(
    b: Builder,
    source: Matrix,
    rows: ir.Value,
    columns: ir.Value,
    room: ir.Value,
    stride: int,
) -> None:
    """Copy a block of so many rows and columns to memory whose rows are `stride` apart.

    It is a function of the module: one for matrices whose columns are 1 apart, one for those whose
    rows are, one for all others.
    """
    kind = "pack" if source.column == 1 else "pack.turned" if source.row == 1 else "pack.any"
    name = b.shared.get(kind)
    if name is None:
        name = b.shared[kind] = kind
        with b.inside():
            _define(b.twin(1), kind)
    given = [rows, columns, source.base, value(b, source.row), value(b, source.column)]
    b.call(name, [*given, room, b.integer(stride)])


def _define(b: Builder, name: str) -> None:
    types = [b.i64, b.i64, b.ptr, b.i64, b.i64, b.ptr, b.i64]
    entry = b.function(name, types, internal=True, attributes={"no_inline": ir.UnitAttr.get()})
    rows, columns, base, row, column, room, stride = entry.arguments
    into = Matrix(room, stride, 1)
    lanes = b.integer(b.target.lanes)
    across = b.integer_op("llvm.udiv", columns, lanes)
    whole = b.integer_op("llvm.mul", across, lanes)
    zero = b.integer(0)
    if name == "pack":
        source = Matrix(base, row, 1)
        with b.each(rows) as i, b.each(across) as j:
            at = times(b, j, lanes)
            b.store(b.load(source.place(b, i, at), b.vector(b.target.lanes)), into.place(b, i, at))
        _copy(b, source, into, (zero, rows), (whole, columns))
    elif name == "pack.turned":
        source = Matrix(base, 1, column)
        down = b.integer_op("llvm.udiv", rows, lanes)
        with b.each(across) as j, b.each(down) as k:
            i, j = times(b, k, lanes), times(b, j, lanes)
            _square(b, source.place(b, i, j), column, into.place(b, i, j), stride)
        done = b.integer_op("llvm.mul", down, lanes)
        _copy(b, source, into, (zero, done), (whole, columns))
        _copy(b, source, into, (done, rows), (zero, columns))
    else:
        _copy(b, Matrix(base, row, column), into, (zero, rows), (zero, columns))
    b.leave()


def _copy(
    b: Builder,
    source: Matrix,
    into: Matrix,
    rows: tuple[ir.Value, ir.Value],
    columns: tuple[ir.Value, ir.Value],
) -> None:
    """Element by element, from the first to before the last."""
    with b.each(b.integer_op("llvm.sub", rows[1], rows[0])) as i:
        at = b.integer_op("llvm.add", rows[0], i)
        with b.each(b.integer_op("llvm.sub", columns[1], columns[0])) as j:
            there = b.integer_op("llvm.add", columns[0], j)
            b.store(b.load(source.place(b, at, there), b.element_type), into.place(b, at, there))


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
