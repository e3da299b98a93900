"""Schedule -> MLIR module that computes a kernel at many points at once.

Requires a schedule made for numbers without lanes of their own (`width=1`). Establishes

    @main_block(columns, n)    the kernel at n points. `columns` holds a pointer per number: the
                               inputs' in order, then the outputs', returned one first; each to
                               n numbers in a row

A number of the program becomes a vector, of its values at as many points as a vector has lanes;
the body of the kernel is emitted once, for such vectors. Full vectors are read and written in
place. Of what is left, no more than what is there is read, into a vector on the stack, and no more
written. At every vector all inputs are read before an output is written, so an output may be an
input. Outputs larger than the last-level cache are written past it, where they are aligned.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lowering.bindings import ir

from .builder import Builder
from .emit import Emitter, Interface
from .program import Array, Role, applied
from .schedule import Schedule, cost
from .vectorize import VectorLoop

BLOCK = "main_block"
"""The symbol."""
UNROLLED_COLUMNS = 12
"""An array of more numbers is read and written in a loop over its columns."""
PAIRED_OPS = 64
"""Kernels of at most so many operations take two vectors at once."""
NARROWED = 1 << 14
"""Parameters of a float32 kernel, up to so many, are converted once a call."""


@functools.cache
def last_level_cache() -> int:
    """The bytes of the largest cache, as the system says; else 32 MiB."""
    try:
        found = os.sysconf("SC_LEVEL3_CACHE_SIZE")
    except (AttributeError, OSError, ValueError):
        found = 0
    return found if found > 0 else 32 << 20


def emit_batch(
    schedule: Schedule,
    interface: Interface,
    *,
    bits: int,
    exact: bool,
    lanes: int,
    uniform: Collection[str] = (),
) -> ir.Module:
    """The module, built in the current MLIR context and verified.

    lanes     points in a vector
    uniform   scalar inputs that are the same at all points: their columns are single numbers
    """
    with ir.Location.unknown():
        module = ir.Module.create()
        builder = Builder(module, bits, exact=exact, lanes=lanes)
        plain = _Vectors(builder, schedule, interface, uniform, "")
        plain.kernel.globals()
        plain.emit()
        wide = None
        if _is_short(schedule) and not exact:
            wide = _Vectors(builder.twin(2 * lanes), schedule, interface, uniform, "_pairs")
            wide.emit()
        _emit_block(plain, wide)
    module.operation.verify()
    return module


def _is_short(schedule: Schedule) -> bool:
    """Whether the registers hold two vectors of points at once, so that each hides the latencies
    of the other.
    """
    steps = [step for steps in schedule.functions for step in steps]
    if sum(map(cost, steps)) > PAIRED_OPS or any(isinstance(s, VectorLoop) for s in steps):
        return False
    return not any(op.libm for s in schedule.program.body for op in applied(s.expr))


@dataclass(frozen=True, slots=True)
class _Leaves:
    """The columns of one array of the program: `array.size` of them from `first` on."""

    array: Array
    first: int

    @property
    def is_input(self) -> bool:
        return self.array.role is Role.INPUT


class _Vectors:
    """The kernel at the points of one vector, and the loop over full vectors."""

    def __init__(
        self,
        builder: Builder,
        schedule: Schedule,
        interface: Interface,
        uniform: Collection[str],
        suffix: str,
    ) -> None:
        self.b = builder
        self.points = f"points{suffix}"
        self.full = f"full{suffix}"
        self.interface = interface
        self.uniform = uniform
        parameters = schedule.program.with_role(Role.PARAMETER)
        self.narrowed = [a.name for a in parameters if builder.bits == 32 and a.size <= NARROWED]
        self.kernel = Emitter(builder, schedule, interface, self.narrowed)
        outputs = schedule.program.with_role(Role.OUTPUT)
        ordered = [
            *schedule.program.with_role(Role.INPUT),
            *(a for a in outputs if a.name == interface.returned),
            *(a for a in outputs if a.name != interface.returned),
        ]
        self.leaves = []
        self.count = 0
        for a in ordered:
            self.leaves.append(_Leaves(a, self.count))
            self.count += a.size
        self.lanes_type = builder.number

    def emit(self) -> None:
        """`full(columns, count, past)`: so many full vectors of points, at least one.

        past   whether outputs are written past the cache: their columns begin at whole vectors
        """
        b = self.b
        self.kernel.kernel(self.points, internal=True)
        types = [b.ptr, b.i64, b.i1]
        self.kernel.function(self.full, types, None, internal=True, apart=True, marked=False)
        columns, count, past = b.block.arguments
        entry = b.block
        allocate = _Allocator(b, entry)
        sizes = {name: self.kernel.program.arrays[name].size for name in self.narrowed}
        copies = {name: allocate.elements(size) for name, size in sizes.items()}
        buffers = {
            x.first: allocate(x.array.size)
            for x in self.leaves
            if x.array.name not in self.interface.by_value
            and x.array.name != self.interface.returned
        }
        parameters = [self._narrow(name, copies[name]) for name in self.narrowed]
        single = [x for x in self.leaves if x.array.size <= UNROLLED_COLUMNS]
        pointers = {
            k: self.pointer(columns, k)
            for x in single
            for k in range(x.first, x.first + x.array.size)
        }
        known = {
            x.array.name: b.everywhere(b.load(pointers[x.first], b.element_type))
            for x in self.leaves
            if x.array.name in self.uniform
        }
        with b.loop(count) as index:
            start = b.integer_op("llvm.mul", index, b.integer(b.lanes))

            def column(k: Any) -> Any:
                base = pointers[k] if isinstance(k, int) else self.pointer(columns, k)
                return b.element(base, start, b.element_type)

            passed: dict[str, Any] = {}
            for x in self.leaves:
                name = x.array.name
                if x.first in buffers:
                    passed[name] = buffers[x.first]
                    if x.is_input:
                        with self.each(x) as places:
                            for place, k in places:
                                number = b.load(column(k), self.lanes_type, b.bits // 8)
                                b.store(number, b.element(buffers[x.first], place, b.number), 64)
                elif x.is_input:
                    if name in known:
                        passed[name] = known[name]
                    else:
                        passed[name] = b.load(column(x.first), self.lanes_type, b.bits // 8)
            arguments = [passed[a.name] for a in self.kernel.arguments if a.name in passed]
            arguments += parameters
            result = self.kernel.result
            call = b.build(
                "llvm.call",
                [result] if result is not None else [],
                arguments,
                b.callee(self.points, len(arguments)),
            )
            numbers = {}
            for x in self.leaves:
                if x.array.name == self.interface.returned:
                    numbers[x.first] = call
                elif x.first in buffers and not x.is_input and x.array.size <= UNROLLED_COLUMNS:
                    for place in range(x.array.size):
                        address = b.element(buffers[x.first], place, b.number)
                        numbers[x.first + place] = b.load(address, self.lanes_type, 64)
                elif not x.is_input:
                    with self.each(x) as places:
                        for place, k in places:
                            address = b.element(buffers[x.first], place, b.number)
                            number = b.load(address, self.lanes_type, 64)
                            b.store(number, column(k), b.bits // 8)
            with b.when(past):
                for k, number in numbers.items():
                    self._store_past(number, column(k))
            with b.when(b.negated(past)):
                for k, number in numbers.items():
                    b.store(number, column(k), b.bits // 8)
        b.build("llvm.return", [], [])

    def _store_past(self, x: Any, address: Any) -> None:
        b = self.b
        attributes = {
            "alignment": ir.IntegerAttr.get(b.i64, min(64, b.lanes * b.bits // 8)),
            "nontemporal": ir.UnitAttr.get(),
        }
        b.build("llvm.store", [], [x, address], attributes)

    def pointer(self, columns: Any, k: Any) -> Any:
        """Where column k begins."""
        return self.b.load(self.b.element(columns, k, self.b.ptr), self.b.ptr)

    @contextmanager
    def each(self, x: _Leaves) -> Iterator[list[tuple[Any, Any]]]:
        """Every (place in the array, number of the column); many of them by a loop."""
        b = self.b
        if x.array.size <= UNROLLED_COLUMNS:
            yield [(place, x.first + place) for place in range(x.array.size)]
            return
        with b.loop(b.integer(x.array.size)) as place:
            yield [(place, b.integer_op("llvm.add", place, b.integer(x.first)))]

    def _narrow(self, name: str, copy: Any) -> Any:
        """A copy of a parameter store in the element type, at the address `copy`."""
        b = self.b
        size = self.kernel.program.arrays[name].size
        symbol = {"global_name": ir.FlatSymbolRefAttr.get(name)}
        store = b.load(b.build("llvm.mlir.addressof", [b.ptr], [], symbol), b.ptr)
        wide = ir.VectorType.get([b.lanes], b.f64)
        full, left = divmod(size, b.lanes)
        if full:
            with b.loop(b.integer(full)) as index:
                at = b.integer_op("llvm.mul", index, b.integer(b.lanes))
                numbers = b.load(b.element(store, at, b.f64), wide, 8)
                narrow = b.build("llvm.fptrunc", [self.lanes_type], [numbers])
                b.store(narrow, b.element(copy, at, b.element_type), b.bits // 8)
        for k in range(full * b.lanes, full * b.lanes + left):
            number = b.load(b.element(store, k, b.f64), b.f64)
            narrow = b.build("llvm.fptrunc", [b.element_type], [number])
            b.store(narrow, b.element(copy, k, b.element_type))
        return copy


def _emit_block(plain: _Vectors, wide: _Vectors | None) -> None:
    """`main_block(columns, n)`: pairs of vectors, vectors, and the points that are left."""
    b = plain.b
    plain.kernel.function(BLOCK, [b.ptr, b.i64], None, marked=False)
    columns, n = b.block.arguments
    allocate = _Allocator(b, b.block)
    places, table = allocate(plain.count), allocate.pointers(plain.count)
    rest = allocate.pointers(plain.count) if wide else None
    past = _past(plain, columns, n)
    if wide:
        assert rest is not None
        _loop(b, wide, columns, n, past)
        done = b.integer_op("llvm.and", n, b.integer(-wide.b.lanes))
        n = b.integer_op("llvm.sub", n, done)
        for x in plain.leaves:
            with plain.each(x) as each:
                for _, k in each:
                    source = plain.pointer(columns, k)
                    if x.array.name not in plain.uniform:
                        source = b.element(source, done, b.element_type)
                    b.store(source, b.element(rest, k, b.ptr))
        columns = rest
    _loop(b, plain, columns, n, past)
    with b.when(b.compare_integers("eq", past, _truth(b, True))):
        b.build("llvm.fence", [], [], {"ordering": ir.IntegerAttr.get(b.i64, 7)})
    left = b.integer_op("llvm.and", n, b.integer(b.lanes - 1))
    done = b.integer_op("llvm.sub", n, left)
    with b.when(b.compare_integers("sgt", left, b.integer(0))):
        _emit_rest(plain, columns, done, left, places, table)
    b.build("llvm.return", [], [])


def _loop(b: Builder, vectors: _Vectors, columns: Any, n: Any, past: Any) -> None:
    """The full vectors of n points, if there are any."""
    shift = b.integer(vectors.b.lanes.bit_length() - 1)
    count = b.integer_op("llvm.lshr", n, shift)
    with b.when(b.compare_integers("sgt", count, b.integer(0))):
        b.build("llvm.call", [], [columns, count, past], b.callee(vectors.full, 3))


def _emit_rest(v: _Vectors, columns: Any, done: Any, left: Any, places: Any, table: Any) -> None:
    """The last points, fewer than a vector, by way of the stack."""
    b = v.b
    mask = _first(b, left)
    for x in v.leaves:
        with v.each(x) as each:
            for _, k in each:
                source = v.pointer(columns, k)
                if x.array.name not in v.uniform:
                    source = b.element(source, done, b.element_type)
                    place = b.element(places, k, b.number)
                    if x.is_input:
                        b.store(_masked_load(b, source, mask), place, 64)
                    source = place
                b.store(source, b.element(table, k, b.ptr))
    never = _truth(b, False)
    b.build("llvm.call", [], [table, b.integer(1), never], b.callee(v.full, 3))
    for x in v.leaves:
        if x.is_input:
            continue
        with v.each(x) as each:
            for _, k in each:
                target = b.element(v.pointer(columns, k), done, b.element_type)
                number = b.load(b.element(places, k, b.number), b.number, 64)
                _masked_store(b, number, target, mask)


def _past(v: _Vectors, columns: Any, n: Any) -> Any:
    """Whether the outputs exceed the cache, and all begin at whole vectors."""
    b = v.b
    outputs = [
        k for x in v.leaves if not x.is_input for k in range(x.first, x.first + x.array.size)
    ]
    size = b.bits // 8
    if not outputs or len(outputs) > UNROLLED_COLUMNS:
        return _truth(b, False)
    bits = b.integer(0)
    for k in outputs:
        address = b.build("llvm.ptrtoint", [b.i64], [v.pointer(columns, k)])
        bits = b.integer_op("llvm.or", bits, address)
    off = b.integer_op("llvm.and", bits, b.integer(b.lanes * size - 1))
    aligned = b.compare_integers("eq", off, b.integer(0))
    limit = last_level_cache() // (size * len(outputs))
    many = b.compare_integers("sgt", n, b.integer(limit))
    return b.build("llvm.and", [b.i1], [aligned, many])


def _truth(b: Builder, x: bool) -> Any:
    return b.constant_op(ir.BoolAttr.get(x), b.i1)


def _first(b: Builder, left: Any) -> Any:
    """The mask of the first `left` lanes."""
    type = ir.VectorType.get([b.lanes], b.i32)
    numbers = ir.DenseElementsAttr.get(np.arange(b.lanes, dtype=np.int32), type=b.i32)
    lane = b.constant_op(numbers, type)
    short = b.build("llvm.trunc", [b.i32], [left])
    poison = b.build("llvm.mlir.poison", [type], [])
    one = b.build("llvm.insertelement", [type], [poison, short, b.integer(0)])
    zeros = {"mask": ir.DenseI32ArrayAttr.get([0] * b.lanes)}
    limit = b.build("llvm.shufflevector", [type], [one, poison], zeros)
    return b.compare_integers("ult", lane, limit)


def _masked_load(b: Builder, address: Any, mask: Any) -> Any:
    aligned = {"alignment": ir.IntegerAttr.get(b.i32, b.bits // 8)}
    operands = [address, mask, b.constant(1.0)]
    return b.build("llvm.intr.masked.load", [b.number], operands, aligned)


def _masked_store(b: Builder, x: Any, address: Any, mask: Any) -> None:
    aligned = {"alignment": ir.IntegerAttr.get(b.i32, b.bits // 8)}
    b.build("llvm.intr.masked.store", [], [x, address, mask], aligned)


class _Allocator:
    """Memory on the stack of the function that has just begun."""

    def __init__(self, builder: Builder, entry: Any) -> None:
        self.b = builder
        self.entry = entry

    def __call__(self, numbers: int) -> Any:
        return self._allocate(numbers, self.b.number)

    def elements(self, count: int) -> Any:
        """Single elements, in whole vectors."""
        return self._allocate(-(-count // self.b.lanes), self.b.number)

    def pointers(self, count: int) -> Any:
        return self._allocate(count, self.b.ptr)

    def _allocate(self, count: int, type: Any) -> Any:
        b = self.b
        assert b.block == self.entry
        attributes = {
            "elem_type": ir.TypeAttr.get(type),
            "alignment": ir.IntegerAttr.get(b.i64, 64),
        }
        return b.build("llvm.alloca", [b.ptr], [b.integer(count)], attributes)
