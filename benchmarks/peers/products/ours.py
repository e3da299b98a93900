"""This project: the code that its compiler emits for a product, in a loop of its own."""

from __future__ import annotations

import ctypes
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.peers import Clock, Prepared
from benchmarks.peers.ours import versions
from benchmarks.peers.products import RATE, ends, operands, turned
from lowering import NativeModule, processor
from lowering.bindings import context
from micrograd.jit.dialect.blocks import new_module
from micrograd.jit.emit.builder import Builder
from micrograd.jit.emit.native import native
from micrograd.jit.emit.product import Into, Matrix, Product, emit_product
from micrograd.jit.target import Target

__all__ = ["CONTESTANTS", "versions"]


def product(setting: dict[str, Any]) -> Prepared:
    """All sizes known; `cpu` is a processor to compile for."""
    left, right, result = operands(setting)
    cpu = setting.get("cpu")
    target = Target.host(result.dtype, processor=processor(cpu) if cpu else None)
    clock = Clock()
    code = _compiled(setting, target, left.shape, right.shape, result.shape)
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
        return native(module, target)


CONTESTANTS = {"product": product}
