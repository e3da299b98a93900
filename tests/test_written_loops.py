"""Loops written as loops mean the Python loops that they are, compiled, differentiated, in calls
with arrays; and what is wrong with them is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fixed_point, fori, jit, scan, sin, where, while_loop
from micrograd.errors import IndexRangeError, SignatureError, TraceError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.carried import carried

from .written_loops import check


@pytest.mark.parametrize("seed", range(2))
def test_drawn(seed: int) -> None:
    check(seed, depth=1 + seed % 2, second=seed == 0, arrays=seed == 0)


def root(x: Any) -> Any:
    return while_loop(lambda y: abs(y * y - x) > 1e-12 * x, lambda y: (y + x / y) / 2, x)


def test_newton_is_the_python_loop() -> None:
    kernel = jit(root, strict=True)
    for x in (1.0, 2.0, 1e4):
        v = Value(x)
        out = root(v)
        out.backward()
        assert kernel(x) == root(x) == out.data
        assert kernel.grad(x) == v.grad
    assert jit(root).hessian(4.0) == pytest.approx(-1 / 32)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: fori(3, lambda i, s: sin(s * x) + x * y, y) + x * y,
        lambda x, y: fori(4, lambda i, s: (s[1] * x + s[0] * y, sin(s[0]) * y), (x, y))[0] * x + y,
        lambda x, y: scan(lambda s, v: (sin(s * v) + x, s * y), y, [0.5, x, 1.5])[0] * x * y,
        lambda x, y: (
            while_loop(
                lambda s: s[1] < 3.5,
                lambda s: (sin(s[0] * x) + x * y + s[0] ** 2, s[1] + 1.0),
                (y, 0.0),
            )[0]
            + x * y
        ),
        lambda x, y: (
            fori(3, lambda i, s: fori(2, lambda j, t: sin(t * x) + t * s * y, s * x) + s * y, y) * x
        ),
    ],
    ids=["begins with an argument", "both", "rows", "while", "nested"],
)
def test_strict_gradients_have_the_bits_of_backward(f: Any) -> None:
    """What a loop begins with is used in it, too, and behind it; so is what rows are."""
    kernel = jit(f, strict=True)
    for x, y in np.random.default_rng(0).normal(size=(20, 2)).tolist():
        u, v = Value(x), Value(y)
        out = f(u, v)
        out.backward()
        assert kernel.value_and_grad(x, y) == (out.data, (u.grad, v.grad))


@pytest.mark.parametrize("n", [1, 8, 17])
def test_every_point_has_its_own_count(n: int) -> None:
    x = np.geomspace(1e-3, 1e6, n)
    kernel = jit(root)
    found, slopes = kernel.value_and_grad(x)
    assert kernel(x).tolist() == [kernel(v) for v in x.tolist()]
    assert found.tolist() == kernel(x).tolist()
    assert slopes.tolist() == [kernel.grad(v) for v in x.tolist()]


def test_runs_zero_times_or_to_the_limit() -> None:
    @jit
    def down(x: float) -> Any:
        return while_loop(lambda y: y > 1.0, lambda y: y - 1.0, x, limit=5)

    assert (down(0.5), down.grad(0.5), down(6.0), down.grad(6.0)) == (0.5, 1.0, 1.0, 1.0)
    assert np.isnan([down(6.5), down.grad(6.5)]).all()
    assert np.isnan(down(np.array([0.5, 6.5, 3.0]))).tolist() == [False, True, False]
    none = jit(lambda x: while_loop(lambda y: y > 1.0, lambda y: y / 0.0, x, limit=0))
    assert none(0.5) == 0.5
    assert np.isnan(none(2.0))
    assert jit(lambda x: fori(0, lambda i, y: y / 0.0, x)).value_and_grad(3.0) == (3.0, 1.0)


@pytest.mark.parametrize("strict", [False, True])
def test_a_loop_that_asks_in_one_of_no_iterations(strict: bool) -> None:
    def halved(x: Any) -> Any:
        return fori(0, lambda _, s: while_loop(lambda z: z > 5.0, lambda z: z / 2.0, x) + s, x)

    def solved(x: Any) -> Any:
        return fori(0, lambda _, s: fixed_point(lambda z: 0.5 * z + x, x) + s, x)

    for inner in (halved, solved):
        kernel = jit(
            lambda x, r=inner: scan(lambda s, _: (s, s * r(x)), x, [1.0])[1][0], strict=strict
        )
        assert (kernel.grad(0.25), kernel.hvp(0.25, 1.0)) == (0.5, 2.0)


def test_nothing_flows_through_a_body_that_does_not_run() -> None:
    """Not even a zero, for 0 * inf is nan."""

    def loss(x: Any) -> Any:
        return while_loop(lambda y: y > 2.0, lambda y: y + (x - 1.0) ** 0.5, x)

    assert jit(loss).value_and_grad(1.0) == (1.0, 1.0)


def test_nan_goes_on() -> None:
    f = jit(lambda x: while_loop(lambda y: y * 1.0, lambda y: y - 1.0, x, limit=9))
    assert f(3.0) == 0.0
    assert np.isnan(f(float("nan")))
    assert f(8.0) == while_loop(lambda y: y * 1.0, lambda y: y - 1.0, 8.0, limit=9)


def test_fori_of_a_traced_number() -> None:
    power = jit(lambda x, n: fori(n, lambda i, y: y * x, 1.0), wrt="x")
    assert [power(2.0, n) for n in (0.0, 1.0, 10.0)] == [1.0, 2.0, 1024.0]
    assert power.grad(2.0, 3.0) == 12.0
    assert fori(Value(3.0), lambda i, y: y + i, 0.0) == 3.0


def test_scan_collects() -> None:
    def run(xs: Any, a: Any) -> Any:
        return scan(lambda s, x: (s * a + x, {"twice": s * 2.0}), 0.0, xs)

    kernel = jit(run)
    assert kernel([1.0, 2.0, 3.0], 0.5) == run([1.0, 2.0, 3.0], 0.5)
    assert jit(lambda a: scan(lambda s, _: (s * a, None), 1.0, None, 5)[0])(2.0) == 32.0


def test_scan_over_one_number_that_is_given() -> None:
    kernel = jit(lambda a, b: scan(lambda s, x: (s * x, None), b, [a])[0])
    assert kernel.value_and_grad(3.0, 2.0) == (6.0, (2.0, 3.0))
    assert kernel(np.array([3.0, 4.0]), 2.0).tolist() == [6.0, 8.0]


def test_reads_what_is_outside() -> None:
    w = Value(0.5)
    kernel = jit(lambda x: fori(3, lambda i, y: y * w + x, x * x), wrt=[w])
    assert kernel(2.0) == 4.0 * 0.125 + 2.0 * 1.75
    w.data = 0.0
    assert kernel(2.0) == 2.0
    inner = jit(lambda y: y * y)
    nested = jit(lambda x: fori(2, lambda i, y: inner(y) + inner.grad(y), x))
    assert nested(1.0) == (1.0 + 2.0) ** 2 + 2 * 3.0


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("n", [1, 5, 16, 33])
def test_loops_in_loops_read_live_parameters_at_points(dtype: str, n: int) -> None:
    ws = [Value(0.5 * k) for k in range(7)]

    def f(x: float) -> Any:
        return fori(3, lambda i, s: fori(2, lambda j, t: t * ws[3] + ws[5], s) * ws[1], x)

    xs = np.linspace(-1.0, 1.0, n)
    values, (partials,) = jit(f, dtype=dtype, wrt=["x"]).value_and_grad(xs)
    near = 1e-5 if dtype == "f32" else 1e-12
    assert np.allclose(values, [float(f(Value(x)).data) for x in xs], rtol=near, atol=near)
    assert np.allclose(partials, (1.5**2 * 0.5) ** 3, rtol=near)


def test_loops_in_loops_are_differentiated_twice() -> None:
    def f(x: Any) -> Any:
        return fori(3, lambda i, s: s + where(s > 100.0, 0.0, root(x + i)), 0.0)

    kernel = jit(f)
    assert kernel(2.0) == pytest.approx(sum((2.0 + i) ** 0.5 for i in range(3)))
    assert kernel.grad(2.0) == pytest.approx(sum(0.5 * (2.0 + i) ** -0.5 for i in range(3)))
    assert kernel.hessian(2.0) == pytest.approx(sum(-0.25 * (2.0 + i) ** -1.5 for i in range(3)))


def test_checked_kernels_run() -> None:
    assert jit(root, check=True)(4.0) == pytest.approx(2.0)  # not compared: see docs/checking.md
    assert jit(lambda x: fori(3, lambda i, y: y * x, x), check=True).grad(2.0) == 32.0


def test_program_is_text() -> None:
    text = """
