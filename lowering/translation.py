"""An llvm-dialect module -> LLVM IR text.

In: a module that MLIR's verifier accepts, all of its operations in the llvm dialect. Out: LLVM IR
that LLVM 22 parses. Cost: linear in the size of the module.
"""

from __future__ import annotations

from typing import Any

from lowering.accounts import check, check_module
from lowering.aliasing import AliasScopes
from lowering.attributes import function_head
from lowering.bindings import ir
from lowering.control import TERMINATORS
from lowering.debug import Lines
from lowering.errors import InvalidModule
from lowering.globals import alias_line, global_line
from lowering.hidden import HIDING, hidden_flags
from lowering.operations import WRITERS
from lowering.scope import ModuleScope, Scope, located, unsupported
from lowering.startup import comdat_lines, constructor_line, module_lines


def verify(module: ir.Module) -> None:
    """Raises InvalidModule when MLIR's verifier rejects the module."""
    try:
        module.operation.verify()
    except ir.MLIRError as error:
        raise InvalidModule(f"MLIR's verifier rejects the module:\n{error}") from None


def translate(module: ir.Module) -> str:
    """The LLVM IR of the module.

    >>> from lowering.bindings import context
    >>> text = "llvm.func @f(%x: f32) -> f32 { %y = llvm.fmul %x, %x : f32 llvm.return %y : f32 }"
    >>> print(translate(ir.Module.parse(text, context())))
    define float @f(float %0) {
    b0:
      %1 = fmul float %0, %0
      ret float %1
    }
    <BLANKLINE>

    Raises InvalidModule when MLIR's verifier rejects the module, Unsupported (its subclasses name
    the operation, type, constant or attribute) for what has no translation.
    """
    verify(module)
    scope = ModuleScope(module.operation)
    aliases = AliasScopes(scope)
    scope.alias_hints, scope.declare_scope = aliases.hints, aliases.declaration
    attributes = module.operation.attributes
    check_module(attributes)
    head = module_lines(attributes)
    globals_: list[str] = []
    functions: list[str] = []
    for view in module.body.operations:
        op = view.operation
        name = op.name
        if name == "llvm.func":
            functions.append(_function(scope, op))
            continue
        try:
            check(op, name, op.attributes)
            if name == "llvm.mlir.global":
                globals_.append(global_line(scope, op))
            elif name == "llvm.mlir.alias":
                globals_.append(alias_line(scope, op))
            elif name == "llvm.comdat":
                head += comdat_lines(op)
            elif name in ("llvm.mlir.global_ctors", "llvm.mlir.global_dtors"):
                globals_.append(constructor_line(scope, op, name[-5:]))
            elif name not in _HINTS:
                raise unsupported(
                    op,
                    "at the top of a module there may be functions, globals, aliases, comdats, "
                    "constructors and destructors",
                )
        except Exception as error:
            raise located(error, op, _symbol(op)) from None
    parts = [*head, *scope.types.definitions(), *globals_, *functions, *scope.metadata_lines()]
    return "\n".join(parts) + "\n"


# For other tools: what is linked with what, debuggers, profilers.
_HINTS = frozenset(("llvm.module_flags", "llvm.named_metadata", "llvm.linker_options"))


def _symbol(op: ir.Operation) -> str:
    attributes: Any = op.attributes
    return attributes["sym_name"].value if "sym_name" in attributes else ""


def _function(module: ModuleScope, function: ir.Operation) -> str:
    name = _symbol(function)
    try:
        check(function, "llvm.func", function.attributes)
        blocks = list(function.regions[0].blocks)
        head = function_head(module, function, declaration=not blocks)
        if not blocks:
            return head
        operations = _operations(function, len(blocks))
        hidden = hidden_flags(function, [pair for block in operations for pair in block])
        scope = Scope(module, name, hidden)
        lines = Lines(module, function)
        if lines.head:
            head = f"{head.removesuffix(' {')}{lines.head} {{"
            scope.source = lines.of
        for argument in blocks[0].arguments:
            scope.values[argument] = (module.types.text(argument.type), f"%{scope.count}")
            scope.count += 1
    except Exception as error:
        raise located(error, function, name) from None
    if len(blocks) == 1:
        scope.lines.append("b0:")
        scope.block = "b0"
        _write(scope, operations[0])
    else:
        _blocks(scope, blocks, operations)
    return "\n".join((head, *scope.lines, "}"))


