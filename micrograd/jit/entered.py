"""Machine code that is let go while calls are in it."""

from __future__ import annotations

import ctypes

import lowering

from ..locks import Lock
from .call.entry import CALLS

_entered: list[lowering.NativeModule] = []  # let go while calls were in their entries
_entered_lock = Lock()


def let_go(native: lowering.NativeModule) -> None:
    """Keep the code while its entry is in a call, which holds no reference to it."""
    with _entered_lock:
        _entered[:] = [code for code in [*_entered, native] if _is_entered(code)]


def _is_entered(native: lowering.NativeModule) -> bool:
    if CALLS not in native.symbols:
        return False
    return ctypes.c_int64.from_address(native.address(CALLS)).value > 0
