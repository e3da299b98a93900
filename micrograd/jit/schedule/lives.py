"""Steps -> which arrays each touches, and so from which step to which an array is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..ir.program import Statement, accesses
from .repeat import Repeat, flattened

Life = tuple[int, int]
"""The numbers of the first and of the last step that touch an array."""


def touched_in(step: Any) -> list[str]:
    """The arrays that a step touches, as often as it does in its text."""
    return list(_touched(step))


def _touched(step: Any) -> Iterator[str]:
    for inner in flattened([step]):
        for s in [inner] if isinstance(inner, Statement) else inner.statements:
            for a in s.accesses:
                yield a.array
                yield from a.index_arrays
        if isinstance(inner, Repeat) and inner.condition is not None:
            yield from (a.array for a in accesses(inner.condition))


def lives(steps: Sequence[Any]) -> dict[str, Life]:
    """The life of every array that a step touches."""
    found: dict[str, Life] = {}
    for k, step in enumerate(steps):
        for name in touched_in(step):
            found[name] = (found.get(name, (k, k))[0], k)
    return found
