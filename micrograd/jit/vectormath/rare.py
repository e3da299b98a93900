"""Arguments that hardly occur, which an expansion leaves to a slower one.

It is a function of its own, called only where a lane needs it, so that the other vectors pay for a
comparison and a branch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from lowering.bindings import ir

from .library import Module
from .numbers import Mask, Real


def unless(rare: Mask, result: Real, slow: Callable[..., Real], *operands: Real) -> Real:
    """The result, but where `rare` holds what `slow` gives for the operands."""
    b = cast(Module, result.b)
    type, truth = str(result.value.type), str(rare.value.type)
    shape = type.removeprefix("vector<").removesuffix(">")
    symbol = f"{slow.__name__}.{shape}"
    if symbol not in ir.SymbolTable(b.module.operation):
        text = _functions(symbol, type, truth, result.width, len(operands))
        at_end = ir.InsertionPoint(b.module.body)
        function, _ = (
            each.operation.clone(at_end) for each in ir.Module.parse(text).body.operations
        )
        block = function.regions[0].blocks[0]
        (leave,) = block.operations
        with b.inside(ir.InsertionPoint(leave)):
            found = slow(*(Real.of(b, x) for x in block.arguments))
        leave.operation.operands[0] = found.value
    values = [rare.value, result.value, *(x.value for x in operands)]
    callee = b.callee(f"{symbol}.unless", len(values))
    value = b.build("llvm.call", [result.value.type], values, callee)
    return Real(b, value, result.bits, result.width)


def _functions(symbol: str, type: str, truth: str, width: int, arity: int) -> str:
    """The slow function, yet without a body, and the one that chooses, which is inlined."""
    names = [f"%x{k}" for k in range(arity)]
    typed = ", ".join(f"{x}: {type}" for x in names)
    types = ", ".join([type] * arity)
    return f"""
    llvm.func internal @{symbol}({typed}) -> {type}
        attributes {{no_inline, no_unwind, passthrough = ["cold"]}} {{
      llvm.return %x0 : {type}
    }}
    llvm.func internal @{symbol}.unless(%rare: {truth}, %result: {type}, {typed}) -> {type}
        attributes {{always_inline, no_unwind}} {{
      %bits = llvm.bitcast %rare : {truth} to i{width}
      %none = llvm.mlir.constant(0 : i{width}) : i{width}
      %any = llvm.icmp "ne" %bits, %none : i{width}
      llvm.cond_br %any weights([1, 1000000]), ^some, ^leave(%result : {type})
    ^some:
      %exact = llvm.call @{symbol}({", ".join(names)}) : ({types}) -> {type}
      %chosen = llvm.select %rare, %exact, %result : {truth}, {type}
      llvm.br ^leave(%chosen : {type})
    ^leave(%last: {type}):
      llvm.return %last : {type}
    }}"""
