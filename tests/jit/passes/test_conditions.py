"""What conditions of loops have computed of a state is not computed again by the next iteration."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any
from unittest import mock

import numpy as np
import pytest

from micrograd import Value, erf, exp, jit, sin, sqrt, tanh, while_loop
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import conditions
from micrograd.jit.passes.conditions import without_repeats
from micrograd.jit.passes.kept_rows import with_kept_rows

from ...by_values import BITS
from ...targets import assumed

Term = Callable[[Any], Any]

LOOP = """
input x[1]
output out[1]
scratch h[1]
scratch going[1]
scratch b[1]
scratch d[1]
scratch next_h[1]
scratch c[1]
scratch e[1]
scratch next_going[1]

h = x
t = erf(h)
u = mul(t, 2.0)
going = gt(u, 0.25)
for i < 9 in order while going:
  b = erf(h)
  d = mul({again}, 2.0)
  next_h = sub(h, mul(d, 0.25))
  c = erf(next_h)
  e = mul(c, 2.0)
  next_going = gt(e, 0.25)
  h = next_h
  going = next_going
out = h
"""


def test_what_a_condition_has_computed_is_kept() -> None:
    before = verify(parse(LOOP.format(again="b")), "text", stage="schedulable")
    after = verify(without_repeats(before), "conditions", stage="schedulable")
    text = str(after)
    assert text.count("erf") == 2  # before the loop, and in the condition
    assert "kept_d = u" in text
    assert text.rstrip().split("\n")[-2].strip() == "kept_d = e"
    for x in (-1.0, 0.1, 0.2, 0.7, 3.0, np.inf, np.nan):
        want, found = (interpret(p, {"x": [x]})["out"] for p in (before, after))
        assert np.array_equal(want, found, equal_nan=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("d = mul(b, 2.0)", "d = mul(b, 3.0)"),  # nothing slow, but erf, is the same
        ("c = erf(next_h)", "c = erf(h)"),  # of the state before
        ("t = erf(h)", "t = tanh(h)"),  # the condition is another one at first
        ("out = h", "out = add(h, d)"),  # what is left is read behind the loop
    ],
)
def test_what_is_not_the_same_is_computed(old: str, new: str) -> None:
    text = LOOP.format(again="b")
    assert old in text
    before = verify(parse(text.replace(old, new)), "text", stage="schedulable")
    after = verify(without_repeats(before), "conditions", stage="schedulable")
    for x in (-1.0, 0.2, 0.7, 3.0):
        want, found = (interpret(p, {"x": [x]})["out"] for p in (before, after))
        assert np.array_equal(want, found, equal_nan=True)


@pytest.mark.parametrize("start", [0.0, 1.0, -1.5])
def test_what_is_known_of_the_first_state_is_where_it_begins(start: float) -> None:
    known = np.float64(start)
    text = LOOP.format(again="b").replace("h = x\n", f"h = {start}\n")
    text = text.replace("t = erf(h)\nu = mul(t, 2.0)\n", "")
    u = float(erf(float(known)) * 2.0)
    text = text.replace("going = gt(u, 0.25)\nfor", f"going = {float(u > 0.25)}\nfor")
    before = verify(parse(text), "text", stage="schedulable")
    after = verify(without_repeats(before), "conditions", stage="schedulable")
    assert f"kept_d = {u!r}" in str(after)
    assert str(after).count("erf") == 1
    want, found = (interpret(p, {"x": [0.0]})["out"] for p in (before, after))
    assert np.array_equal(want, found)


def test_a_price_that_begins_with_a_number_is_computed_once_an_iteration() -> None:
    def root(x: Any) -> Any:
        def price(s: Any) -> Any:
            return erf(1.0 * s) + exp(-s * s) * s - x

        return while_loop(lambda s: abs(price(s)) > 1e-9, lambda s: s - 0.4 * price(s), 1.0)

    kernel = jit(root, dtype="f64")
    text = kernel.stages()["simplified"]
    assert text.count("erf") == 1
    assert kernel(0.3) == pytest.approx(root(0.3), rel=1e-13)


ROWS = """
input x[1]
output out[2]
temp h[10]
temp going[10]
temp count[1] i64 < 10
temp b[9]
temp c[9]
temp e[9]

