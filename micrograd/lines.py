"""Lines of eager Values: which line of the user's code computed each, if that is asked for.

An eager Value does not know where it was made, which would cost as much as its arithmetic. In a
block that asks for it, Python's own definitions compute, and note for every new serial number the
line that it is dealt out at.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from . import copies, eager_code, engine
from .errors import is_users
from .locks import Lock, late
from .tracing import Site

KEPT: dict[int, Site] = {}
"""Where Values were made, by their serial numbers, as far as lines are kept."""

_SLOTS = f"{__package__}.jit.call.value_slots"
_lock = Lock()
_blocks: list[Any] = []  # that are entered, in any thread


@contextmanager
def keep_lines() -> Iterator[None]:
    """A block in which eager Values keep the lines that they are computed at.

    What is compiled of them then shows, on its page and in `explain()`, which line of the code
    became what. In it, arithmetic takes about three times as long. Functions that are compiled know
    their lines without it, but for what they compute of Values that they close over.

    >>> import micrograd
    >>> w = micrograd.Value(2.0)
    >>> with micrograd.keep_lines():
    ...     y = w * w + w
    >>> "where it comes from" in micrograd.jit(y, wrt=[w]).explain()
    True
    """
    with _lock:
        if not _blocks:
            _blocks.append(_begin())
        _blocks.append(None)
    try:
        yield
    finally:
        with _lock:
            _blocks.pop()
            if len(_blocks) == 1:
                _end(_blocks.pop())


def _begin() -> int:
    """Let Python compute, and note lines; from which serial number on machine code would have."""
    if _SLOTS in sys.modules:
        late(_SLOTS).pause()
    vars(engine)["_next_serial"] = _noting
    before, eager_code.NEXT[0] = eager_code.NEXT[0], sys.maxsize
    return before


def _end(before: int) -> None:
    vars(engine)["_next_serial"] = copies.next_serial
    if _SLOTS in sys.modules:
        late(_SLOTS).resume()
    eager_code.NEXT[0] = before


def _noting() -> int:
    serial = copies.next_serial()
    frame: Any = sys._getframe(1)
    while not _is_users(frame.f_code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
    KEPT[serial] = frame.f_code, frame.f_lasti
    return serial


_is_users = cache(is_users)
