"""LLVM IR by MLIR's own translation, a tenth of the time, where the bindings have it.

In: a verified module of the llvm dialect. Out: LLVM IR text that means what `translate` writes, or
None: then that has to write it. MLIR's translation asserts where ours raises an error, and drops
what ours refuses; so it gets functions only, made of operations and attributes that are listed
here, all of which the tests compare. Globals are written by us: a large table takes LLVM a tenth of
the time to read as a string of bytes, and theirs are lists of numbers.

The version of MLIR must be that of the LLVM that reads the text.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from lowering.accounts import check, check_module
from lowering.attributes import number
from lowering.backend import layout_of, llvm_version
from lowering.bindings import ir, llvm, package
from lowering.globals import global_line
from lowering.late import late
from lowering.optimizer import EXPLICIT
from lowering.parameters import named
from lowering.scope import ModuleScope

DISTRIBUTION = "xtc_mlir_python_bindings"


@functools.cache
def is_available() -> bool:
    """Whether the bindings translate, and their LLVM is the one that compiles here.

    A distribution's version stands in the name of a folder beside what it has installed;
    `importlib.metadata` would read it, too, but first import a parser of mail.
    """
    if package() != "mlir":
        return False
    installed = Path(late("mlir.ir").__file__ or "").parents[1]
    # There is none for bindings that somebody built: of which LLVM, nobody knows.
    return any(installed.glob(f"{DISTRIBUTION}-{llvm_version()}.*.dist-info"))


def upstream(module: ir.Module, machine: str | None = None) -> str | None:
    """The LLVM IR of the module by MLIR, for this machine's data layout, or that of another by
    LLVM's name; or None.

    Requires that MLIR's verifier accepts the module.
    """
    return translated(module, machine) if is_available() and is_plain(module) else None


def translated(module: ir.Module, machine: str | None = None) -> str | None:
    """What MLIR makes of the functions and we of the globals; None when MLIR gives up.

    For a module that is not plain, MLIR may end the process.
    """
    copy = module.operation.clone().operation
    attributes = copy.attributes
    if "llvm.data_layout" not in attributes:
        # Their text states every alignment, and takes it from here.
        with copy.context:
            attributes["llvm.data_layout"] = ir.StringAttr.get(layout_of(machine))
    scope = ModuleScope(module.operation)
    globals_ = []
    check_module(module.operation.attributes)
    for view in list(copy.regions[0].blocks[0].operations):
        op = view.operation
        if op.name == "llvm.mlir.global":
            check(op, op.name, op.attributes)
            globals_.append(global_line(scope, op))
            _declare(op)
    if scope.types.definitions():
        return None  # their names for these structs may be others
    try:
        text = llvm.translate_module_to_llvmir(copy)
    except Exception:  # theirs says less than the error that ours will raise
        return None
    if "vscale" in text:
        return None
    text = _DECLARED.sub("", text[text.index("target ") :])
    head, _, body = text.partition("\n")
    return "\n".join([head, *globals_, *scope.metadata_lines(), body])


# A global that `_declare` made.
_DECLARED = re.compile(r'^@(?:[-\w$.]+|"[^"]*") = external global i8.*\n', re.MULTILINE)


def _declare(op: ir.Operation) -> None:
    """Puts a declaration in the place of a global."""
    symbol: Any = op.attributes["sym_name"]
    declared = ir.Operation.parse("llvm.mlir.global external @declared() : i8", context=op.context)
    declared.attributes["sym_name"] = symbol
    ir.InsertionPoint(op).insert(declared)
    op.erase()


def is_plain(module: ir.Module) -> bool:
    """Whether MLIR's translation is known to take all that the module says."""
    plain = True
    none = ir.Attribute.parse("#llvm.fastmath<none>", module.context)
    usual = _USUAL
    advance, interrupt = ir.WalkResult.ADVANCE, ir.WalkResult.INTERRUPT

    def visit(op: ir.Operation) -> ir.WalkResult:
        nonlocal plain
        name = op.name
        attributes = op.attributes
        if usual.get(name) == len(attributes) or _is_known(op, name, attributes, none):
            return advance
        plain = False
        return interrupt

    module.operation.walk(visit, ir.WalkOrder.PRE_ORDER)
    return plain


def _names(text: str, prefix: str = "llvm.") -> list[str]:
    return [prefix + name for name in text.split()]


