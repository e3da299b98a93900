"""What a function keeps of a loop's body in an outer variable has no number behind the loop, so its
use there is refused, whatever it is and whatever uses it; uses inside are right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, fori, grad, jit, scan, sin, take, while_loop
from micrograd.errors import TraceError

ROWS = [1.0, 2.0, 3.0]
Keep = Callable[[Any], Any]
"""Keeps a number, and gives it back."""


def _fori_state(x: Any, keep: Keep) -> Any:
    return fori(3, lambda i, s: keep(s) + x, x)


def _fori_counter(x: Any, keep: Keep) -> Any:
    return fori(3, lambda i, s: s + keep(i) * x, x)


def _fori_part(x: Any, keep: Keep) -> Any:
    return fori(3, lambda i, s: {"a": s["a"] * x, "b": [keep(s["b"][0]) + x]}, {"a": x, "b": [x]})[
        "a"
    ]


def _fori_unchanged(x: Any, keep: Keep) -> Any:
    return fori(3, lambda i, s: (keep(s[0]), s[1] + s[0]), (x, x))[1]


def _counted_by_a_value(x: Any, keep: Keep) -> Any:
    return fori(x * 3.0, lambda i, s: s + keep(i) * x, x)


def _while_body(x: Any, keep: Keep) -> Any:
    return while_loop(lambda s: s < 10.0, lambda s: keep(s) + x, x)


def _while_condition(x: Any, keep: Keep) -> Any:
    return while_loop(lambda s: keep(s) < 10.0, lambda s: s + x, x)


def _scan_row(x: Any, keep: Keep) -> Any:
    return scan(lambda s, r: (s + keep(r) * x, s), x, ROWS)[0]


def _scan_whole_row(x: Any, keep: Keep) -> Any:
    return scan(lambda s, r: (s + keep(r[1]) * x, s), x, [(x, 2.0), (x * x, 3.0)])[1][1]


def _scan_carry(x: Any, keep: Keep) -> Any:
    return scan(lambda s, r: (keep(s) + r * x, s), x, ROWS)[0]


def _inner_state(x: Any, keep: Keep) -> Any:
    return fori(2, lambda i, s: fori(2, lambda j, t: keep(t) * x + s, s), x)


def _inner_result(x: Any, keep: Keep) -> Any:
    return fori(2, lambda i, s: keep(fori(2, lambda j, t: t * x + s, s)), x)


def _inner_rows(x: Any, keep: Keep) -> Any:
    return fori(2, lambda i, s: keep(scan(lambda t, r: (t * x, t + r), s, ROWS)[1][1]), x)


def _inner_gradient(x: Any, keep: Keep) -> Any:
    return fori(2, lambda i, s: keep(grad(lambda y: sin(y * x) * s)(s)), x)


def _derived(x: Any, keep: Keep) -> Any:
    return fori(3, lambda i, s: keep(s * x) + x, x)


LOOPS = [
    _fori_state,
    _fori_counter,
    _fori_part,
    _fori_unchanged,
    _counted_by_a_value,
    _while_body,
    _while_condition,
    _scan_row,
    _scan_whole_row,
    _scan_carry,
    _inner_state,
    _inner_result,
    _inner_rows,
    _inner_gradient,
    _derived,
]
USES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "computed with": lambda x, found, kept: found + kept,
    "one of two operands": lambda x, found, kept: found + x * exp(kept),
    "returned": lambda x, found, kept: kept,
    "returned beside": lambda x, found, kept: [found, kept],
    "first state": lambda x, found, kept: fori(2, lambda i, s: s + x, kept),
    "row": lambda x, found, kept: scan(lambda s, r: (s + r, s), found, [x, kept])[0],
    "in another body": lambda x, found, kept: fori(2, lambda i, s: s * kept, x),
    "state behind another": lambda x, found, kept: fori(2, lambda i, s: kept, x),
    "in another condition": lambda x, found, kept: while_loop(lambda s: s > kept, sin, x),
    "given to a gradient": lambda x, found, kept: grad(lambda y: y * y)(kept),
    "read in a gradient": lambda x, found, kept: grad(lambda y: y * kept)(x),
    "read in a loop in a gradient": lambda x, found, kept: grad(
        lambda y: fori(2, lambda i, s: s * kept, y)
    )(x),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("use", USES)
def test_nothing_is_used_outside(loop: Callable[[Any, Keep], Any], use: str) -> None:
    def f(x: Any) -> Any:
        kept: list[Any] = []
        found = loop(x, lambda s: kept.append(s) or s)
        return USES[use](x, found, kept[-1])

    with pytest.raises(TraceError, match=r"test_outside_of_loops.*used outside of the loop"):
        jit(f)(1.0)


def test_said_at_the_line_that_uses_it() -> None:
    def f(x: Any) -> Any:
        kept: list[Any] = []
        found = fori(3, lambda i, s: kept.append(s) or s + x, x)
        return found + kept[-1]

    line = f.__code__.co_firstlineno + 3
    with pytest.raises(TraceError, match=rf"^test_outside_of_loops.py:{line}: "):
        jit(f)(1.0)


def test_outer_bodies_use_nothing_of_inner_ones() -> None:
    def f(x: Any) -> Any:
        def body(i: Any, s: Any) -> Any:
            kept: list[Any] = []
            return fori(2, lambda j, t: kept.append(t) or t * x, s) + kept[-1]

        return fori(3, body, x)

    with pytest.raises(TraceError, match="used outside of the loop"):
        jit(f)(1.0)


def test_no_row_is_chosen_by_what_is_kept() -> None:
    def f(x: Any) -> Any:
        kept: list[Any] = []
        found = fori(3, lambda i, s: kept.append(i) or s + x, x)
        return found + take(ROWS, kept[-1])

    def g(x: Any) -> Any:
        kept: list[Any] = []
        found = scan(lambda s, k: (kept.append(k) or s + take(ROWS, k) * x, s), x, [2, 0])[0]
        return found + take(ROWS, kept[-1])

    for h in (f, g):
        with pytest.raises(TraceError, match="used outside of the loop"):
            jit(h)(1.0)


INSIDE: list[Callable[[Any], Any]] = [
    lambda x: fori(3, lambda i, s: s, x) * x,
    lambda x: fori(3, lambda i, s: (s[1], s[0]), (x, 2.0))[0] * x,
    lambda x: fori(3, lambda i, s: fori(2, lambda j, t: t * x + s * i, s), x),
    lambda x: fori(3, lambda i, s: fori(2, lambda j, t: s, x) + i, x),
    lambda x: fori(2, lambda i, s: fori(2, lambda j, t: fori(2, lambda k, u: u * s, t), s), x),
    lambda x: fori(2, lambda i, s: scan(lambda t, r: (t + r * s, t), s, [s, i, x])[1][2], x),
    lambda x: scan(lambda s, r: (fori(2, lambda i, t: t * x + r, s), fori(2, lambda i, t: t, r)),
                   x, ROWS)[1][1] * x,
    lambda x: fori(2, lambda i, s: while_loop(lambda t: t < s * 3.0 + i, lambda t: t + x, s), x),
    lambda x: fori(2, lambda i, s: s + grad(lambda y: y * y * s * (i + 1.0))(x), x),
    lambda x: fori(2, lambda i, s: grad(lambda y: fori(2, lambda j, t: t * s + y, y))(s * x), x),
    lambda x: fori(2, lambda i, s: s * x, fori(2, lambda i, s: s + x, x)),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(INSIDE)))
def test_used_inside(k: int) -> None:
    f = INSIDE[k]
    h = 1e-6
    slope = (float(f(0.7 + h)) - float(f(0.7 - h))) / (2.0 * h)
    value, derivative = jit(f).value_and_grad(0.7)
    assert np.isclose(value, float(f(0.7)), rtol=1e-12)
    assert np.isclose(derivative, slope, rtol=1e-6)


def test_what_a_condition_keeps_is_the_body_s() -> None:
    def f(x: Any) -> Any:
        kept: list[Any] = []
        return while_loop(
            lambda s: (kept.append(s * x) or kept[-1]) < 10.0, lambda s: s + kept[-1], x
        )

    assert jit(f)(1.5) == f(1.5)
    v = Value(1.5)
    f(v).backward()
    assert jit(f).grad(1.5) == pytest.approx(v.grad)
