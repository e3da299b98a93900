"""Nests in sequences of numbers, of which the first few are looked at before all."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from micrograd.jit.ir import nests
from micrograd.jit.ir.nests import Ints, Nest, factor, pieces

COUNTS = (1, 2, 3, 4, 5, 7, 16)
STRIDES = (0, 1, 2, 8, -3)


def sequences(r: Random) -> Ints:
    """Rows that are nests, or that a number or an end keeps from being one."""
    counts = [r.choice(COUNTS) for _ in range(r.randrange(1, 4))]
    rows = []
    for _ in range(r.randrange(1, 4)):
        at = np.indices(counts).reshape(len(counts), -1)
        rows.append(r.randrange(5) + np.array([r.choice(STRIDES) for _ in counts]) @ at)
    found = np.array(rows, np.int64)
    if r.random() < 0.5:
        found[r.randrange(len(rows)), r.randrange(found.shape[1])] += r.choice([1, -1, 5])
    return found[:, : r.randrange(1, found.shape[1] + 1)] if r.random() < 0.3 else found


def numbers(nest: Nest, starts: Ints) -> Ints:
    """The sequences that a nest stands for, by where they begin."""
    at = np.indices(nest.counts).reshape(len(nest.counts), -1) if nest.counts else np.zeros((0, 1))
    strides = np.array(nest.strides, np.int64).reshape(len(nest.counts), len(starts))
    return (starts[:, None] + strides.T @ at).astype(np.int64)


def wrong(seeds: range, looked_at: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Seeds whose nests are others, or no nests, where fewer numbers are looked at first."""
    for seed in seeds:
        r = Random(seed)
        rows = sequences(r)
        n = rows.shape[1]
        inner = r.choice([1, *(d for d in range(1, n + 1) if n % d == 0)])
        monkeypatch.setattr(nests, "LOOKED_AT", n + 1)
        whole = factor(rows, inner), pieces(rows, 100)
        monkeypatch.setattr(nests, "LOOKED_AT", looked_at)
        some = factor(rows, inner), pieces(rows, 100)
        if whole != some or (some[0] and (numbers(some[0], rows[:, 0]) != rows).any()):
            yield seed


@pytest.mark.parametrize("looked_at", [2, 3, 8, 64])
def test_a_first_look_changes_nothing(looked_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(wrong(range(500), looked_at, monkeypatch))


def test_a_first_look_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nests, "_longer", lambda whole: [min(whole, nests.LOOKED_AT)])
    assert list(wrong(range(500), 8, monkeypatch))
