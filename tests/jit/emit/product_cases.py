"""Products as the tests compile them: a function of three addresses and three sizes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context
from micrograd.jit.dialect.blocks import new_module
from micrograd.jit.emit.builder import Builder
from micrograd.jit.emit.native import native
from micrograd.jit.emit.product import Finish, Into, Matrix, Product, emit_product
from micrograd.jit.target import Target

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Case:
    """Sizes, whether they are known, layouts of the operands, and what becomes of the result."""

    rows: int
    columns: int
    depth: int
    run_time: tuple[bool, bool, bool] = (False, False, False)
    left: str = "rows"
    right: str = "rows"
    result: str = "rows"
    finish: str = "store"


def strides(kind: str, rows: int, columns: int) -> tuple[int, int]:
    """How far rows and columns are apart."""
    return {
        "rows": (columns, 1),
        "columns": (1, rows),
        "padded": (columns + 3, 1),
        "sparse": (2 * columns + 5, 2),
    }[kind]


def extent(kind: str, rows: int, columns: int) -> int:
    """How many elements lie from the first to the last."""
    row, column = strides(kind, rows, columns)
    return (rows - 1) * row + (columns - 1) * column + 1 if rows and columns else 0


def view(memory: Array, kind: str, rows: int, columns: int) -> Array:
    """The matrix that lies there."""
    row, column = strides(kind, rows, columns)
    size = memory.itemsize
    return np.lib.stride_tricks.as_strided(memory, (rows, columns), (row * size, column * size))


def compiled(case: Case, target: Target) -> lowering.NativeModule:
    """`f(left, right, result, rows, columns, depth)`."""
    with context():
        with new_module() as module:
            b = Builder(module, target)
            entry = b.function("f", [b.ptr, b.ptr, b.ptr, b.i64, b.i64, b.i64])
            a, c, r, *given = entry.arguments
            known = case.rows, case.columns, case.depth
            sizes = [
                y if late else x for x, y, late in zip(known, given, case.run_time, strict=True)
            ]
            m, n, k = known
            left, right = (
                Matrix(a, *strides(case.left, m, k)),
                Matrix(c, *strides(case.right, k, n)),
            )
            finish = FINISHES[case.finish](b, Matrix(r, *strides(case.result, m, n)))
            emit_product(b, Product(*sizes, left, right), finish)
            b.leave()
        return native(lambda: module, target, None)


def _hook(b: Builder, into: Matrix) -> Finish:
    """Twice the old, less what comes."""

    def emit(piece: Any, x: Any, operands: Any, scalars: Any) -> None:
        w = piece.b
        old = piece.load(operands[0])
        twice = w.build("llvm.fmul", [x.type], [old, w.splat(scalars[0], piece.width)])
        piece.store(w.build("llvm.fsub", [x.type], [twice, x]), operands[0])

    return Finish("twice", (into,), (b.constant(2.0),), emit)


FINISHES: dict[str, Callable[[Builder, Matrix], Into | Finish]] = {
    "store": lambda b, into: Into(into),
    "add": lambda b, into: Into(into, None),
    "scaled": lambda b, into: Into(into, None, b.constant(-0.5)),
    "started": lambda b, into: Into(into, 1.5, b.constant(2.0)),
    "hook": _hook,
}

EXPECTED: dict[str, Callable[[Array, Array], Array]] = {
    "store": lambda x, old: x,
    "add": lambda x, old: old + x,
    "scaled": lambda x, old: old - 0.5 * x,
    "started": lambda x, old: 1.5 + 2.0 * x,
    "hook": lambda x, old: 2.0 * old - x,
}


def run(code: lowering.NativeModule, case: Case, left: Array, right: Array, result: Array) -> None:
    """One call."""
    f = code.function("f", None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 3)
    addresses = left.ctypes.data, right.ctypes.data, result.ctypes.data
    f(*addresses, case.rows, case.columns, case.depth)
