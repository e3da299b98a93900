"""An llvm-dialect module -> LLVM IR text.

In: a module that MLIR's verifier accepts, all of its operations in the llvm dialect. Out: LLVM IR
that LLVM 22 parses. Cost: linear in the size of the module.
"""

from __future__ import annotations

from lowering.aliasing import AliasScopes
from lowering.attributes import function_head
from lowering.bindings import ir
from lowering.control import TERMINATORS
from lowering.errors import InvalidModule
from lowering.globals import alias_line, global_line
from lowering.hidden import HIDING, hidden_flags
from lowering.operations import WRITERS
from lowering.scope import ModuleScope, Scope, unsupported
from lowering.types import quoted


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
    try:
        module.operation.verify()
    except ir.MLIRError as error:
        raise InvalidModule(f"MLIR's verifier rejects the module:\n{error}") from None
    scope = ModuleScope(module.operation)
    aliases = AliasScopes(scope)
    scope.alias_hints, scope.declare_scope = aliases.hints, aliases.declaration
    head: list[str] = []
    attributes = module.operation.attributes
    if "llvm.data_layout" in attributes:
        head.append(f"target datalayout = {quoted(attributes['llvm.data_layout'].value)}")
    if "llvm.target_triple" in attributes:
        head.append(f"target triple = {quoted(attributes['llvm.target_triple'].value)}")
    globals_: list[str] = []
    functions: list[str] = []
    for view in module.body.operations:
        op = view.operation
        if op.name == "llvm.func":
            functions.append(_function(scope, op))
        elif op.name == "llvm.mlir.global":
            globals_.append(global_line(scope, op))
        elif op.name == "llvm.mlir.alias":
            globals_.append(alias_line(scope, op))
        elif op.name in ("llvm.module_flags", "llvm.named_metadata"):
            continue  # hints for other tools
        else:
            raise unsupported(
                op, "at the top of a module only functions, globals and aliases are supported"
            )
    parts = [*head, *scope.types.definitions(), *globals_, *functions, *scope.metadata_lines()]
    return "\n".join(parts) + "\n"


def _function(module: ModuleScope, function: ir.Operation) -> str:
    region = function.regions[0]
    blocks = list(region.blocks)
    head = function_head(module, function, declaration=not blocks)
    if not blocks:
        return head
    operations = _operations(function, len(blocks))
    hidden = hidden_flags(function, [pair for block in operations for pair in block])
    name = function.attributes["sym_name"].value
    scope = Scope(module, name, hidden)
    for argument in blocks[0].arguments:
        scope.values[argument] = (module.types.text(argument.type), f"%{scope.count}")
        scope.count += 1
    if len(blocks) == 1:
        scope.lines.append("b0:")
        scope.block = "b0"
        for operation_name, op in operations[0]:
            WRITERS[operation_name](scope, op)
    else:
        _blocks(scope, blocks, operations)
    return "\n".join((head, *scope.lines, "}"))


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
        for name, op in operations[index]:
            WRITERS[name](scope, op)
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
