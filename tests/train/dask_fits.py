"""Random trainings with dask arrays, compared with plain `fit`, and among numbers of workers:
`python -m tests.train.dask_fits SECONDS SEED`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import dask.array as da
import distributed
import numpy as np

import micrograd
from micrograd import Value, sqrt, tanh
from micrograd.optim import SGD, Adam, AdamW, Optimizer, linear

ROW = 3
TABLE = 5


class Scaled(Optimizer):
    """A rule with sums over all parameters."""

    slots = ("seen",)

    def totals(self, p: Any, g: Any, rates: Any, seen: Any) -> tuple[Any, ...]:
        return p * p, g * g

    def rule(self, p: Any, g: Any, rates: Any, seen: Any, own: Any, moved: Any) -> tuple[Any, ...]:
        (lr,) = rates
        return p - lr * sqrt(own) * g / (sqrt(moved) + 1e-6), 0.5 * seen + g


def optimizer_of(kind: int, parameters: list[Value]) -> Optimizer:
    """One of each kind."""
    if kind == 0:
        return SGD(parameters, lr=0.05, momentum=0.9)
    if kind == 1:
        return Adam(parameters, lr=linear(0.02, 0.0, 20), clip_norm=0.5)
    if kind == 2:
        return AdamW(parameters, lr=0.02)
    return Scaled(parameters, lr=0.05)


def cut(rng: random.Random, n: int) -> tuple[int, ...]:
    """Blocks of rows: uneven, some of one row, some empty."""
    edges = sorted(rng.randrange(n + 1) for _ in range(rng.randrange(12)))
    edges += [e + 1 for e in edges if e < n and rng.random() < 0.3]
    whole = [0, *sorted(edges), n]
    return tuple(b - a for a, b in pairwise(whole))


class Training:
    """A loss of rows, its data, and how it is trained."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        numbers = np.random.default_rng(seed)
        n = rng.choice([1, 2, 7, 60, 700, 2100])
        self.seed = seed
        self.looks_up, self.penalised = rng.random() < 0.4, rng.random() < 0.5
        X = numbers.normal(size=(n, ROW)).astype(rng.choice(["f4", "f8"]))
        y = rng.choice([np.tanh(X[:, 0]), (X[:, 1] > 0).astype(int), X[:, 0] > 0])
        self.data: tuple[Any, ...] = (X, y)
        if self.looks_up:
            self.data += (numbers.integers(-TABLE, TABLE, size=n),)
        self.optimizer = rng.randrange(4)
        self.split = rng.random() < 0.3
        self.how: dict[str, Any] = {
            "steps": rng.randrange(1, 7),
            "dtype": rng.choice(["f32", "f64"]),
            "strict": rng.random() < 0.5,
            "batch_size": rng.choice([1, 3, 32, n, 10 * n]),
            "accumulate": rng.choice([1, 1, 2]),
            "shuffle": rng.random() < 0.7,
            "seed": rng.randrange(2**64),
            "threads": rng.choice([1, 1, 2]),
        }

    def run(self, data: Sequence[Any], **how: Any) -> tuple[list[float], list[float]]:
        """Losses, and parameters behind the last step."""
        drawn = random.Random(self.seed)
        frozen = Value(0.5)  # live, and not trained
        ws = [Value(drawn.uniform(-1, 1)) for _ in range(2 * ROW)]
        table = [Value(drawn.uniform(-1, 1)) for _ in range(TABLE)]

        def loss(x: Any, y: Any, k: Any = None) -> Any:
            hidden = [tanh(sum(a * b for a, b in zip(x, ws[i:], strict=False))) for i in (0, ROW)]
            out = hidden[0] * frozen + hidden[1]
            if k is not None:
                out = out + micrograd.take(table, k)
            return (out - y) ** 2

        of: Any = (lambda x, y, k: loss(x, y, k)) if self.looks_up else (lambda x, y: loss(x, y))
        parameters = [*ws, *(table if self.looks_up else [])]
        optimizer = optimizer_of(self.optimizer, parameters)
        how = {**self.how, **how}
        if self.penalised:
            how["regularization"] = 0.01 * sum(p * p for p in parameters)
        spans = [how.pop("steps")]
        if self.split and spans[0] > 1:
            spans = [1, spans[0] - 1]
        losses: list[float] = []
        for steps in spans:
            losses += micrograd.fit(of, optimizer, data=data, steps=steps, **how).losses.tolist()
        return losses, [p.data for p in parameters]

    def compare(self, clients: Sequence[Any]) -> None:
        """Raises AssertionError for numbers that are not those of `fit`, or of another client."""
        rows = cut(self.rng, len(self.data[0]))
        X, *rest = self.data
        arrays = [da.from_array(X, chunks=(rows, self.rng.randrange(1, ROW + 1)))]
        arrays += [da.from_array(a, chunks=self.rng.randrange(1, len(X) + 1)) for a in rest]
        if self.rng.random() < 0.3:
            arrays[1] = rest[0]  # of NumPy, beside them
        where = f"training {self.seed}, blocks {rows}: {self.how}"
        expected = self.run(self.data)
        found = [self.run(arrays, client=client) for client in clients]
        assert all(f == found[0] for f in found), where
        tolerance = 1e-9 if self.how["dtype"] == "f64" else 2e-3
        for a, b in zip(expected, found[0], strict=True):
            np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance, err_msg=where)
        filled = sum(map(bool, rows))
        if filled == 1 and self.how["strict"]:
            assert found[0] == expected, where


def in_process(workers: int, threads: int = 1) -> Any:
    """A cluster of threads."""
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=threads, processes=False, dashboard_address=":0"
    )


def main(seconds: float, seed: int) -> None:
    """Trainings until the time is over."""
    end, count = time.monotonic() + seconds, 0
    with ExitStack() as stack:
        clusters = [stack.enter_context(in_process(*k)) for k in ((1, 1), (2, 1), (3, 2))]
        clients = [stack.enter_context(distributed.Client(c)) for c in clusters]
        while time.monotonic() < end:
            Training(seed + count).compare(clients)
            count += 1
    print(f"{count} trainings from {seed} on agree")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
