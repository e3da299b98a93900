"""Whether what is computed is also recorded: `no_grad`.

The state is of a thread. Recording is what `backward` needs; without it, a Tensor is its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

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
