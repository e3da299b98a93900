"""What is made by its key, once, whichever threads ask for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .locks import Lock

_WAITING: dict[int, _Turn] = {}
"""What threads wait for."""
_GUARD = Lock()
"""Held where threads look who waits for whom, and begin to wait."""


@dataclass(slots=True)
class _Turn:
    """The making of one thing: by which thread, of which process, and whether it is over."""

    thread: int = field(default_factory=threading.get_ident)
    process: int = field(default_factory=os.getpid)
    over: threading.Event = field(default_factory=threading.Event)


class Once:
    """The things that are being made, by their keys.

    A thread that wants what another one makes waits for it; unless that thread, or one that it
    waits for, waits for this one: then it makes the thing itself, for both would wait for ever.

    >>> once = Once()
    >>> once.make("key", lambda: None, lambda: [1])
    [1]
    """

    def __init__(self) -> None:
        self._turns: dict[Any, _Turn] = {}

    def make(self, key: Any, look: Callable[[], Any], make: Callable[[], Any]) -> Any:
        """What `look` finds, if that is not None, else what `make` gives, which is to keep it."""
        while True:
            with _GUARD:
                found = look()
                if found is not None:
                    return found
                others = self._turns.get(key)
                if others is None or others.process != os.getpid():
                    mine = self._turns[key] = _Turn()
                    break
                if _leads_here(others):
                    return make()
                _WAITING[threading.get_ident()] = others
            try:
                others.over.wait()
            finally:
                with _GUARD:
                    _WAITING.pop(threading.get_ident(), None)
        try:
            return make()
        finally:
            with _GUARD:
                if self._turns.get(key) is mine:
                    del self._turns[key]
            mine.over.set()


def _leads_here(turn: _Turn) -> bool:
    """Whether the thread that has a turn waits for this one, or for one that does, or is it."""
    here, process = threading.get_ident(), os.getpid()
    while turn.thread != here:
        following = _WAITING.get(turn.thread)
        if following is None or following.process != process:
            return False
        turn = following
    return True
