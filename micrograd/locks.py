"""Locks that a forked child can use: it has none of the threads that might have held them."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


class Lock:
    """A reentrant lock; in a forked child it is free, unless the thread that forked holds it.

    What a lock guards is changed at its end only, by one assignment, so a child that was forked in
    between sees it unchanged.
    """

    __slots__ = ("__weakref__", "_depth", "_lock", "_owner")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owner = self._depth = 0
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, *error: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = 0
        self._lock.release()

    def forget(self) -> None:
        """Be free, unless this thread holds it."""
        if self._owner != threading.get_ident():
            self._lock = threading.RLock()
            self._owner = self._depth = 0


def _forget_threads() -> None:
    for lock in list(_locks):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
