"""Random functions with loops written as loops: in loops, around each other, with states of many
shapes, and trip counts that depend on data. What compiled code gives is compared with the Python
loops that they are on floats and Values, with differences, and point by point in calls with arrays.

    python -m tests.written_loops SECONDS SEED
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from math import isclose, isfinite
from typing import Any

import numpy as np

from micrograd import Value, cos, exp, fori, jit, scan, sin, tanh, where, while_loop

from .at_widths import check_widths

COUNTS = (0, 1, 2, 7, 8, 9)
MANY_COUNTS = (33, 100, 129)
"""Of outermost loops, now and then: more than a vector or a block has."""
Numbers = list[Any]
Step = Callable[[Numbers], Any]
"""Of all the numbers that can be seen, another one."""


class Drawn:
    """A function of a list of `size` numbers, with loops nested up to `depth` deep."""

    def __init__(self, seed: int, size: int = 3, depth: int = 2) -> None:
        self.rng = np.random.default_rng(seed)
        self.size = size
        loops = [self.loop(depth, outermost=True) for _ in range(self.rng.integers(1, 3))]
        last = self.expression(2)

        def function(x: Sequence[Any]) -> Any:
            seen = list(x)
            for each in loops:
                seen = [*each(seen), *seen]
            return last(seen)

        self.function = function

    def pick(self, *choices: Any) -> Any:
        """One of them."""
        return choices[int(self.rng.integers(len(choices)))]

    def expression(self, depth: int) -> Step:
        """Smooth, and never large for long."""
        if depth == 0 or self.rng.random() < 0.15:
            k = int(self.rng.integers(0, 6))
            number = float(np.round(self.rng.normal(), 2))
            return (lambda seen: number) if k == 5 else (lambda seen: seen[k % len(seen)])
        x, y = self.expression(depth - 1), self.expression(depth - 1)
        kind = int(self.rng.integers(0, 9))
        made: list[Step] = [
            lambda s: sin(x(s)),
            lambda s: tanh(x(s) + y(s)),
            lambda s: x(s) + y(s),
            lambda s: tanh(x(s)) * y(s),
            lambda s: x(s) / (1.5 + tanh(y(s))),
            lambda s: cos(x(s)) - y(s) * 0.25,
            lambda s: where(x(s) > y(s), sin(x(s)), y(s) * 0.5),
            lambda s: exp(-x(s) * x(s)) * y(s),
            lambda s: abs(sin(x(s))) - y(s) * 0.5,
        ]
        return made[kind]

    def body(self, width: int, depth: int) -> Callable[[Numbers], Numbers]:
        """Of what is seen, as many numbers, by loops of its own, too."""
        inner = self.loop(depth - 1) if depth > 1 and self.rng.random() < 0.6 else None
        steps = [self.expression(2) for _ in range(width)]
        corner = self.triangle() if self.rng.random() < 0.2 else None

        def run(seen: Numbers) -> Numbers:
            if inner is not None:
                seen = [*inner(seen), *seen]
            if corner is not None:
                seen = [corner(seen), *seen]
            return [tanh(step(seen)) for step in steps]

        return run

    def triangle(self) -> Step:
        """A sum over pairs of numbers, of which each is made of those before it."""
        n, pair = int(self.rng.integers(3, 9)), self.expression(1)

        def run(seen: Numbers) -> Any:
            rows = [seen[0]]
            for i in range(1, n):
                total = seen[i % len(seen)] * 0.5
                for j in range(i):
                    total = total + pair([rows[j], *seen]) * (0.25 / n)
                rows.append(tanh(total))
            return rows[-1]

        return run

    def loop(self, depth: int, *, outermost: bool = False) -> Callable[[Numbers], Numbers]:
        """Of what is seen, the numbers that a loop leaves."""
        shape = self.pick(_number, _pair, _row, _named, _square)
        width = shape.width
        body = self.body(width, depth)
        begin = [self.expression(1) for _ in range(width)]
        kind = self.pick("fori", "scan", "while", "while")
        n = int(self.pick(*COUNTS))
        if outermost and depth == 1 and self.rng.random() < 0.2:
            n = int(self.pick(*MANY_COUNTS))
        until, speed = float(self.rng.uniform(-0.5, 6.0)), self.expression(1)
        asked = int(self.rng.integers(0, 3))

        def start(seen: Numbers) -> Any:
            return shape.made([step(seen) for step in begin])

        def run_fori(seen: Numbers) -> Numbers:
            def step(i: Any, state: Any) -> Any:
                return shape.made(body([*shape.taken(state), i * 0.125, *seen]))

            return shape.taken(fori(n, step, start(seen)))

        def run_scan(seen: Numbers) -> Numbers:
            def step(state: Any, x: Any) -> Any:
                after = body([*shape.taken(state), x[0], x[1] * 0.5, *seen])
                return shape.made(after), {"first": after[0] * 0.5}

            rows = [(seen[k % len(seen)], 0.125 * k) for k in range(n)]
            state, found = scan(step, start(seen), rows)
            return [*shape.taken(state), *(y["first"] for y in found)]

        def run_while(seen: Numbers) -> Numbers:
            def goes(state: Any) -> Any:
                left = until - state[1]
                return [left > 0.0, where(left > 0.0, left, 0.0), (left > 0.0) * 2.0][asked]

            def step(state: Any) -> Any:
                after = body([*shape.taken(state[0]), *seen])
                return shape.made(after), state[1] + 1.0 + 0.25 * tanh(speed([*after, *seen]))

            state, steps = while_loop(goes, step, (start(seen), 0.0), limit=20)
            return [*shape.taken(state), steps]

        return {"fori": run_fori, "scan": run_scan, "while": run_while}[kind]


class _number:
    width = 1
    made = staticmethod(lambda xs: xs[0])
    taken = staticmethod(lambda state: [state])


class _pair:
    width = 2
    made = staticmethod(tuple)
    taken = staticmethod(list)


class _row:
    width = 3
    made = staticmethod(list)
    taken = staticmethod(list)


class _named:
    width = 3
    made = staticmethod(lambda xs: {"a": xs[0], "b": (xs[1], [xs[2]])})
    taken = staticmethod(lambda s: [s["a"], s["b"][0], *s["b"][1]])


class _square:
    width = 4
    made = staticmethod(lambda xs: [xs[:2], xs[2:]])
    taken = staticmethod(lambda rows: [x for row in rows for x in row])


# --- comparisons ------------------------------------------------------------------------------


def close(a: Any, b: Any, tolerance: float) -> bool:
    """Whether numbers agree, nan with nan."""
    pairs = zip(np.ravel(a), np.ravel(b), strict=True)
    return all(
        isclose(x, y, rel_tol=tolerance, abs_tol=tolerance)
        or (not isfinite(x) and str(x) == str(y))
        for x, y in pairs
    )


def check(seed: int, *, depth: int = 2, second: bool = True, arrays: bool = True) -> None:
    """Compare all that a drawn function can be asked for. Raises AssertionError."""
    f = Drawn(seed, depth=depth).function
    rng = np.random.default_rng([seed, 1])
    x = rng.normal(size=3).round(2).tolist()
    values = [Value(v) for v in x]
    out = f(values)
    expected = out.data if isinstance(out, Value) else float(out)
    if isinstance(out, Value):
        out.backward()
    gradient = [v.grad for v in values]
    for strict in (False, True):
        kernel = jit(f, strict=strict)
        found, partials = kernel.value_and_grad(x)
        tolerance = 0.0 if strict else 1e-9
        assert close([kernel(x), found], [expected, expected], tolerance), (seed, strict, "value")
        # a number that is handed to loops twice has two cotangents, each added up by itself
        tolerance = 1e-13 if strict else 1e-9
        assert close(kernel.grad(x), gradient, tolerance), (seed, strict, "gradient")
        assert close(partials, gradient, tolerance), (seed, strict, "value and gradient")
    kernel = jit(f)
    direction = rng.normal(size=3).tolist()
    along = float(np.dot(gradient, direction))
    assert close(kernel.jvp(x, direction), [expected, along], 1e-8), (seed, "jvp")
    if second:
        products = np.ravel(kernel.hvp(x, direction))
        assert close(np.asarray(kernel.hessian(x)) @ direction, products, 1e-7), (seed, "hessian")
        ends = [[v + h * d for v, d in zip(x, direction, strict=True)] for h in (-1e-5, 1e-5)]
        low, high = (np.ravel(kernel.grad(end)) for end in ends)
        if close(low, high, 1e-2):  # no loop runs once more, nor turns a corner
            assert close((high - low) / 2e-5, products, 1e-4), (seed, "differences")
    if arrays:
        many = 1000 if seed % 16 == 5 else int(rng.integers(3, 18))
        for n in (1, 2, many):
            points = rng.normal(size=(n, 3)).round(1)
            single = [kernel.value_and_grad(row) for row in points.tolist()]
            apart = jit(lambda a, b, c: f([a, b, c]))
            values_, grads = apart.value_and_grad(*points.T)
            assert close(values_, [v for v, _ in single], 1e-12), (seed, n, "arrays")
            assert close(np.transpose(grads), [g for _, g in single], 1e-12), (
                seed,
                n,
                "gradients of arrays",
            )
            assert close(apart(*points.T), [v for v, _ in single], 1e-12), (seed, n, "values")
    check_widths(lambda x0, x1, x2: f([x0, x1, x2]), x, strict=bool(seed % 2), what=f"seed {seed}")
    narrow = jit(f, dtype="f32", strict=bool(seed % 2))
    if isfinite(expected) and abs(narrow(x) - expected) < 1e-2:
        assert close(narrow.grad(x), gradient, 0.1) or not all(map(isfinite, gradient)), (
            seed,
            "f32",
        )


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        check(seed + done, depth=1 + (seed + done) % 2)
        done += 1
    print(f"{done} functions")
