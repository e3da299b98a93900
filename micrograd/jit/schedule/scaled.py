"""Powers of two in the products that sums add up, by the factor that is the same for most terms.

There they are an operation for each iteration, instead of one for each term: (2 x[j]) y is
x[j] (2 y), to the last bit, but where one of them is beyond what floats can say.
"""

from __future__ import annotations

from math import frexp

from ...ops import Op
from ..ir.program import Apply, Expr, accesses


def scaled(expr: Expr) -> Expr:
    """The expression, a product whose number stands where it costs least; or as it was."""
    found = _factors(expr)
    scale, factors, product = found
    if product is None or scale == 1.0 or len(factors) < 2 or abs(frexp(scale)[0]) != 0.5:
        return expr
    moving = list(map(_moving, factors))
    least = min(range(len(factors)), key=lambda k: len(moving[k]))
    if moving[least] == _moving(expr):
        return expr
    factors[least] = Apply(product, (factors[least], scale))
    result = factors[0]
    for factor in factors[1:]:
        result = Apply(product, (result, factor))
    return result


def _moving(expr: Expr) -> set[int]:
    """The loops inside of an iteration that an expression depends on."""
    return {
        d
        for a in accesses(expr)
        for strides in (a.strides, *(part.strides for part in a.parts))
        for d, stride in enumerate(strides)
        if d and stride
    }


def _factors(expr: Expr) -> tuple[float, list[Expr], Op | None]:
    """The number in a product, what else is multiplied, and the op that multiplies it."""
    if isinstance(expr, float):
        return expr, [], None
    if isinstance(expr, Apply) and expr.op.coefficients == (-1.0,):
        scale, factors, product = _factors(expr.args[0])
        return -scale, factors, product
    if isinstance(expr, Apply) and expr.op.product:
        (x, xs, _), (y, ys, _) = map(_factors, expr.args)
        return x * y, [*xs, *ys], expr.op
    return 1.0, [expr], None
