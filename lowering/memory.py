"""Memory: alloca, load, store, address arithmetic, atomics. Source: LangRef, "Memory Access and
Addressing Operations".
"""

from __future__ import annotations

from lowering.bindings import ir
from lowering.scope import Scope, unsupported

ORDERINGS = {
    0: "",
    1: "unordered",
    2: "monotonic",
    4: "acquire",
    5: "release",
    6: "acq_rel",
    7: "seq_cst",
}
_READ_MODIFY_WRITE = str.split(
    "xchg add sub and nand or xor max min umax umin fadd fsub fmax fmin uinc_wrap udec_wrap "
    "usub_cond usub_sat "
    "fmaximum fminimum"
)
# Source: GetElementPtrInst; inbounds includes nusw, so 3 is inbounds.
NO_WRAP = {0: "", 2: "nusw ", 3: "inbounds ", 4: "nuw ", 6: "nusw nuw ", 7: "inbounds nuw "}
_DYNAMIC = -(1 << 31)


def _number(op: ir.Operation, name: str) -> int | None:
    attribute = op.attributes.get(name)
    return None if attribute is None else int(attribute.value)


def alignment(op: ir.Operation) -> str:
    """`, align n`, or nothing."""
    value = _number(op, "alignment")
    return f", align {value}" if value else ""


def _scope_name(op: ir.Operation) -> str:
    name = op.attributes.get("syncscope")
    return "" if name is None or not name.value else f' syncscope("{name.value}")'


def _ordering(op: ir.Operation, name: str = "ordering") -> str:
    return ORDERINGS[_number(op, name) or 0]


def _alloca(scope: Scope, op: ir.Operation) -> None:
    attributes = op.attributes
    element = scope.types.text(attributes["elem_type"].value)
    result = scope.types.text(op.result.type)
    space = f", {result[4:]}" if result != "ptr" else ""
    scope.define(
        op, result, f"alloca {element}, {scope.typed(op.operands[0])}{alignment(op)}{space}"
    )


def _hints(scope: Scope, op: ir.Operation) -> str:
    """Metadata behind a load or store."""
    attributes = op.attributes
    text = ""
    if "nontemporal" in attributes:
        text += ", !nontemporal " + scope.module.metadata("!{i32 1}")
    if "invariant" in attributes:
        text += ", !invariant.load " + scope.module.metadata("!{}")
    if "invariantGroup" in attributes:
        text += ", !invariant.group " + scope.module.metadata("!{}")
    return text + scope.module.alias_hints(op)


def _access(op: ir.Operation, opcode: str) -> tuple[str, str]:
    """What goes before the operands of a load or store, and what goes behind."""
    ordering = _ordering(op)
    before = (
        opcode
        + (" atomic" if ordering else "")
        + (" volatile" if "volatile_" in op.attributes else "")
    )
    after = f"{_scope_name(op)} {ordering}" if ordering else ""
    return before, after + alignment(op)


def _plain(scope: Scope, op: ir.Operation) -> bool:
    """Whether a load or store has nothing to say but its type: the usual case, made fast."""
    attributes = op.attributes
    return len(attributes) == 1 and scope.module.is_zero(attributes.get("ordering"))


def _load(scope: Scope, op: ir.Operation) -> None:
    type_ = scope.types.text(op.result.type)
    if _plain(scope, op):
        scope.define(op, type_, f"load {type_}, {scope.typed(op.operands[0])}")
        return
    before, after = _access(op, "load")
    text = f"{before} {type_}, {scope.typed(op.operands[0])}{after}{_hints(scope, op)}"
    scope.define(op, type_, text)


def _store(scope: Scope, op: ir.Operation) -> None:
    operands = op.operands
    value, address = operands[0], operands[1]
    if _plain(scope, op):
        scope.lines.append(f"  store {scope.typed(value)}, {scope.typed(address)}")
        return
    before, after = _access(op, "store")
    scope.lines.append(
        f"  {before} {scope.typed(value)}, {scope.typed(address)}{after}{_hints(scope, op)}"
    )


def _getelementptr(scope: Scope, op: ir.Operation) -> None:
    operands = iter(op.operands)
    attributes = op.attributes
    element = scope.types.text(attributes["elem_type"].value)
    base = scope.typed(next(operands))
    indices = [
        scope.typed(next(operands)) if index == _DYNAMIC else f"i32 {index}"
        for index in attributes["rawConstantIndices"]
    ]
    flags = NO_WRAP[next(scope.hidden)]
    text = ", ".join((f"getelementptr {flags}{element}", base, *indices))
    type_ = scope.types.text(op.result.type)
    if type_[0] != "<" and any(each[0] == "<" for each in (base, *indices)):
        raise unsupported(op, f"the addresses of vectors are a vector, not a {type_}")
    scope.define(op, type_, text)


def _atomicrmw(scope: Scope, op: ir.Operation) -> None:
    address, value = op.operands
    type_, _ = scope.values[value]
    volatile = "volatile " if "volatile_" in op.attributes else ""
    operation = _READ_MODIFY_WRITE[_number(op, "bin_op") or 0]
    text = (
        f"atomicrmw {volatile}{operation} {scope.typed(address)}, {scope.typed(value)}"
        f"{_scope_name(op)} {_ordering(op)}{alignment(op)}{scope.module.alias_hints(op)}"
    )
    scope.define(op, type_, text)


def _cmpxchg(scope: Scope, op: ir.Operation) -> None:
    address, expected, new = op.operands
    attributes = op.attributes
    words = "".join(
        word for word, name in (("weak ", "weak"), ("volatile ", "volatile_")) if name in attributes
    )
    orderings = f"{_ordering(op, 'success_ordering')} {_ordering(op, 'failure_ordering')}"
    text = (
        f"cmpxchg {words}{scope.typed(address)}, {scope.typed(expected)}, {scope.typed(new)}"
        f"{_scope_name(op)} {orderings}{alignment(op)}{scope.module.alias_hints(op)}"
    )
    scope.define(op, scope.types.text(op.result.type), text)


def _fence(scope: Scope, op: ir.Operation) -> None:
    scope.lines.append(f"  fence{_scope_name(op)} {_ordering(op)}")


WRITERS = {
    "llvm.alloca": _alloca,
    "llvm.load": _load,
    "llvm.store": _store,
    "llvm.getelementptr": _getelementptr,
    "llvm.atomicrmw": _atomicrmw,
    "llvm.cmpxchg": _cmpxchg,
    "llvm.fence": _fence,
}
