"""Ctrl-C while others work: noted, and raised where nothing is half done.

Python raises KeyboardInterrupt wherever it is, in a destructor of another library, too, where it is
printed and lost, or in the middle of what that library does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def noted() -> Iterator[Callable[[], None]]:
    """A block in which Ctrl-C is noted, and raised at its end, or where what this gives is called,
    as waiting should every so often. A second Ctrl-C is raised at once.

    A handler of the user's stays, and in other threads than the main one there is nothing to note.
    """
    times = 0

    def note(*_: Any) -> None:
        nonlocal times
        times += 1
        if times > 1:
            raise KeyboardInterrupt

    def check() -> None:
        if times:
            raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()
    own = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if own:
        signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        if own:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    check()
