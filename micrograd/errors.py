"""The errors a user can meet. Each message says what was expected, what came, and what to do.

`MicrogradError` is the base. Where a built-in error is what Python programmers expect
(TypeError for a wrong argument, ValueError for a wrong value), the class is both.
"""

from __future__ import annotations

import sys
from pathlib import Path
from pickle import PicklingError

_PACKAGE = str(Path(__file__).parent)


class MicrogradError(Exception):
    """Base of every error that this package raises on purpose."""


class DataError(MicrogradError, TypeError):
    """A value that should be a real number is not one."""


class ShapeError(MicrogradError, ValueError):
    """A layer, a kernel or an array got the wrong number of elements."""


class TraceError(MicrogradError, TypeError):
    """A traced value was used where only a number will do (`if`, `float()`, an index)."""


class GraphError(MicrogradError, ValueError):
    """A graph cannot be compiled or differentiated: a cycle, an unknown op, a foreign leaf."""


class SignatureError(MicrogradError, TypeError):
    """A kernel was called, or a function traced, with arguments that do not fit."""


class KernelClosed(MicrogradError, RuntimeError):
    """A kernel was called after its machine code was freed."""


class TrainingError(MicrogradError, ValueError):
    """An optimiser, a schedule or a loss was given something that cannot be trained with."""


class CheckpointError(MicrogradError, ValueError):
    """Parameters cannot be saved, or a file cannot be loaded into them."""


class PickleError(MicrogradError, PicklingError):
    """A kernel cannot be pickled, since its function cannot."""


class CompilerError(MicrogradError, RuntimeError):
    """A pass broke an invariant: a fault in this package, not in the user's program."""


def user_location() -> str:
    """The `file:line` of the innermost caller outside this package, for error messages."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def kind(x: object) -> str:
    """How an error message names an argument: its type and a short repr.

    >>> kind("abc")
    "str 'abc'"
    """
    try:
        text = " ".join(repr(x).split())
    except Exception:  # an int of too many digits, or an object whose repr fails
        return type(x).__name__
    return f"{type(x).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
