"""Intrinsics, as one table. Source: LangRef, "Intrinsic Functions".

An entry says which types the name carries and which attributes become arguments behind the
operands. LLVM declares what is called and corrects the types in the names itself, so a name here
must only be right up to its types.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lowering.arithmetic import Writer
from lowering.bindings import ir
from lowering.calls import arguments, bundles
from lowering.constants import constant
from lowering.parameters import parameters
from lowering.scope import Scope, unsupported
from lowering.types import is_floating

RESULT = -1


class Intrinsic(NamedTuple):
    """How to call one."""

    name: str
    """LLVM's name, without `llvm.` in front and types behind."""
    types: tuple[int, ...] = (RESULT,)
    """Whose types the name carries: operands by number, or RESULT."""
    immediates: tuple[str, ...] = ()
    """The attributes that follow the operands as arguments."""
    order: tuple[int, ...] = ()
    """Where the arguments do not come in MLIR's order: their numbers, operands first, in LLVM's
    order.
    """
    flags: bool = False
    """Whether it takes fast-math flags."""
    accesses: bool = False
    """Whether it may carry alias scopes."""
    call: str = ""
    """The attributes that every call of it has."""


class _Table(dict[str, Intrinsic]):
    """Intrinsics by MLIR's name without `llvm.intr.`."""

    def add(self, names: str, types: tuple[int, ...] = (RESULT,), **more: Any) -> None:
        """Entries whose names are LLVM's too."""
        for name in names.split():
            self[name] = Intrinsic(name, types, **more)


def _add_arithmetic(table: _Table) -> None:
    """Functions of numbers."""
    add = table.add
    add(
        "fma fmuladd sqrt exp exp2 exp10 log log2 log10 sin cos tan asin acos atan sinh cosh "
        "tanh atan2 pow copysign "
        "minnum maxnum minimum maximum floor ceil trunc rint round roundeven nearbyint fabs",
        flags=True,
    )
    add("powi ldexp", (RESULT, 1), flags=True)
    add("sincos", (0,), flags=True)
    add("lrint llrint lround llround", (RESULT, 0))
    add("is.fpclass", (0,), immediates=("bit",))
    add(
        "bitreverse bswap ctpop fshl fshr smax smin umax umin sadd.sat uadd.sat ssub.sat "
        "usub.sat sshl.sat ushl.sat "
        "expect ssa.copy stepvector vector.interleave2"
    )
    add("abs", immediates=("is_int_min_poison",))
    add("ctlz cttz", immediates=("is_zero_poison",))
    add("scmp ucmp", (RESULT, 0))
    add(" ".join(f"{s}{op}.with.overflow" for s in "su" for op in ("add", "sub", "mul")), (0,))
    constrained = "fadd fsub fmul fdiv frem fma fmuladd"
    modes = ("roundingmode", "fpExceptionBehavior")
    more: dict[str, Any] = {"call": " strictfp", "flags": True}  # flags since MLIR 23
    prefix = "experimental.constrained."
    add(" ".join(prefix + name for name in constrained.split()), immediates=modes, **more)
    add(f"{prefix}fptrunc {prefix}sitofp {prefix}uitofp", (RESULT, 0), immediates=modes, **more)
    add(f"{prefix}fpext", (RESULT, 0), immediates=modes[1:], **more)


def _add_memory(table: _Table) -> None:
    """What copies, fills, marks and reads memory."""
    add = table.add
    add("memcpy memmove", (0, 1, 2), immediates=("isVolatile",), accesses=True)
    add("memset", (0, 2), immediates=("isVolatile",), accesses=True)
    add("memcpy.inline", (0, 1), immediates=("len", "isVolatile"), accesses=True)
    add("memset.inline", (0,), immediates=("len", "isVolatile"), accesses=True)
    add("lifetime.start lifetime.end stackrestore", (0,))
    add("invariant.start", (0,), immediates=("size",), order=(1, 0))
    add("invariant.end", (1,), immediates=("size",), order=(0, 2, 1))
    add("launder.invariant.group strip.invariant.group stacksave")
    add("threadlocal.address", (0,))
    add("ptrmask", (RESULT, 1))
    add("prefetch", (0,), immediates=("rw", "hint", "cache"))
    add("masked.compressstore", (0,))
    add("masked.expandload")
    table["vastart"] = Intrinsic("va_start", (0,))
    table["vaend"] = Intrinsic("va_end", (0,))
    table["vacopy"] = Intrinsic("va_copy", (0,))


