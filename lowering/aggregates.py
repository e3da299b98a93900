"""Vectors, structs and arrays, taken apart and put together.

Source: LangRef, "Vector Operations", "Aggregate Operations".
"""

from __future__ import annotations

from lowering.bindings import ir
from lowering.scope import Scope, unsupported


def _position(op: ir.Operation) -> str:
    return ", ".join(str(index) for index in op.attributes["position"])


def _extractvalue(scope: Scope, op: ir.Operation) -> None:
    type_ = scope.types.text(op.result.type)
    scope.define(op, type_, f"extractvalue {scope.typed(op.operands[0])}, {_position(op)}")


def _insertvalue(scope: Scope, op: ir.Operation) -> None:
    container, value = op.operands
    type_, name = scope.values[container]
    scope.define(op, type_, f"insertvalue {type_} {name}, {scope.typed(value)}, {_position(op)}")


def _extractelement(scope: Scope, op: ir.Operation) -> None:
    vector, index = op.operands
    type_ = scope.types.text(op.result.type)
    scope.define(op, type_, f"extractelement {scope.typed(vector)}, {scope.typed(index)}")


def _insertelement(scope: Scope, op: ir.Operation) -> None:
    vector, value, index = op.operands
    type_, name = scope.values[vector]
    scope.define(
        op, type_, f"insertelement {type_} {name}, {scope.typed(value)}, {scope.typed(index)}"
    )


def _shufflevector(scope: Scope, op: ir.Operation) -> None:
    left, right = op.operands
    type_ = scope.types.text(op.result.type)
    if not type_.startswith(f"<{len(op.attributes['mask'])} x "):
        raise unsupported(
            op, f"its mask has {len(op.attributes['mask'])} lanes, its result {type_}"
        )
    mask = ["i32 poison" if lane < 0 else f"i32 {lane}" for lane in op.attributes["mask"]]
    text = (
        f"shufflevector {scope.typed(left)}, {scope.typed(right)}, <{len(mask)} x i32> "
        f"<{', '.join(mask)}>"
    )
    scope.define(op, type_, text)


def _va_arg(scope: Scope, op: ir.Operation) -> None:
    type_ = scope.types.text(op.result.type)
    scope.define(op, type_, f"va_arg {scope.typed(op.operands[0])}, {type_}")


WRITERS = {
    "llvm.extractvalue": _extractvalue,
    "llvm.insertvalue": _insertvalue,
    "llvm.extractelement": _extractelement,
    "llvm.insertelement": _insertelement,
    "llvm.shufflevector": _shufflevector,
    "llvm.va_arg": _va_arg,
}
