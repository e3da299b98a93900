"""Global variables. Source: LangRef, "Global Variables"."""

from __future__ import annotations

from lowering.attributes import linkage
from lowering.bindings import ir
from lowering.constants import constant
from lowering.scope import ModuleScope, Scope
from lowering.types import identifier


def global_line(module: ModuleScope, op: ir.Operation) -> str:
    attributes = op.attributes
    type_ = attributes["global_type"].value  # type: ignore[attr-defined]
    name = attributes["sym_name"].value  # type: ignore[attr-defined]
    kind = "constant" if "constant" in attributes else "global"
    value = attributes.get("value")
    prefix = linkage(op)
    text = ""
    if value is not None:
        text = " " + constant(value, type_, module.types)
    elif not prefix:
        prefix = "external "
    aligned = attributes.get("alignment")
    suffix = f", align {aligned.value}" if aligned is not None else ""
    return f"@{identifier(name)} = {prefix}{kind} {module.types.text(type_)}{text}{suffix}"
