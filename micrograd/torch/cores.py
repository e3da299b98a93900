"""Cores of arguments as integers, which ops of PyTorch take."""

from __future__ import annotations

from collections.abc import Sequence

from ..bridge.cores import Core, Items

FACTS = -2
"""Behind the cores that are encoded: then there may be anything else."""
_NUMBER, _LIST, _TUPLE = -1, -3, -4


def encoded(cores: Sequence[Core]) -> list[int]:
    """Cores in a row: -1 for a number; how many dimensions an array has, and these; -3 for a list,
    -4 for a tuple, how many items it has, and these.

    >>> encoded([None, (2, 3)])
    [-1, 2, 2, 3]
    >>> encoded([Items(list, (None, (5,)))])
    [-3, 2, -1, 1, 5]
    """
    found: list[int] = []
    for core in cores:
        if isinstance(core, Items):
            kind = _TUPLE if core.type is tuple else _LIST
            found += [kind, len(core.cores), *encoded(core.cores)]
        else:
            # the length of a range: PyTorch's compiler makes a constant of it, if dynamic too
            found += [_NUMBER] if core is None else [len(core), *[len(range(n)) for n in core]]
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
        core, k = _one(numbers, k)
        found.append(core)
    return tuple(found)


def _one(numbers: Sequence[int], k: int) -> tuple[Core, int]:
    """The core that begins at a place, and where the next one does."""
    n, k = numbers[k], k + 1
    if n == _NUMBER:
        return None, k
    if n >= 0:
        return tuple(numbers[k : k + n]), k + n
    cores: list[Core] = []
    count, k = numbers[k], k + 1
    for _ in range(count):
        core, k = _one(numbers, k)
        cores.append(core)
    return Items(tuple if n == _TUPLE else list, tuple(cores)), k
