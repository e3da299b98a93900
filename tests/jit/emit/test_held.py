"""Elements that stay in registers are what is in memory, after everything that writes there."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from micrograd.jit.emit import held
from micrograd.jit.emit.storage import Elements

from ...held_elements import check


def test_random_programs() -> None:
    hits = [x for seed in range(60) for x in check(seed)]
    assert sum(hits) > 100


FAULTS = [
    mock.patch.object(held.Held, "changed", return_value=None),
    mock.patch.object(held, "_apart", return_value=True),
]


@pytest.mark.parametrize("fault", FAULTS, ids=["forgets nothing", "all apart"])
@pytest.mark.parametrize("seed", [41, 111, 150])
def test_faults_are_noticed(fault: Any, seed: int) -> None:
    with fault, pytest.raises(AssertionError):
        check(seed)
    check(seed)


APART = [
    (Elements((0, "i"), 3, 8), Elements((1, "i"), 3, 8)),
    (Elements((0, "i"), 3, 8), Elements((22, "i"), 2, 8)),
    (Elements((9, None), -1, 8), Elements((10, None), 0, 1)),
]
TOGETHER = [
    (Elements((0, "i"), 3, 8), Elements((3, "i"), 3, 8)),
    (Elements((0, "i"), 3, 8), Elements((1, "j"), 3, 8)),
    (Elements((0, "i"), 3, 8), Elements((21, "i"), 2, 8)),
    (Elements((9, None), -1, 8), Elements((2, None), 0, 1)),
]


@pytest.mark.parametrize(("a", "b"), APART)
def test_apart(a: Elements, b: Elements) -> None:
    assert held._apart(a, b)
    assert held._apart(b, a)


@pytest.mark.parametrize(("a", "b"), TOGETHER)
def test_together(a: Elements, b: Elements) -> None:
    assert not held._apart(a, b)
    assert not held._apart(b, a)
