"""Emits the loop that runs `main` for one block of rows of data after the other.

    @over_rows(addresses, rows, first, last)     blocks from `first` on, before `last`

`addresses` has that of every argument of `main`, in order. Those of rows, and of what there is one
of for each row, are of the first row, and move on from block to block; all else stays. A block has
`size` rows, the last one perhaps fewer. From the last row to the first, if `backwards`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lowering.bindings import ir

from ..dialect.blocks import Blocks
from ..dialect.operations import float_type
from ..ir.program import Program, Role
from ..target import Target
from .interface import ENTRY, Interface

OVER_ROWS = "over_rows"


def emit_over_rows(
    module: ir.Module,
    program: Program,
    interface: Interface,
    target: Target,
    moving: Mapping[str, int],
    size: int,
    *,
    backwards: bool = False,
    internal: bool = False,
) -> None:
    """Append `over_rows` to the module of a `main` whose arguments go by address.

    moving     how many numbers a row has, of the arrays that it moves along
    internal   whether only this module calls it
    """
    with ir.Location.unknown():
        b = Blocks(module, target)
        entry = b.function(OVER_ROWS, [b.ptr, b.i64, b.i64, b.i64], internal=internal)
        addresses, rows, first, last = entry.arguments
        passed = interface.arguments(program)
        given = [b.load(b.element(addresses, k, b.ptr), b.ptr) for k in range(len(passed))]
        count = b.alloca(1, b.i64)
        bits = 8 * target.dtype.itemsize
        with b.each(b.integer_op("llvm.sub", last, first)) as k:
            block = b.integer_op("llvm.add", first, k)
            start = b.integer_op("llvm.mul", block, b.integer(size))
            if backwards:
                behind = b.integer_op("llvm.sub", rows, start)
                start = b.integer_op("llvm.sub", behind, b.integer(size))
            some = _least(b, b.integer_op("llvm.sub", rows, start), b.integer(size))
            b.store(some, count)
            arguments = []
            for a, address in zip(passed, given, strict=True):
                if a.role is Role.EXTENT:
                    address = count
                elif a.name in moving:
                    at = b.integer_op("llvm.mul", start, b.integer(moving[a.name]))
                    index = {"i32": b.i32, "i64": b.i64}.get(a.dtype)
                    address = b.element(address, at, index or float_type(bits))
                arguments.append(address)
            b.call(ENTRY, arguments)
        b.leave()


def _least(b: Blocks, x: ir.Value, y: ir.Value) -> ir.Value:
    """The smaller of two integers."""
    return b.build("llvm.intr.smin", [b.i64], [x, y])