def _write(scope: Scope, operations: list[tuple[str, ir.Operation]]) -> None:
    """Writes the operations. What goes wrong says in which, and in which function."""
    op = None
    try:
        for name, op in operations:
            check(op, name, op.attributes)
            first = len(scope.lines)
            WRITERS[name](scope, op)
            if scope.source is not None:
                _locate(scope, first, scope.source(op))
    except Exception as error:
        raise located(error, op, scope.name) from None


def _locate(scope: Scope, first: int, source: str) -> None:
    """Say of the instructions from this line on what they were made of."""
    for k, line in enumerate(scope.lines[first:], first):
        if not line.endswith(":"):  # a label
            scope.lines[k] = line + source


def _operations(function: ir.Operation, blocks: int) -> list[list[tuple[str, ir.Operation]]]:
    """The operations of each block with their names. Cost: one walk; iterating over blocks costs
    three times as much.
    """
    found: list[list[tuple[str, ir.Operation]]] = [[]]
    current = found[0]
    advance = ir.WalkResult.ADVANCE

    def visit(op: ir.Operation) -> ir.WalkResult:
        nonlocal current
        name = op.name
        current.append((name, op))
        if name in TERMINATORS:
            current = []
            found.append(current)
        return advance

    function.walk(visit, ir.WalkOrder.PRE_ORDER)
    del found[0][0]  # the function itself
    found.pop()
    return found


def _blocks(
    scope: Scope, blocks: list[ir.Block], operations: list[list[tuple[str, ir.Operation]]]
) -> None:
    """Writes the reachable blocks in reverse postorder, so that values are defined above their
    uses.
    """
    for index, block in enumerate(blocks):
        scope.blocks[block] = f"b{index}"
        scope.edges[block] = []
    indices = {block: index for index, block in enumerate(blocks)}
    hidden = list(scope.hidden)
    starts = [0]
    for each in operations:
        starts.append(starts[-1] + sum(name in HIDING for name, _ in each))
    phis: list[tuple[int, ir.Block]] = []
    for index in _reverse_postorder(operations, indices):
        block = blocks[index]
        scope.block = f"b{index}"
        scope.lines.append(f"{scope.block}:")
        if index:
            phis.append((len(scope.lines), block))
            for argument in block.arguments:
                scope.values[argument] = (scope.types.text(argument.type), f"%{scope.count}")
                scope.lines.append("")  # filled in below, when every predecessor is written
                scope.count += 1
        scope.hidden = iter(hidden[starts[index] : starts[index + 1]])
        _write(scope, operations[index])
    for line, block in phis:
        edges = scope.edges[block]
        for position, argument in enumerate(block.arguments):
            type_, result = scope.values[argument]
            incoming = ", ".join(
                f"[ {scope.values[values[position]][1]}, %{source} ]" for source, values in edges
            )
            scope.lines[line + position] = f"  {result} = phi {type_} {incoming}"


def _reverse_postorder(
    operations: list[list[tuple[str, ir.Operation]]], indices: dict[ir.Block, int]
) -> list[int]:
    """The blocks that can be reached from the first, each above those that it dominates."""
    order: list[int] = []
    seen = {0}

    def successors(index: int) -> list[int]:
        return [indices[block] for block in operations[index][-1][1].successors]

    stack = [(0, iter(successors(0)))]
    while stack:
        index, rest = stack[-1]
        for follower in rest:
            if follower not in seen:
                seen.add(follower)
                stack.append((follower, iter(successors(follower))))
                break
        else:
            order.append(index)
            stack.pop()
    order.reverse()
    return order
