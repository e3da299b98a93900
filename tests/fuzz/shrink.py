"""Choices that fail -> fewer and smaller choices that fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

Fails = Callable[[Sequence[int]], bool]


def shrink(choices: Sequence[int], fails: Fails, seconds: float = 60.0) -> list[int]:
    """The smallest choices found in that time: first some are left out, then made smaller.

    >>> shrink([5, 9, 3, 7, 8], lambda c: sum(c) > 10)
    [3, 8]
    """
    end = time.monotonic() + seconds
    best = list(choices)
    improved = True
    while improved and time.monotonic() < end:
        improved = False
        for candidate in _smaller(best):
            if time.monotonic() > end:
                break
            if _key(candidate) < _key(best) and fails(candidate):
                best, improved = candidate, True
                break
    return best


def _key(choices: Sequence[int]) -> tuple[int, list[int]]:
    return len(choices), list(choices)


def _smaller(choices: list[int]) -> Iterator[list[int]]:
    n = len(choices)
    size = n // 2
    while size:
        for start in range(0, n - size + 1, size):
            yield choices[:start] + choices[start + size :]
        size //= 2
    for k, x in enumerate(choices):
        if x:
            for smaller in dict.fromkeys((0, 1, x // 2, x - 1)):
                if smaller < x:
                    yield [*choices[:k], smaller, *choices[k + 1 :]]
