"""How long this thread has called functions to compile them, and written down what they do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local


class _Spent(local):
    seconds = 0.0
    depth = 0


_own = _Spent()


def spent() -> float:
    """Seconds, so far."""
    return _own.seconds


@contextmanager
def spending() -> Iterator[None]:
    """Inside, time is counted; once, where this is inside of itself."""
    began = time.perf_counter()
    _own.depth += 1
    try:
        yield
    finally:
        _own.depth -= 1
        if not _own.depth:
            _own.seconds += time.perf_counter() - began
