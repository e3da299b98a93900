"""Emits functions that find the columns of PyTorch's tensors, and make such, by its C interface.

Source: torch/csrc/inductor/aoti_torch/c/shim.h. Functions of the interface give 0, or fail, and
throw nothing.

Columns are dense: (*points), or (*points, n) for a row of n, whose first numbers are those of all
points, then the second ones, as those of a result (n, *points) that is moved there. Tensors that do
not lie so, or broadcast, are copied by PyTorch.
"""

from __future__ import annotations

from lowering.bindings import ir

from .cpython import Objects

MOST_DIMENSIONS = 24
"""Of points; there may be one more."""

SIGNATURES = {
    "aoti_torch_copy_": "(!llvm.ptr, !llvm.ptr, i32) -> i32",
    "aoti_torch_delete_tensor_object": "(!llvm.ptr) -> i32",
    "aoti_torch_empty_strided": "(i64, !llvm.ptr, !llvm.ptr, i32, i32, i32, !llvm.ptr) -> i32",
    "aoti_torch_get_data_ptr": "(!llvm.ptr, !llvm.ptr) -> i32",
    "aoti_torch_get_device_type": "(!llvm.ptr, !llvm.ptr) -> i32",
    "aoti_torch_get_dim": "(!llvm.ptr, !llvm.ptr) -> i32",
    "aoti_torch_get_dtype": "(!llvm.ptr, !llvm.ptr) -> i32",
    "aoti_torch_get_sizes": "(!llvm.ptr, !llvm.ptr) -> i32",
    "aoti_torch_get_strides": "(!llvm.ptr, !llvm.ptr) -> i32",
    "aoti_torch_new_uninitialized_tensor": "(!llvm.ptr) -> i32",
}
"""The functions of PyTorch that are called, as MLIR declares them."""

# words of what a kernel writes down
ARITY, RESULTS, BYTES, MOST, OUTPUTS, DTYPE, WIDE, DEVICE, SIZES = range(9)
# words of what functions here share
RANK, POINTS, SHAPE = 0, 1, 2  # the shape, last dimension first
WORDS = SHAPE + MOST_DIMENSIONS


