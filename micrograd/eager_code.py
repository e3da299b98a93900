"""When machine code takes over the arithmetic of eager Values: once so many have been made that it
takes no longer to compile than they took, so that short programs never wait for it.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from .locks import late

MANY = 300_000
"""Serial numbers of Values; that many take as long as the code, if a compiler is there."""
VERY_MANY = 1_200_000
"""The same, if it must be imported first."""
NEXT = [MANY]
"""The serial number from which on `compute_by_code` is to be called."""


def compute_by_code() -> None:
    """Let machine code compute from now on, if there can be any, and if now is the time."""
    if NEXT[0] < VERY_MANY and f"{__package__}.jit.emit.native" not in sys.modules:
        NEXT[0] = VERY_MANY
        return
    NEXT[0] = sys.maxsize
    with suppress(Exception):  # without a compiler nothing is lost but time, which no sum reports
        late(f"{__package__}.jit.call.value_slots").begin()
