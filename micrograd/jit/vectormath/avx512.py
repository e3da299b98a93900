"""Instructions of AVX-512, on vectors of 512 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lowering.bindings import ir

CURRENT = 4
"""Round as the processor is set to."""
UNSIGNED = 12
"""Mantissas in [1, 2), nan for negative numbers."""


def instruction(b: Any, name: str, operands: Sequence[ir.Value]) -> ir.Value:
    """The instruction of that name in LLVM; its result has the type of the first operand."""
    attributes = {
        "intrin": ir.StringAttr.get(f"llvm.x86.avx512.{name}"),
        "op_bundle_sizes": ir.DenseI32ArrayAttr.get([]),
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([len(operands), 0]),
    }
    value: ir.Value = b.build("llvm.call_intrinsic", [operands[0].type], list(operands), attributes)
    return value


def scale(b: Any, x: ir.Value, n: ir.Value) -> ir.Value:
    """x * 2**floor(n)."""
    return instruction(b, f"mask.scalef.{_suffix(x)}", [x, n, x, _every(b, x), _i32(b, CURRENT)])


def exponent(b: Any, x: ir.Value) -> ir.Value:
    """floor(log2 |x|)."""
    return instruction(b, f"mask.getexp.{_suffix(x)}", [x, x, _every(b, x), _i32(b, CURRENT)])


def mantissa(b: Any, x: ir.Value) -> ir.Value:
    """x * 2**-exponent."""
    operands = [x, _i32(b, UNSIGNED), x, _every(b, x), _i32(b, CURRENT)]
    return instruction(b, f"mask.getmant.{_suffix(x)}", operands)


def _suffix(x: ir.Value) -> str:
    return "pd.512" if x.type.shape[0] == 8 else "ps.512"


def _i32(b: Any, n: int) -> ir.Value:
    return _integer(b, 32, n)


def _every(b: Any, x: ir.Value) -> ir.Value:
    """A mask that leaves no lane out."""
    return _integer(b, x.type.shape[0], -1)


def _integer(b: Any, bits: int, n: int) -> ir.Value:
    type = ir.IntegerType.get_signless(bits)
    value: ir.Value = b.build(
        "llvm.mlir.constant", [type], [], {"value": ir.IntegerAttr.get(type, n)}
    )
    return value
