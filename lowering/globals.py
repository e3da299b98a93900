"""Global variables and aliases. Source: LangRef, "Global Variables", "Aliases", "Constant
Expressions".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lowering import folding
from lowering.accounts import check
from lowering.arithmetic import INTEGER_PREDICATES
from lowering.attributes import UNNAMED, comdat, linkage, number, placement, thread_local
from lowering.bindings import ir, llvm
from lowering.constants import constant, table_bytes
from lowering.elements import value_of
from lowering.literals import WRITERS as LITERALS
from lowering.memory import NO_WRAP
from lowering.scope import ModuleScope, Scope, unsupported
from lowering.types import Types, identifier, quoted, struct_fields

# A constant: its text, or the list of its parts while an aggregate is being put together.
Tree = Any

# LLVM reads these itself, and ends the process when it meets another such variable.
_APPENDING = ("llvm.used", "llvm.compiler.used")


def global_line(module: ModuleScope, op: ir.Operation) -> str:
    """The definition or declaration of an `llvm.mlir.global`."""
    attributes: Any = op.attributes
    types = module.types
    type_ = attributes["global_type"].value
    value = value_of(op, "value") if "value" in attributes else None
    spelled = types.text(type_)
    alignment = number(attributes.get("alignment"))
    if value is not None and (data := table_bytes(value, type_, module)) is not None:
        # The type of a global matters to nobody but its initialiser; its alignment does.
        spelled, text = f"[{len(data)} x i8]", ' c"\\' + data.hex("\\") + '"'
        alignment = alignment or 16
    elif value is not None:
        text = " " + constant(value, type_, module)
    elif len(op.regions[0].blocks):
        text = " " + initializer(module, op, type_)
    else:
        text = ""
    words = linkage(op)
    if not text:
        if not words:
            words = "external "
        elif words != "extern_weak ":
            text = " undef"  # a definition without a value; only what is external may have none
    if words == "appending " and attributes["sym_name"].value not in _APPENDING:
        raise unsupported(
            op, f"only {', '.join(_APPENDING)} can have appending linkage; use another linkage"
        )
    words += placement(op)
    words += thread_local(attributes)
    words += UNNAMED[number(attributes.get("unnamed_addr"))]
    if space := number(attributes.get("addr_space")):
        words += f"addrspace({space}) "
    if "externally_initialized" in attributes:
        words += "externally_initialized "
    words += "constant" if "constant" in attributes else "global"
    line = f"@{identifier(attributes['sym_name'].value)} = {words} {spelled}{text}"
    if "section" in attributes:
        line += f", section {quoted(attributes['section'].value)}"
    if group := comdat(op):
        line += "," + group
    if alignment:
        line += f", align {alignment}"
    return line


def alias_line(module: ModuleScope, op: ir.Operation) -> str:
    """The definition of an `llvm.mlir.alias`."""
    attributes: Any = op.attributes
    words = linkage(op) + placement(op)
    words += thread_local(attributes)
    words += UNNAMED[number(attributes.get("unnamed_addr"))]
    type_ = module.types.text(attributes["alias_type"].value)
    target = initializer(module, op, None)
    return f"@{identifier(attributes['sym_name'].value)} = {words}alias {type_}, ptr {target}"


def initializer(module: ModuleScope, op: ir.Operation, type_: ir.Type | None) -> str:
    """The constant that the initialiser region returns.

    The region is evaluated here: LLVM has no constant expressions that put aggregates together.
    """
    trees: dict[ir.Value, Tree] = {}
    # The flags of address arithmetic are not visible, and constant addresses are right without
    # them.
    scope = Scope(module, "", iter(()))
    for view in op.regions[0].blocks[0].operations:
        inner = view.operation
        name = inner.name
        check(inner, name, inner.attributes)
        if name == "llvm.return":
            returned = inner.operands[0]
            return _spell(trees[returned], returned.type, module.types)
        if name in LITERALS:
            LITERALS[name](scope, inner)
            trees[inner.result] = scope.values[inner.result][1]
        elif name in _FOLDED:
            trees[inner.result] = _FOLDED[name](inner, trees, module.types)
        else:
            raise unsupported(
                inner, "it cannot be part of a global's initialiser; compute it at run time"
            )
    raise unsupported(op, "its initialiser does not return")


def _fields(type_: ir.Type, types: Types) -> list[ir.Type]:
    if isinstance(type_, llvm.StructType):
        return struct_fields(type_)
    if isinstance(type_, ir.VectorType):
        return [type_.element_type] * int(type_.shape[0])
    array = types.array(type_)
    assert array is not None
    return [array.element] * array.length


def _spell(tree: Tree, type_: ir.Type, types: Types) -> str:
    if isinstance(tree, str):
        return tree
    parts = ", ".join(
        f"{types.text(field)} {_spell(each, field, types)}"
        for field, each in zip(_fields(type_, types), tree, strict=True)
    )
    if isinstance(type_, llvm.StructType):
        return f"<{{ {parts} }}>" if type_.packed else f"{{ {parts} }}"
    return f"<{parts}>" if isinstance(type_, ir.VectorType) else f"[{parts}]"


def _parts(op: ir.Operation, tree: Tree, type_: ir.Type, types: Types) -> list[Tree]:
    """The parts of an aggregate, as a new list."""
    if not isinstance(tree, str):
        return list(tree)
    fields = _fields(type_, types)
    if tree in ("undef", "poison", "zeroinitializer"):
        return [tree] * len(fields)
    if tree.startswith("splat ("):
        return [tree[len("splat (") : -1].removeprefix(types.text(fields[0]) + " ")] * len(fields)
    written = folding.parts(tree)
    if written is None or len(written) != len(fields):
        raise unsupported(op, f"the parts of the constant {tree[:100]} cannot be read")
    return [
        part.removeprefix(types.text(field) + " ")
        for part, field in zip(written, fields, strict=True)
    ]


def _insertvalue(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
    container, value = op.operands
    root = _parts(op, trees[container], container.type, types)
    parts, type_ = root, container.type
    *path, last = op.attributes["position"]
    for index in path:
        type_ = _fields(type_, types)[index]
        parts[index] = _parts(op, parts[index], type_, types)
        parts = parts[index]
    parts[last] = trees[value]
    return root


def _insertelement(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
    vector, value, index = op.operands
    parts = _parts(op, trees[vector], vector.type, types)
    lane = folding.integer(trees[index])
    if lane is None or not 0 <= lane < len(parts):
        raise unsupported(op, f"the lane {trees[index]} is not one of {len(parts)}")
    parts[lane] = trees[value]
    return parts


def _extractvalue(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
    tree, type_ = trees[op.operands[0]], op.operands[0].type
    for index in op.attributes["position"]:
        tree = _parts(op, tree, type_, types)[index]
        type_ = _fields(type_, types)[index]
    return tree


def _typed(value: ir.Value, trees: dict[ir.Value, Tree], types: Types) -> str:
    return f"{types.text(value.type)} {_spell(trees[value], value.type, types)}"


def _by_lane(
    op: ir.Operation,
    trees: dict[ir.Value, Tree],
    types: Types,
    fold: Callable[..., Tree],
) -> Tree | None:
    """What `fold` gives for the operands, lane by lane where they are vectors; it takes their
    values and their width. None where they are not all integer literals.
    """
    type_ = op.operands[0].type
    if isinstance(type_, ir.VectorType):
        lanes = [_parts(op, trees[each], each.type, types) for each in op.operands]
        element = type_.element_type
    else:
        lanes = [[trees[each]] for each in op.operands]
        element = type_
    if not isinstance(element, ir.IntegerType):
        return None
    folded = []
    for row in zip(*lanes, strict=True):
        values = [folding.integer(each) for each in row if isinstance(each, str)]
        if len(values) != len(row) or None in values:
            return None
        folded.append(fold(*values, element.width))
    return folded if isinstance(type_, ir.VectorType) else folded[0]


def _width(type_: ir.Type) -> int:
    element = type_.element_type if isinstance(type_, ir.VectorType) else type_
    assert isinstance(element, ir.IntegerType)
    return int(element.width)


def _cast(opcode: str) -> Callable[..., Tree]:
    def fold(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
        if opcode in ("trunc", "zext", "sext"):
            width = _width(op.result.type)

            def convert(value: int, source: int) -> str:
                return folding.literal(folding.converted(opcode, value, source), width)

            found = _by_lane(op, trees, types, convert)
            if found is not None:
                return found
        if opcode in ("zext", "sext"):
            raise unsupported(op, f"{trees[op.operands[0]]} is no literal")
        return f"{opcode} ({_typed(op.operands[0], trees, types)} to {types.text(op.result.type)})"

    return fold


def _binary(opcode: str) -> Callable[..., Tree]:
    def fold(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
        def calculate(left: int, right: int, width: int) -> str:
            value = folding.binary(opcode, left, right, width)
            return "poison" if value is None else folding.literal(value, width)

        found = _by_lane(op, trees, types, calculate)
        if found is not None:
            return found
        left, right = op.operands
        if opcode not in ("add", "sub", "xor"):
            raise unsupported(op, "LLVM has no such constant expression, and it is no literal")
        return f"{opcode} ({_typed(left, trees, types)}, {_typed(right, trees, types)})"

    return fold


def _icmp(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
    predicate = INTEGER_PREDICATES[number(op.attributes["predicate"])]

    def compare(left: int, right: int, width: int) -> str:
        return "true" if folding.compared(predicate, left, right, width) else "false"

    found = _by_lane(op, trees, types, compare)
    if found is None:
        raise unsupported(op, "only integer literals are compared in an initialiser")
    return found


def _select(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
    condition, true, false = op.operands
    chosen = trees[condition]
    if isinstance(condition.type, ir.VectorType):
        columns = [_parts(op, trees[each], each.type, types) for each in op.operands]
        picked = [folding.integer(lane) for lane in columns[0]]
        if None in picked:
            raise unsupported(op, "its condition is no literal")
        return [a if lane else b for lane, a, b in zip(picked, *columns[1:], strict=True)]
    value = folding.integer(chosen) if isinstance(chosen, str) else None
    if value is None:
        raise unsupported(op, "its condition is no literal")
    return trees[true] if value else trees[false]


def _getelementptr(op: ir.Operation, trees: dict[ir.Value, Tree], types: Types) -> Tree:
    operands = iter(op.operands)
    attributes: Any = op.attributes
    parts = [types.text(attributes["elem_type"].value), _typed(next(operands), trees, types)]
    for index in attributes["rawConstantIndices"]:
        parts.append(
            f"i32 {index}" if index != -(1 << 31) else _typed(next(operands), trees, types)
        )
    return f"getelementptr {NO_WRAP[0]}({', '.join(parts)})"


_FOLDED: dict[str, Callable[..., Tree]] = {
    "llvm.insertvalue": _insertvalue,
    "llvm.insertelement": _insertelement,
    "llvm.extractvalue": _extractvalue,
    "llvm.getelementptr": _getelementptr,
    **{
        f"llvm.{name}": _cast(name)
        for name in ("ptrtoint", "inttoptr", "bitcast", "addrspacecast", "trunc", "zext", "sext")
    },
    **{f"llvm.{name}": _binary(name) for name in folding.BINARY},
    "llvm.icmp": _icmp,
    "llvm.select": _select,
}
