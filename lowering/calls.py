"""Calls: direct, indirect, variadic; intrinsics by name; inline assembly.

Source: LangRef, "call Instruction", "Inline Assembler Expressions".
"""

from __future__ import annotations

from typing import Any

from lowering.attributes import convention, function_attributes
from lowering.bindings import ir
from lowering.parameters import parameters
from lowering.scope import Scope
from lowering.types import identifier, is_floating, quoted

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


def bundles(scope: Scope, op: ir.Operation, operands: list[ir.Value]) -> str:
    """The operand bundles with a space in front, or nothing. Takes their operands off the list."""
    attributes = op.attributes
    sizes = list(attributes.get("op_bundle_sizes") or ())
    if not sizes:
        return ""
    tags: Any = attributes.get("op_bundle_tags")
    start = len(operands) - sum(sizes)
    values = operands[start:]
    del operands[start:]
    parts = []
    for tag, size in zip(tags, sizes, strict=True):
        inside = ", ".join(scope.typed(each) for each in values[:size])
        values = values[size:]
        parts.append(f"{quoted(tag.value)}({inside})")
    return f" [ {', '.join(parts)} ]"


def call_target(scope: Scope, op: ir.Operation, operands: list[ir.Value]) -> tuple[str, str]:
    """Whom a call or invoke calls, and from the address space that it is in, where that is not the
    default. Takes a callee that is a value off the operands.
    """
    callee = op.attributes.get("callee")
    if callee is not None:
        return "@" + identifier(callee.value), ""
    type_, target = scope.values[operands.pop(0)]
    space = type_.removeprefix("ptr").strip()
    return target, f"{space} " if space else ""


def result_type(scope: Scope, op: ir.Operation) -> tuple[str, str]:
    """The type of a call's result, and the type that the call spells out."""
    results = op.results
    result = scope.types.text(results[0].type) if len(results) else "void"
    variadic = op.attributes.get("var_callee_type")
    return result, result if variadic is None else scope.types.text(variadic.value)


def _call(scope: Scope, op: ir.Operation) -> None:
    attributes = op.attributes
    operands = list(op.operands)
    bundled = bundles(scope, op, operands)
    target, space = call_target(scope, op, operands)
    result, spelled = result_type(scope, op)
    flags = scope.module.flags(attributes.get("fastmathFlags")) if is_floating(result) else ""
    (of_result,) = parameters(attributes.get("res_attrs"), scope.types, 1)
    values = arguments(scope, operands, attributes.get("arg_attrs"))
    text = (
        f"{_tail(attributes.get('TailCallKind'))}call {flags}"
        f"{convention(attributes.get('CConv'))}{of_result}{space}{spelled} "
        f"{target}({values}){function_attributes(op)}{bundled}{scope.module.alias_hints(op)}"
    )
    scope.write(op, result, text)


def _tail(kind: Any) -> str:
    return "" if kind is None else _TAIL_KINDS[str(kind).partition("<")[2].rstrip(">")]


def _call_intrinsic(scope: Scope, op: ir.Operation) -> None:
    """The name is the author's; LLVM corrects the types that it carries."""
    attributes = op.attributes
    operands = list(op.operands)
    bundled = bundles(scope, op, operands)
    result, _ = result_type(scope, op)
    flags = scope.module.flags(attributes.get("fastmathFlags")) if is_floating(result) else ""
    (of_result,) = parameters(attributes.get("res_attrs"), scope.types, 1)
    target = "@" + identifier(attributes["intrin"].value)
    values = arguments(scope, operands, attributes.get("arg_attrs"))
    scope.write(op, result, f"call {flags}{of_result}{result} {target}({values}){bundled}")


def _inline_asm(scope: Scope, op: ir.Operation) -> None:
    attributes = op.attributes
    result, _ = result_type(scope, op)
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
    values = arguments(scope, list(op.operands), attributes.get("operand_attrs"))
    kind = _tail(attributes.get("tail_call_kind"))
    text = f"{kind}call {result} {' '.join(words)} {assembly}, {constraints}({values})"
    scope.write(op, result, text)


WRITERS = {
    "llvm.call": _call,
    "llvm.call_intrinsic": _call_intrinsic,
    "llvm.inline_asm": _inline_asm,
}
