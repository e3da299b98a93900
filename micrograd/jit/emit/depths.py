"""The depths of the nodes of a graph, by machine code: a loop that Python takes a hundred times as
long for, and NumPy cannot do at once.

    void depths(i64 n, const i64 *code, const i64 *x, y, z, const i8 *link, i64 *depth)

`depth` has room for one more node, which stands for operands that there are not, and is all zero.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lowering import LoweringError
from lowering.bindings import ir

from ...locks import Lock
from ..dialect.blocks import new_module
from ..ir.graph import FIRST_OP, MADE_DEPTHS
from ..target import Target
from .builder import Builder
from .native import native

Ints = npt.NDArray[np.int64]

_made: list[tuple[Any, Callable[..., None]] | None] = []
_lock = Lock()


def depths(codes: Ints, operands: Sequence[Ints], links: npt.NDArray[np.bool_]) -> Ints | None:
    """Of each node one more than that of its deepest operand, of a link as much; of leaves 0.

    None if no machine code can be made.
    """
    with _lock:
        if not _made:
            try:
                _made.append(_compiled())
                MADE_DEPTHS.append(depths)
            except LoweringError:
                _made.append(None)
    if _made[0] is None:
        return None
    found = np.zeros(len(codes) + 1, dtype=np.int64)
    columns = [np.ascontiguousarray(column) for column in (codes, *operands, links)]
    _made[0][1](len(codes), *(column.ctypes.data for column in columns), found.ctypes.data)
    return found[:-1]


def _compiled() -> tuple[Any, Callable[..., None]]:
    target = Target.host(np.float64, strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            _emit(Builder(module, target))
        return module

    made = native(module, target, ("depths",), opt_level=1, passes=False)
    types = [ctypes.c_ssize_t, *[ctypes.c_size_t] * 6]
    return made, ctypes.CFUNCTYPE(None, *types)(made.address("depths"))


def _emit(b: Builder) -> None:
    byte = ir.IntegerType.get_signless(8)
    start = b.function("depths", [b.i64, *[b.ptr] * 6], attributes=b.as_written)
    n, code, *operands, link, depth = start.arguments
    with b.each(n) as node:

        def word(array: ir.Value, at: ir.Value = node) -> ir.Value:
            return b.load(b.element(array, at, b.i64), b.i64)

        is_op = b.compare_integers("sge", word(code), b.integer(FIRST_OP))
        with b.when(is_op):
            deepest = b.integer(0)
            for operand in operands:
                at = word(operand)
                there = b.compare_integers("sge", at, b.integer(0))
                at = b.build("llvm.select", [b.i64], [there, at, n])
                found = word(depth, at)
                deeper = b.compare_integers("sgt", found, deepest)
                deepest = b.build("llvm.select", [b.i64], [deeper, found, deepest])
            joined = b.load(b.element(link, node, byte), byte)
            joined = b.build("llvm.zext", [b.i64], [joined])
            more = b.build("llvm.sub", [b.i64], [b.integer(1), joined])
            deepest = b.build("llvm.add", [b.i64], [deepest, more])
            b.store(deepest, b.element(depth, node, b.i64))
    b.leave()
