"""Vector math: how transcendental ops are written in arithmetic, for vectors of any width.

An expansion takes the operands of an op as `Real`s and gives its result, to at most 1 ulp (2 for
pow, erf and tan) over the whole range, special values exact; see docs/math.md. Strict kernels do
not use them, nor do scalars whose op the C library has.
"""

from __future__ import annotations

from importlib import import_module

from ...ops import OPS, Op
from .library import Expansion


def _written(op: Op) -> Expansion | None:
    """The function that its entry in the op table names."""
    if op.vectormath is None:
        return None
    found: Expansion = getattr(import_module(f"{__name__}.{op.vectormath}"), op.name)
    return found


EXPANSIONS: dict[Op, Expansion] = {op: f for op in OPS.values() if (f := _written(op)) is not None}
"""Op -> its expansion."""


def expansion(op: Op) -> Expansion | None:
    """The expansion of an op, if it has one."""
    return EXPANSIONS[op] if op in EXPANSIONS else _written(op)
