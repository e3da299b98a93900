"""The errors a user can meet. Each message says what was expected, what came, and what to do.

`MicrogradError` is the base. Where a built-in error is what Python programmers expect
(TypeError for a wrong argument, ValueError for a wrong value), the class is both.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path, PurePath
from pickle import PicklingError
from typing import NamedTuple

import numpy

if not hasattr(sys.modules[__package__], "__version__"):
    from .distributions import replaced

    raise replaced("__init__.py")

_PACKAGE = str(Path(__file__).parent)
_COMPILER = tuple(os.path.join(_PACKAGE, folder, "") for folder in ("jit", "train"))
_OWN = os.path.join(_PACKAGE, "")
_NUMPY = str(Path(numpy.__file__).parent)
_PYTHON = sysconfig.get_path("stdlib")
MACHINERY = frozenset(
    str(Path(__file__).parent / f"{name}.py")
    for name in (
        "engine",
        "real",
        "traced",
        "ops",
        "opdef",
        "operators",
        "refused",
        "numpy_functions",
        "value_arrays",
        "lookups",
        "rows",
        "integer_operators",
        "tables",
        "plain",
        "nn",
        "jit/kernels/kernel",
        "jit/loops",
        "jit/kernels/nesting",
        "jit/kernels/prepared",
        "jit/trace/parameters",
    )
) | frozenset(
    str(Path(_NUMPY) / f"{folder}/{name}.py")
    for folder, names in (
        ("_core", "_methods fromnumeric numeric einsumfunc shape_base"),
        ("core", "_methods fromnumeric numeric einsumfunc shape_base"),
        ("lib", "_function_base_impl _nanfunctions_impl _shape_base_impl"),
        ("linalg", "_linalg linalg"),
    )
    for name in names.split()
)
"""Files whose lines make traced values, on behalf of others."""


def counted(n: int, what: str) -> str:
    """A number of things, as messages say it.

    >>> counted(1, "loop"), counted(2000, "loop")
    ('1 loop', '2,000 loops')
    """
    return f"{n:,} {what}{'s' * (n != 1)}"


def is_compiler(file: str) -> bool:
    """Whether a source file is of the compiler: its lines are no user's."""
    return file.startswith(_COMPILER)


class MicrogradError(Exception):
    """Base of every error that this package raises on purpose."""


class DataError(MicrogradError, TypeError):
    """A value that should be a real number is not one."""


class ShapeError(MicrogradError, ValueError):
    """A layer, a kernel or an array got the wrong number of elements."""


class IndexRangeError(MicrogradError, IndexError):
    """An index is outside of what it chooses from."""


class TraceError(MicrogradError, TypeError):
    """A traced value was used where only a number will do (`if`, `float()`, an index)."""


class IntegerNeeded(TraceError):
    """A traced value that is no integer was to choose a row; `label`: what it is called."""

    def __init__(self, message: str, label: str = "") -> None:
        super().__init__(message)
        self.label = label


class TensorsNeeded(TraceError):
    """A function of numbers computes with Tensors, as which it is compiled when it is called."""


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


class ExportError(MicrogradError, ValueError):
    """A kernel cannot be exported: for that machine, under that name, or at all."""


class GpuError(MicrogradError, RuntimeError):
    """A GPU cannot be used: there is no driver, no GPU, or what it is asked for fails there."""


class PickleError(MicrogradError, PicklingError):
    """A kernel cannot be pickled, since its function cannot."""


class ParseError(MicrogradError, ValueError):
    """A text is no program of the compiler's IR.

    line, column   where it stops to be one, counted from 1
    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class CompilerError(MicrogradError, RuntimeError):
    """A pass broke an invariant: a fault in this package, not in the user's program."""


class CheckError(MicrogradError, RuntimeError):
    """Compiled code gave a number that the interpreter does not: a fault in this package.

    program, statement   as text: what was compiled, and where it first goes wrong
    found, expected      both numbers
    """

    def __init__(
        self, message: str, *, program: str, statement: str, found: float, expected: float
    ) -> None:
        super().__init__(message)
        self.program = program
        self.statement = statement
        self.found = found
        self.expected = expected


def is_users(file: str) -> bool:
    """Whether a file is outside this package, NumPy and Python's own library."""
    if file.startswith((_OWN, _NUMPY, "<frozen ")):
        return False
    return not file.startswith(_PYTHON) or "-packages" in file[len(_PYTHON) :]


def is_own(file: str) -> bool:
    """Whether a file is of this package."""
    return file.startswith(_OWN)


def is_numpys(file: str) -> bool:
    """Whether a file is of NumPy."""
    return file.startswith(_NUMPY)


class Place(NamedTuple):
    """A line of a file, as Python knows that."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{PurePath(self.file).name}:{self.line}"


def user_location() -> str:
    """The `file:line` of the innermost caller that is the user's, for errors."""
    frame = sys._getframe(1)
    while frame.f_back is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def place_of(error: BaseException) -> str:
    """The `file:line` of the innermost of the user's frames that an error came through."""
    place, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if is_users(name):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place or user_location()


def no_op(name: str, of: str, names: Iterable[str], instead: str = "") -> TraceError:
    """The error for a function of NumPy that these do not have, at the user's line."""
    if instead:
        return TraceError(
            f"{user_location()}: np.{name} is no op of micrograd, so {of} do not have it: {instead}"
        )
    return TraceError(
        f"{user_location()}: np.{name} is no op of micrograd, so {of} do not have it; write it "
        f"with: {', '.join(names)}"
    )


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