def _add_hints(table: _Table) -> None:
    """What tells LLVM something, or ends the program."""
    add = table.add
    add("expect.with.probability", immediates=("prob",))
    add("is.constant vector.deinterleave2", (0,))
    add("trap debugtrap", ())
    add("ubsantrap", (), immediates=("failureKind",))
    add("annotation", (RESULT, 1))
    add("ptr.annotation var.annotation", (0, 1))
    add("eh.typeid.for", (0,))


def _add_vectors(table: _Table) -> None:
    """Functions of whole vectors, and of their first lanes."""
    add = table.add
    add("get.active.lane.mask", (RESULT, 0))
    reductions = str.split("add mul and or xor smax smin umax umin fmax fmin fmaximum fminimum")
    add(" ".join(f"vector.reduce.{name}" for name in reductions), (0,), flags=True)
    add("vector.reduce.fadd vector.reduce.fmul", (1,), flags=True)
    add("vector.extract", (RESULT, 0), immediates=("pos",))
    add("vector.insert", (RESULT, 1), immediates=("pos",))
    binary = (
        "add sub mul sdiv udiv srem urem and or xor shl lshr ashr smax smin umax umin "
        "fadd fsub fmul fdiv frem"
    )
    add(" ".join(f"vp.{name}" for name in binary.split()))
    add("vp.fneg vp.fma vp.fmuladd vp.select vp.merge")
    casts = "sext zext trunc fpext fptrunc fptosi fptoui sitofp uitofp inttoptr ptrtoint"
    add(" ".join(f"vp.{name}" for name in casts.split()), (RESULT, 0))
    reductions = str.split("add mul and or xor smax smin umax umin fadd fmul fmax fmin")
    add(" ".join(f"vp.reduce.{name}" for name in reductions), (1,))
    add("vp.load", (RESULT, 0))
    add("vp.store", (0, 1))
    add("experimental.vp.strided.load", (RESULT, 0, 1))
    add("experimental.vp.strided.store", (0, 1, 2))


TABLE = _Table()
for _add in (_add_arithmetic, _add_memory, _add_hints, _add_vectors):
    _add(TABLE)


def _writer(entry: Intrinsic) -> Writer:
    def write(scope: Scope, op: ir.Operation) -> None:
        attributes = op.attributes
        operands = list(op.operands)
        results = op.results
        result = scope.types.text(results[0].type) if len(results) else "void"
        suffix = "".join(
            "." + scope.types.mangled(results[0].type if index == RESULT else operands[index].type)
            for index in entry.types
        )
        flags = ""
        if entry.flags and is_floating(result):
            flags = scope.module.flags(attributes.get("fastmathFlags"))
        (of_result,) = parameters(attributes.get("res_attrs"), scope.types, 1)
        values = arguments(scope, operands, attributes.get("arg_attrs") if operands else None)
        if entry.immediates:
            parts = [values] if values else []
            for name in entry.immediates:
                immediate: Any = attributes[name]
                parts.append(_immediate(scope, immediate, name))
            if entry.order:
                flat = [*(scope.typed(each) for each in operands), *parts[1:]]
                parts = [flat[index] for index in entry.order]
            values = ", ".join(parts)
        hints = scope.module.alias_hints(op) if entry.accesses else ""
        name = f"@llvm.{entry.name}{suffix}"
        scope.write(
            op, result, f"call {flags}{of_result}{result} {name}({values}){entry.call}{hints}"
        )

    return write


