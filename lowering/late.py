"""Modules that are imported once they are needed, and a lock for it: a process that forked while
another thread imports would have a child that waits for that import for ever.
"""

from __future__ import annotations

import importlib
import logging  # noqa: F401  before what is registered below
import os
import threading
import time
import types
from contextlib import AbstractContextManager
from typing import Any

BEGAN = time.time()
"""When the first module of these packages was imported: of sources that change later, a process may
run the old ones."""
importing = threading.RLock()
"""Held while modules are imported late. A process forks when no thread holds it. The body of a
module does not take it: it runs while others wait for the module.
"""

_guarded: list[AbstractContextManager[Any]] = []
_taken: list[AbstractContextManager[Any]] = []


def guard(lock: AbstractContextManager[Any]) -> None:
    """Let processes fork only while no thread holds this lock, either."""
    _guarded.append(lock)


def _take() -> None:
    importing.acquire()
    for lock in list(_guarded):
        lock.__enter__()
        _taken.append(lock)


def _leave() -> None:
    while _taken:
        _taken.pop().__exit__(None, None, None)
    importing.release()


if hasattr(os, "register_at_fork"):
    # What was registered last runs first, so this comes behind logging, whose lock MLIR's import
    # takes. There is no second place that registers locks: it would do so while another thread,
    # which waits for this one, forks already, and let go of what it had not taken.
    os.register_at_fork(before=_take, after_in_parent=_leave, after_in_child=_leave)


def late(*paths: str) -> types.ModuleType:
    """The last of some modules; no process forks before all are there."""
    with importing:
        for path in paths:
            module = importlib.import_module(path)
    return module
