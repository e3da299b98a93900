"""Branches, and the phis that they feed.

Source: LangRef, "Terminator Instructions" and "phi Instruction". Block arguments become phis. LLVM
wants one value per predecessor, so where an operation branches to one block along several edges
that carry values, every edge but the first gets an empty block of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from lowering.bindings import ir
from lowering.loops import loop_metadata
from lowering.scope import Scope


def edges(
    scope: Scope, op: ir.Operation, arguments: Sequence[Sequence[ir.Value]]
) -> tuple[list[str], list[str]]:
    """Per successor the label to branch to, and the lines of the blocks that had to be put on
    edges.
    """
    labels: list[str] = []
    extra: list[str] = []
    seen: set[ir.Block] = set()
    for block, values in zip(op.successors, arguments, strict=True):
        target = scope.blocks[block]
        source = scope.block
        if values and block in seen:
            source = f"{scope.block}.{len(labels)}"
            extra += [f"{source}:", f"  br label %{target}"]
            labels.append(source)
        else:
            labels.append(target)
        seen.add(block)
        if values:
            scope.edges[block].append((source, list(values)))
    return labels, extra


def weights(scope: Scope, op: ir.Operation) -> str:
    """`, !prof !n` for a branch with weights, else nothing."""
    weights = op.attributes.get("branch_weights")
    if weights is None:
        return ""
    body = ", ".join(f"i32 {each & 0xFFFF_FFFF}" for each in weights)
    return ", !prof " + scope.module.metadata(f'!{{!"branch_weights", {body}}}')


def _br(scope: Scope, op: ir.Operation) -> None:
    (label,), extra = edges(scope, op, [list(op.operands)])
    scope.lines.append(f"  br label %{label}{loop_metadata(scope, op)}")
    scope.lines += extra


def _cond_br(scope: Scope, op: ir.Operation) -> None:
    operands = list(op.operands)
    _, true_count, _ = op.attributes["operandSegmentSizes"]
    true, false = operands[1 : 1 + true_count], operands[1 + true_count :]
    labels, extra = edges(scope, op, [true, false])
    scope.lines.append(
        f"  br {scope.typed(operands[0])}, label %{labels[0]}, label %{labels[1]}"
        f"{weights(scope, op)}{loop_metadata(scope, op)}"
    )
    scope.lines += extra


def _switch(scope: Scope, op: ir.Operation) -> None:
    operands = list(op.operands)
    attributes = op.attributes
    _, default_count, _ = attributes["operandSegmentSizes"]
    arguments = [operands[1 : 1 + default_count]]
    position = 1 + default_count
    for count in attributes.get("case_operand_segments") or ():
        arguments.append(operands[position : position + count])
        position += count
    cases: list[int] = []
    if (values := attributes.get("case_values")) is not None:
        cases = [int(value) for value in values]
    labels, extra = edges(scope, op, arguments)
    type_, _ = scope.values[operands[0]]
    table = " ".join(
        f"{type_} {case}, label %{label}" for case, label in zip(cases, labels[1:], strict=True)
    )
    scope.lines.append(
        f"  switch {scope.typed(operands[0])}, label %{labels[0]} [ {table} ]{weights(scope, op)}"
    )
    scope.lines += extra


def _return(scope: Scope, op: ir.Operation) -> None:
    operands = op.operands
    scope.lines.append(f"  ret {scope.typed(operands[0])}" if len(operands) else "  ret void")


def _unreachable(scope: Scope, op: ir.Operation) -> None:
    scope.lines.append("  unreachable")


WRITERS = {
    "llvm.br": _br,
    "llvm.cond_br": _cond_br,
    "llvm.switch": _switch,
    "llvm.return": _return,
    "llvm.unreachable": _unreachable,
}

TERMINATORS = frozenset((*WRITERS, "llvm.indirectbr", "llvm.invoke", "llvm.resume"))
