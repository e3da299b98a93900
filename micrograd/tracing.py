"""Whether a function is being compiled: then the numbers that it reads are not final."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, Protocol


class Recorder(Protocol):
    """What the ops of a function that is being compiled are given to."""

    def record(self, op: Any, operands: tuple[Any, ...]) -> Any:
        """The traced Value of an op on Values and floats."""


THREADS: dict[int, Recorder] = {}
"""The threads that are in `tracing()`, and what each records with."""


def _keep_own() -> None:
    for thread in THREADS.keys() - {get_ident()}:
        del THREADS[thread]


if hasattr(os, "register_at_fork"):  # a child has one of them at most
    os.register_at_fork(after_in_child=_keep_own)


@contextmanager
def tracing(recorder: Recorder) -> Iterator[None]:
    """Inside, this thread calls a function to compile it.

    `data` and copies of Values, the function's arguments or not, are then recorded, so that the
    compiled function reads them when it runs.
    """
    thread = get_ident()
    outer = THREADS.get(thread)
    THREADS[thread] = recorder
    try:
        yield
    finally:
        if outer is None:
            del THREADS[thread]
        else:
            THREADS[thread] = outer
