"""Machine code tells the nodes of graphs apart as NumPy does."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from micrograd import ops
from micrograd.jit.emit.classified import classified
from micrograd.jit.ir.classed import TooMany
from micrograd.jit.ir.graph import CONSTANT, INPUT, PARAMETER, Graph, code_of, verify
from micrograd.jit.reroll import classed, classes
from micrograd.jit.reroll.by_class import by_class
from micrograd.jit.reroll.depths import depths
from micrograd.jit.reroll.structure import Structure

FEW_OPS = (ops.add, ops.mul)
MANY_OPS = (ops.add, ops.sub, ops.mul, ops.div, ops.pow, ops.exp, ops.neg, ops.where, ops.eq)
ADDS = (ops.add, ops.add, ops.add, ops.exp)


def random_graph(r: Random, n: int) -> Graph:
    """A graph of nodes that are like each other, with sums of any form."""
    known = r.choice([FEW_OPS, MANY_OPS, ADDS])
    leaves = r.randint(2, 8)
    near = r.choice([3, 10, n])
    rows: list[list[int]] = []
    numbers = [r.choice([2.0, 0.5, -0.0]) for _ in range(leaves)]
    for k in range(leaves):
        rows.append([r.choice([CONSTANT, PARAMETER, INPUT]), k, -1, -1])
    for k in range(leaves, n):
        if r.random() < 0.1:
            rows.append([r.choice([CONSTANT, PARAMETER, INPUT]), r.randrange(leaves), -1, -1])
            continue
        op = r.choice(known)
        operands = [r.randrange(max(0, k - near), k) for _ in range(op.arity)]
        rows.append([code_of(op), *operands, *[-1] * (3 - op.arity)])
    codes, x, y, z = np.array(rows, dtype=np.int64).T.copy()
    cut = r.randint(1, leaves - 1)
    graph = Graph(codes, x, y, z, np.array(numbers))
    graph.parameters = [("p0", cut), ("p1", leaves - cut)]
    graph.inputs = [("x", leaves)]
    graph.outputs = sorted(r.sample(range(n), r.randint(1, 3)))
    verify(graph)
    return graph


def said(structure: Structure | None) -> str:
    """All of a structure."""
    if structure is None:
        return "none"
    s = structure
    joined = s.cls < 0
    place = np.where(joined, -1, s.position)
    members = [(cls, nodes.tolist()) for cls, nodes in s.members.items()]
    sums = [(cls, numbers.tolist()) for cls, numbers in s.sums.items()]
    columns = [c.tolist() for c in (s.cls, place, s.terms, s.first)]
    return repr((columns, members, sums, s.leaves, s.order))


@pytest.mark.parametrize("seed", range(25))
def test_classes_are_those_that_numpy_finds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    r = Random(seed)
    graph = random_graph(r, r.choice([12, 60, 200]))
    monkeypatch.setattr(classes, "CLASSIFIERS", [])
    right = classes.analyse(graph)
    assert right is not None
    with monkeypatch.context() as at:
        at.setattr(classes, "MANY", 0)
        at.setattr(classes, "CLASSIFIERS", [classified])
        found = [classes.analyse(graph, most) for most in (1 << 16, len(right.order))]
        few = classes.analyse(graph, len(right.order) - 1)
    for structure in found:
        assert said(structure) == said(right)
        assert structure is not None
        most = len(graph)
        assert str(by_class(graph, structure, most)) == str(by_class(graph, right, most))
    assert few is None
    slow = classes.analyse(graph, len(right.order) - 1)
    assert slow is None or by_class(graph, slow, len(right.order) - 1) is None


@pytest.mark.parametrize("seed", range(10))
def test_too_many_or_too_deep_classes_are_none(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    r = Random(seed)
    graph = random_graph(r, 40)
    right = classed.by_code(classified, graph, 1 << 16, 1 << 16)
    assert right is not None
    count, bits = int(right.cls.max()) + 1, r.choice([3, 4, 5])
    monkeypatch.setattr(classed, "CLASS_BITS", bits)
    if count < 1 << bits:
        assert said(classed.by_code(classified, graph, 1 << 16, 1 << 16)) == said(right)
    else:
        with pytest.raises(TooMany):
            classed.by_code(classified, graph, 1 << 16, 1 << 16)
    monkeypatch.undo()
    columns = [graph.x, graph.y, graph.z]
    joined, *_ = classes.join_sums(
        graph.codes, columns, classes.uses(graph.codes, columns, graph.outputs)
    )
    depth = depths(graph.codes, columns, joined)
    assert depth is not None
    deepest = int(depth.max())
    assert said(classed.by_code(classified, graph, 1 << 16, deepest)) == said(right)
    if deepest:
        with pytest.raises(TooMany):
            classed.by_code(classified, graph, 1 << 16, deepest - 1)
