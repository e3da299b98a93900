"""How long each statement takes, estimated: operations over what the processor does in a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...ops import Op
from ..compile import Code
from ..ir.program import Apply, Expr
from ..ir.program import Statement as ProgramStatement
from .groups import SCALAR, Draft
from .listings import Listings
from .model import Time

PORTS = 2
"""Vector operations in a cycle, about."""
CYCLE = 1 / 3e9
"""Seconds, about."""
OF_LIBRARY = 40
"""Operations of a function of the C library, about."""
HOW = (
    f"a simple model: {PORTS} operations a cycle of {CYCLE * 1e9:.2f} ns, each on the lanes of a "
    f"vector where there are such; a function of the C library is {OF_LIBRARY} operations; memory "
    "is not looked at"
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
    """By the simple model."""
    statements = listings.origins.statements
    lanes = {n: text for draft in drafts for n, text in draft.lanes.items()}
    cycles = []
    for k, s in enumerate(statements):
        width = 1 if lanes[k].startswith(SCALAR) else code.target.lanes
        cycles.append(s.points * _operations(s) / (PORTS * width))
    total = sum(cycles) or 1.0
    seconds = [CYCLE * sum(cycles[n] for n in draft.numbers) for draft in drafts]
    return Estimate(
        Time(CYCLE * total, HOW),
        seconds,
        ["operations over lanes and ports"] * len(drafts),
        [c / total for c in cycles],
    )


def _operations(s: ProgramStatement) -> float:
    return max(1.0, _of(s.expr) + (s.accumulate is not None))


def _of(expr: Expr) -> float:
    if not isinstance(expr, Apply):
        return 0.0
    return _cost(expr.op) + sum(map(_of, expr.args))


def _cost(op: Op) -> float:
    return OF_LIBRARY if op.libm or op.vectormath else 1.0
