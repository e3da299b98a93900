"""The depths of the nodes of a graph, by machine code: a loop that Python takes a hundred times as
long for, and NumPy cannot do at once.

    void depths(i64 n, const i64 *code, const i64 *x, y, z, const i8 *link, i64 *depth)

`depth` has room for one more node, which stands for operands that there are not, and is all zero.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import ir

from ..ir.graph import FIRST_OP, MADE_DEPTHS
from .builder import Builder
from .host_code import HostCode

Ints = npt.NDArray[np.int64]


def depths(codes: Ints, operands: Sequence[Ints], links: npt.NDArray[np.bool_]) -> Ints | None:
    """Of each node one more than that of its deepest operand, of a link as much; of leaves 0.

    None if no machine code can be made.
    """
    code = _CODE.get()
    if code is None:
        return None
    found = np.zeros(len(codes) + 1, dtype=np.int64)
    columns = [np.ascontiguousarray(column) for column in (codes, *operands, links)]
    _, function = code
    function(len(codes), *(column.ctypes.data for column in columns), found.ctypes.data)
    return found[:-1]


def _function(made: lowering.NativeModule) -> tuple[lowering.NativeModule, Callable[..., None]]:
    MADE_DEPTHS.append(depths)
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


_CODE = HostCode("depths", _emit, _function, opt_level=1)
