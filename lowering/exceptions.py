"""Calls that may throw, and what catches. Source: LangRef, "Exception Handling in LLVM"."""

from __future__ import annotations

from lowering.attributes import convention
from lowering.bindings import ir
from lowering.calls import arguments, bundles, call_target, result_type
from lowering.control import edges, weights
from lowering.parameters import parameters
from lowering.scope import Scope


def _invoke(scope: Scope, op: ir.Operation) -> None:
    attributes = op.attributes
    operands = list(op.operands)
    bundled = bundles(scope, op, operands)
    called, normal, unwind, _ = attributes["operandSegmentSizes"]
    passed = [operands[called : called + normal], operands[called + normal :]]
    assert len(passed[1]) == unwind
    operands = operands[:called]
    target, space = call_target(scope, op, operands)
    result, spelled = result_type(scope, op)
    (of_result,) = parameters(attributes.get("res_attrs"), scope.types, 1)
    values = arguments(scope, operands, attributes.get("arg_attrs"))
    labels, extra = edges(scope, op, passed)
    text = (
        f"invoke {convention(attributes.get('CConv'))}{of_result}{space}{spelled} "
        f"{target}({values}){bundled} to label %{labels[0]} unwind label %{labels[1]}"
        f"{weights(scope, op)}"
    )
    scope.write(op, result, text)
    scope.lines += extra


def _landingpad(scope: Scope, op: ir.Operation) -> None:
    type_ = scope.types.text(op.result.type)
    text = f"landingpad {type_}"
    if "cleanup" in op.attributes:
        text += " cleanup"
    for clause in op.operands:
        word = "filter" if scope.types.array(clause.type) is not None else "catch"
        text += f" {word} {scope.typed(clause)}"
    scope.define(op, type_, text)


def _resume(scope: Scope, op: ir.Operation) -> None:
    scope.lines.append(f"  resume {scope.typed(op.operands[0])}")


WRITERS = {
    "llvm.invoke": _invoke,
    "llvm.landingpad": _landingpad,
    "llvm.resume": _resume,
}
