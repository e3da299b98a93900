"""Vector math: how transcendental ops are written in arithmetic, for vectors of any width.

An expansion takes the operands of an op as `Real`s and gives its result, to at most 1 ulp (2 for
pow, erf and tan) over the whole range, special values exact; see docs/math.md. Strict kernels do
not use them, nor do scalars whose op the C library has.
"""

from __future__ import annotations

from ... import ops
from ...ops import Op
from .erf import erf
from .exponential import exp, expm1, sigmoid
from .hyperbolic import cosh, sinh, tanh
from .inverse_trigonometric import acos, asin, atan, atan2
from .library import Expansion
from .logarithm import log, log1p, softplus
from .power import pow
from .trigonometric import cos, sin, tan

EXPANSIONS: dict[Op, Expansion] = {
    ops.pow: pow,
    ops.tanh: tanh,
    ops.sigmoid: sigmoid,
    ops.exp: exp,
    ops.expm1: expm1,
    ops.sinh: sinh,
    ops.cosh: cosh,
    ops.log: log,
    ops.log1p: log1p,
    ops.softplus: softplus,
    ops.erf: erf,
    ops.sin: sin,
    ops.cos: cos,
    ops.tan: tan,
    ops.asin: asin,
    ops.acos: acos,
    ops.atan: atan,
    ops.atan2: atan2,
}
"""Op -> its expansion."""


def expansion(op: Op) -> Expansion | None:
    """The expansion of an op, if it has one."""
    return EXPANSIONS.get(op)
