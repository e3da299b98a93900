"""Emits the function that XLA calls for a kernel's points, by its foreign function interface.

Source: xla/ffi/api/c_api.h, version 0.3, which jaxlib ships. Structures begin with their size, so
that later versions may append to them; the offsets are those of machines with 64-bit addresses.

Buffers are dense. An argument that is a number at every point has the shape (*points); a row of n,
(n, *points); the result is (results, *points). So every number is a column, which `main_block`
takes as it is. What does not fit is an error, by XLA's own means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lowering.bindings import ir

from ..emit.builder import Builder
from ..emit.interface import BLOCK
from ..target import Target
from .cpython import Objects

HANDLER = "xla_handler"
"""The symbol."""
VERSION = 0, 3
"""Of the interface, major and minor."""
DTYPES = {32: 11, 64: 12}
"""What XLA calls floats of so many bits."""
INVALID_ARGUMENT = 3
BUFFER = 1
"""Arguments and results that are buffers."""
EXECUTE = 3
"""The stage in which a handler computes."""
METADATA = 1
"""The extension of a call that asks for the version."""

# offsets of members, in bytes
EXTENSION, API, STAGE, ARGUMENTS, RESULTS, FRAME_END = 8, 16, 32, 40, 80, 120
COUNT, TYPES, ITEMS = 16, 24, 32  # of ARGUMENTS and of RESULTS
BUFFER_DTYPE, BUFFER_DATA, BUFFER_RANK, BUFFER_DIMENSIONS = 16, 24, 32, 40
KIND, DESCRIBED = 8, 24  # of an extension
MAJOR, MINOR, TRAITS = 24, 28, 32  # of what describes a handler
CREATE_ERROR = 48  # of the API
ERROR_MESSAGE, ERROR_CODE, ERROR_END = 16, 24, 28


@dataclass(frozen=True, slots=True)
class Columns:
    """What a handler passes.

    sizes     how many numbers each argument is a row of; 0 for one that is no row
    results   how many there are
    """

    sizes: tuple[int, ...]
    results: int

    @property
    def count(self) -> int:
        """Of all numbers of a point."""
        return sum(max(1, n) for n in self.sizes) + self.results


def emit_handler(module: ir.Module, columns: Columns, target: Target) -> None:
    """Append the function `xla_handler(call_frame)` to the module of a kernel's points."""
    with ir.Location.unknown():
        _Handler(Builder(module, target), columns).emit()


