"""Threads that share the work of one call, or of one stretch of calls.

Helpers are threads of the process's pool, which run `help` of emit/team.py without Python's lock.
They leave when the call is over; nobody waits for them then, as they touch nothing any more but the
team's words, which they keep.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import lowering

from ...locks import Lock
from ..emit.native import native
from ..emit.team import HELP, SIZE, WORDS, emit_help
from ..target import Target
from .threads import helped

_lock = Lock()
_code: lowering.NativeModule | None = None


class Team:
    """The words of a team of so many threads, at `address`."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._room = np.zeros(SIZE + 8, np.int64)
        at = self._room.ctypes.data
        self.address = at + -at % 64
        self._words = (ctypes.c_int64 * SIZE).from_address(self.address)
        self._words[WORDS["threads"]] = threads

    @contextmanager
    def helped(self) -> Iterator[None]:
        """With its helpers, if it has any."""
        if self.threads == 1:
            yield
            return
        help, word = _help(), WORDS["over"]
        self._words[word] = 0
        with helped(lambda: help(self.address), self.threads - 1):
            try:
                yield
            finally:
                self._words[word] = 1


ALONE = Team(1)
"""The team of calls that one thread does."""


def _help() -> Any:
    """`help`, compiled when it is needed for the first time."""
    global _code
    with _lock:
        if _code is None:
            target = Target.host(np.dtype(np.float64))
            _code = native(lambda: emit_help(target), target, ("help",))
        return _code.function(HELP, None, ctypes.c_void_p)
