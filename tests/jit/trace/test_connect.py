"""Machine code fills the columns of graphs as NumPy does."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from micrograd.jit.emit.connected import connected
from micrograd.jit.ir.graph import CONSTANT, FIRST_OP, Graph
from micrograd.jit.trace import unread
from micrograd.jit.trace.nodes import LITERAL, Nodes
from micrograd.jit.trace.places import Sites


def random_nodes(r: Random, n: int) -> Nodes:
    """Nodes with operands and literals of any kind. Their columns may lie one after the other or
    not, as those that are chosen from longer ones do not.
    """
    operands = np.full((3, n), -1, dtype=np.int32)
    literals = np.zeros((3, n))
    codes = np.full(n, CONSTANT, dtype=np.int32)
    often = r.choice([0.0, 0.3, 0.9])
    for k in range(1, n):
        if r.random() < 0.2:
            continue
        codes[k] = FIRST_OP + r.randrange(5)
        for slot in range(r.randint(1, 3)):
            if r.random() < often:
                operands[slot, k] = LITERAL
                literals[slot, k] = r.choice([0.0, -0.0, 1.5, float("nan"), float("inf")])
            else:
                operands[slot, k] = r.randrange(k)
    operands, literals = (np.asarray(x, order=r.choice("CF")) for x in (operands, literals))
    codes = r.choice([codes, np.repeat(codes, 2)[::2]])
    return Nodes(
        np.arange(n), codes, operands, literals, [], {}, lambda: Sites([], np.empty(0, int))
    )


@pytest.mark.parametrize("seed", range(20))
def test_columns_are_those_that_numpy_fills(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    r = Random(seed)
    found = random_nodes(r, r.choice([0, 1, 5, 300]))
    right, graph = Graph(), Graph()
    monkeypatch.setattr(unread, "CONNECTORS", [connected])
    place = unread.connect(right, found)
    monkeypatch.setattr(unread, "MANY", -1)
    assert np.array_equal(unread.connect(graph, found), place)
    for name in ("codes", "x", "y", "z"):
        assert np.array_equal(getattr(graph, name), getattr(right, name))
    assert graph.constants.tobytes() == right.constants.tobytes()
