"""Operations that are constants: they write no instruction, their results stand for a literal."""

from __future__ import annotations

from lowering.bindings import ir
from lowering.constants import constant, zero
from lowering.elements import value_of
from lowering.scope import Scope
from lowering.types import identifier


def _constant(scope: Scope, op: ir.Operation) -> None:
    type_ = op.result.type
    scope.bind(op, scope.types.text(type_), constant(value_of(op, "value"), type_, scope.module))


def _zero(scope: Scope, op: ir.Operation) -> None:
    type_ = op.result.type
    scope.bind(op, scope.types.text(type_), zero(type_, scope.types))


def _undef(scope: Scope, op: ir.Operation) -> None:
    scope.bind(op, scope.types.text(op.result.type), "undef")


def _poison(scope: Scope, op: ir.Operation) -> None:
    scope.bind(op, scope.types.text(op.result.type), "poison")


def _addressof(scope: Scope, op: ir.Operation) -> None:
    name = op.attributes["global_name"].value
    scope.bind(op, scope.types.text(op.result.type), "@" + identifier(name))


WRITERS = {
    "llvm.mlir.constant": _constant,
    "llvm.mlir.zero": _zero,
    "llvm.mlir.undef": _undef,
    "llvm.mlir.poison": _poison,
    "llvm.mlir.addressof": _addressof,
}