# Source: MLIR's RoundingMode and FPExceptionBehavior, by number.
_ROUNDING_MODES = {0: "towardzero", 1: "tonearest", 2: "upward", 3: "downward", 4: "tonearestaway"}
_ROUNDING_MODES[7] = "dynamic"
_EXCEPTIONS = ("ignore", "maytrap", "strict")


def _immediate(scope: Scope, attribute: Any, name: str) -> str:
    """An attribute as an argument, with its type in front."""
    if name == "roundingmode":
        return f'metadata !"round.{_ROUNDING_MODES[attribute.value]}"'
    if name == "fpExceptionBehavior":
        return f'metadata !"fpexcept.{_EXCEPTIONS[attribute.value]}"'
    text = constant(attribute, attribute.type, scope.module)
    return f"{scope.types.text(attribute.type)} {text}"


def _assume(scope: Scope, op: ir.Operation) -> None:
    operands = list(op.operands)
    bundled = bundles(scope, op, operands)
    scope.lines.append(f"  call void @llvm.assume({scope.typed(operands[0])}){bundled}")


def _frexp(scope: Scope, op: ir.Operation) -> None:
    type_ = scope.types.text(op.result.type)
    value, name = scope.values[op.operands[0]]
    if not type_.endswith(("i32 }", "i32> }")):
        raise unsupported(op, "the exponent must be an i32: LLVM calls the C function, with an int")
    mangled = scope.types.mangled(op.operands[0].type)
    # A result that is not all floats takes no fast-math flags.
    scope.define(op, type_, f"call {type_} @llvm.frexp.{mangled}.i32({value} {name})")


def _masked(scope: Scope, op: ir.Operation) -> None:
    """Masked loads, stores, gathers and scatters: the alignment is an attribute of the pointer."""
    name = op.name.removeprefix("llvm.intr.")
    operands = list(op.operands)
    stores = name in ("masked.store", "masked.scatter")
    if len(operands) > 3:
        raise unsupported(op, f"it has {len(operands)} operands, at most 3 were expected")
    pointer = operands[1 if stores else 0]
    alignment = int(op.attributes["alignment"].value)
    type_, address = scope.values[pointer]
    aligned = f"align {alignment} " if alignment else ""
    parts = [scope.typed(each) for each in operands]
    parts[1 if stores else 0] = f"{type_} {aligned}{address}"
    data = operands[0] if stores else op.results[0]
    result = "void" if stores else scope.types.text(data.type)
    if not stores and len(parts) == 2:
        parts.append(f"{result} poison")  # no pass_thru: the lanes that are off have no value
    suffix = f"{scope.types.mangled(data.type)}.{scope.types.mangled(pointer.type)}"
    hint = ""
    if "nontemporal" in op.attributes:
        hint = ", !nontemporal " + scope.module.metadata("!{i32 1}")
    scope.write(op, result, f"call {result} @llvm.{name}.{suffix}({', '.join(parts)}){hint}")


def _dropped(scope: Scope, op: ir.Operation) -> None:
    """Says something about the program and does nothing: debug information, fake uses."""


def _scope_declaration(scope: Scope, op: ir.Operation) -> None:
    scope.lines.append("  " + scope.module.declare_scope(op))


WRITERS: dict[str, Writer] = {
    **{f"llvm.intr.{name}": _writer(entry) for name, entry in TABLE.items()},
    "llvm.intr.assume": _assume,
    "llvm.intr.frexp": _frexp,
    **{f"llvm.intr.masked.{name}": _masked for name in ("load", "store", "gather", "scatter")},
    **{f"llvm.intr.dbg.{name}": _dropped for name in ("declare", "label", "value")},
    "llvm.intr.fake.use": _dropped,
    "llvm.intr.experimental.noalias.scope.decl": _scope_declaration,
}
