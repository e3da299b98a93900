"""Which statements stand for which nodes, and so which adjoint statement belongs to which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.nests import Ints
from ..ir.program import Statement


class Owners:
    """The statements that stand for each of so many nodes.

    number   of each node, the number of a set of statements
    sets     those, by number: their numbers; the first is empty
    """

    def __init__(self, size: int) -> None:
        self.number: Ints = np.zeros(size, dtype=np.int64)
        self.sets: list[tuple[int, ...]] = [()]
        self._known: dict[tuple[int, int], int] = {}

    def add(self, nodes: Ints, statement: int) -> None:
        """Let a statement stand for these nodes, too."""
        before = self.number[nodes]
        for old in _different(before):
            new = self._known.get((old, statement))
            if new is None:
                new = self._known[old, statement] = len(self.sets)
                self.sets.append((*self.sets[old], statement))
            self.number[nodes[before == old]] = new

    def of(self, nodes: Ints) -> tuple[int, ...]:
        """The statements that stand for any of these nodes."""
        found = _different(self.number[nodes])
        return tuple(sorted({k for number in found for k in self.sets[number]}))


def _different(numbers: Ints) -> list[int]:
    """Each of small numbers once. Cost: linear, where sorting takes ten times as long."""
    found: list[int] = np.flatnonzero(np.bincount(numbers)).tolist()
    return found


def nodes_of(s: Statement) -> Ints:
    """The nodes that a statement stands for."""
    return np.asarray(s.origin, dtype=np.int64)


def pairs_of(
    statements: Sequence[Statement],
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """By the number of an adjoint statement, those of the statements that compute the values whose
    cotangents it computes or sends on; and by the numbers of these, those of their adjoints. Cost:
    linear in the nodes that statements stand for.
    """
    nodes = list(map(nodes_of, statements))
    owners = Owners(max((int(some.max()) + 1 for some in nodes if len(some)), default=0))
    for k, s in enumerate(statements):
        if not s.derivative:
            owners.add(nodes[k], k)
    of = {k: owners.of(nodes[k]) for k, s in enumerate(statements) if s.derivative == "adjoint"}
    adjoints: dict[int, list[int]] = {}
    for k, some in of.items():
        for n in some:
            adjoints.setdefault(n, []).append(k)
    return of, {n: tuple(some) for n, some in adjoints.items()}
