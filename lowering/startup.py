"""What a module says besides functions and globals: its layout, assembly, groups and constructors.

Source: LangRef, "Module-Level Inline Assembly", "Comdats", "The 'llvm.global_ctors' Global
Variable".
"""

from __future__ import annotations

import re
from typing import Any

from lowering.bindings import ir
from lowering.cache import START, STOP
from lowering.constants import constant
from lowering.errors import CompileError
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


_TABLE = re.compile(
    r"^@llvm\.global_(ctors|dtors) = appending (?:constant|global) \[\d+ x \{ i32, ptr, ptr \}\] "
    r"(zeroinitializer|\[.*\])[^\]\n]*$",
    re.MULTILINE,
)
_ROW = re.compile(
    r"\{ i32, ptr, ptr \} \{ i32 (-?\d+), ptr (@(?:\"[^\"]*\"|[-\w.$]+)), ptr [^}]*\}"
)


def with_calls(llvm_ir: str) -> str:
    """The IR with functions that run its constructors and destructors in place of their tables: the
    code is not loaded by anything that reads the tables.

    Raises CompileError for a table that cannot be read.
    """
    if "@llvm.global_" not in llvm_ir:
        return llvm_ir

    def call_all(match: re.Match[str]) -> str:
        rows = [(int(priority), name) for priority, name in _ROW.findall(match[2])]
        if match[2].count("{ i32, ptr, ptr }") != len(rows):
            raise CompileError(
                f"the table of {match[1]} names something else than functions:\n  {match[0]}"
            )
        rows.sort(key=lambda row: row[0], reverse=match[1] == "dtors")
        name = START if match[1] == "ctors" else STOP
        calls = "".join(f"  call void {function}()\n" for _, function in rows)
        return f"define void @{name}() {{\n{calls}  ret void\n}}"

    return _TABLE.sub(call_all, llvm_ir)
