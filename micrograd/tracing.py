"""Whether a function is being compiled: then the numbers that it reads are not final."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

THREADS: set[int] = set()
"""The threads that are in `tracing()`."""

if hasattr(os, "register_at_fork"):  # a child has one of them at most
    os.register_at_fork(after_in_child=lambda: THREADS.intersection_update({get_ident()}))


@contextmanager
def tracing() -> Iterator[None]:
    """Inside, this thread calls a function to compile it.

    `data` and copies of Values, the function's arguments or not, are then recorded, so that the
    compiled function reads them when it runs.
    """
    thread = get_ident()
    if thread in THREADS:
        yield
        return
    THREADS.add(thread)
    try:
        yield
    finally:
        THREADS.discard(thread)
