"""What a module says besides functions and globals: its layout, assembly, groups and constructors.

Source: LangRef, "Module-Level Inline Assembly", "Comdats", "The 'llvm.global_ctors' Global
Variable".
"""

from __future__ import annotations

from typing import Any

from lowering.bindings import ir
from lowering.constants import constant
from lowering.scope import ModuleScope
from lowering.types import identifier, quoted

_SELECTIONS = ("any", "exactmatch", "largest", "nodeduplicate", "samesize")


def module_lines(attributes: Any) -> list[str]:
    """What the attributes of the module say: layout, triple and assembly."""
    lines = []
    if "llvm.data_layout" in attributes:
        lines.append(f"target datalayout = {quoted(attributes['llvm.data_layout'].value)}")
    if "llvm.target_triple" in attributes:
        lines.append(f"target triple = {quoted(attributes['llvm.target_triple'].value)}")
    for each in attributes.get("llvm.module_asm") or ():
        lines.append(f"module asm {quoted(each.value)}")
    return lines


def comdat_lines(op: ir.Operation) -> list[str]:
    """The groups of an `llvm.comdat`."""
    lines = []
    for view in op.regions[0].blocks[0].operations:
        attributes: Any = view.operation.attributes
        kind = _SELECTIONS[int(attributes["comdat"].value)]
        lines.append(f"${identifier(attributes['sym_name'].value)} = comdat {kind}")
    return lines


def constructor_line(module: ModuleScope, op: ir.Operation, kind: str) -> str:
    """The table of an `llvm.mlir.global_ctors` or `_dtors`; `kind` is "ctors" or "dtors"."""
    attributes: Any = op.attributes
    rows = []
    for function, priority, data in zip(
        attributes[kind], attributes["priorities"], attributes["data"], strict=True
    ):
        if str(data) == "#llvm.zero":
            of = "null"
        else:
            of = constant(data, ir.Type.parse("!llvm.ptr", op.context), module)
        name = identifier(function.value)
        rows.append(f"{{ i32, ptr, ptr }} {{ i32 {priority.value}, ptr @{name}, ptr {of} }}")
    return f"@llvm.global_{kind} = appending global [{len(rows)} x {{ i32, ptr, ptr }}] " + (
        f"[{', '.join(rows)}]" if rows else "zeroinitializer"
    )
