"""Schedule -> MLIR module that computes a kernel at many points at once.

Establishes

    @main_block(columns, n)    the kernel at n points; what columns are, points.py says

Where outputs exceed the last-level cache they are written past it, once they begin at whole
vectors: the points before go first, by way of the stack. So do those that are left behind the last
full vector: no more is read or written than is there.
"""

from __future__ import annotations

from typing import Any

from lowering.bindings import ir

from ..dialect.blocks import new_module
from ..ir.program import asks
from ..schedule.lanes import VectorLoop
from ..schedule.schedule import Schedule, cost
from ..target import Target
from . import masks
from .builder import Builder
from .call_memory import CallMemory
from .interface import BLOCK, Interface
from .points import Vectors

PAIRED_OPS = 90
"""Kernels of at most so many operations take two vectors at once."""
ASKING_OPS = 360
"""The same of kernels whose loops go on as long as a condition holds: each iteration waits for the
one before it, so that a second vector costs less than it gains, although its registers are spilled.
"""
WRITTEN_OUT = 64
"""Points, at most, of the loops beside those."""
MOST_STREAMS = 12
"""Kernels with more outputs write them through the cache, unless in whole lines."""
LINE = 64
"""Bytes of a line of the cache."""


def emit_block(schedule: Schedule, interface: Interface, target: Target) -> ir.Module:
    """The module, built in the current MLIR context and verified; a vector is of points."""
    with new_module() as module:
        builder = Builder(module, target, lanes=target.lanes)
        plain = Vectors(builder, schedule, interface, "")
        plain.kernel.globals()
        plain.emit()
        wide = None
        if _is_short(schedule) and not target.strict and target.lanes > 1:
            wide = Vectors(builder.twin(2 * target.lanes), schedule, interface, "_pairs")
            wide.emit()
        _emit_main(plain, wide)
    return module


def _is_short(schedule: Schedule) -> bool:
    """Whether the registers hold two vectors of points at once, so that each hides the latencies
    of the other.
    """
    operations = sum(cost(step) for steps in schedule.functions for step in steps)
    loops = [step for step in schedule.steps if isinstance(step, VectorLoop)]
    if asks(schedule.program.body):
        points = sum(s.points for loop in loops for s in loop.group.statements)
        return operations <= ASKING_OPS and points <= WRITTEN_OUT
    return operations <= PAIRED_OPS and not loops


def _emit_main(plain: Vectors, wide: Vectors | None) -> None:
    """Emit `main_block`.

    plain   a vector at a time
    wide    two vectors at a time, while there are two
    """
    b = plain.b
    _emit_few(plain)
    plain.kernel.function(BLOCK, [b.ptr, b.i64], None, marked=False)
    columns, n = b.block.arguments
    past, before = _past(plain, columns, n, (wide or plain).b.lanes)
    vector = plain.b.lanes * plain.b.bits // 8
    for k in range(max(1, LINE // vector)):  # vectors that begin before the first whole line
        first = b.integer(k * plain.b.lanes)
        rest = b.integer_op("llvm.sub", before, first)
        some = b.build("llvm.intr.smin", [b.i64], [rest, b.integer(plain.b.lanes)])
        with b.when(b.compare_integers("sgt", rest, b.integer(0))):
            b.call("few", [columns, first, some])
    start = before
    for vectors in [wide, plain] if wide else [plain]:
        rest = b.integer_op("llvm.sub", n, start)
        shift = b.integer(vectors.b.lanes.bit_length() - 1)
        count = b.integer_op("llvm.lshr", rest, shift)
        with b.when(b.compare_integers("sgt", count, b.integer(0))):
            b.call(vectors.full, [columns, start, count, past])
        start = b.integer_op("llvm.add", start, b.integer_op("llvm.shl", count, shift))
    with b.when(past):  # what was written past the cache is there for other threads to see
        b.build("llvm.fence", [], [], {"ordering": ir.IntegerAttr.get(b.i64, 7)})
    left = b.integer_op("llvm.sub", n, start)
    with b.when(b.compare_integers("sgt", left, b.integer(0))):
        b.call("few", [columns, start, left])
    b.leave()


def _emit_few(v: Vectors) -> None:
    """`few(columns, start, count)`: fewer points than a vector has, by way of the stack."""
    b = v.b
    types = [b.ptr, b.i64, b.i64]
    v.kernel.function("few", types, None, internal=True, apart=True, marked=False)
    columns, start, count = b.block.arguments
    if b.lanes == 1:  # every vector is full
        b.call(v.full, [columns, start, count, _truth(b, False)])
        b.leave()
        return
    memory = CallMemory(b, b.block)
    places = memory.allocate(v.count, b.number, b.lanes * b.bits // 8)
    table = memory.allocate(v.count, b.ptr, 8)
    mask = masks.first(b, b.lanes, count)
    for x in v.leaves:
        with v.each(x) as each:
            for _, k in each:
                source = b.element(places, k, b.number)
                if x.is_input:
                    column = v.column(columns, k, start)
                    # what is not there: 0 is an index of every table
                    other = b.constant(0.0 if x.array.is_index else 1.0)
                    b.store(masks.load(b, column, mask, other), source, 64)
                b.store(source, b.element(table, k, b.ptr))
    b.call(v.full, [table, b.integer(0), b.integer(1), _truth(b, False)])
    for x in v.leaves:
        if x.is_input:
            continue
        with v.each(x) as each:
            for _, k in each:
                number = b.load(b.element(places, k, b.number), b.number, 64)
                masks.store(b, number, v.column(columns, k, start), mask)
    memory.release()
    b.leave()


def _past(v: Vectors, columns: Any, n: Any, at_once: int) -> tuple[Any, Any]:
    """Whether the outputs exceed the cache and all begin equally far from a whole vector; and how
    many points lie before it, or 0.

    at_once   points that are computed at once: where they fill cache lines, the outputs may be many
    """
    b = v.b
    outputs = [
        k for x in v.leaves if not x.is_input for k in range(x.first, x.first + x.array.size)
    ]
    size = b.bits // 8
    many = len(outputs) > MOST_STREAMS
    if not outputs or (many and at_once * size % LINE):
        return _truth(b, False), b.integer(0)
    addresses = [b.build("llvm.ptrtoint", [b.i64], [v.column(columns, k)]) for k in outputs]
    apart = b.integer(0)
    for address in addresses[1:]:
        difference = b.integer_op("llvm.xor", address, addresses[0])
        apart = b.integer_op("llvm.or", apart, difference)
    within = b.integer((LINE if many else b.lanes * size) - 1)
    alike = b.compare_integers("eq", b.integer_op("llvm.and", apart, within), b.integer(0))
    even = b.integer_op("llvm.and", addresses[0], b.integer(size - 1))
    alike = b.both(alike, b.compare_integers("eq", even, b.integer(0)))
    limit = b.target.last_cache // (size * len(outputs))
    past = b.both(alike, b.compare_integers("sgt", n, b.integer(limit)))
    short = b.integer_op("llvm.and", b.integer_op("llvm.sub", b.integer(0), addresses[0]), within)
    points = b.integer_op("llvm.lshr", short, b.integer(size.bit_length() - 1))
    return past, b.select(past, points, b.integer(0))


def _truth(b: Builder, x: bool) -> Any:
    return b.constant_op(ir.BoolAttr.get(x), b.i1)