h = x
t = erf(h)
u = mul(t, 2.0)
going = gt(u, 0.25)
for i < count[0] in order while going[i]:
  b[i] = erf(h[i])
  h[i + 1] = sub(h[i], mul(b[i], 0.25))
  c[i] = erf(h[i + 1])
  e[i] = mul(c[i], 2.0)
  going[i + 1] = gt(e[i], 0.25)
out = h[count[0]]
out[1] = 0.0
for i < count[0] in reverse order:
  out[1] += mul(b[i], h[i])
"""


def test_what_a_condition_has_computed_is_a_row_of_the_next_iteration() -> None:
    before = verify(parse(ROWS), "text", stage="schedulable")
    after = verify(with_kept_rows(before), "rows", stage="schedulable")
    text = str(after)
    assert text.count("erf") == 2
    assert "kept_b = t" in text
    assert "kept_b[i + 1] = erf(h[i + 1])" in text
    assert "out[1] += mul(kept_b[i], h[i])" in text
    for x in (-1.0, 0.1, 0.2, 0.7, 3.0, np.inf, np.nan):
        want, found = (interpret(p, {"x": [x]})["out"] for p in (before, after))
        assert np.array_equal(want, found, equal_nan=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("b[i] = erf(h[i])", "b[i] = tanh(h[i])"),
        ("c[i] = erf(h[i + 1])", "c[i] = erf(h[i])"),
        ("t = erf(h)", "t = tanh(h)"),
        ("going = gt", "h[1] = 1.0\ngoing = gt"),  # set more than once
        ("while going[i]", "while b[i]"),
        ("h = x\nt = erf(h)", "t = 0.0\nt += erf(x)\nh = x"),  # what is added to
        ("b[i] = erf(h[i])", "b[i] = erf(add(h[i], w[i]))"),  # of data of the iteration
    ],
)
def test_other_rows_are_computed(old: str, new: str) -> None:
    assert old in ROWS
    text = ROWS.replace(old, new)
    if "w[i]" in new:
        text = text.replace("c[i] = erf(h[i + 1])", "c[i] = erf(add(h[i + 1], w[i]))")
        text = text.replace("input x[1]", "input x[1]\ninput w[9]")
    before = parse(text)
    assert with_kept_rows(before) is before


class Drawn:
    """A loop whose condition and body are made of terms of the state that they have in common."""

    def __init__(self, seed: int) -> None:
        r = self.r = Random(seed)
        self.size = r.randint(1, 3)
        pool = [self.term(r.randint(1, 3)) for _ in range(4)]
        asked, moved = r.sample(pool, r.randint(1, 2)), [r.choice(pool) for _ in range(self.size)]
        more = [self.term(2) for _ in range(self.size)]
        most, whole = r.uniform(0.05, 0.9), r.random() < 0.5
        nested = r.random() < 0.3
        start = r.choice([None, None, tuple(r.choices([0.0, 1.0, -1.0, 0.5, 2.0], k=3))])

        def function(x: Any, y: Any) -> Any:
            def seen(s: Any) -> list[Any]:
                return [*(s if isinstance(s, tuple) else (s,)), x, y, x * y if whole else y]

            def holds(s: Any) -> Any:
                total = sum(t(seen(s)) for t in asked)
                return abs(total) > most

            def step(s: Any) -> Any:
                v = seen(s)
                made = [
                    0.7 * v[k] - 0.2 * moved[k](v) + 0.05 * more[k](v) for k in range(self.size)
                ]
                return tuple(made) if self.size > 1 else made[0]

            first = ((x, y, 0.5) if start is None else start)[: self.size]
            first = first if self.size > 1 else first[0]
            if nested:

                def outer(s: Any) -> Any:
                    inner = while_loop(holds, step, first, limit=12)
                    return 0.5 * s + 0.1 * (inner[0] if isinstance(inner, tuple) else inner)

                return while_loop(lambda s: s > 0.3, outer, y + 1.5, limit=9)
            last = while_loop(holds, step, first, limit=30)
            return sum(last) if isinstance(last, tuple) else last

        self.function = function

    def term(self, depth: int) -> Term:
        if depth == 0:
            k = self.r.randrange(6)
            return lambda v: v[k % len(v)]
        f, g = self.term(depth - 1), self.term(depth - 1)
        made: list[Term] = [
            lambda v: erf(f(v)),
            lambda v: exp(-(f(v) ** 2)),
            lambda v: sin(f(v)) + g(v),
            lambda v: tanh(f(v)) * g(v),
            lambda v: f(v) / (1.5 + g(v) * g(v)),
            lambda v: sqrt(1.0 + f(v) * f(v)) - g(v),
            lambda v: f(v) - 0.5 * g(v),
        ]
        return made[self.r.randrange(len(made))]

    def check(self) -> bool:
        """Compare programs, and code with floats; whether something was kept."""
        n = self.r.choice((1, 3, 4, 5, 8, 9, 17))
        numbers = np.random.default_rng(self.r.randrange(1 << 30))
        x, y = numbers.normal(size=(2, n))
        strict = self.r.random() < 0.3
        want = np.array([float(self.function(a, b)) for a, b in zip(x, y, strict=True)])
        f = jit(self.function, dtype="f64", strict=strict)
        accuracy = 0.0 if strict else 1e-9
        np.testing.assert_allclose(f(x, y), want, accuracy, accuracy, equal_nan=True)
        one = [f(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        np.testing.assert_allclose(one, want, accuracy, accuracy, equal_nan=True)
        a, b = Value(x[0]), Value(y[0])
        out = self.function(a, b)
        if isinstance(out, Value) and np.isfinite(want[0]):
            out.backward()
            np.testing.assert_allclose(f.grad(x[0], y[0]), (a.grad, b.grad), 1e-7, 1e-7)
        self.check_rows(x[:3], y[:3])
        return "kept_" in f.stages()["simplified"]

    def check_rows(self, x: Any, y: Any) -> None:
        """Gradients, to the last bit, beside those of a program whose rows are all computed."""
        kept = jit(self.function, dtype="f64", strict=True).value_and_grad
        with mock.patch.object(conditions, "with_kept_rows", lambda program: program):
            computed = jit(self.function, dtype="f64", strict=True).value_and_grad
            assert "kept_" not in computed.stages()["simplified"]
            want = [computed(a, b) for a, b in zip(x, y, strict=True)]
        found = [kept(a, b) for a, b in zip(x, y, strict=True)]
        for (v, slope), (w, right) in zip(found, want, strict=True):
            assert np.array_equal((v, *slope), (w, *right), equal_nan=True)
        self.kept_rows = "kept_" in kept.stages()["simplified"]


def test_random_conditions() -> None:
    found = list(map(checked, range(5, 12)))
    assert sum(kept for kept, _ in found) >= 3
    assert sum(rows for _, rows in found) >= 2


def checked(seed: int) -> tuple[bool, bool]:
    """Whether something was kept in that loop, compiled for one of the widths of vectors; and in
    its gradient.
    """
    with assumed(vector_bits=BITS[seed % len(BITS)]):
        drawn = Drawn(seed)
        return drawn.check(), drawn.kept_rows


if __name__ == "__main__":
    until, first = time.monotonic() + float(sys.argv[1]), int(sys.argv[2])
    seed, kept, rows = first, 0, 0
    while time.monotonic() < until:
        one, other = checked(seed)
        seed, kept, rows = seed + 1, kept + one, rows + other
    print(f"{seed - first} loops, {kept} of which keep something, {rows} in their gradients")
