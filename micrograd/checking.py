"""Whether the compiler is to check itself."""

from __future__ import annotations

import os

_OFF = frozenset({"", "0", "off", "no", "false"})


def is_checking() -> bool:
    """Whether the environment asks for it, by MICROGRAD_CHECK=1, or anything but 0, off, no and
    false.
    """
    return os.environ.get("MICROGRAD_CHECK", "").lower() not in _OFF
