"""Parameters of any name, also one that kernels have a keyword of: by position and by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fori, jit, minimum, scan, sin, take, while_loop
from micrograd.errors import SignatureError

NAMES = ["where", "out", "dtype", "order", "self", "args", "t0", "ct_x", "cotangent", "é"]
PAIRS = [
    *[(name, "x") for name in NAMES],
    *[("out", "out_"), ("out_", "out"), ("t0", "t0_"), ("ct_x", "ct_x_"), ("ct_x", "_ct_x")],
    *[("where", "d_where"), ("out", "where"), ("dtype", "out"), ("x", "d_x")],
]


def function(text: str, **around: Any) -> Callable[..., Any]:
    made: dict[str, Any] = around
    exec(text, made)
    f: Callable[..., Any] = made["f"]
    return f


@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_every_name_works(names: tuple[str, str]) -> None:
    a, b = names
    f = function(f"def f({a}, {b}):\n    return 2.0 * {a} * {a} + 3.0 * {b}")
    k = jit(f)
    by_name = {a: 1.5, b: 2.5}
    for _ in range(2):  # compiled, and then by machine code
        assert k(1.5, 2.5) == k(**by_name) == k(1.5, **{b: 2.5}) == 12.0
    assert k.grad(1.5, 2.5) == k.grad(**by_name) == (6.0, 3.0)
    assert k.value_and_grad(**by_name) == (12.0, (6.0, 3.0))
    assert k.vjp(1.5, 2.5, 2.0) == (12.0, (12.0, 6.0))
    assert k.jvp(1.5, 2.5, 1.0, 1.0) == (12.0, 9.0)
    assert jit(f, wrt=[b]).grad(1.5, 2.5) == (3.0,)
    assert jit(lambda q: k(**{a: q, b: 2.5})).grad(1.5) == 6.0
    assert k(**{a: Value(1.5), b: 2.5}).data == 12.0

    x = np.array([1.5, 0.0, -1.0])
    expected = 2.0 * x * x + 7.5
    for _ in range(2):
        np.testing.assert_array_equal(k(**{a: x, b: 2.5}), expected)
        np.testing.assert_array_equal(k(**{a: x, b: np.full(3, 2.5)}), expected)
        np.testing.assert_array_equal(k(x, np.full(3, 2.5)), expected)
    own = {"out", "where", "dtype"}.difference(names)
    if "out" in own:
        out = np.zeros(3)
        assert k(**{a: x, b: 2.5}, out=out) is out
        np.testing.assert_array_equal(out, expected)
    if own >= {"out", "where"}:
        found = k(x, 2.5, where=x > 0.0, out=np.zeros(3))
        np.testing.assert_array_equal(found, [12.0, 0.0, 0.0])
    if "dtype" in own:
        assert k(x, 2.5, dtype="f32").dtype == np.float32


OWN = [
    "along_0",
    "at0",
    "c0",
    "count0",
    "counts_12_12",
    "direction",
    "each0",
    "first_12_12",
    "flowing0",
    "going0",
    "hessian",
    "in0",
    "index",
    "index0",
    "is1",
    "last0",
    "live0",
    "next_state0",
    "one",
    "out",
    "p0",
    "part",
    "product",
    "row_12_24_0",
    "rows",
    "state0",
    "t",
    "t0",
    "table0",
    "tangent",
    "zero",
]
"""What the compiler calls arrays of its own."""


def grid(x: Any) -> Any:
    above: list[Any] = [100.0] * 13
    for i in range(12):
        row = [above[0] + x[i]]
        for j in range(12):
            cost = (x[i] - x[11 - j]) ** 2
            row.append(cost + minimum(minimum(above[j + 1], row[j]), above[j]))
        above = row
    return above[12]


def irregular(x: Any) -> Any:
    choose, found = Random(1), [*x]
    for _ in range(3500):
        a, b = choose.choice(found[-8:]), choose.choice(found[-8:])
        found.append(choose.choice([a * b * 0.3, a + b, sin(a), a - b]))
    return found[-1]


def loops(x: Any) -> Any:
    def step(i: Any, s: Any) -> Any:
        return s * take(x, i) + i

    last, states = scan(lambda s, r: (s * 0.5 + r, s), x[2], x[3:])
    some = while_loop(lambda s: s < 10.0, lambda s: s + x[1] ** 2 + 1.0, x[0])
    return fori(5, step, x[0]) + some + last + sum(states)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("body", [grid, irregular, loops], ids=lambda f: f.__name__)
def test_names_that_the_compiler_gives_arrays(body: Any, strict: bool) -> None:
    found = []
    for names in ([f"a_{k}" for k in range(len(OWN))], OWN):
        terms = " + ".join(f"{k + 1.0} * {name}" for k, name in enumerate(names))
        text = f"def f(x: list[float], {', '.join(names)}):\n    return body(x) + ({terms})"
        f = function(text, body=body)
        given = [0.1 * k + 0.05 for k in range(12)], *(0.01 * k for k in range(len(names)))
        found.append(jit(f, strict=strict).value_and_grad(*given))
    assert found[0] == found[1]
    assert found[0][1][1:] == tuple(k + 1.0 for k in range(len(OWN)))


@pytest.mark.parametrize("name", ["where", "out", "dtype", "order"])
def test_settings_of_every_name(name: str) -> None:
    k = jit(function(f"def f(x, {name}=None):\n    return x * (2.0 if {name} is None else 3.0)"))
    assert (k(1.0), k(1.0, None), k(1.0, **{name: None})) == (2.0, 2.0, 2.0)
    assert (k(1.0, "a"), k(1.0, **{name: "a"}), k.grad(1.0, **{name: "a"})) == (3.0, 3.0, 3.0)
    k = jit(function(f"def f(x, *, {name}=True):\n    return x * (2.0 if {name} else 3.0)"))
    assert (k(1.0), k(1.0, **{name: True}), k(1.0, **{name: False})) == (2.0, 2.0, 3.0)
    k = jit(function(f"def f(x, {name}=5.0):\n    return x * {name}"))
    assert (k(2.0), k(2.0, 3.0), k(2.0, **{name: 3.0})) == (10.0, 6.0, 6.0)
    np.testing.assert_array_equal(k(np.ones(3), **{name: 3.0}), [3.0, 3.0, 3.0])


def test_keywords_remain_where_no_parameter_has_their_name() -> None:
    k = jit(lambda x, out: x * out)
    with pytest.raises(SignatureError, match="where should be an array of booleans"):
        k(np.ones(2), 1.0, where=3.0)
    assert k(np.ones(2), out=2.0, dtype="f32").dtype == np.float32
    assert list(inspect.signature(k).parameters) == ["x", "out"]


def test_methods_with_such_parameters() -> None:
    class Scaled:
        factor = 3.0

        @jit
        def at(self, where: Any, out: Any = 1.0) -> Any:
            return self.factor * where + out

    scaled = Scaled()
    assert scaled.at(2.0) == scaled.at(where=2.0) == Scaled.at(scaled, where=2.0) == 7.0
    assert scaled.at(where=2.0, out=2.0) == Scaled.at(scaled, 2.0, out=2.0) == 8.0
