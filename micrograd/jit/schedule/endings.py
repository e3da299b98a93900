"""What finishes a product -> what can be done while its sums are in registers, if that is all.

w[i, j] = sub(w[i, j], mul(rate, c[i, j]))       adds the sums of c to w, times -rate
y[i, j] = where(lt(c[i, j], 0.0), 0.0, c[i, j])  lets nothing below 0 through
y[i, j] = where(gt(t[i, j], 0.0), c[i, j], 0.0)  lets through what another matrix says
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ... import ops
from ..ir.program import Access, Apply, Expr, Statement, accesses


@dataclass(frozen=True, slots=True)
class Ending:
    """`target = start + factor * scale * sums`, in rows.

    start   a number, or a matrix in rows; None: what the target is
    scale   one number for all, or None for 1
    floor   whether results below 0 become 0
    gate    a matrix in rows: where it is not above 0, results become 0
    """

    target: Access
    start: Access | float | None
    factor: float = 1.0
    scale: Access | None = None
    floor: bool = False
    gate: Access | None = None


def ending(
    sums: Access, start: Expr | None, finish: Sequence[Statement], unstored: Collection[str]
) -> Ending | None:
    """How a product ends, which begins with `start` and goes on with `finish`."""
    if not (start is None or isinstance(start, float | Access)):
        return None
    if not finish and sums.array not in unstored:
        return _in_rows(Ending(sums, start))
    if len(finish) != 1 or sums.array not in unstored or start is None:
        return None
    s = finish[0]
    if s.target.array == sums.array:
        return None
    if start == 0.0 and (found := _update(s, sums)):
        return _in_rows(found)
    if s.accumulate is not None:
        return None
    if s.expr == sums:
        return _in_rows(Ending(s.target, start))
    assert ops.relu.expand is not None
    if _same(s.expr, ops.relu.expand(sums)):
        return _in_rows(Ending(s.target, start, floor=True))
    (rule,) = ops.relu.vjp
    for gate in dict.fromkeys(accesses(s.expr)):
        if gate != sums and rule is not None and _same(s.expr, rule(sums, gate, gate)):
            return _in_rows(Ending(s.target, start, gate=gate))
    return None


def _same(x: Expr, y: Expr) -> bool:
    """Whether they are the same, down to the sign of a zero."""
    return x == y and repr(x) == repr(y)


def _in_rows(e: Ending) -> Ending | None:
    """What ends so, if all its matrices lie in rows, and none is where the result goes."""
    beside = [a for a in (e.start, e.gate) if isinstance(a, Access)]
    if any(a.strides[-1] != 1 for a in (e.target, *beside)):
        return None
    return None if any(a.array == e.target.array for a in beside) else e


def _update(s: Statement, sums: Access) -> Ending | None:
    """The update that a statement makes with sums, if it is one."""
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


def _scaled(target: Access, factor: float, term: Expr, sums: Access) -> Ending | None:
    """The update by a multiple of the sums."""
    if term == sums:
        return Ending(target, None, factor)
    if not isinstance(term, Apply) or not term.op.product:
        return None
    for scale, x in (term.args, term.args[::-1]):
        if x != sums:
            continue
        if isinstance(scale, float):
            return Ending(target, None, factor * scale)
        if isinstance(scale, Access) and not any(scale.strides) and not scale.parts:
            return Ending(target, None, factor, scale)
    return None
