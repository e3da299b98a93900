"""Random kernels with loops, called in other functions with loops, they and their derivatives, as
kernels of their own and as functions that read what is around them. Compiled code is compared with
Values, and with differences.

    python -m tests.called_loops SECONDS SEED
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd import Value, fori, grad, hessian, jit, jvp, scan, sin, tanh, value_and_grad

from .written_loops import Drawn, Numbers, close

Two = Callable[[Any, Any], Any]


class Calling:
    """A function of three numbers that calls kernels, in loops and outside of them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 7])
        self.seed = seed
        self.shown: list[str] = []
        parts = [self.part(k) for k in range(int(self.rng.integers(1, 3)))]

        def function(x: Sequence[Any]) -> Any:
            seen = list(x)
            for part in parts:
                seen = [part(seen), *seen]
            return seen[0] + 0.5 * tanh(seen[-1])

        self.function = function

    def two(self, k: int) -> Two:
        """A function of two numbers with loops."""
        f = Drawn(self.seed * 10 + k, depth=int(self.rng.integers(1, 3))).function
        return lambda a, b: f([a, b, 0.3])

    def call(self, k: int) -> Two:
        """Of two numbers, what a kernel gives, or one of its derivatives."""
        f, kernel = self.two(k), jit(self.two(k))
        made: dict[str, Two] = {
            "value": kernel,
            "grad": lambda a, b: kernel.grad(a, b)[0],
            "both": lambda a, b: sum(kernel.value_and_grad(a, b)[1]),
            "jvp": lambda a, b: kernel.jvp(a, b, b, 1.0)[1],
            "hessian": lambda a, b: kernel.hessian(a, b)[0][1],
            "hvp": lambda a, b: kernel.hvp(a, b, 1.0, a)[1],
            "around": lambda a, b: grad(lambda y: f(a, y))(b),
            "computed around": lambda a, b: grad(lambda y: f(a * b, y) * a)(b + 0.5),
            "value around": lambda a, b: value_and_grad(lambda y: f(y, b))(a)[0],
            "along around": lambda a, b: jvp(lambda y: f(y, b))(a, b)[1],
            "twice around": lambda a, b: grad(lambda x: grad(lambda y: f(x, y))(b) * x)(a),
            "curvature around": lambda a, b: hessian(lambda y: f(a, y))(b),
            "of little": lambda a, b: grad(lambda y: f(a, y))(0.0 * b + 0.4) * b,
        }
        kind = str(self.rng.choice(list(made)))
        self.shown.append(kind)
        return made[kind]

    def part(self, k: int) -> Callable[[Numbers], Any]:
        """A call, or a loop with one in its body."""
        call = self.call(k)
        kind, n = str(self.rng.choice(["call", "fori", "scan"])), int(self.rng.integers(0, 4))
        self.shown.append(f"{kind} {n}")

        def of_fori(seen: Numbers) -> Any:
            return fori(n, lambda i, s: tanh(call(s, seen[0] + 0.1 * i)) + 0.1 * s, seen[-1])

        def of_scan(seen: Numbers) -> Any:
            def step(s: Any, x: Any) -> tuple[Any, Any]:
                after = sin(call(x, s))
                return after, after * x

            s, ys = scan(step, seen[0], [seen[j % len(seen)] for j in range(n)])
            return s + sum(ys)

        once: Callable[[Numbers], Any] = lambda seen: tanh(call(seen[0], seen[-1]))  # noqa: E731
        return {"call": once, "fori": of_fori, "scan": of_scan}[kind]


def check(seed: int, *, second: bool = True) -> None:
    """Compare what a drawn function gives, and its derivatives. Raises AssertionError."""
    drawn = Calling(seed)
    f, what = drawn.function, (seed, drawn.shown)
    x = drawn.rng.normal(size=3).round(2).tolist()
    values = [Value(v) for v in x]
    out = f(values)
    out.backward()
    gradient = [v.grad for v in values]
    kernel = jit(f)
    found, partials = kernel.value_and_grad(x)
    assert close([kernel(x), found], [out.data] * 2, 1e-9), (what, "value")
    assert close(partials, gradient, 1e-7), (what, "gradient")
    direction = drawn.rng.normal(size=3).tolist()
    along = float(np.dot(gradient, direction))
    assert close(kernel.jvp(x, direction), [out.data, along], 1e-7), (what, "jvp")
    points = drawn.rng.normal(size=(5, 3)).round(1)
    single = [kernel(row) for row in points.tolist()]
    apart = jit(lambda a, b, c: f([a, b, c]))
    assert close(apart(*points.T), single, 1e-9), (what, "arrays")
    assert close(jit(f, strict=True).grad(x), gradient, 1e-7), (what, "strict")
    if second:
        products = np.ravel(kernel.hvp(x, direction))
        ends = [[v + h * d for v, d in zip(x, direction, strict=True)] for h in (-1e-5, 1e-5)]
        low, high = (np.ravel(kernel.grad(end)) for end in ends)
        if close(low, high, 1e-2):  # no loop runs once more, nor turns a corner
            assert close((high - low) / 2e-5, products, 1e-3), (what, "differences")


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        began = time.process_time()
        check(seed + done, second=(seed + done) % 3 == 0)
        print(seed + done, round(time.process_time() - began, 1), flush=True)
        done += 1
    print(f"{done} functions")
