"""What finishes a product -> an update that can be made while its sums are in registers.

    w[i, j] = sub(w[i, j], mul(rate, c[i, j]))

adds the sums of c to w, times -rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.program import Access, Apply, Expr, Statement


@dataclass(frozen=True, slots=True)
class Update:
    """`target += factor * scale * sums`.

    scale   one number for all, or None for 1
    """

    target: Access
    factor: float
    scale: Access | None


def update_by(s: Statement, sums: Access) -> Update | None:
    """The update that a statement makes with sums, if it is one, and its target lies in rows."""
    if s.target.array == sums.array or s.target.strides[-1] != 1:
        return None
    if s.accumulate is not None:
        return _scaled(s.target, 1.0, s.expr, sums)
    e = s.expr
    if not isinstance(e, Apply) or len(e.op.coefficients) != 2:
        return None
    pairs = list(zip(e.op.coefficients, e.args, strict=True))
    for (one, old), (factor, term) in (pairs, pairs[::-1]):
        if old == s.target and one == 1.0:
            return _scaled(s.target, factor, term, sums)
    return None


def _scaled(target: Access, factor: float, term: Expr, sums: Access) -> Update | None:
    """The update by a multiple of the sums."""
    if term == sums:
        return Update(target, factor, None)
    if not isinstance(term, Apply) or not term.op.product:
        return None
    for scale, x in (term.args, term.args[::-1]):
        if x != sums:
            continue
        if isinstance(scale, float):
            return Update(target, factor * scale, None)
        if isinstance(scale, Access) and not any(scale.strides) and not scale.parts:
            return Update(target, factor, scale)
    return None