input x[1]
temp h[6]
temp going[6]
temp count[1] i64 < 6
output out[1]

h = x
going = gt(x, 1.0)
for i < count[0] in order while going[i]:
  h[i + 1] = mul(h[i], 0.5)
  going[i + 1] = gt(h[i + 1], 1.0)
out = h[count[0]]
"""
    program = verify(parse(text))
    assert dump(parse(dump(program))) == dump(program)
    for x, expected in ((0.5, 0.5), (6.0, 0.75), (64.0, 2.0)):
        assert interpret(program, {"x": [x]})["out"].tolist() == [expected]


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (lambda x: fori(2, lambda i, s: [s], x), TraceError, "state should be a number"),
        (
            lambda x: fori(2, lambda i, s: s[0], [x]),
            TraceError,
            "state should be list of 1, and is",
        ),
        (lambda x: fori(1, lambda i, s: {"b": x}, {"a": x}), TraceError, "keys"),
        (
            lambda x: fori(2.5, lambda i, s: s, x),
            SignatureError,
            "n should be a whole number, 0 or more, got",
        ),
        (lambda x: fori(-1, lambda i, s: s, x), SignatureError, "0 or more, got int -1"),
        (lambda x: fori(2, 3, x), SignatureError, "body should be a function, got int 3"),
        (lambda x: fori(2, lambda i, s: "s", x), SignatureError, "should return a Value"),
        (lambda x: scan(lambda s, y: s, x, [1.0]), TraceError, "a pair, the next state and a y"),
        (lambda x: scan(lambda s, y: (s, y), x, None), SignatureError, "needs xs, or the length"),
        (lambda x: scan(lambda s, y: (s, s), x, [1.0, [2.0]]), SignatureError, "like xs"),
        (lambda x: while_loop(lambda s: [s], lambda s: s, x), TraceError, "or a number"),
        (lambda x: while_loop(lambda s: s, lambda s: s, x, limit=-2), SignatureError, "limit"),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_wrong(run: Any, error: Any, message: str, compiled: bool) -> None:
    with pytest.raises(error, match=message):
        (jit(run) if compiled else run)(1.0)


def test_a_limit_that_is_too_large_is_refused() -> None:
    with pytest.raises(TraceError, match=r"7.45 GiB in f64.*give while_loop a limit of at most"):
        jit(lambda x: while_loop(lambda y: y > 1.0, lambda y: y / 2.0, x, limit=10**9)).grad(3.0)


def test_nothing_escapes_from_a_body() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        fori(2, lambda i, s: kept.append(s * 2.0) or s, x)
        return x + fori(2, lambda i, s: s * 2.0, x) + kept[-1]

    with pytest.raises(TraceError, match=r"test_written_loops.*used outside of the loop"):
        jit(f)(1.0)


def test_an_integer_that_is_given_is_looked_at() -> None:
    def power(x: float, n: int) -> Any:
        return fori(n, lambda i, y: y * x, 1.0)

    kernel = jit(power)
    assert [kernel(2.0, n) for n in (0, 3, 100)] == [1.0, 8.0, 2.0**100]
    assert kernel(np.array([2.0, 3.0]), np.array([3, 2])).tolist() == [8.0, 9.0]
    assert kernel.grad(2.0, 3) == (12.0, 0.0)
    for n, what in ((101, "n is 101"), (-1, "n is -1")):
        with pytest.raises(IndexRangeError, match=f"power.*: {what}, and should be from 0 to 100"):
            kernel(2.0, n)
        with pytest.raises(IndexRangeError, match="limit=100"):
            kernel(np.array([2.0, 3.0]), np.array([1, n]))
    twice = jit(lambda x, n: fori(n, lambda i, y: y * x, 1.0, limit=7))
    assert twice(2.0, 2.5) == 8.0  # a number that is no integer: for as long as i < n
    assert np.isnan(twice(2.0, 7.5))

    def longer(x: float, n: int) -> Any:
        return fori(2 * n + 1, lambda i, y: y * x, 1.0, limit=200)

    assert jit(longer)(1.5, 99) == pytest.approx(1.5**199)
    with pytest.raises(IndexRangeError, match=r"2\*n \+ 1 is 201"):
        jit(longer)(1.5, 100)


def test_a_list_is_written_element_by_element_until_it_is_enough() -> None:
    def f(x: Any, chances: list[float]) -> Any:
        def body(state: Any) -> Any:
            n, rows = state
            some = total = 0.0
            for c in chances:
                some = some + where(some <= c, x, 0.5)
            for row in rows:
                total = total + row * some
            there = [where(n >= float(k), total + x, row) for k, row in enumerate(rows)]
            return n + 1.0, there

        found: Any = while_loop(lambda state: 5.0 - state[0], body, (0.0, [0.0] * 32))
        return sum(found[1])

    chances = [0.1 * k for k in range(32)]
    assert jit(f)(0.125, chances) == pytest.approx(f(0.125, chances), rel=1e-12)


def _replaced(x: Any) -> Any:
    return while_loop(lambda s: s[1] < 3.0, lambda s: (sin(x), s[1] + 1.0), (0.0, 0.0))[0]


def _moved(x: Any) -> Any:
    start = (0.0, 0.0, x)
    return while_loop(lambda s: s[1] < x, lambda s: (s[2], s[1] + 1.0, sin(s[2]) * x), start)[0]


def _in_fori(x: Any) -> Any:
    def body(k: Any, y: Any) -> Any:
        start = (0.0, 0.0)
        return while_loop(lambda s: s[1] < 2.0, lambda s: (sin(y * x), s[1] + 1.0), start)[0] + y

    return fori(3, body, x)


def _in_while(x: Any) -> Any:
    def body(t: Any) -> Any:
        start = (1.0, 0.0)
        inner = while_loop(lambda s: s[1] < 2.0, lambda s: (sin(t[0]), s[1] + 1.0), start)
        return inner[0] * x, t[1] + 1.0

    return while_loop(lambda t: t[1] < 2.5, body, (x, 0.0))[0]


def _behind_another(x: Any) -> Any:
    y, start = _replaced(x), (5.0, 0.0)
    return while_loop(lambda s: s[1] < 2.0, lambda s: (y * x, s[1] + 1.0), start)[0] * y


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("f", [_replaced, _moved, _in_fori, _in_while, _behind_another])
def test_tangents_of_states_that_no_iteration_reads(f: Any, strict: bool) -> None:
    """What the state begins with has none, and that is said before the loop, not behind it."""
    kernel = jit(f, strict=strict)
    for number in (-1.0, 0.5, 2.25):
        x = Value(number)
        y = f(x)
        y.backward() if isinstance(y, Value) else None
        assert kernel.jvp(number, 2.0)[1] == pytest.approx(2.0 * x.grad, abs=1e-12)
        assert kernel.jacobian(number) == pytest.approx(x.grad, abs=1e-12)
        _, along = kernel.jvp(np.array([number, 0.3]), np.array([1.0, 1.0]))
        assert along[0] == pytest.approx(x.grad, abs=1e-12)
    few = jit(_replaced).jvp
    few(0.5, 1.0)
    assert "[20]" not in few.stages()["simplified"]  # one iteration's numbers are kept


def test_what_a_loop_begins_with_is_kept_where_it_is_read_behind() -> None:
    """Nothing that is traced does so; a program may."""
    program = verify(
        parse("""
