"""The regular operations, as tables: arithmetic, comparisons and casts.

Source: LangRef, "Binary Operations", "Bitwise Binary Operations", "Conversion Operations", "Other
Operations".
"""

from __future__ import annotations

from collections.abc import Callable

from lowering.bindings import ir
from lowering.scope import Scope
from lowering.types import is_floating

Writer = Callable[[Scope, "ir.Operation"], None]

# Whose flags the bindings do not show; see `hidden.py`.
_OVERFLOWING = ("add", "sub", "mul", "shl")
_EXACT = ("udiv", "sdiv", "lshr", "ashr")
_PLAIN = ("urem", "srem", "and", "xor")
_FLOATING = ("fadd", "fsub", "fmul", "fdiv", "frem")
_CASTS = str.split("sext fptosi fptoui sitofp bitcast addrspacecast inttoptr ptrtoint ptrtoaddr")
_NON_NEGATIVE_CASTS = ("zext", "uitofp")
_FLOATING_CASTS = ("fpext", "fptrunc")

OVERFLOW = ("", "nsw ", "nuw ", "nsw nuw ")
INTEGER_PREDICATES = str.split("eq ne slt sle sgt sge ult ule ugt uge")
FLOAT_PREDICATES = str.split("false oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno true")


def _binary(opcode: str) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        operands = op.operands
        type_, left = scope.values[operands[0]]
        scope.define(op, type_, f"{opcode} {type_} {left}, {scope.values[operands[1]][1]}")

    return write


def _overflowing(opcode: str) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        operands = op.operands
        type_, left = scope.values[operands[0]]
        flags = OVERFLOW[next(scope.hidden)]
        scope.define(op, type_, f"{opcode} {flags}{type_} {left}, {scope.values[operands[1]][1]}")

    return write


def _flagged(opcode: str, attribute: str, flag: str) -> Writer:
    """A binary operation with a flag that is there or not."""

    def write(scope: Scope, op: ir.Operation) -> None:
        operands = op.operands
        type_, left = scope.values[operands[0]]
        flags = flag if attribute in op.attributes else ""
        scope.define(op, type_, f"{opcode} {flags}{type_} {left}, {scope.values[operands[1]][1]}")

    return write


def _floating(opcode: str) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        operands = op.operands
        type_, left = scope.values[operands[0]]
        flags = scope.module.flags(op.attributes.get("fastmathFlags"))
        scope.define(op, type_, f"{opcode} {flags}{type_} {left}, {scope.values[operands[1]][1]}")

    return write


def _converted(scope: Scope, op: ir.Operation, opcode: str, flags: str) -> None:
    """A conversion; none where the types are the same, which MLIR allows and LLVM does not."""
    target = scope.types.text(op.result.type)
    type_, value = scope.values[op.operands[0]]
    if type_ == target:
        scope.bind(op, type_, value)
    else:
        scope.define(op, target, f"{opcode} {flags}{type_} {value} to {target}")


def _cast(opcode: str) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        _converted(scope, op, opcode, "")

    return write


def _non_negative_cast(opcode: str) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        _converted(scope, op, opcode, "nneg " if "nonNeg" in op.attributes else "")

    return write


def _floating_cast(opcode: str) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        _converted(scope, op, opcode, scope.module.flags(op.attributes.get("fastmathFlags")))

    return write


def _trunc(scope: Scope, op: ir.Operation) -> None:
    _converted(scope, op, "trunc", OVERFLOW[next(scope.hidden)])


def _fneg(scope: Scope, op: ir.Operation) -> None:
    type_, operand = scope.values[op.operands[0]]
    flags = scope.module.flags(op.attributes.get("fastmathFlags"))
    scope.define(op, type_, f"fneg {flags}{type_} {operand}")


def _icmp(scope: Scope, op: ir.Operation) -> None:
    operands = op.operands
    predicate = INTEGER_PREDICATES[_code(op, "predicate")]
    left, right = scope.typed(operands[0]), scope.values[operands[1]][1]
    scope.define(op, scope.types.text(op.result.type), f"icmp {predicate} {left}, {right}")


def _fcmp(scope: Scope, op: ir.Operation) -> None:
    operands = op.operands
    predicate = FLOAT_PREDICATES[_code(op, "predicate")]
    flags = scope.module.flags(op.attributes.get("fastmathFlags"))
    left, right = scope.typed(operands[0]), scope.values[operands[1]][1]
    scope.define(op, scope.types.text(op.result.type), f"fcmp {flags}{predicate} {left}, {right}")


def _select(scope: Scope, op: ir.Operation) -> None:
    condition, true, false = op.operands
    type_, left = scope.values[true]
    # LLVM takes them where the result is a float, and ends the process where it is not.
    flags = op.attributes.get("fastmathFlags") if is_floating(type_) else None
    text = f"select {scope.module.flags(flags)}{scope.typed(condition)}, {type_} {left}"
    text += f", {scope.typed(false)}"
    scope.define(op, type_, text)


def _freeze(scope: Scope, op: ir.Operation) -> None:
    type_, operand = scope.values[op.operands[0]]
    scope.define(op, type_, f"freeze {type_} {operand}")


def _code(op: ir.Operation, name: str) -> int:
    """The value of an enumeration that is stored as an integer."""
    return int(op.attributes[name].value)


WRITERS: dict[str, Writer] = {
    **{f"llvm.{name}": _overflowing(name) for name in _OVERFLOWING},
    **{f"llvm.{name}": _flagged(name, "isExact", "exact ") for name in _EXACT},
    **{f"llvm.{name}": _binary(name) for name in _PLAIN},
    **{f"llvm.{name}": _floating(name) for name in _FLOATING},
    **{f"llvm.{name}": _cast(name) for name in _CASTS},
    **{f"llvm.{name}": _non_negative_cast(name) for name in _NON_NEGATIVE_CASTS},
    **{f"llvm.{name}": _floating_cast(name) for name in _FLOATING_CASTS},
    "llvm.or": _flagged("or", "isDisjoint", "disjoint "),
    "llvm.trunc": _trunc,
    "llvm.fneg": _fneg,
    "llvm.icmp": _icmp,
    "llvm.fcmp": _fcmp,
    "llvm.select": _select,
    "llvm.freeze": _freeze,
}
