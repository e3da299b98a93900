"""How long each statement takes, estimated: by the instructions that became of it, as LLVM's model
of the processor sees them, or else by its operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...ops import Op
from ..code import Code
from ..ir.program import Apply, Expr
from ..ir.program import Statement as ProgramStatement
from ..schedule.product import Product
from .cycle import cycle
from .groups import SCALAR, Draft
from .listings import Block, Listings
from .mca import Cost, costs_of, tool
from .model import Time

PORTS = 2
"""Vector operations in a cycle, about."""
OF_LIBRARY = 40
"""Operations of a function of the C library as arithmetic, about."""
CALLED = 80
"""Cycles of a call of one, about."""
BY_OPERATIONS = (
    f"a simple model: {PORTS} operations a cycle, each on the lanes of a vector where there are "
    f"such; a function of the C library is {OF_LIBRARY}; memory is not looked at"
)
BY_INSTRUCTIONS = (
    f"loops with their dependences, the rest by the processor's busiest part; a call is {CALLED} "
    "cycles; data is in the first cache; loops whose counts are known only when they run, and "
    f"products of matrices, by {BY_OPERATIONS}"
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call is estimated to take.

    seconds, words   of each group
    shares           of each statement, from 0 to 1
    """

    time: Time
    seconds: Sequence[float | None]
    words: Sequence[str]
    shares: Sequence[float]


def estimate_of(code: Code, drafts: Sequence[Draft], listings: Listings) -> Estimate:
    """What a call takes. Cost: `llvm-mca` runs, if it is there."""
    statements = listings.origins.statements
    simple = _by_operations(code, drafts, statements)
    blocks = [b for b in listings.blocks if any(b.numbers)]
    costs = costs_of(blocks, code.target)
    measured, version = (None, "") if costs is None else (costs, (tool() or ("", ""))[1])
    exact = _exact(code, drafts, statements, blocks) if measured else set()
    cycles = list(simple)
    pairs = [] if measured is None else list(zip(blocks, measured, strict=True))
    for n, found in enumerate(_by_instructions(pairs, len(statements))):
        if n in exact:
            cycles[n] = found
    second, total = cycle(), sum(cycles) or 1.0
    how = BY_OPERATIONS
    if measured is not None:
        how = f"llvm-mca {version} for {code.target.processor.cpu}: {BY_INSTRUCTIONS}"
    return Estimate(
        Time(second * total, f"{how}; a cycle is {second * 1e9:.2f} ns"),
        [second * sum(cycles[n] for n in draft.numbers) for draft in drafts],
        [_words(draft, exact, pairs) for draft in drafts],
        [c / total for c in cycles],
    )


def _words(draft: Draft, exact: set[int], pairs: Sequence[tuple[Block, Cost]]) -> str:
    """What an estimate of a group is made of."""
    own = set(draft.numbers)
    if not own & exact:
        return "by its operations"
    mine = [(b, c) for b, c in pairs if any(own.intersection(some) for some in b.numbers)]
    if not mine:
        return "no instruction is left of it"
    block, cost = max(mine, key=lambda pair: (pair[0].often or 0) * _whole(pair[1]))
    if block.often == 1:
        return f"by its instructions: {len(block.instructions)} at most in a row"
    return (
        f"by its instructions: {len(block.instructions)}, {block.often:,} times, are the most; "
        f"the busiest part is {cost.busiest}"
    )


def _exact(
    code: Code, drafts: Sequence[Draft], statements: Sequence[ProgramStatement], blocks: list[Block]
) -> set[int]:
    """The statements of groups that are all in loops whose counts are known, and no products."""
    inexact = {n for b in blocks if b.often is None for some in b.numbers for n in some}
    number = {id(s): k for k, s in enumerate(statements)}
    for step in code.schedule.steps:
        if isinstance(step, Product):
            inexact |= {number[id(s)] for s in step.statements if id(s) in number}
    found: set[int] = set()
    for draft in drafts:
        if inexact.isdisjoint(draft.numbers):
            found.update(draft.numbers)
    return found


def _by_instructions(pairs: Sequence[tuple[Block, Cost]], count: int) -> list[float]:
    """The cycles of each statement: of an instruction that is of several, each has a part."""
    cycles = [0.0] * count
    for block, cost in pairs:
        named = sum(x for x, some in zip(cost.shares, block.numbers, strict=True) if some)
        each = [cost.cycles * share / (named or 1.0) for share in cost.shares]
        for k in cost.calls:
            each[k] += CALLED
        for taken, some in zip(each, block.numbers, strict=True):
            for n in some:
                cycles[n] += (block.often or 0) * taken / len(some)
    return cycles


def _whole(cost: Cost) -> float:
    return cost.cycles + CALLED * len(cost.calls)


def _by_operations(
    code: Code, drafts: Sequence[Draft], statements: Sequence[ProgramStatement]
) -> list[float]:
    lanes = {n: text for draft in drafts for n, text in draft.lanes.items()}
    cycles = []
    for k, s in enumerate(statements):
        width = 1 if lanes[k].startswith(SCALAR) else code.target.lanes
        cycles.append(s.points * _operations(s) / (PORTS * width))
    return cycles


def _operations(s: ProgramStatement) -> float:
    return max(1.0, _of(s.expr) + (s.accumulate is not None))


def _of(expr: Expr) -> float:
    if not isinstance(expr, Apply):
        return 0.0
    return _cost(expr.op) + sum(map(_of, expr.args))


def _cost(op: Op) -> float:
    return OF_LIBRARY if op.libm or op.vectormath else 1.0
