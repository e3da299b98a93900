"""Where CPython has what an itertools.count gives next, as machine code numbers Values, too."""

from __future__ import annotations

import ctypes
from typing import Any

from ... import copies
from .callable import Unexpected

COUNT = 16
"""Of an itertools.count: the next number, in bytes from its start."""


def check_counter() -> None:
    """Raises Unexpected unless the counter of serial numbers is where the code has it."""
    counter: Any = copies.next_serial
    for _ in range(3):
        found = ctypes.c_ssize_t.from_address(id(counter.__self__) + COUNT)
        before = found.value
        if repr(counter.__self__) != f"count({before})":
            raise Unexpected("the counter of serial numbers is not where CPython has it")
        found.value = before + 5
        if copies.next_serial() != before + 5:
            raise Unexpected("the counter of serial numbers cannot be set")
