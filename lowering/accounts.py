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


_ATTRIBUTES = {
    "udiv sdiv lshr ashr": "isExact",
    "add sub mul shl trunc": "overflowFlags",
    "or": "isDisjoint",
    "fadd fsub fmul fdiv frem fneg fpext fptrunc select": "fastmathFlags",
    "zext uitofp": "nonNeg",
    "icmp": "predicate",
    "fcmp": "predicate fastmathFlags",
    "alloca": "alignment elem_type",
    "load": _ACCESS + "nontemporal invariant invariantGroup",
    "store": _ACCESS + "nontemporal invariantGroup",
    "atomicrmw": _ACCESS + "bin_op",
    "cmpxchg": _ACCESS + "success_ordering failure_ordering weak",
    "fence": "ordering syncscope",
    "getelementptr": "elem_type rawConstantIndices noWrapFlags",
    "extractvalue insertvalue": "position",
    "shufflevector": "mask",
    "br": "loop_annotation",
    "cond_br": "loop_annotation branch_weights operandSegmentSizes",
    "switch": "branch_weights case_operand_segments case_values operandSegmentSizes",
    "invoke": _CALL + "branch_weights CConv callee var_callee_type",
    "landingpad": "cleanup",
    "inline_asm": "asm_dialect asm_string constraints has_side_effects is_align_stack "
    "operand_attrs tail_call_kind",
    "call_intrinsic": _CALL + "fastmathFlags intrin",
    "call": _CALL
    + "callee var_callee_type fastmathFlags CConv TailCallKind alias_scopes noalias_scopes "
    + " ".join(TRANSLATED),
    "func": _SYMBOL
    + "function_type CConv arg_attrs res_attrs section alignment comdat garbageCollector "
    "function_entry_count personality " + " ".join(TRANSLATED),
    "mlir.constant": "value",
    "mlir.addressof": "global_name",
    "mlir.global": _SYMBOL + "global_type value addr_space alignment comdat constant "
    "externally_initialized section thread_local_ tls_mode",
    "mlir.alias": _SYMBOL + "alias_type thread_local_ tls_mode",
    "mlir.global_ctors": "ctors data priorities",
    "mlir.global_dtors": "dtors data priorities",
    "comdat": "sym_name",
    "comdat_selector": "sym_name comdat",
    "intr.assume": _CALL,
    "intr.frexp": "fastmathFlags",
    "intr.experimental.noalias.scope.decl": "scope",
    "intr.dbg.declare intr.dbg.value": "locationExpr varInfo",
    "intr.dbg.label": "label",
    "module_flags": "flags",
    "named_metadata": "metadata_name nodes",
    "linker_options": "options",
}
"""Of operations, several at a time: the attributes that are translated with each."""


def _known() -> dict[str, frozenset[str]]:
    """Per operation, the attributes that are translated with it."""
    table = {
        f"llvm.{name}": frozenset(attributes.split())
        for names, attributes in _ATTRIBUTES.items()
        for name in names.split()
    }
    masked = frozenset(("alignment", "nontemporal", "arg_attrs", "res_attrs"))
    for name in ("masked.load", "masked.store", "masked.gather", "masked.scatter"):
        table[f"llvm.intr.{name}"] = masked
    for name, entry in TABLE.items():
        more = "fastmathFlags " * entry.flags + "alias_scopes noalias_scopes " * entry.accesses
        table[f"llvm.intr.{name}"] = frozenset(
            ("arg_attrs", "res_attrs", *more.split(), *entry.immediates)
        )
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
