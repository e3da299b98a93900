"""Intrinsics with regular names."""

from __future__ import annotations

from lowering.arithmetic import Writer
from lowering.bindings import ir
from lowering.scope import Scope


def _overloaded(name: str) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        result = op.result.type
        type_ = scope.types.text(result)
        flags = scope.module.flags(op.attributes.get("fastmathFlags"))
        arguments = ", ".join(scope.typed(each) for each in op.operands)
        scope.define(
            op,
            type_,
            f"call {flags}{type_} @llvm.{name}.{scope.types.mangled(result)}({arguments})",
        )

    return write


_BY_RESULT = (
    "fma fmuladd sqrt exp exp2 exp10 log log2 log10 sin cos tan asin acos atan sinh cosh tanh atan2 pow copysign "
    "minnum maxnum minimum maximum floor ceil trunc rint round roundeven nearbyint fabs"
).split()
WRITERS: dict[str, Writer] = {f"llvm.intr.{name}": _overloaded(name) for name in _BY_RESULT}
