"""Instructions of AVX-512, on vectors of 512 bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from lowering.bindings import ir

from ..dialect.blocks import Blocks

CURRENT = 4
"""Round as the processor is set to."""
UNSIGNED = 12
"""Mantissas in [1, 2), nan for negative numbers."""

PERMUTATIONS = {
    (64, 8): "permvar.df.512",
    (64, 16): "vpermi2var.pd.512",
    (32, 16): "permvar.sf.512",
    (32, 32): "vpermi2var.ps.512",
}
"""(bits, entries) of a table -> the permutation that looks up in it."""

T = TypeVar("T")


def instruction(b: Blocks, name: str, operands: Sequence[ir.Value]) -> ir.Value:
    """The instruction of that name in LLVM; its result has the type of the first operand."""
    attributes = {
        "intrin": ir.StringAttr.get(f"llvm.x86.avx512.{name}"),
        "op_bundle_sizes": ir.DenseI32ArrayAttr.get([]),
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([len(operands), 0]),
    }
    value: ir.Value = b.build("llvm.call_intrinsic", [operands[0].type], list(operands), attributes)
    return value


def by_register(operands: Sequence[Any], build: Callable[[Sequence[Any]], T]) -> T:
    """What `build` gives for operands of 512 bits, for lanes of any number; see numbers.py."""
    width = operands[0].width
    full = 512 // operands[0].bits
    found: list[Any] = []
    for start in range(0, width, full):
        # what lies in lanes beyond the operands is nobody's business: poison
        lanes = [start + k if start + k < width else -1 for k in range(full)]
        found.append(build([x.shuffle(x, x, lanes) for x in operands]))
    while len(found) > 1:
        lanes = list(range(2 * found[0].width))
        pairs = zip(found[::2], found[1::2], strict=True)
        found = [x.shuffle(x, y, lanes) for x, y in pairs]
    whole: T = found[0].shuffle(found[0], found[0], range(width))
    return whole


def scale(b: Blocks, x: ir.Value, n: ir.Value, otherwise: ir.Value, lanes: ir.Value) -> ir.Value:
    """x * 2**floor(n), but what `otherwise` has where a bit of `lanes` is not set."""
    mask = b.build("llvm.bitcast", [_integers(x)], [lanes])
    return instruction(b, f"mask.scalef.{_suffix(x)}", [x, n, otherwise, mask, _i32(b, CURRENT)])


def exponent(b: Blocks, x: ir.Value) -> ir.Value:
    """floor(log2 |x|)."""
    return instruction(b, f"mask.getexp.{_suffix(x)}", [x, x, _every(b, x), _i32(b, CURRENT)])


def mantissa(b: Blocks, x: ir.Value) -> ir.Value:
    """x * 2**-exponent."""
    operands = [x, _i32(b, UNSIGNED), x, _every(b, x), _i32(b, CURRENT)]
    return instruction(b, f"mask.getmant.{_suffix(x)}", operands)


def _suffix(x: ir.Value) -> str:
    return "pd.512" if x.type.shape[0] == 8 else "ps.512"


def _i32(b: Blocks, n: int) -> ir.Value:
    return b.constant_integer(n, ir.IntegerType.get_signless(32))


def _every(b: Blocks, x: ir.Value) -> ir.Value:
    """A mask that leaves no lane out."""
    return b.constant_integer(-1, _integers(x))


def _integers(x: ir.Value) -> ir.Type:
    """The type of masks: an integer of a bit for each lane."""
    return ir.IntegerType.get_signless(x.type.shape[0])
