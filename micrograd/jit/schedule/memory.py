"""Which arrays need memory: those that loops index, or that several functions touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..ir.program import Statement
from .fuse import Group, Part
from .lanes import VectorLoop
from .nest import Nest
from .product import Product
from .repeat import Repeat

FEW = 16
"""Elements up to which an array that nests touch has memory of its own."""


def touched_in_loops(parts: Iterable[Part | Product]) -> set[str]:
    """Arrays that need an address: indexed by a loop, or through a table, or set in a loop; or
    touched by a nest.

    A sum over a loop into one element does not, unless its loop is in order: it is added up apart,
    and then to the scalar.
    """
    found: set[str] = set()
    for part in parts:
        ordered = isinstance(part, Nest) or (isinstance(part, Group) and part.in_turn)
        for s in part.statements:
            if isinstance(part, Nest | Product):
                found.update(a.array for a in s.accesses)
            elif s.domain:
                found.update(a.array for a in s.accesses if not a.is_constant)
                if ordered or s.accumulate is None:
                    found.add(s.target.array)
            else:
                found.update(a.array for a in s.accesses if a.parts)
    return found


def few_in_nests(parts: Iterable[Part | Product], sizes: Mapping[str, int]) -> dict[str, int]:
    """Arrays of few elements that loops as they stand touch, and how many they have."""
    nests = [part for part in parts if isinstance(part, Nest)]
    touched = {a.array: None for nest in nests for s in nest.statements for a in s.accesses}
    return {name: sizes[name] for name in touched if sizes[name] <= FEW}


def _statements(step: Any) -> list[Statement]:
    if isinstance(step, VectorLoop):
        return step.group.statements
    return step.statements if isinstance(step, Nest | Product | Repeat) else [step]


def shared(functions: list[list[Any]]) -> set[str]:
    """Arrays that more than one function touches."""
    if len(functions) == 1:
        return set()
    home: dict[str, int] = {}
    found = set()
    for k, steps in enumerate(functions):
        for step in steps:
            for s in _statements(step):
                for a in s.accesses:
                    if home.setdefault(a.array, k) != k:
                        found.add(a.array)
    return found
