"""Random functions of loops in loops that look rows up in plain Python, by integers that are given
and by counters of loops that run as often as these say, compared with eager calls.

    python -m tests.plain_nests SECONDS SEED
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

import numpy as np

from micrograd import Value, fori, jit, sin, tanh, while_loop

from .written_loops import close

V = [Value(0.25 * k - 0.6) for k in range(7)]
PLACES = [3, -1, 0, 5, 2, -6, 1]


class Drawn:
    """A function of a number and two integers from 0 to 3, with loops up to three deep."""

    def __init__(self, seed: int) -> None:
        r = self.random = random.Random(seed)
        body = self.level(r.randint(1, 3))

        def f(x: float, n: int, m: int) -> Any:
            return body(x, [n, m])

        self.function = f

    def leaf(self) -> Any:
        r = self.random
        way, a, b = r.randrange(7), r.randrange(5), r.randrange(5)

        def leaf(s: Any, ks: list[Any]) -> Any:
            i, j = ks[-1 - a % len(ks)], ks[-1 - b % len(ks)]
            rows = [
                lambda: V[i], lambda: V[i + j], lambda: V[3 - i], lambda: V[PLACES[i]],
                lambda: V[(i * j) % 7], lambda: V[abs(i - j)], lambda: V[i - 1],
            ]  # fmt: skip
            return tanh(s * 0.7 + rows[way]())

        return leaf

    def level(self, depth: int) -> Any:
        r = self.random
        inner = self.level(depth - 1) if depth else None
        leaf, way = self.leaf(), r.randrange(7)
        limit, until = r.choice([4, 5, 100]), r.choice([1.0, 2.5, 3.0])
        if inner is None:
            return leaf

        def level(s: Any, ks: list[Any]) -> Any:
            n, m, *counters = ks
            last = counters[-1] if counters else n
            if way == 0:
                return while_loop(
                    lambda t: t[1] < until, lambda t: (inner(t[0], ks), t[1] + 1.0), (s, 0.0)
                )[0]
            if way == 1:
                return while_loop(lambda t: abs(t) > 0.4, lambda t: inner(t, ks) * 0.25, sin(s))
            often = [n, m, 3, (n + m) // 2, last][way - 2]
            return fori(often, lambda i, t: inner(t, [*ks, i]) + leaf(t, [*ks, i]), s, limit=limit)

        return level


def nest_check(seed: int) -> None:
    """Compare what a drawn function gives, and its derivatives. Raises AssertionError."""
    f, strict = Drawn(seed).function, bool(seed % 2)
    kernel, near = jit(f, strict=strict), 0.0 if strict else 1e-12
    narrow = jit(f, dtype="f32")
    singles, points = [], []
    for n, m in [(0, 0), (1, 3), (3, 2), (2, 0), (3, 3)]:
        x, before = Value(0.35), [v.grad for v in V]
        for v in V:
            v.grad = 0.0
        out = f(x, n, m)
        out.backward()
        expected = [v.grad for v in V]
        assert close(kernel(0.35, n, m), out.data, near), (seed, n, m, "value")
        assert close(kernel.grad(0.35, n, m)[0], x.grad, 1e-10), (seed, n, m, "gradient")
        assert close(narrow(0.35, n, m), out.data, 1e-4), (seed, n, m, "f32")
        for v in V:
            v.grad = 0.0
        kernel(x, n, m).backward()
        assert close([v.grad for v in V], expected, 1e-10), (seed, n, m, "parameters")
        for v, grad in zip(V, before, strict=True):
            v.grad = grad
        singles.append(out.data)
        points.append((n, m))
    ns, ms = np.array(points).T
    assert close(kernel(0.35, ns, ms).tolist(), singles, 1e-12), (seed, "points")


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        nest_check(seed + done)
        done += 1
    print(f"{done} functions")
