"""Attributes of functions, arguments and results."""

from __future__ import annotations

from lowering.bindings import ir
from lowering.scope import ModuleScope
from lowering.types import identifier


def linkage(op: ir.Operation) -> str:
    """The linkage with a space behind; nothing for external, which is LLVM's default."""
    name = str(op.attributes["linkage"]).partition("<")[2].rstrip(">")
    return "" if name == "external" else name + " "


def function_head(module: ModuleScope, op: ir.Operation, *, declaration: bool) -> str:
    attributes = op.attributes
    type_ = attributes["function_type"].value  # type: ignore[attr-defined]
    name = attributes["sym_name"].value  # type: ignore[attr-defined]
    inputs = [module.types.text(each) for each in type_.inputs]
    if not declaration:
        inputs = [f"{text} %{index}" for index, text in enumerate(inputs)]
    if type_.is_var_arg:
        inputs.append("...")
    result = module.types.text(type_.return_type)
    text = f"{linkage(op)}{result} @{identifier(name)}({', '.join(inputs)})"
    return f"declare {text}" if declaration else f"define {text} {{"
