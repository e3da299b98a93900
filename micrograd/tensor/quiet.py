"""NumPy's functions without its warnings: as the machine says, 1/0 is inf and log(-1) is nan.

Values do so too. `np.errstate` around every operation costs more than a small operation does; a
context, in which the state is set once, costs next to nothing. Each thread has one of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import Context
from typing import Any

import numpy as np


def _with_errstate(function: Callable[..., Any], *operands: Any, **how: Any) -> Any:
    with np.errstate(all="ignore"):
        return function(*operands, **how)


class _Quiet(threading.local):
    """`run(function, *operands)` calls a function of NumPy, silently."""

    def __init__(self) -> None:
        self.run: Callable[..., Any] = _with_errstate
        if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # before, it is no state of a context
            context = Context()
            context.run(np.seterr, all="ignore")
            self.run = context.run


QUIET = _Quiet()


def quietly(function: Callable[..., Any], *operands: Any, **how: Any) -> Any:
    """What `function` returns, whose floating-point warnings nobody wants."""
    try:
        return QUIET.run(function, *operands, **how)
    except RuntimeError:  # within another one: a finalizer's, or a function of the user's
        return _with_errstate(function, *operands, **how)
