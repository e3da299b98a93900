"""Conversions of numbers without NumPy's warnings: what overflows is inf, as in arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

import numpy as np


class ThreadState:
    """For NumPy 1, whose error state is of a thread, not of a context."""

    def run(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        with np.errstate(all="ignore"):
            return f(*args, **kwargs)


def _made() -> Callable[[], Context | ThreadState]:
    if int(np.__version__.split(".")[0]) < 2:
        return ThreadState
    context = Context()
    context.run(lambda: np.seterr(all="ignore"))
    return context.copy


quiet = _made()
"""`quiet().run(f, *args)` is f(*args), while NumPy neither warns nor raises for what numbers are.

It must need no context variable of the caller. One call at a time is in a context, so that each
has a copy; `np.errstate` would take four times as long.

>>> quiet().run(np.float32(3e38).__mul__, np.float32(10.0))
np.float32(inf)
"""
