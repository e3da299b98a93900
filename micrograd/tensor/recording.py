"""Whether what is computed is also recorded: `no_grad`.

The state is of a thread. Recording is what `backward` needs; without it, a Tensor is its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any

OFF: dict[int, int] = {}
"""The threads that record nothing at the moment, and how many `no_grad` they are in."""


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside, results have no gradients: nothing is recorded, and memory is not kept.

    >>> from micrograd import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     (w * 2).requires_grad
    False
    """
    thread = get_ident()
    depth = OFF.get(thread, 0)
    OFF[thread] = depth + 1
    try:
        yield
    finally:
        if depth:
            OFF[thread] = depth
        else:
            del OFF[thread]


@contextmanager
def recording() -> Iterator[None]:
    """Inside, results are recorded, whatever is outside."""
    thread = get_ident()
    depth = OFF.pop(thread, 0)
    try:
        yield
    finally:
        if depth:
            OFF[thread] = depth
        else:
            OFF.pop(thread, None)


WATCHED: dict[int, list[Any]] = {}
"""By thread that compiles a function, Tensors of whose numbers something was computed that is not
recorded: it is a constant of the function only as long as they are.
"""


@contextmanager
def watching() -> Iterator[list[Any]]:
    """Inside, Tensors of whose numbers this thread computes what is not recorded go to the list."""
    thread = get_ident()
    outside = WATCHED.get(thread)
    watched = WATCHED[thread] = []
    try:
        yield watched
    finally:
        if outside is None:
            del WATCHED[thread]
        else:
            outside += watched
            WATCHED[thread] = outside


def leaves_of(tensors: Sequence[Any]) -> list[Any]:
    """The leaves that Tensors were computed from."""
    found: dict[int, Any] = {}
    waiting = list(tensors)
    while waiting:
        t = waiting.pop()
        if hasattr(t, "__primitive__") and id(t) not in found:
            found[id(t)] = t
            waiting += t._operands
    return [t for t in found.values() if t._primitive is None]


def note(*operands: Any) -> None:
    """Numbers of these were used, and it is not recorded."""
    watched = WATCHED.get(get_ident())
    if watched is not None:
        watched += [x for x in operands if getattr(x, "_scope", 0) is None]
