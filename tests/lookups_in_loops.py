"""Random functions that look rows up by integers, before, in and behind loops written as loops, and
by the counters of these, and by integers that these choose, and in functions inside, of which
there are derivatives, compared with the interpreter.

    python -m tests.lookups_in_loops SECONDS SEED
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd import Table, Value, fori, grad, jit, jvp, scan, sin, take, tanh, while_loop

from .at_widths import check_widths
from .written_loops import close

Numbers = list[Any]
Step = Callable[[Numbers, Numbers], Any]
"""Of the numbers that can be seen, and of the indices, another number."""
ROWS = 5
PLACES = [3, -1, 0, 4, -5, 2]
"""Integers of Python, by which rows can be chosen."""


class Drawn:
    """A function of two numbers, two integers from -2 to 2, and four from -2 to 1, with loops up to
    two deep.
    """

    def __init__(self, seed: int) -> None:
        self.random = r = random.Random(seed)
        self.parameters = [Value(r.uniform(-1.0, 1.0)) for _ in range(2 * ROWS)]
        if r.random() < 0.3:
            r.shuffle(self.parameters)
        self.numbers = [r.uniform(-1.0, 1.0) for _ in range(ROWS)]
        self.exact = 0.0
        steps = [self.part(2) for _ in range(r.randint(1, 3))]

        def function(x: float, y: float, i: int, j: int, ks: list[int]) -> Any:
            seen: Numbers = [x, y]
            self.given = ks
            for step in steps:
                seen = [step(seen, [i, j]), *seen]
            return tanh(seen[0]) + seen[1] * 0.5

        self.function = function

    def part(self, depth: int) -> Step:
        """A loop, or what is taken of a table."""
        if depth and self.random.random() < 0.7:
            return self.loop(depth)
        return self.inside() if self.random.random() < 0.3 else self.taken()

    def inside(self) -> Step:
        """What a function inside takes, or how that changes."""
        step, way = self.taken(), self.random.randrange(5)
        if way == 3:  # what is chosen of all rows has its partials in another order
            self.exact = 1e-12

        def run(seen: Numbers, indices: Numbers) -> Any:
            def f(q: Any) -> Any:
                return step([q, *seen], indices)

            def given(q: Any, at: list[int]) -> Any:
                return step([q, *seen], at)

            if way == 4:
                return grad(given, wrt="q")(seen[0], indices)
            if way == 3:
                return grad(lambda q: f(q) * grad(f)(q))(seen[0])
            return [jit(f), grad(f), lambda q: jvp(f)(q, 0.5)[1]][way](seen[0])

        return run

    def index(self) -> Callable[[Numbers], Any]:
        """An index into ROWS rows, of the two integers, or of the counters behind these."""
        r = self.random
        by, way, other = r.randrange(4), r.randrange(8), r.randrange(2)

        def index(indices: Numbers) -> Any:
            i, given = indices[by % len(indices)], indices[other]
            if by % len(indices) < 2:
                return [i, -1 - i, 1 * i, i + given, lambda: take(PLACES, i)][way % 5]
            made = [  # it is from 0 to 3
                lambda: i, lambda: i + 1, lambda: 3 - i, lambda: i + given - 1,
                lambda: given + 1 - i, lambda: take(PLACES, i + 1), lambda: take(self.given, i),
                lambda: i - 1 - take(self.given, 3 - i),
            ]  # fmt: skip
            return made[way]

        return index

    def often(self) -> Callable[[int, Numbers], Any]:
        """How often a loop runs, from 0 to 4: a number, or an integer that is given or counted."""
        way = self.random.randrange(10)

        def often(n: int, indices: Numbers) -> Any:
            i, j, *counters = indices
            made = [i + 2, 2 - j, abs(i - j), (i * j) % 5, i - j - i + 2, (i + 3) // 2]
            made += [counters[0] + 1, counters[-1]] if counters else []
            return made[way] if way < len(made) else n

        return often

    def taken(self) -> Step:
        r, at, again = self.random, self.index(), self.index()
        k = r.randrange(4)

        def table(seen: Numbers) -> Any:
            p = self.parameters
            made: list[Callable[[], Any]] = [
                lambda: self.numbers,
                lambda: Table([p[2 * n : 2 * n + 2] for n in range(ROWS)]),
                lambda: [sin(seen[n % len(seen)] * (n + 1.0)) for n in range(ROWS)],
                lambda: [[seen[0] * v, v] for v in p[:ROWS]],
            ]
            return made[k]()

        def step(seen: Numbers, indices: Numbers) -> Any:
            rows = table(seen)
            found = [index(indices) for index in (at, again)]
            first, second = (take(rows, k() if callable(k) else k) for k in found)
            if isinstance(first, list):
                first, second = first[0], second[1]
            return tanh(first * seen[0] + second)

        return step

    def loop(self, depth: int) -> Step:
        r = self.random
        inner = [self.part(depth - 1) for _ in range(r.randint(1, 2))]
        kind, n = r.choice(["fori", "fori", "scan", "while"]), r.choice([0, 1, 2, 4])
        by, of_state = self.index(), r.random() < 0.3
        often, limit = self.often(), r.choice([4, 6, 6, 100])

        def chosen(indices: Numbers) -> Any:
            k = by(indices)
            return k() if callable(k) else k

        def run(seen: Numbers, indices: Numbers) -> Any:
            for step in inner:
                seen = [step(seen, indices), *seen]
            return seen[0]

        def of_fori(seen: Numbers, indices: Numbers) -> Any:
            def body(k: Any, state: Numbers) -> Numbers:
                after = run([state[0], *seen], [*indices, k])
                return [after, *state[:-1]]

            begin = [seen[0] * (k + 1.0) for k in range(ROWS)]
            state = fori(often(n, indices), body, begin, limit=limit)
            return take(state, chosen(indices[:2])) if of_state else state[0]

        def of_scan(seen: Numbers, indices: Numbers) -> Any:
            def body(s: Any, row: Any) -> tuple[Any, Any]:
                x, *more = row
                after = run([s, x, *seen], [*more, *indices[len(more) :]])
                return after, after * x

            x = take(self.numbers, chosen(indices[:2]))
            rows = [(x, k) if of_state else (x,) for k in self.given[:n]]
            s, ys = scan(body, seen[0], rows)
            return s + sum(ys)

        def of_while(seen: Numbers, indices: Numbers) -> Any:
            def body(s: Numbers) -> Numbers:
                return [run([s[0], *seen], indices), s[1] + 1.0]

            most = 2.0 + take(self.numbers, chosen(indices[:2]))
            return while_loop(lambda s: s[1] < most, body, [seen[0], 0.0], limit=8)[0]

        return {"fori": of_fori, "scan": of_scan, "while": of_while}[kind]


def check(seed: int) -> None:
    """Compare what a drawn function gives, and its derivatives. Raises AssertionError."""
    drawn = Drawn(seed)
    r, f = drawn.random, drawn.function
    x, y = round(r.uniform(-1.0, 1.0), 2), round(r.uniform(-1.0, 1.0), 2)
    i, j = r.randint(-2, 2), r.randint(-2, 2)
    ks = [r.randint(-2, 1) for _ in range(4)]
    leaves = [Value(x), Value(y), *drawn.parameters]

    def of(g: Callable[..., Any]) -> tuple[float, list[float]]:
        for v in leaves:
            v.grad = 0.0
        out = g(leaves[0], leaves[1], i, j, ks)
        out.backward()
        return out.data, [v.grad for v in leaves]

    expected, gradient = of(f)
    for strict in (False, True):
        kernel = jit(f, strict=strict)
        value, found = of(kernel)
        near = drawn.exact if strict else 1e-9
        assert close([value, kernel(x, y, i, j, ks)], [expected] * 2, near), (seed, strict, "value")
        assert close(found, gradient, 1e-9), (seed, strict, "gradient")
        assert close(kernel.grad(x, y, i, j, ks)[:2], gradient[:2], 1e-9), (
            seed,
            strict,
            "arguments",
        )
    narrow, kernel = jit(f, dtype="f32"), jit(f)
    assert close(narrow(x, y, i, j, ks), expected, 1e-3), (seed, "f32")
    if close(kernel.grad(x + 1e-7, y, i, j, ks)[:2], gradient[:2], 1e-3):  # as rounding moves it
        assert close(narrow.grad(x, y, i, j, ks)[:2], gradient[:2], 1e-2), (seed, "f32 gradient")
    check_widths(f, [x, y, i, j, ks], strict=bool(seed % 2), what=f"seed {seed}")
    products = kernel.hvp(x, y, i, j, ks, 1.0, 0.0, 0, 0, [0] * 4)[:2]
    wide, near = (_differences(kernel, (x, y, i, j, ks), h) for h in (2e-5, 1e-5))
    if close(wide, near, 1e-5):  # the curve is no sharper than the steps
        assert close(products, near, 1e-4), (seed, "hvp")
    n = r.choice([1, 3, 9, 17])
    points = [np.array([r.uniform(-1.0, 1.0) for _ in range(n)]) for _ in range(2)]
    places = [np.array([r.randint(-2, 2) for _ in range(n)]) for _ in range(2)]
    single = [kernel.value_and_grad(*point, ks) for point in zip(*points, *places, strict=True)]
    values, partials = kernel.value_and_grad(*points, *places, ks)
    assert close(values, [v for v, _ in single], 1e-12), (seed, n, "points")
    assert close(kernel(*points, *places, ks), values, 1e-12), (seed, n, "values at points")
    near_points = narrow(*points, *places, ks)
    assert close(near_points, values, 1e-3), (seed, n, "f32 at points")
    at_points = [g[:2] for _, g in single]
    assert close(np.transpose(partials[:2]), at_points, 1e-10), (seed, n, "gradients at points")


def _differences(kernel: Any, at: tuple[Any, ...], h: float) -> Numbers:
    """How the gradient changes with the first number."""
    low, high = (kernel.grad(at[0] + d, *at[1:])[:2] for d in (-h, h))
    return [(b - a) / (2 * h) for a, b in zip(low, high, strict=True)]


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        check(seed + done)
        done += 1
    print(f"{done} functions")
