"""Random sums over rows of data and their derivatives, exported for this machine and called in C:
the bits of the kernels, for any number of rows.

    python -m tests.export.rows SECONDS SEED
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micrograd import Value, total

from ..row_functions import KINDS, ONE, TWO
from . import trials
from .drivers import Call, bits, flat
from .test_native import printed

SIZES = (0, 1, 2, 7, 100, 975, 976, 977, 1953, 4000)
"""Numbers of rows, about those of blocks."""
TOGETHER = 6
"""Functions in a program of C."""


class Case:
    """A kernel of a seed, and calls of it with two numbers of rows."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        r, numbers = random.Random(seed), np.random.default_rng(seed)
        made, scale = r.choice(KINDS), Value(0.75, label="scale")
        live = r.random() < 0.5
        steps = [(r.choice(ONE), r.choice(TWO)) for _ in range(r.randint(1, 3))]
        n, m = r.choice((1, 2, 5)), r.choice((1, 2, 4))

        def f(w: list[float], shift: float, x: list[float], y: float) -> Any:
            return made(w, x, y + shift, steps) * (scale if live else 0.75)

        strict, dtype = r.random() < 0.4, r.choice(("f64", "f64", "f32"))
        kernel = total(f, rows=("x", "y"), strict=strict, dtype=dtype)
        how = r.choice(("", "grad", "value_and_grad", "hvp", "hessian"))
        self.kernel: Any = getattr(kernel, how) if how else kernel
        self.what = f"seed {seed}: {how} of {made.__name__}, strict={strict}, {dtype}"
        self.points = []
        for rows in r.sample(SIZES, 2):
            x = numbers.normal(size=(rows, m)).astype(np.float32).astype(np.float64)
            y = numbers.normal(size=rows).astype(np.float32).astype(np.float64)
            point: tuple[Any, ...] = (numbers.normal(size=n).tolist(), 0.25, x, y)
            point += (numbers.normal(size=n).tolist(), 1.5) if how == "hvp" else ()
            self.points.append(point)
        self.expected = [flat(self.kernel(*point)) for point in self.points]
        passed = live and r.random() < 0.5
        self.how = {"parameters": "passed" if passed else "baked"}
        self.more = [[scale.data]] if passed else []
        self.folds = live and not passed and not strict

    @property
    def calls(self) -> list[Call]:
        """In C they say how many rows there are, too."""
        return [
            Call(self.kernel, [point], [len(point[3]), *self.more], self.how)
            for point in self.points
        ]


def check(seeds: Sequence[int], folder: Path, tally: Counter[str]) -> None:
    """Export the sums of these seeds, and call them in C. Raises AssertionError for other bits."""
    calls, made, libraries, expected = [], [], [], []
    for seed in seeds:
        case = Case(seed)
        for call in case.calls:
            name = f"f{len(calls)}"
            files = call.kernel.export(folder, name=name, **case.how)
            libraries += [file for file in files if file.suffix == ".a"]
            calls.append(call)
            made.append(case)
        expected += case.expected
        tally[case.kernel.name] += 1
    found = printed(calls, libraries, folder, expected)
    for case, got, want in zip(made, found, expected, strict=True):
        if case.folds:
            np.testing.assert_allclose(got, want, 1e-3, 1e-3, err_msg=case.what)
        else:
            assert bits([got]) == bits([want]), f"{case.what}: {got}, not {want}"


if __name__ == "__main__":
    trials.main(check, TOGETHER)
