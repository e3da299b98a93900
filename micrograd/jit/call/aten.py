"""Emits the functions that PyTorch calls for kernels' points, by its C interface.

Source: torch/csrc/stable/library.h, which PyTorch ships and keeps compatible. A function gets a
stack of words: tensors that it owns, and a number; it puts tensors on it that it has made. Where
anything is not as it should be, these are undefined, which Python has as None, and nothing is an
error.

The function of a kernel, `torch_handler`, has the room for a call; all else does `torch_run`, which
there is once, by what the kernel has written down.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import lowering
from lowering.bindings import ir

from ..dialect.blocks import new_module
from ..emit.builder import Builder
from ..emit.interface import BLOCK
from ..emit.native import native
from ..target import Target
from .aten_columns import (
    ARITY,
    MOST,
    OUTPUTS,
    POINTS,
    RANK,
    SHAPE,
    SIZES,
    WORDS,
    Columns,
)
from .callable import immortal
from .cpython import Objects

HANDLER = "torch_handler"
"""The symbol."""
RUN = "torch_run"
"""The symbol of what handlers call."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What a handler passes, and in which tensors.

    sizes     how many numbers each argument is a row of; 0 for one that is no row
    results   how many there are
    most      points that are not worth several threads
    outputs   1; or 2: it gives a second tensor, of float64 and without elements
    dtype     what PyTorch calls that of the columns
    wide      what it calls float64
    device    what it calls this process's memory
    """

    sizes: tuple[int, ...]
    results: int
    most: int
    outputs: int
    dtype: int
    wide: int
    device: int

    @property
    def columns(self) -> int:
        """Of all numbers of a point."""
        return sum(max(1, n) for n in self.sizes) + self.results


def emit_handler(module: ir.Module, handled: Handled, target: Target) -> None:
    """Append the function `torch_handler(stack, inputs, outputs)` to the module of a kernel's
    points. Its inputs are the tensors, and 1 if they should have the same points, 0 if they
    broadcast. It calls `torch_run`.
    """
    with ir.Location.unknown():
        o = Objects(Builder(module, target))
        b, h = o.b, handled
        facts = [len(h.sizes), h.results, b.bits // 8, h.most, h.outputs, h.dtype, h.wide, h.device]
        b.data("torch_facts", np.array([*facts, *h.sizes], np.int64), o.i64)
        stack, _, _ = o.function(HANDLER, [o.ptr, o.i64, o.i64], None).arguments
        table, owned = o.allocate(h.columns, o.ptr), o.allocate(len(h.sizes) + 2, o.ptr)
        b.declare(RUN, "(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr)")
        b.call(RUN, [stack, b.address("torch_facts"), b.address(BLOCK), table, owned])
        b.leave()


@functools.cache
def _compiled(addresses: tuple[tuple[str, int], ...]) -> lowering.NativeModule:
    target = Target.host(strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            _Run(Objects(Builder(module, target))).emit()
        return module

    code = native(module, target, ("torch run",), symbols=dict(addresses))
    immortal(code)
    return code


def run_address(addresses: Mapping[str, int]) -> int:
    """The address of `torch_run(stack, facts, block, table, owned)`; it lives as long as the
    process.

    addresses   those of the functions of PyTorch
    """
    return _compiled(tuple(sorted(addresses.items()))).address(RUN)


class _Run:
    """Emits the function, behind those of aten_columns.py."""

    def __init__(self, objects: Objects) -> None:
        self.o, self.b = objects, objects.b
        self.columns = Columns(objects)

    def emit(self) -> None:
        """All of it."""
        self.columns.emit()
        o, b = self.o, self.b
        stack, facts, block, table, owned = o.function(RUN, [o.ptr] * 5, None).arguments
        shared, column = o.allocate(WORDS, o.i64), o.allocate(1, o.ptr)
        arity, outputs = o.word(facts, 8 * ARITY), o.word(facts, 8 * OUTPUTS)
        copies = o.at(owned, 16)  # behind the results
        with o.loop(o.integer_op("add", arity, 2)) as k:
            b.store(o.null(), o.at(owned, k, o.ptr))
        b.store(o.integer(-1), o.at(shared, 8 * RANK))
        b.store(table, column)
        failed, done = o.block(), o.block()
        alike = b.load(o.at(stack, arity, o.i64), o.i64)
        with o.loop(arity) as k:
            seen = b.call(
                "torch_seen", [*self._tensor(stack, facts, k), alike, facts, shared], o.i1
            )
            o.require(seen, failed)
        self._count(shared, facts, failed)
        with o.loop(arity) as k:
            own = [o.at(copies, k, o.ptr), column]
            tensor = self._tensor(stack, facts, k)
            o.require(b.call("torch_placed", [*tensor, facts, shared, *own], o.i1), failed)
        o.require(b.call("torch_made", [facts, shared, owned, column], o.i1), failed)
        b.call(block, [table, o.word(shared, 8 * POINTS)])
        o.go_to(done)
        b.enter(failed)
        with o.loop(outputs) as k:
            result = o.at(owned, k, o.ptr)
            self.columns.delete(b.load(result, o.ptr))
            self.columns.call("aoti_torch_new_uninitialized_tensor", result)
        o.go_to(done)
        b.enter(done)
        with o.loop(arity) as k:
            self.columns.delete(b.load(o.at(stack, k, o.ptr), o.ptr))
            self.columns.delete(b.load(o.at(copies, k, o.ptr), o.ptr))
        with o.loop(outputs) as k:
            b.store(b.load(o.at(owned, k, o.ptr), o.ptr), o.at(stack, k, o.ptr))
        b.leave()

    def _tensor(self, stack: ir.Value, facts: ir.Value, k: ir.Value) -> list[ir.Value]:
        """A tensor that was given, and of how many numbers its rows are."""
        o, b = self.o, self.b
        row = b.load(o.at(o.at(facts, 8 * SIZES), k, o.i64), o.i64)
        return [b.load(o.at(stack, k, o.ptr), o.ptr), row]

    def _count(self, shared: ir.Value, facts: ir.Value, failed: ir.Block) -> None:
        """Count the points."""
        o, b = self.o, self.b
        points = o.at(shared, 8 * POINTS)
        b.store(o.integer(1), points)
        with o.loop(o.word(shared, 8 * RANK)) as j:
            size = b.load(o.at(o.at(shared, 8 * SHAPE), j, o.i64), o.i64)
            b.store(o.integer_op("mul", b.load(points, o.i64), size), points)
        found = b.load(points, o.i64)
        o.require(o.compare("sgt", found, 0), failed)
        o.require(o.compare("slt", found, o.word(facts, 8 * MOST)), failed)
