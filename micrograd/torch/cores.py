"""Cores of arguments as integers, which ops of PyTorch take."""

from __future__ import annotations

from collections.abc import Sequence

from ..bridge.points import Core

FACTS = -2
"""Behind the cores that are encoded: then there may be anything else."""


def encoded(cores: Sequence[Core]) -> list[int]:
    """Cores in a row: -1 for a number, else how many dimensions there are, and these.

    >>> encoded([None, (2, 3)])
    [-1, 2, 2, 3]
    """
    found: list[int] = []
    for core in cores:
        found += [-1] if core is None else [len(core), *core]
    return found


def decoded(numbers: Sequence[int]) -> tuple[Core, ...]:
    """The cores that were encoded.

    >>> decoded([-1, 2, 2, 3])
    (None, (2, 3))
    >>> decoded([-1, FACTS, 5])
    (None,)
    """
    found: list[Core] = []
    k = 0
    while k < len(numbers) and numbers[k] != FACTS:
        n = numbers[k]
        found.append(None if n < 0 else tuple(numbers[k + 1 : k + 1 + n]))
        k += 1 + max(0, n)
    return tuple(found)
