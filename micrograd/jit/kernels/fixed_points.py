"""Fixed points: `fixed_point`, and derivatives by the implicit function theorem.

At x = f(x, p) the theorem says dx/dp = (1 - df/dx)^-1 df/dp. That is what Newton's step from the
point, x + (1 - df/dx)^-1 (f(x, p) - x), has as its derivative if the x in it is a number. Each step
squares the distance from the point, so behind two that is of fourth order in the change of p and in
how far the iterations were from the point: first and second derivatives are exact, and third ones
as far as x was. So derivatives of the iterations are not needed, nor are their states kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import ops
from ...checks import amount, flag, whole
from ...engine import Value
from ...errors import SignatureError, kind
from ..loops import while_loop
from ..trace.bodies import called
from ..trace.loops import State
from .functions import jit

LIMIT = 1000
"""How often `f` is applied at most, if nothing else is said."""
_TAKES = "fixed_point's f takes one x, however many numbers that is, as in `lambda x: (x[1], x[0])`"
STEPS = 2
"""Of Newton, behind the iterations."""


def fixed_point(
    f: Callable[[Any], Any],
    x0: Any,
    *,
    tolerance: float = 1e-6,
    limit: int = LIMIT,
    implicit: bool = True,
) -> Any:
    """The x of x = f(x) that the iterations x0, f(x0), f(f(x0)), ... lead to.

    f          of an x, another one of the same structure; in a compiled function it is traced, so
               it is called a few times, whatever the number of iterations is
    x0         where to begin: a Value or number, or lists, tuples, dicts or arrays of them
    tolerance  they end where no number of x changes by more than this, times 1 + abs(x)
    limit      how many there are at most; where the last has not come to an end, all numbers of
               the result are nan, and so are its derivatives
    implicit   whether the derivatives are those of the point, by the implicit function theorem:
               of what f reads, the first and the second, with none through x0. They take the
               solution of as many linear equations as x has numbers, written out, and no memory for
               iterations; two Newton steps, of which they are the derivatives, bring x nearer to
               the point than the tolerance. Else they are those of the iterations, and x the last

    Where 1 - df/dx is singular at the point, the implicit function theorem says nothing: the result
    is nan or inf. Raises TraceError for an f that returns another structure, SignatureError for
    what is no x0, tolerance or limit.

    >>> from micrograd import cos, fixed_point, grad
    >>> def kepler(anomaly):
    ...     return fixed_point(lambda e: anomaly - 0.5 * cos(e), 0.0)
    >>> round(kepler(1.0), 9), round(grad(kepler)(1.0), 9)
    (0.582437943, 1.379368901)
    """
    if not callable(f):
        raise SignatureError(f"f should be a function, got {kind(f)}")
    tolerance = amount("fixed_point's tolerance", tolerance, SignatureError)
    most = whole("fixed_point's limit", limit, SignatureError, least=0)
    implicit = flag("implicit", implicit, SignatureError)
    shape = State.of(x0, "fixed_point's x0")
    shape = State(shape.structure, getattr(f, "__name__", "f"))

    def next_of(xs: Sequence[Any]) -> list[Any]:
        return shape.taken(called(f, _TAKES, shape.build(xs)))

    begin = shape.numbers(x0)
    if not implicit:
        return shape.build(_iterated(next_of, begin, tolerance, most))

    def number_of(xs: Sequence[Any]) -> list[Any]:
        return [_number(y) for y in next_of(xs)]

    found = _iterated(number_of, [_number(x) for x in begin], tolerance, most)
    plain = not any(isinstance(x, Value) for x in (*begin, *found, *next_of(found)))
    x = [_number(v) if isinstance(v, Value) else Value(v) for v in found]
    holds = 1.0 + sum(0.0 * v for v in x)  # nan where there is no point, as derivatives shall be
    for _ in range(STEPS):
        x = _newton(next_of, x, holds)
    return shape.build([_number(v) for v in x] if plain else x)


def _number(x: Any) -> Any:
    """The number that a Value is, through which no derivative flows."""
    return x.data if isinstance(x, Value) else x


def _iterated(
    next_of: Callable[[Sequence[Any]], list[Any]],
    begin: list[Any],
    tolerance: float,
    most: int,
) -> list[Any]:
    """What the iterations end with."""

    def moves(state: Any) -> Any:
        far = [abs(y - x) - tolerance * (1.0 + abs(y)) for x, y in zip(*state, strict=True)]
        return 1.0 - ops.minimum(*[d <= 0.0 for d in far], 1.0)

    def step(state: Any) -> Any:
        _, x = state
        return x, next_of(x)

    _, found = while_loop(moves, step, (begin, next_of(begin)), limit=most)
    return list(found)


def _newton(next_of: Callable[[Sequence[Any]], list[Any]], x: list[Any], holds: Any) -> list[Any]:
    """A step of Newton's from x to where f(x) is x, times what is 1."""
    n = len(x)
    slopes = jit(lambda xs: next_of(xs)).jacobian(x)
    rows = [
        [*(float(i == k) - slopes[i][k] for k in range(n)), y - x[i]]
        for i, y in enumerate(next_of(x))
    ]
    return [a + b * holds for a, b in zip(x, solved(rows), strict=True)]


def solved(rows: list[list[Any]]) -> list[Any]:
    """The solution of linear equations: a row has the coefficients of one, and its right side.

    By elimination, with the row of the largest coefficient first, whichever that is then.
    """
    n = len(rows)
    rows = [list(row) for row in rows]
    for k in range(n):
        for i in range(k + 1, n):
            larger = abs(rows[i][k]) > abs(rows[k][k])
            for j in range(k, n + 1):
                above, below = rows[k][j], rows[i][j]
                rows[k][j] = ops.where(larger, below, above)
                rows[i][j] = ops.where(larger, above, below)
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            for j in range(k + 1, n + 1):
                rows[i][j] = rows[i][j] - factor * rows[k][j]
    found: list[Any] = [0.0] * n
    for k in reversed(range(n)):
        rest = rows[k][n]
        for j in range(k + 1, n):
            rest = rest - rows[k][j] * found[j]
        found[k] = rest / rows[k][k]
    return found