# Per operation, how many attributes it has when it has nothing special to say: those that it always
# has, of which MLIR translates any value.
_USUAL = {
    **dict.fromkeys(
        _names(
            "add sub mul shl udiv sdiv urem srem lshr ashr and or xor trunc sext zext fptosi "
            "fptoui sitofp uitofp bitcast inttoptr ptrtoint extractelement insertelement return "
            "fpext fptrunc unreachable mlir.zero mlir.undef mlir.poison br freeze intr.smin "
            "intr.smax intr.umin intr.umax"
        ),
        0,
    ),
    **dict.fromkeys(
        _names(
            "fadd fsub fmul fdiv frem fneg icmp load store alloca extractvalue "
            "insertvalue shufflevector mlir.addressof cond_br fence intr.fma intr.fmuladd "
            "intr.sqrt intr.fabs intr.floor intr.ceil intr.trunc intr.rint intr.round "
            "intr.roundeven intr.nearbyint intr.copysign intr.minnum intr.maxnum intr.minimum "
            "intr.maximum intr.masked.load intr.masked.store intr.masked.gather "
            "intr.masked.scatter intr.vector.reduce.fadd intr.vector.reduce.fmul"
        ),
        1,
    ),
    "llvm.fcmp": 2,
    "llvm.getelementptr": 2,
}

# What these may say besides.
_MORE = {
    **{name: {"alignment", "ordering", "nontemporal"} for name in _names("load store")},
    "llvm.alloca": {"alignment", "elem_type"},
    "llvm.atomicrmw": {"alignment", "ordering", "bin_op"},
    **{name: {"isExact"} for name in _names("udiv sdiv lshr ashr")},
    "llvm.or": {"isDisjoint"},
    **{name: {"nonNeg"} for name in _names("zext uitofp")},
    "llvm.select": {"fastmathFlags"},
    "llvm.cond_br": {"operandSegmentSizes", "branch_weights"},
    "llvm.mlir.constant": {"value"},
    "llvm.call": set(
        str.split(
            "CConv TailCallKind callee fastmathFlags op_bundle_sizes operandSegmentSizes "
            "var_callee_type"
        )
    ),
    "llvm.call_intrinsic": set(
        str.split("fastmathFlags intrin op_bundle_sizes operandSegmentSizes")
    ),
    "llvm.inline_asm": set(str.split("asm_string constraints tail_call_kind has_side_effects")),
    "llvm.func": set(
        str.split(
            "CConv function_type linkage sym_name unnamed_addr visibility_ always_inline no_inline "
            "arg_attrs memory_effects no_unwind will_return passthrough llvm.emit_c_interface"
        )
    ),
}

_OF_ARGUMENTS = frozenset(
    _names("noalias nonnull noundef readonly writeonly readnone nocapture signext zeroext")
)


def _is_known(op: ir.Operation, name: str, attributes: Any, none: ir.Attribute) -> bool:
    """Whether the operation says nothing but what is listed."""
    if name in ("builtin.module", "llvm.mlir.global"):
        return name == "builtin.module" or _is_known_global(op, attributes)
    more = _MORE.get(name)
    if more is None or not all(each in more for each in attributes):
        return False
    if name == "llvm.mlir.constant":
        value: Any = attributes["value"]
        kinds = ir.IntegerAttr | ir.BoolAttr | ir.FloatAttr | ir.DenseElementsAttr
        return isinstance(value, kinds) and bool(value.type == op.result.type)
    if name in ("llvm.select", "llvm.call", "llvm.call_intrinsic"):
        # LLVM asserts that flags stand on operations on floats.
        if attributes["fastmathFlags"] != none and not _is_float(op.results[0].type):
            return False
        if name != "llvm.select" and len(attributes["op_bundle_sizes"]):
            return False
    if name == "llvm.func":
        return _is_known_function(attributes)
    return name != "llvm.call" or str(attributes["CConv"]) == "#llvm.cconv<ccc>"


def _is_float(type_: ir.Type) -> bool:
    element = type_.element_type if isinstance(type_, ir.VectorType) else type_
    return isinstance(element, ir.F32Type | ir.F64Type)


def _is_known_function(attributes: Any) -> bool:
    if str(attributes["CConv"]) != "#llvm.cconv<ccc>":
        return False
    of_arguments = attributes.get("arg_attrs") or ()
    return all(
        isinstance(each, ir.StringAttr) and each.value in _PASSED
        for each in attributes.get("passthrough") or ()
    ) and all(name in _OF_ARGUMENTS for each in of_arguments for name, _ in named(each))


_PASSED = frozenset(("no-builtins", "nounwind", "noinline", "alwaysinline", "cold", EXPLICIT))


def _is_known_global(op: ir.Operation, attributes: Any) -> bool:
    """Whether it may be declared for MLIR; what it is, we write."""
    return "thread_local_" not in attributes and not number(attributes.get("addr_space"))
