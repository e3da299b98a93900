"""Machine code finds the depths of nodes that Python finds."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd.jit.emit.depths import depths as by_code
from micrograd.jit.ir.graph import CONSTANT, FIRST_OP
from micrograd.jit.reroll import depths


@pytest.mark.parametrize("seed", range(20))
def test_depths_are_those_that_python_finds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    r = Random(seed)
    n = r.randint(1, 400)
    codes = np.array([r.choice([CONSTANT, FIRST_OP, FIRST_OP + 3]) for _ in range(n)])
    codes[0] = CONSTANT
    columns = np.full((3, n), -1)
    for k in range(n):
        arity = r.randint(1, 3) if codes[k] >= FIRST_OP else 0
        columns[:arity, k] = [r.randrange(max(0, k - 9), k) for _ in range(arity)]
    columns[0, codes == CONSTANT] = 10**6  # a payload, no node
    links = (codes >= FIRST_OP) & (np.array([r.random() for _ in range(n)]) < 0.3)
    calls = []

    def counted(codes: Any, columns: Any, joined: Any) -> Any:
        calls.append(len(codes))
        return by_code(codes, columns, joined)

    monkeypatch.setattr(depths, "MANY", n)
    right = depths.depths(codes, [*columns], links)
    assert right is not None
    assert not calls
    monkeypatch.setattr(depths, "MANY", r.randrange(n))
    monkeypatch.setattr(depths, "DEPTHS", [counted])
    for most in (int(right.max()), int(right.max()) - 1):
        found = depths.depths(codes, [*columns], links, most)
        if most < right.max():
            assert found is None
        else:
            assert np.array_equal(found if found is not None else [], right)
            assert calls == [n]
    monkeypatch.setattr(depths, "FEW", r.randrange(n))
    monkeypatch.setattr(depths, "MADE_DEPTHS", [counted])
    calls.clear()
    for most in (int(right.max()), int(right.max()) - 1):
        found = depths.depths(codes, [*columns], links, most)
        assert found is None if most < right.max() else np.array_equal(found, right)
    assert calls == [n, n]