input x[1]
temp s[4]
temp going[4]
temp count[1] i64 < 4
output out[2]

s = x
going = lt(s, 8.0)
for i < count[0] in order while going[i]:
  s[i + 1] = mul(s[i], 2.0)
  going[i + 1] = lt(s[i + 1], 8.0)
out = s[count[0]]
out[1] = s
"""),
        "parse",
    )
    narrowed = carried(program)
    given = {"x": np.array([3.0])}
    assert interpret(narrowed, given)["out"].tolist() == [12.0, 3.0]


def _conditions(kind: str, n: int, most: float, limit: int) -> Callable[[Any], Any]:
    """A loop with a condition, of at most so many iterations, in a loop of n."""

    def f(x: Any) -> Any:
        def step(s: Any) -> Any:
            begin = [s, 0.0]
            return while_loop(
                lambda t: t[1] < most, lambda t: [t[0] * x + 0.1, t[1] + 1.0], begin, limit=limit
            )[0]

        if kind == "fori":
            return fori(n, lambda _, s: step(s), x)
        if kind == "scan":
            return scan(lambda s, a: (step(s) * a, s), x, [0.5 + 0.1 * k for k in range(n)])[0]
        return while_loop(lambda t: t[1] < n, lambda t: [step(t[0]), t[1] + 1.0], [x, 0.0])[0]

    return f


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", ["fori", "scan", "while"])
@pytest.mark.parametrize("limit", [1, 2])
def test_a_condition_in_a_loop_may_hold_once_or_twice(limit: int, kind: str, strict: bool) -> None:
    for n in (1, 2, 3):
        for most in (-1.0, 0.5, 1.5, 2.5):  # the last is beyond the limit, so all is nan
            f = _conditions(kind, n, most, limit)
            x = Value(0.7)
            out = f(x)
            out.backward()
            kernel = jit(f, strict=strict)
            found = [kernel(0.7), kernel.grad(0.7), kernel.grad(np.full(9, 0.7))[4]]
            expected = [out.data, x.grad, x.grad]
            assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)
