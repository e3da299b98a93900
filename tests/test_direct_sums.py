"""Calls of sums over rows whose arguments lie as the code reads them, beside others of the same."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from micrograd import Value, take, total
from micrograd.errors import IndexRangeError, KernelClosed, ShapeError, SignatureError
from micrograd.jit.kernels.direct_sum import DirectSum

ROWS = (1, 2, 15, 16, 17, 700, 9000)


def loss(w: Any, b: float, x: Any, y: float) -> Any:
    return (sum(a * c for a, c in zip(w, x, strict=True)) + b - y) ** 2


def chosen(table: Any, w: Any, i: int, y: float) -> Any:
    return (sum(a * c for a, c in zip(take(table, i), w, strict=True)) - y) ** 2


def pushed(w: Any, b: float, x: Any, y: float) -> Any:
    return (w[0] * x[0, 0] + w[-1] * x[1, -1] + b) * y


def flat(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return np.concatenate([flat(v) for v in x])
    return np.asarray(x, float).reshape(-1)


def backwards(x: Any) -> Any:
    """An array that lies in memory from its last number to its first."""
    return x[..., ::-1].copy()[..., ::-1] if isinstance(x, np.ndarray) else x


class Drawn:
    """A sum, and arguments for it; other spellings of the same arguments take the usual way."""

    def __init__(self, seed: int) -> None:
        r = self.r = np.random.default_rng(seed)
        self.function = (loss, chosen, pushed)[seed % 3]
        self.dtype = np.dtype(("f8", "f4")[int(r.integers(2))])
        self.known, strict = bool(r.integers(3) == 0), bool(r.integers(4) == 0)
        self.width = int(r.integers(1, 9))
        self.as_list = bool(r.integers(2))
        n = int(r.choice(ROWS))
        more = {"dtype": self.dtype, "strict": strict, "threads": int(r.integers(1, 3))}
        self.data = self.rows(n)
        names = ("i" if self.function is chosen else "x", "y")
        made = (
            total(self.function, *self.data, **more)
            if self.known
            else total(self.function, rows=names, **more)
        )
        self.sum = (
            getattr(made, ("grad", "value_and_grad", "hvp")[k])
            if (k := int(r.integers(4))) < 3
            else made
        )
        self.directions = k == 2

    def numbers(self, *shape: int) -> Any:
        return self.r.normal(size=shape).astype(self.dtype)

    def rows(self, n: int) -> list[Any]:
        if self.function is chosen:
            return [self.r.integers(-5, 5, n), self.numbers(n)]
        shape = (2, self.width) if self.function is pushed else (self.width,)
        return [self.numbers(n, *shape), self.numbers(n)]

    def shared(self) -> list[Any]:
        w = self.numbers(self.width)
        first = w.tolist() if self.as_list else w
        if self.function is chosen:
            return [self.numbers(5, self.width), first]
        return [first, float(self.numbers())]

    def check(self) -> int:
        """Compare calls as they come with calls that do not lie so; how many were direct."""
        direct = 0
        for n in (len(self.data[0]), *map(int, self.r.choice(ROWS, 3))):
            data = [] if self.known else self.rows(n)
            shared = self.shared() + (self.shared() if self.directions else [])
            usual = [backwards(x) for x in shared]
            others = [np.repeat(x, 2, axis=0)[::2] for x in data]
            order = [*shared[:2], *data, *shared[2:]]
            want = flat(self.sum(*usual[:2], *others, *usual[2:]))
            found = flat(self.sum(*order))
            assert np.array_equal(want, found, equal_nan=True), (self.function, n, want, found)
            made = getattr(self.sum._latest, "direct", None)  # none where a kernel answers
            direct += isinstance(made, DirectSum) and made(order) is not None
        return direct


def compared(seeds: Sequence[int]) -> int:
    return sum(Drawn(seed).check() for seed in seeds)


def test_direct_calls_give_what_others_give() -> None:
    assert compared(range(24)) > 24


def test_what_does_not_lie_so_takes_the_usual_way() -> None:
    r = np.random.default_rng(0)
    x, y, w = r.normal(size=(50, 3)), r.normal(size=50), [0.5, -1.0, 2.0]
    f = total(loss, rows=("x", "y"))
    want = f(w, 0.5, x, y)
    assert f._latest.direct is not None
    for other in (
        (tuple(w), 0.5, x, y),
        (w, np.float64(0.5), x, y),
        ([1 / 2, -1, 2], 0.5, x, y),
        (w, 0.5, x.tolist(), list(y)),
        (w, 0.5, np.asfortranarray(x), y),
        (np.array(w), 0.5, x.astype("f4").astype("f8") * 0 + x, y),
    ):
        assert f(*other) == pytest.approx(want, rel=1e-14)
    assert f(w=w, b=0.5, x=x, y=y) == want
    assert f(w, 1, x, y) == f(w, 1.0, x, y)
    of_values = f([Value(v) for v in w], Value(0.5), x, y)
    assert isinstance(of_values, Value)
    assert of_values.data == pytest.approx(want)
    assert f(w, 0.5, x[:0], y[:0]) == 0.0
    with pytest.raises(ShapeError, match="different numbers of rows"):
        f(w, 0.5, x, y[:-1])
    with pytest.raises(SignatureError, match="with a row for each term"):
        f(w, 0.5, x, np.array(1.0))
    with pytest.raises((ShapeError, SignatureError, ValueError)):
        f(w, 0.5, x[:, :2], y)
    with pytest.raises(SignatureError):
        f(w, 0.5, x)
    f.close()
    with pytest.raises(KernelClosed):
        f(w, 0.5, x, y)


def test_indices_of_direct_calls_are_looked_at() -> None:
    f = total(chosen, rows=("i", "y"))
    table, w, y = np.arange(6.0).reshape(3, 2), np.ones(2), np.zeros(50)
    at = np.arange(50) % 3
    assert f(table, w, at, y) == f(table, w, at - 3, y)
    at[7] = 3
    with pytest.raises(IndexRangeError, match="at row 7"):
        f(table, w, at, y)


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    until, first = time.monotonic() + seconds, seed
    while time.monotonic() < until:
        compared([seed])
        seed += 1
    print(f"{seed - first} sums agree")
