"""Calls: direct, indirect, variadic; intrinsics by name; inline assembly.

Source: LangRef, "call Instruction", "Inline Assembler Expressions".
"""

from __future__ import annotations

from typing import Any

from lowering.attributes import convention, function_attributes, parameters
from lowering.bindings import ir
from lowering.scope import Scope, unsupported
from lowering.types import FLOATING, identifier, quoted

_TAIL_KINDS = {"none": "", "tail": "tail ", "musttail": "musttail ", "notail": "notail "}


def arguments(scope: Scope, operands: list[ir.Value], attributes: Any = None) -> str:
    """The arguments of a call with their types, and their attributes if there are any."""
    if attributes is None:
        return ", ".join(scope.typed(each) for each in operands)
    parts = []
    for value, of in zip(operands, parameters(attributes, scope.types, len(operands)), strict=True):
        type_, name = scope.values[value]
        parts.append(f"{type_} {of}{name}")
    return ", ".join(parts)


def _returns_float(type_: str) -> bool:
    """Fast-math flags may stand on such a call only. Source: FPMathOperator."""
    return type_.rpartition(" ")[2].rstrip(">]") in FLOATING


def _call(scope: Scope, op: ir.Operation) -> None:
    attributes = op.attributes
    operands = list(op.operands)
    _, bundles = attributes["operandSegmentSizes"]
    if bundles:
        raise unsupported(op, "operand bundles are not supported")
    callee = attributes.get("callee")
    if callee is not None:
        target = "@" + identifier(callee.value)
    else:
        target = scope.values[operands.pop(0)][1]
    results = op.results
    result = scope.types.text(results[0].type) if len(results) else "void"
    spelled = result
    if (variadic := attributes.get("var_callee_type")) is not None:
        spelled = scope.types.text(variadic.value)
    flags = scope.module.flags(attributes.get("fastmathFlags")) if _returns_float(result) else ""
    (of_result,) = parameters(attributes.get("res_attrs"), scope.types, 1)
    tail = attributes.get("TailCallKind")
    kind = "" if tail is None else _TAIL_KINDS[str(tail).partition("<")[2].rstrip(">")]
    values = arguments(scope, operands, attributes.get("arg_attrs"))
    text = (
        f"{kind}call {flags}{convention(attributes.get('CConv'))}{of_result}{spelled} "
        f"{target}({values}){function_attributes(op)}{scope.module.alias_hints(op)}"
    )
    scope.write(op, result, text)


def _call_intrinsic(scope: Scope, op: ir.Operation) -> None:
    """The name is the author's; LLVM corrects the types that it carries."""
    attributes = op.attributes
    operands = list(op.operands)
    _, bundles = attributes["operandSegmentSizes"]
    if bundles:
        raise unsupported(op, "operand bundles are not supported")
    results = op.results
    result = scope.types.text(results[0].type) if len(results) else "void"
    flags = scope.module.flags(attributes.get("fastmathFlags")) if _returns_float(result) else ""
    target = "@" + identifier(attributes["intrin"].value)
    values = arguments(scope, operands, attributes.get("arg_attrs"))
    text = f"call {flags}{result} {target}({values})"
    scope.write(op, result, text)


def _inline_asm(scope: Scope, op: ir.Operation) -> None:
    attributes = op.attributes
    if "operand_attrs" in attributes:
        raise unsupported(op, "operand attributes of inline assembly are not supported")
    results = op.results
    result = scope.types.text(results[0].type) if len(results) else "void"
    words = ["asm"]
    if "has_side_effects" in attributes:
        words.append("sideeffect")
    if "is_align_stack" in attributes:
        words.append("alignstack")
    dialect = attributes.get("asm_dialect")
    if dialect is not None and dialect.value:
        words.append("inteldialect")
    assembly = quoted(attributes["asm_string"].value)
    constraints = quoted(attributes["constraints"].value)
    values = arguments(scope, list(op.operands))
    text = f"call {result} {' '.join(words)} {assembly}, {constraints}({values})"
    scope.write(op, result, text)


WRITERS = {
    "llvm.call": _call,
    "llvm.call_intrinsic": _call_intrinsic,
    "llvm.inline_asm": _inline_asm,
}
