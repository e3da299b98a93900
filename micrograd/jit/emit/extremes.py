"""The smaller and the larger of two numbers on processors whose instruction for it does less.

Where neither number is smaller, the instruction gives the second one: both may be zeros of other
signs, or one nan. Taken both ways, it gives both numbers there, and the same twice elsewhere. Of
zeros, bits in either are those of -0, bits in both those of 0; bits in either of a nan and a number
are a nan. LLVM asks for signs first, which takes twice the operations, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lowering.bindings import ir

from ...ops import Op

if TYPE_CHECKING:
    from .builder import Builder

PREDICATES = {"min": "olt", "max": "ogt"}
"""By what a reduction by the op is called: when the instruction gives the first number."""


def both_ways(b: Builder, op: Op, x: ir.Value, y: ir.Value) -> ir.Value:
    """The smaller or the larger one of two numbers, or of those of two vectors; nan if one is."""
    predicate = PREDICATES[op.reduces or ""]
    bits: ir.Type = ir.IntegerType.get_signless(b.bits)
    if isinstance(x.type, ir.VectorType):
        bits = ir.VectorType.get(x.type.shape, bits)
    found = []
    for first, second in ((x, y), (y, x)):
        picked = b.select(b.compare_numbers(predicate, first, second), first, second)
        found.append(b.build("llvm.bitcast", [bits], [picked]))
    if predicate == "olt":
        joined = b.integer_op("llvm.or", *found)
    else:
        joined = b.integer_op("llvm.and", *found)
        unordered = b.compare_numbers("uno", x, y)
        joined = b.select(unordered, _all_ones(b, bits), joined)
    return b.build("llvm.bitcast", [x.type], [joined])


def _all_ones(b: Builder, bits: ir.Type) -> ir.Value:
    """Bits of a nan."""
    if not isinstance(bits, ir.VectorType):
        return b.constant_op(ir.IntegerAttr.get(bits, -1), bits)
    one = ir.IntegerAttr.get(bits.element_type, -1)
    return b.constant_op(ir.DenseElementsAttr.get_splat(bits, one), bits)
