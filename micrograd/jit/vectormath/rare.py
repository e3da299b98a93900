"""Arguments that hardly occur, which an expansion leaves to a slower one.

It is a function of its own, called only where a lane needs it, so that the other vectors pay for a
comparison and a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lowering.bindings import ir

from ..dialect.blocks import Blocks
from .library import define, symbol
from .numbers import Mask, Real


def unless(rare: Mask, result: Real, slow: Callable[..., Real], *operands: Real) -> Real:
    """The result, but where `rare` holds what `slow` gives for the operands."""
    b = result.b
    values = [rare.value, result.value, *(x.value for x in operands)]
    name = symbol(slow.__name__, result.value.type)
    choose = f"{name}.unless"
    if b.is_new(choose):
        cold = {"passthrough": ir.Attribute.parse('["cold"]')}
        define(b, name, slow, [x.type for x in values[2:]], "no_inline", cold)
        _choose(b, choose, name, [x.type for x in values], result.width)
    return Real(b, b.call(choose, values, result.value.type), result.bits, result.width)


def _choose(b: Blocks, name: str, slow: str, types: Sequence[ir.Type], width: int) -> None:
    """The function that calls the slow one where any lane needs it; it is inlined."""
    marks = {mark: ir.UnitAttr.get() for mark in ("always_inline", "no_unwind")}
    with b.inside():
        block = b.function(name, types, types[1], internal=True, attributes=marks)
        rare, result, *operands = block.arguments
        some = block.create_after()
        leave = some.create_after(result.type)
        lanes = ir.IntegerType.get_signless(width)
        bits = b.build("llvm.bitcast", [lanes], [rare])
        any_ = b.compare_integers("ne", bits, b.constant_integer(0, lanes))
        b.branch_if(any_, some, leave, passed_otherwise=[result], weights=(1, 1000000))
        b.enter(some)
        exact = b.call(slow, operands, result.type)
        b.branch(leave, [b.build("llvm.select", [result.type], [rare, exact, result])])
        b.enter(leave)
        b.leave(leave.arguments[0])
