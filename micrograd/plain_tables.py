"""What plain Python looks up in: which tables are such that a row is what `take` gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .engine import Value
from .rows import is_named
from .store import Live
from .traced import Traced

MOST_DEPTH = 32
"""Lists in lists, of a table."""
_NUMBERS = (Value, Live, Traced, int, float, np.float64, np.int64, np.int32)
_EXACT = 1 << 53


def is_plain(x: Any, depth: int = MOST_DEPTH) -> bool:
    """Whether a table, or a row, is of numbers and Values, or of lists and tuples of them."""
    return depth > 0 and all(is_plain(y, depth - 1) if is_sequence(y) else is_number(y) for y in x)


def is_sequence(x: Any) -> bool:
    """Whether it is a list or tuple, whose items are read as those are."""
    return x.__class__ in (list, tuple) or is_named(x)


def is_number(x: Any) -> bool:
    """Whether it is what `take` gives, but for its class, and none of a class of the user's."""
    if x.__class__ is int or x.__class__ is np.int64:
        return bool(-_EXACT <= x <= _EXACT)
    return x.__class__ in _NUMBERS


def are_mixed(x: Any, y: Any) -> bool:
    """Whether there is a list in one where there is a tuple in the other, or one of other names."""
    if not (is_sequence(x) and is_sequence(y)):
        return False
    return x.__class__ is not y.__class__ or any(map(are_mixed, x, y))


def sequences(x: Any) -> Iterator[Any]:
    """A list or tuple, and those in it."""
    if is_sequence(x):
        yield x
        for y in x:
            yield from sequences(y)
