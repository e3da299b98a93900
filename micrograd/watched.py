"""Functions of Python and its library that have another meaning where an index is traced: `max`,
and what changes lists, or tells whether two are one.

Code that names one of them gets it from `chosen` instead (jit/trace/rewritten.py).
"""

from __future__ import annotations

import bisect
import copy
import heapq
import operator
from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import Any

from .errors import TraceError, user_location
from .plain import OTHERS, changed, identified
from .tracing import ATTEMPTS


def chosen(function: Any) -> Any:
    """What to call for what `max`, `min`, `id`, `type`, `isinstance` or `print` is here, or what is
    one of `WATCHED`.
    """
    for own, other in OTHERS:
        if function is own:
            return other
    look = _LOOKS.get(id(function))
    return function if look is None else partial(_watched, look, function)


def is_watched(function: Any) -> bool:
    """Whether its arguments are to be looked at."""
    return id(function) in _LOOKS


def _watched(look: Callable[..., Any], function: Any, *args: Any, **options: Any) -> Any:
    """What a function gives, when its arguments were looked at."""
    look(*args, *options.values())
    return function(*args, **options)


def _note_copy(*_: Any) -> None:
    """Note that lists were copied so that one which is there twice stays one."""
    attempt = ATTEMPTS.get(get_ident())
    if attempt is not None:
        attempt.copied = attempt.copied or TraceError(
            f"{user_location()}: copy.deepcopy keeps two lists one that were, and a row that was "
            "looked up by a traced integer is one with the row of its table in Python only; copy "
            "outside of the function, or make a new list"
        )


def _both(x: Any, y: Any) -> None:
    identified(x)
    identified(y)


def _first(x: Any, *_: Any) -> None:
    changed(x)


_CHANGE: list[Any] = [
    *(operator.setitem, operator.delitem, operator.iadd, operator.iconcat, operator.imul),
    *(heapq.heapify, heapq.heappop, heapq.heappush, heapq.heappushpop, heapq.heapreplace),
    *(bisect.insort, bisect.insort_left, bisect.insort_right),
]
_COMPARE: list[Any] = [operator.is_, operator.is_not]
_LOOKS: dict[int, Callable[..., Any]] = {
    **{id(f): _first for f in _CHANGE},
    **{id(f): _both for f in _COMPARE},
    id(copy.deepcopy): _note_copy,
}
"""What looks at the arguments of functions, by their ids."""
WATCHED = frozenset([*(f.__name__ for f in (*_CHANGE, *_COMPARE, copy.deepcopy)), "insort"])
"""What these functions are called."""
