"""Calls, direct, indirect and variadic. Source: LangRef, "call Instruction"."""

from __future__ import annotations

from lowering.bindings import ir
from lowering.scope import Scope
from lowering.types import identifier


def _call(scope: Scope, op: ir.Operation) -> None:
    attributes = op.attributes
    operands = list(op.operands)
    callee = attributes.get("callee")
    if callee is not None:
        target = "@" + identifier(callee.value)  # type: ignore[attr-defined]
    else:
        target = scope.values[operands.pop(0)][1]
    arguments = ", ".join(scope.typed(each) for each in operands)
    results = op.results
    result = scope.types.text(results[0].type) if len(results) else "void"
    spelled = result
    if (variadic := attributes.get("var_callee_type")) is not None:
        spelled = scope.types.text(variadic.value)  # type: ignore[attr-defined]
    flags = scope.module.flags(attributes.get("fastmathFlags"))
    text = f"call {flags}{spelled} {target}({arguments})"
    if result == "void":
        scope.lines.append("  " + text)
    else:
        scope.define(op, result, text)


WRITERS = {"llvm.call": _call}
