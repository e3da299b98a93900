"""Random losses that look rows up in loops written as loops, trained on even and uneven samples,
compared with the same steps on Values.

    python -m tests.looped_fits SECONDS SEED
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd import Value, fit, fori, scan, take, tanh, while_loop
from micrograd.optim import SGD

ROWS = 6
STEPS, RATE = 3, 0.05


class Drawn:
    """A loss of integers from -3 to 3, in any number, and of a number."""

    def __init__(self, seed: int) -> None:
        self.random = r = random.Random(seed)
        self.parameters = [Value(r.uniform(-0.8, 0.8)) for _ in range(ROWS)]
        self.parts = [self.part() for _ in range(r.randint(1, 3))]

    def part(self) -> Callable[[Any, Sequence[Any]], Any]:
        """A number and integers -> another number."""
        r, p = self.random, self.parameters
        n, limit, c = r.randint(1, 3), r.choice([3, 6]), r.uniform(0.2, 0.9)
        made: list[Callable[[Any, Sequence[Any]], Any]] = [
            lambda s, ks: scan(lambda s, k: (tanh(s * p[1] + take(p, k)), s), s, ks)[0],
            lambda s, ks: fori(n, lambda i, s: s * 0.5 + take(p, i) * c, s),
            lambda s, ks: (
                s
                + while_loop(
                    lambda t: t[1] < c,
                    lambda t: [t[0] * p[2] + take(p, ks[0]), t[1] + 0.3],
                    [s, 0.0],
                    limit=limit,
                )[0]
            ),
            lambda s, ks: s + sum(take(p, k) * (0.3 * m + c) for m, k in enumerate(ks)),
            lambda s, ks: fori(len(ks), lambda i, s: tanh(s + take(p, take(ks, i)) * c), s),
            lambda s, ks: fori(
                min(2, len(ks)), lambda i, s: s * 0.7 + take(p, i + take(ks, i) - 1), s
            ),
        ]
        return r.choice(made)

    def __call__(self, ks: Any, y: Any = 1.0) -> Any:
        s: Any = self.parameters[0] * 0.5
        for part in self.parts:
            s = part(s, ks)
        return (s * y) ** 2


def check(seed: int) -> None:
    """Compare some steps of a drawn loss. Raises AssertionError."""
    loss = Drawn(seed)
    r, parameters = loss.random, loss.parameters
    uneven, labels = r.random() < 0.5, r.random() < 0.4
    length = r.choice([1, 2, 4])
    rows = [
        [r.randint(-3, 3) for _ in range(r.randint(1, 6) if uneven else length)]
        for _ in range(r.choice([2, 3, 5, 8]))
    ]
    if uneven and len({len(row) for row in rows}) == 1:
        rows.append([0] * 7)
    y = [r.uniform(-1.0, 1.0) for _ in rows]
    dtype, strict = r.choice(["f32", "f64"]), r.random() < 0.4
    batch = r.choice([1, 2, len(rows)])
    start = [v.data for v in parameters]
    given: Any = rows if uneven else np.array(rows)
    options: Any = {"batch_size": batch, "steps": STEPS, "shuffle": False}
    history = fit(
        (lambda ks, y: loss(ks, y)) if labels else (lambda ks: loss(ks)),
        SGD(parameters, lr=RATE),
        data=(given, np.array(y)) if labels else given,
        dtype=dtype,
        strict=strict,
        **options,
    )
    found = [*history.losses, *(v.data for v in parameters)]
    for v, x in zip(parameters, start, strict=True):
        v.data = x
    first, losses = 0, []
    for _ in range(STEPS):
        taken = range(first, min(first + batch, len(rows)))
        first = taken.stop % len(rows)
        for v in parameters:
            v.grad = 0.0
        of = [loss(rows[k], y[k]) if labels else loss(rows[k]) for k in taken]
        mean = sum(of) * (1.0 / len(of))
        mean.backward()
        losses.append(mean.data)
        for v in parameters:
            v.data -= RATE * v.grad
    expected = [*losses, *(v.data for v in parameters)]
    near = 2e-3 if dtype == "f32" else 1e-9
    assert np.allclose(found, expected, rtol=near, atol=near), (seed, dtype, found, expected)


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        check(seed + done)
        done += 1
        print(f"{done} losses", end="\r", flush=True)
    print()
