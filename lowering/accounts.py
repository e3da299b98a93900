"""Which attributes each operation may carry: nothing that a module says vanishes unseen.

Every attribute of an operation is translated by what writes the operation, or is in `DROPPED`, or
is an error. `docs/lowering.md` lists what is dropped.
"""

from __future__ import annotations

from typing import Any

from lowering.attributes import TRANSLATED
from lowering.bindings import ir
from lowering.errors import UnsupportedAttribute
from lowering.intrinsics import TABLE
from lowering.operations import WRITERS

DROPPED = frozenset(
    str.split(
        # What an access may assume of its memory, or shares with others.
        "access_groups tbaa dereferenceable "
        # Debug information.
        "dbg_exprs "
        # Of kernels for other machines.
        "vec_type_hint work_group_size_hint reqd_work_group_size intel_reqd_sub_group_size "
        # Of MLIR's symbol tables, which LLVM does not have.
        "sym_visibility"
    )
)
"""Hints without which the code means the same."""

_DROPPED_OF_MODULES = frozenset(
    ("llvm.ident", "llvm.commandline", "llvm.dependent_libraries", "sym_name", "sym_visibility")
)
_TRANSLATED_OF_MODULES = frozenset(("llvm.data_layout", "llvm.target_triple", "llvm.module_asm"))

# Accepted where it stands; the functions that it asks for are the author's to write.
_DISCARDABLE = frozenset(("llvm.emit_c_interface",))

_CALL = "operandSegmentSizes op_bundle_sizes op_bundle_tags arg_attrs res_attrs "
_ACCESS = "alias_scopes noalias_scopes alignment ordering syncscope volatile_ "
_SYMBOL = "sym_name linkage dso_local visibility_ unnamed_addr "


def _known() -> dict[str, frozenset[str]]:
    """Per operation, the attributes that are translated with it."""
    table: dict[str, frozenset[str]] = {}

    def add(names: str, attributes: str) -> None:
        for name in names.split():
            table[f"llvm.{name}"] = frozenset(attributes.split())

    add("udiv sdiv lshr ashr", "isExact")
    add("add sub mul shl trunc", "overflowFlags")
    add("or", "isDisjoint")
    add("fadd fsub fmul fdiv frem fneg fpext fptrunc select", "fastmathFlags")
    add("zext uitofp", "nonNeg")
    add("icmp", "predicate")
    add("fcmp", "predicate fastmathFlags")
    add("alloca", "alignment elem_type")
    add("load", _ACCESS + "nontemporal invariant invariantGroup")
    add("store", _ACCESS + "nontemporal invariantGroup")
    add("atomicrmw", _ACCESS + "bin_op")
    add("cmpxchg", _ACCESS + "success_ordering failure_ordering weak")
    add("fence", "ordering syncscope")
    add("getelementptr", "elem_type rawConstantIndices noWrapFlags")
    add("extractvalue insertvalue", "position")
    add("shufflevector", "mask")
    add("br", "loop_annotation")
    add("cond_br", "loop_annotation branch_weights operandSegmentSizes")
    add("switch", "branch_weights case_operand_segments case_values operandSegmentSizes")
    add("invoke", _CALL + "branch_weights CConv callee var_callee_type")
    add("landingpad", "cleanup")
    add(
        "inline_asm",
        "asm_dialect asm_string constraints has_side_effects is_align_stack "
        "operand_attrs tail_call_kind",
    )
    add("call_intrinsic", _CALL + "fastmathFlags intrin")
    add(
        "call",
        _CALL + "callee var_callee_type fastmathFlags CConv TailCallKind alias_scopes "
        "noalias_scopes " + " ".join(TRANSLATED),
    )
    add(
        "func",
        _SYMBOL + "function_type CConv arg_attrs res_attrs section alignment comdat "
        "garbageCollector function_entry_count personality " + " ".join(TRANSLATED),
    )
    add("mlir.constant", "value")
    add("mlir.addressof", "global_name")
    add(
        "mlir.global",
        _SYMBOL + "global_type value addr_space alignment comdat constant "
        "externally_initialized section thread_local_ tls_mode",
    )
    add("mlir.alias", _SYMBOL + "alias_type thread_local_ tls_mode")
    add("mlir.global_ctors", "ctors data priorities")
    add("mlir.global_dtors", "dtors data priorities")
    add("comdat", "sym_name")
    add("comdat_selector", "sym_name comdat")
    add("intr.assume", _CALL)
    add("intr.frexp", "fastmathFlags")
    add("intr.experimental.noalias.scope.decl", "scope")
    add("intr.dbg.declare intr.dbg.value", "locationExpr varInfo")
    add("intr.dbg.label", "label")
    add("module_flags", "flags")
    add("named_metadata", "metadata_name nodes")
    add("linker_options", "options")
    for name in ("masked.load", "masked.store", "masked.gather", "masked.scatter"):
        add(f"intr.{name}", "alignment nontemporal arg_attrs res_attrs")
    for name, entry in TABLE.items():
        more = "fastmathFlags " * entry.flags + "alias_scopes noalias_scopes " * entry.accesses
        add(f"intr.{name}", f"arg_attrs res_attrs {more}" + " ".join(entry.immediates))
    return table


KNOWN = _known()
_NONE: frozenset[str] = frozenset()

# What the commonest operations carry, nearly always. To ask for one takes a tenth of the time of
# going through all.
_USUAL = {
    **dict.fromkeys(("llvm.load", "llvm.store"), ("ordering", "alignment")),
    **{
        name: ("fastmathFlags",)
        for name, known in KNOWN.items()
        if "fastmathFlags" in known and len(known) <= 3
    },
    "llvm.getelementptr": ("elem_type", "rawConstantIndices"),
    "llvm.mlir.constant": ("value",),
    "llvm.icmp": ("predicate",),
    "llvm.fcmp": ("predicate", "fastmathFlags"),
    "llvm.cond_br": ("operandSegmentSizes",),
    "llvm.shufflevector": ("mask",),
}


def check(op: ir.Operation, name: str, attributes: Any) -> None:
    """Raises UnsupportedAttribute when the operation carries one that would be lost.

    Attributes of other dialects are theirs to act on before the module comes here.
    """
    usual = 0
    for each in _USUAL.get(name, ()):
        usual += each in attributes
    if usual == len(attributes):
        return
    known = KNOWN.get(name, _NONE)
    if not known and name not in WRITERS:
        return  # the operation itself will be refused
    for each in attributes:
        if each in known or each in DROPPED or each in _DISCARDABLE:
            continue
        if "." in each and not each.startswith("llvm."):
            continue
        raise UnsupportedAttribute(
            f"cannot translate the attribute `{each} = {attributes[each]}` of `{name}`: remove it"
        )


def check_module(attributes: Any) -> None:
    """The same for the attributes of the module itself."""
    for each in attributes:
        if each in _DROPPED_OF_MODULES or each in _TRANSLATED_OF_MODULES:
            continue
        if each == "dlti.dl_spec" and "llvm.data_layout" not in attributes:
            raise UnsupportedAttribute(
                f"cannot translate the attribute `{each} = {attributes[each]}` of `builtin.module`:"
                " state the layout as `llvm.data_layout`, or leave it out for this machine's"
            )
        if "." in each and not each.startswith("llvm."):
            continue
        raise UnsupportedAttribute(
            f"cannot translate the attribute `{each} = {attributes[each]}` of `builtin.module`: "
            "remove it"
        )
