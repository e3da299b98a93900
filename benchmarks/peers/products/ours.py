"""This project: the code that its compiler emits for a product, in a loop of its own."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.peers import Clock, Prepared
from benchmarks.peers.ours import versions
from benchmarks.peers.products import RATE, ends, operands, turned
from lowering import NativeModule, processor
from lowering.bindings import context, ir
from micrograd.jit.dialect.blocks import new_module
from micrograd.jit.emit.builder import Builder
from micrograd.jit.emit.native import native
from micrograd.jit.emit.product import Into, Matrix, Product, emit_product
from micrograd.jit.emit.product_kernel import Shape
from micrograd.jit.emit.product_library import declared
from micrograd.jit.target import Target

__all__ = ["CONTESTANTS", "versions"]


def product(setting: dict[str, Any]) -> Prepared:
    """All sizes known; `cpu` is a processor to compile for."""
    return _prepared(setting, _compiled)


def kernel(setting: dict[str, Any]) -> Prepared:
    """The micro-kernel of that many rows and columns."""
    return _prepared(setting, _kernel)


def peak(setting: dict[str, Any]) -> Prepared:
    """As many multiplications and additions of vectors as the micro-kernel does, in registers."""
    return _prepared(setting, _peak)


def _prepared(setting: dict[str, Any], compiled: Callable[..., NativeModule]) -> Prepared:
    left, right, result = operands(setting)
    cpu = setting.get("cpu")
    target = Target.host(result.dtype, processor=processor(cpu) if cpu else None)
    clock = Clock()
    code = compiled(setting, target, left.shape, right.shape, result.shape)
    f = code.function("f", None, *[ctypes.c_void_p] * 3, ctypes.c_int64)
    addresses = [x.ctypes.data for x in (left, right, result)]

    def run(count: int, kept: Any = (left, right, result)) -> float:
        then = perf_counter()
        f(*addresses, count)
        return perf_counter() - then

    run(1)
    return Prepared(ends(result), run, {"first": clock()})


def _compiled(
    setting: dict[str, Any],
    target: Target,
    left: tuple[int, ...],
    right: tuple[int, ...],
    result: tuple[int, ...],
) -> NativeModule:
    ta, tb = turned(setting)
    (m, n), k = result, left[0] if ta else left[1]
    with context():
        with new_module() as module:
            b = Builder(module, target)
            entry = b.function("f", [b.ptr, b.ptr, b.ptr, b.i64])
            *bases, count = entry.arguments
            x = Matrix(bases[0], *((1, left[1]) if ta else (left[1], 1)))
            y = Matrix(bases[1], *((1, right[1]) if tb else (right[1], 1)))
            into = Into(Matrix(bases[2], n, 1))
            if setting["what"] == "update":
                into = Into(into.matrix, None, b.constant(float(np.float64(-RATE))))
            with b.each(count):
                emit_product(b, Product(m, n, k, x, y), into)
            b.leave()
        return native(lambda: module, target, None)


@contextmanager
def _repeated(target: Target) -> Iterator[tuple[Builder, list[Any]]]:
    """The body of a loop in `f(left, right, result, count)`: the builder and the addresses."""
    with new_module() as module:
        b = Builder(module, target)
        entry = b.function("f", [b.ptr, b.ptr, b.ptr, b.i64])
        *bases, count = entry.arguments
        with b.each(count):
            yield b, bases
        b.leave()


def _kernel(setting: dict[str, Any], target: Target, *_: Any) -> NativeModule:
    depth, columns = setting["inputs"], setting["outputs"]
    shape = Shape(setting["rows"], columns // target.lanes, ragged=False, adjacent=False)
    with context():
        with _repeated(target) as (b, (left, right, result)):
            n, k, zero, one = map(b.integer, (columns, depth, 0, 1))
            with b.inside(ir.InsertionPoint.at_block_begin(b.block.region.blocks[0])):
                start = b.alloca(target.lanes, b.element_type)
            b.store(b.constant_vector(0.0, target.lanes, b.element_type), start)
            given = [k, left, k, one, right, n, result, n, start, zero, zero]
            given += [b.integer(target.lanes), b.constant(1.0), b.constant(-inf)]
            b.call(declared(b, shape), [*given, zero, result, zero])
        return native(lambda: b.module, target, None)


def _peak(setting: dict[str, Any], target: Target, *_: Any) -> NativeModule:
    count = setting["rows"] * setting["outputs"] // target.lanes
    with context():
        with _repeated(target) as (b, (left, right, result)):
            x, y = (b.load(base, b.vector(target.lanes)) for base in (left, right))

            def step(k: Any, sums: list[Any]) -> list[Any]:
                return [b.build("llvm.intr.fma", [x.type], [x, y, z]) for z in sums]

            zero = b.constant_vector(0.0, target.lanes, b.element_type)
            sums = [b.load(result, b.vector(target.lanes))] + [zero] * (count - 1)
            sums = b.loop_carried(b.integer(setting["inputs"]), sums, step)
            for z in sums[1:]:
                sums[0] = b.build("llvm.fadd", [x.type], [sums[0], z])
            b.store(sums[0], result)
        return native(lambda: b.module, target, None)


CONTESTANTS = {"product": product, "kernel": kernel, "peak": peak}