class _Handler:
    def __init__(self, builder: Builder, columns: Columns) -> None:
        self.o, self.b = Objects(builder), builder
        self.columns = columns
        self.bytes = builder.bits // 8

    def emit(self) -> None:
        """The whole function."""
        o, b = self.o, self.b
        for k, message in enumerate(self._messages):
            text = np.frombuffer(message.encode() + b"\0", np.int8)
            b.data(f"message{k}", text, o.i8)
        entry = o.function(HANDLER, [o.ptr], o.ptr)
        (self.frame,) = entry.arguments
        self.table = o.allocate(self.columns.count, o.ptr)
        self.product, self.report = o.allocate(1, o.i64), o.allocate(4, o.i64)
        self.failed = o.block(o.ptr)
        self.done = o.block()
        self._describe()
        for condition in (
            o.compare("sge", o.word(self.frame), FRAME_END),
            o.compare("eq", o.word(self.frame, ARGUMENTS + COUNT), len(self.columns.sizes)),
            o.compare("eq", o.word(self.frame, RESULTS + COUNT), 1),
        ):
            o.require(condition, self.failed, b.address("message0"))
        self._require_is(o.at(self.frame, STAGE), EXECUTE, self.done)
        (result,) = self._buffers(RESULTS, 1)
        self.points = self._points(result, self.columns.results)
        o.require(o.compare("sgt", self.points, 0), self.done)
        place = 0
        given = self._buffers(ARGUMENTS, len(self.columns.sizes))
        for buffer, n in zip(given, self.columns.sizes, strict=True):
            points = self._points(buffer, n)
            o.require(o.compare("eq", points, self.points), self.failed, b.address("message2"))
            place = self._place(buffer, max(1, n), place)
        self._place(result, self.columns.results, place)
        b.call(BLOCK, [self.table, self.points])
        o.go_to(self.done)
        b.enter(self.done)
        b.leave(o.null())
        self._fail()

    @property
    def _messages(self) -> Sequence[str]:
        n = len(self.columns.sizes)
        return (
            f"a kernel of micrograd takes {n} buffers and gives one, for XLA's interface "
            f"{VERSION[0]}.{VERSION[1]} or later",
            f"a kernel of micrograd takes buffers of float{self.b.bits} in rows of "
            f"{', '.join(map(str, self.columns.sizes))} and gives one in rows of "
            f"{self.columns.results}",
            "the buffers that a kernel of micrograd takes should have as many points as its result",
        )

    def _describe(self) -> None:
        """Answer the call that asks for the version."""
        o, b = self.o, self.b
        looked, asked, called = o.block(), o.block(), o.block()
        extension = o.pointer(self.frame, EXTENSION)
        b.branch_if(o.is_null(extension), called, looked)
        b.enter(looked)
        kind = b.load(o.at(extension, KIND), o.i32)
        b.branch_if(b.compare_integers("eq", kind, o.int32(METADATA)), asked, called)
        b.enter(asked)
        described = o.pointer(extension, DESCRIBED)
        for offset, n in ((MAJOR, VERSION[0]), (MINOR, VERSION[1]), (TRAITS, 0)):
            b.store(o.int32(n), o.at(described, offset))
        b.leave(o.null())
        b.enter(called)

    def _require_is(
        self, address: ir.Value, n: int, otherwise: ir.Block, *passed: ir.Value
    ) -> None:
        """Go on where this i32 lies."""
        found = self.b.load(address, self.o.i32)
        same = self.b.compare_integers("eq", found, self.o.int32(n))
        self.o.require(same, otherwise, *passed)

    def _buffers(self, of: int, count: int) -> list[ir.Value]:
        """The arguments, or results, which are buffers of floats."""
        o, b = self.o, self.b
        types, items = o.pointer(self.frame, of + TYPES), o.pointer(self.frame, of + ITEMS)
        found = []
        for k in range(count):
            self._require_is(o.at(types, 4 * k), BUFFER, self.failed, b.address("message1"))
            buffer = o.pointer(items, 8 * k)
            dtype = o.at(buffer, BUFFER_DTYPE)
            self._require_is(dtype, DTYPES[b.bits], self.failed, b.address("message1"))
            found.append(buffer)
        return found

    def _points(self, buffer: ir.Value, row: int) -> ir.Value:
        """How many points a buffer has; of rows, its first dimension is their length."""
        o, b = self.o, self.b
        rank, dimensions = o.word(buffer, BUFFER_RANK), o.pointer(buffer, BUFFER_DIMENSIONS)
        if row:
            o.require(o.compare("sge", rank, 1), self.failed, b.address("message1"))
            fits = o.compare("eq", o.word(dimensions), row)
            o.require(fits, self.failed, b.address("message1"))
            rank = o.integer_op("sub", rank, 1)
            dimensions = o.at(dimensions, 8)
        b.store(o.integer(1), self.product)
        with o.loop(rank) as k:
            size = b.load(b.element(dimensions, k, o.i64), o.i64)
            b.store(o.integer_op("mul", o.word(self.product), size), self.product)
        return o.word(self.product)

    def _place(self, buffer: ir.Value, count: int, place: int) -> int:
        """Enter the columns of a buffer in the table, from `place` on; the place behind them."""
        o, b = self.o, self.b
        data = o.pointer(buffer, BUFFER_DATA)
        pitch = o.integer_op("mul", self.points, self.bytes)
        first = o.at(self.table, 8 * place)
        with o.loop(o.integer(count)) as k:
            column = o.at(data, o.integer_op("mul", pitch, k))
            b.store(column, b.element(first, k, o.ptr))
        return place + count

    def _fail(self) -> None:
        """Have XLA make an error of a message."""
        o, b = self.o, self.b
        b.enter(self.failed)
        (message,) = self.failed.arguments
        b.store(o.integer(ERROR_END), self.report)
        b.store(o.null(), o.at(self.report, EXTENSION))
        b.store(message, o.at(self.report, ERROR_MESSAGE))
        b.store(o.int32(INVALID_ARGUMENT), o.at(self.report, ERROR_CODE))
        create = o.pointer(o.pointer(self.frame, API), CREATE_ERROR)
        b.leave(b.call(create, [self.report], o.ptr))
