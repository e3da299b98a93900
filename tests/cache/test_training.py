"""Losses that were compiled before: the same training, and nothing compiled for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lowering
from micrograd import Value, exp, fit, take
from micrograd.cache import store
from micrograd.optim import Adam
from micrograd.train import sample_loss

from .. import cached


def rows(w: list[Value], **how: Any) -> Any:
    rng = np.random.default_rng(1)
    data = rng.normal(size=(60, 3)), rng.normal(size=60)

    def loss(x: Any, y: Any) -> Any:
        return (sum(a * b for a, b in zip(w, x, strict=False)) - y) ** 2

    return fit(loss, Adam(w), data=data, epochs=2, batch_size=8, regularization=w[0] ** 2, **how)


def words(w: list[Value], **how: Any) -> Any:
    rng = np.random.default_rng(2)
    data = [rng.integers(0, 6, size=n).tolist() for n in (3, 5, 4, 5, 7, 3)]

    def loss(word: list[int]) -> Any:
        total = w[6]
        for k in word:
            total = total * 0.5 + exp(take(w[:6], k))
        return total * total

    return fit(loss, Adam(w), data=data, steps=12, batch_size=2, **how)


@pytest.mark.parametrize("first", [33, 36])
def test_random_losses_in_other_processes_beside_others_that_differ_a_little(first: int) -> None:
    assert cached.problem(first, 2, kind="fits") is None


@pytest.mark.parametrize("train", [rows, words])
@pytest.mark.parametrize("how", [{}, {"strict": True, "dtype": "f64"}])
def test_a_loss_that_was_compiled_before_is_not_compiled_again(
    train: Callable[..., Any],
    how: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(store, "_sizes", {})
    compiled, right = [0], lowering.compile

    def counted(*args: Any, **options: Any) -> Any:
        compiled[0] += 1
        return right(*args, **options)

    monkeypatch.setattr(lowering, "compile", counted)
    found, counts = [], []
    for cache in ("0", "1", "1", "check"):
        monkeypatch.setenv("MICROGRAD_CACHE", cache)
        monkeypatch.setattr(sample_loss, "_LOSSES", {})
        compiled[0] = 0
        w = [Value(0.1 * k) for k in range(7)]
        history = train(w, **how)
        found.append([*history.losses.tolist(), *(v.data for v in w)])
        counts.append(compiled[0])
    assert found[0] == found[1] == found[2] == found[3]
    assert counts[1] > 0 == counts[2]