class Columns:
    """Appends the functions to a module; `otherwise` is where one goes if something is not as it
    should be.
    """

    def __init__(self, objects: Objects) -> None:
        self.o, self.b = objects, objects.b

    def emit(self) -> None:
        """All of them."""
        self._emit_seen()
        self._emit_placed()
        self._emit_made()

    def call(self, name: str, *operands: ir.Value) -> ir.Value:
        """Call a function of PyTorch; whether it did not fail."""
        self.b.declare(name, SIGNATURES[name])
        failed = self.b.call(name, operands, self.o.i32)
        return self.b.compare_integers("eq", failed, self.o.int32(0))

    def delete(self, tensor: ir.Value) -> None:
        """Give a tensor back, if there is one."""
        with self.b.when(self.b.negated(self.o.is_null(tensor))):
            self.call("aoti_torch_delete_tensor_object", tensor)

    def _asked(self, of: str, tensor: ir.Value, type: ir.Type) -> ir.Value:
        """A fact about a tensor."""
        self.o.require(self.call(f"aoti_torch_get_{of}", tensor, self.answer), self.otherwise)
        return self.b.load(self.answer, type)

    def _number(self, facts: ir.Value, place: int) -> ir.Value:
        """An i32 that a kernel has written down."""
        return self.b.load(self.o.at(facts, 8 * place), self.o.i32)

    def _begin(self, name: str, types: list[ir.Type]) -> list[ir.Value]:
        """Begin a function that gives an i1: false where something is not as it should be."""
        entry = self.o.function(name, types, self.o.i1)
        self.answer, self.otherwise = self.o.allocate(1, self.o.i64), self.o.block()
        return list(entry.arguments)

    def _end(self) -> None:
        self.b.leave(self.b.constant_integer(1, self.o.i1))
        self.b.enter(self.otherwise)
        self.b.leave(self.b.constant_integer(0, self.o.i1))

    def _emit_seen(self) -> None:
        """torch_seen(tensor, row, alike, facts, shared): have the points of a tensor broadcast with
        those of the ones before; `alike`: they should be the same.
        """
        o, b = self.o, self.b
        types = [o.ptr, o.i64, o.i64, o.ptr, o.ptr]
        tensor, row, alike, facts, shared = self._begin("torch_seen", types)
        for of, fact in (("dtype", DTYPE), ("device_type", DEVICE)):
            same = o.compare("eq", self._asked(of, tensor, o.i32), self._number(facts, fact))
            o.require(same, self.otherwise)
        rank, sizes = self._asked("dim", tensor, o.i64), self._asked("sizes", tensor, o.ptr)
        rank = o.integer_op("sub", rank, self._is_row(row))
        o.require(o.compare("ule", rank, MOST_DIMENSIONS), self.otherwise)  # not negative, too
        with b.when(o.compare("ne", row, 0)):
            last = b.load(o.at(sizes, rank, o.i64), o.i64)
            o.require(o.compare("eq", last, row), self.otherwise)
        before, shape = o.word(shared, 8 * RANK), o.at(shared, 8 * SHAPE)
        free = self._either(o.compare("eq", alike, 0), o.compare("slt", before, 0))
        same = self._either(free, o.compare("eq", rank, before))
        o.require(same, self.otherwise)
        with o.loop(rank) as j:
            size = b.load(o.at(sizes, self._mirrored(j, rank), o.i64), o.i64)
            known = o.at(shape, j, o.i64)
            with b.when(o.compare("sge", j, before)):
                b.store(o.integer(1), known)
            other = b.load(known, o.i64)
            one = self._either(o.compare("eq", size, 1), o.compare("eq", other, 1))
            fits = self._either(o.compare("eq", size, other), b.both(free, one))
            o.require(fits, self.otherwise)
            with b.when(o.compare("eq", other, 1)):
                b.store(size, known)
        with b.when(o.compare("sgt", rank, before)):
            b.store(rank, o.at(shared, 8 * RANK))
        self._end()

    def _mirrored(self, j: ir.Value, rank: ir.Value) -> ir.Value:
        """The j-th dimension from the last."""
        o = self.o
        return o.integer_op("sub", o.integer_op("sub", rank, 1), j)

    def _is_row(self, row: ir.Value) -> ir.Value:
        """1 for a row, 0 for a number."""
        return self.b.build("llvm.zext", [self.o.i64], [self.o.compare("ne", row, 0)])

    def _either(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The i1 of two of which one holds."""
        return self.b.build("llvm.or", [self.o.i1], [x, y])

    def _emit_placed(self) -> None:
        """torch_placed(tensor, row, facts, shared, copy, column): note the columns of a tensor, or
        those of a copy, where `column` points, which is moved behind them.
        """
        o, b = self.o, self.b
        types = [o.ptr, o.i64, *[o.ptr] * 4]
        tensor, row, facts, shared, copy, column = self._begin("torch_placed", types)
        sizes_there, strides_there = (o.allocate(MOST_DIMENSIONS + 1, o.i64) for _ in range(2))
        dense = o.allocate(1, o.i1)
        rank, points = o.word(shared, 8 * RANK), o.word(shared, 8 * POINTS)
        b.store(row, o.at(sizes_there, rank, o.i64))
        b.store(points, o.at(strides_there, rank, o.i64))
        self._lay_out(shared, sizes_there, strides_there)
        wanted = o.integer_op("add", rank, self._is_row(row))
        b.store(o.compare("eq", self._asked("dim", tensor, o.i64), wanted), dense)
        sizes, strides = self._asked("sizes", tensor, o.ptr), self._asked("strides", tensor, o.ptr)
        with b.when(b.load(dense, o.i1)), o.loop(wanted) as k:
            size, stride = (b.load(o.at(of, k, o.i64), o.i64) for of in (sizes, strides))
            size_there = b.load(o.at(sizes_there, k, o.i64), o.i64)
            stride_there = b.load(o.at(strides_there, k, o.i64), o.i64)
            lies = self._either(o.compare("eq", size, 1), o.compare("eq", stride, stride_there))
            lies = b.both(lies, o.compare("eq", size, size_there))
            b.store(b.both(b.load(dense, o.i1), lies), dense)
        made, here = o.block(), o.block(o.ptr)
        b.branch_if(b.load(dense, o.i1), here, made, [tensor])
        b.enter(made)
        self._allocate(wanted, sizes_there, strides_there, facts, DTYPE, copy)
        made_there = b.load(copy, o.ptr)
        o.require(self.call("aoti_torch_copy_", made_there, tensor, o.int32(0)), self.otherwise)
        o.go_to(here, made_there)
        b.enter(here)
        self._enter_columns(here.arguments[0], row, points, facts, column)
        self._end()

    def _lay_out(self, shared: ir.Value, sizes: ir.Value, strides: ir.Value) -> None:
        """The sizes of all points, and their strides where these are dense."""
        o, b = self.o, self.b
        rank = o.word(shared, 8 * RANK)
        b.store(o.integer(1), self.answer)
        with o.loop(rank) as j:
            place = self._mirrored(j, rank)
            size = b.load(o.at(o.at(shared, 8 * SHAPE), j, o.i64), o.i64)
            stride = b.load(self.answer, o.i64)
            b.store(size, o.at(sizes, place, o.i64))
            b.store(stride, o.at(strides, place, o.i64))
            b.store(o.integer_op("mul", stride, size), self.answer)

    def _allocate(
        self,
        rank: ir.Value,
        sizes: ir.Value,
        strides: ir.Value,
        facts: ir.Value,
        dtype: int,
        to: ir.Value,
    ) -> None:
        """A new tensor, whose dtype the kernel has written down."""
        what = [self._number(facts, dtype), self._number(facts, DEVICE), self.o.int32(0)]
        made = self.call("aoti_torch_empty_strided", rank, sizes, strides, *what, to)
        self.o.require(made, self.otherwise)

    def _enter_columns(
        self, tensor: ir.Value, row: ir.Value, points: ir.Value, facts: ir.Value, column: ir.Value
    ) -> None:
        """Enter the columns of a tensor in the table; `row`: 0 for a single one."""
        o, b = self.o, self.b
        data, here = self._asked("data_ptr", tensor, o.ptr), b.load(column, o.ptr)
        pitch = o.integer_op("mul", points, o.word(facts, 8 * BYTES))
        is_number = b.build("llvm.zext", [o.i64], [o.compare("eq", row, 0)])
        count = o.integer_op("add", row, is_number)
        with o.loop(count) as k:
            b.store(o.at(data, o.integer_op("mul", pitch, k)), o.at(here, k, o.ptr))
        b.store(o.at(here, count, o.ptr), column)

    def _emit_made(self) -> None:
        """torch_made(facts, shared, results, column): make the results, and note their columns."""
        o, b = self.o, self.b
        facts, shared, results, column = self._begin("torch_made", [o.ptr] * 4)
        sizes, strides = (o.allocate(MOST_DIMENSIONS + 1, o.i64) for _ in range(2))
        rank, points = o.word(shared, 8 * RANK), o.word(shared, 8 * POINTS)
        with b.when(o.compare("sgt", o.word(facts, 8 * OUTPUTS), 1)):
            b.store(o.integer(0), sizes)
            b.store(o.integer(1), strides)
            self._allocate(o.integer(1), sizes, strides, facts, WIDE, o.at(results, 8))
        count = o.word(facts, 8 * RESULTS)
        b.store(count, sizes)
        b.store(points, strides)
        self._lay_out(shared, o.at(sizes, 8), o.at(strides, 8))
        self._allocate(o.integer_op("add", rank, 1), sizes, strides, facts, DTYPE, results)
        self._enter_columns(b.load(results, o.ptr), count, points, facts, column)
        self._end()
