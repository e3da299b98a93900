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

    It is a function of the module, one for matrices whose rows are 1 apart, one for all others.
    """
    turned = source.row == 1
    name = b.shared.get(("pack", turned))
    if name is None:
        name = b.shared["pack", turned] = f"pack{'.turned' * turned}"
        with b.inside():
            _define(b.twin(1), name, turned)
    given = [rows, columns, source.base, value(b, source.row), value(b, source.column)]
    b.call(name, [*given, room, b.integer(stride)])


def _define(b: Builder, name: str, turned: bool) -> None:
    types = [b.i64, b.i64, b.ptr, b.i64, b.i64, b.ptr, b.i64]
    entry = b.function(name, types, internal=True, attributes={"no_inline": ir.UnitAttr.get()})
    rows, columns, base, row, column, room, stride = entry.arguments
    source = Matrix(base, 1 if turned else row, column)
    into = Matrix(room, stride, 1)
    done = b.integer(0)
    if turned:
        lanes = b.integer(b.target.lanes)
        down = b.integer_op("llvm.udiv", rows, lanes)
        across = b.integer_op("llvm.udiv", columns, lanes)
        with b.each(across) as j, b.each(down) as k:
            i, j = times(b, k, lanes), times(b, j, lanes)
            _square(b, source.place(b, i, j), column, into.place(b, i, j), stride)
        done = b.integer_op("llvm.mul", down, lanes)
        with b.each(done) as i:
            first = b.integer_op("llvm.mul", across, lanes)
            with b.each(b.integer_op("llvm.sub", columns, first)) as j:
                at = b.integer_op("llvm.add", first, j)
                b.store(b.load(source.place(b, i, at), b.element_type), into.place(b, i, at))
    with b.each(b.integer_op("llvm.sub", rows, done)) as i, b.each(columns) as j:
        at = b.integer_op("llvm.add", done, i)
        b.store(b.load(source.place(b, at, j), b.element_type), into.place(b, at, j))
    b.leave()


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
