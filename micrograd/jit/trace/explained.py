"""What NumPy says of arrays of Values -> an error that names its function, at the user's line.

NumPy takes Values for objects that it knows nothing of. Its errors speak of casts, loops and
methods of objects, from somewhere within, or are those of a comparison that it has made.
"""

from __future__ import annotations

import opcode
import re
from collections.abc import Iterator
from types import FrameType

import numpy as np

from ... import ops
from ...errors import MicrogradError, TensorsNeeded, TraceError, is_numpys, is_users, place_of
from ...numpy_functions import INSTEAD
from ...traced import Traced

_OF_OBJECTS = re.compile(
    r"^(loop of )?ufunc |^Cannot cast |^No loop matching |dtype\('O'\)|dtype object"
    r"|object arrays?\b|object values|should be boolean ndarray"
    r"|must be of integer \(or boolean\) type"
    r"|does not have an identity"
)
_NAMES = re.compile(r"^ufunc '(\w+)'|no callable (\w+) method|attribute '(\w+)'|cast ufunc '(\w+)'")
_RAISE = opcode.opmap["RAISE_VARARGS"]
_OF_ARRAYS = re.compile(r"subscriptable|iterable|len\(\)|item assignment")


def explained(error: Exception, name: str) -> TraceError | None:
    """The error to raise for one that came from NumPy in the function `name`; None: that one."""
    place, function = place_of(error), _function(error)
    first: BaseException | None = error
    while isinstance(first, SystemError):  # C code went on after an error
        first = first.__cause__
    if isinstance(first, TensorsNeeded):
        return None if first is error else first
    if isinstance(first, TraceError):
        head, rest = f"{place}: ", str(first)
        if function and rest.startswith(head) and function not in rest:
            return TraceError(f"{head}{function}: {rest.removeprefix(head)}")
        return None if first is error else TraceError(rest)
    if isinstance(error, MicrogradError) or not _is_of_objects(error):
        return None
    called = _NAMES.search(str(error))
    ufunc = next(filter(None, called.groups()), "") if called else ""
    function = function or (f"np.{ufunc}" if hasattr(np, ufunc) else "")
    instead = INSTEAD.get(ufunc) or f"write it with: {', '.join(ops.OPS)}"
    return TraceError(
        f"{place}: {function}{': ' * bool(function)}{error}: this function of NumPy is of plain "
        f"numbers, and {name} is traced with Values; {instead}"
    )


def asks_number_for_rows(error: TypeError | AttributeError) -> bool:
    """Whether something was asked of a traced number that arrays and lists have."""
    if isinstance(error, AttributeError):
        return isinstance(error.obj, Traced) and hasattr(np.ndarray, error.name or "")
    return "Traced" in str(error) and bool(_OF_ARRAYS.search(str(error)))


def _is_of_objects(error: Exception) -> bool:
    """Whether NumPy raised it because it has arrays of Values, or found that it cannot do."""
    text = str(error)
    if _is_raised_by_user(error):
        return False
    if isinstance(error, AttributeError):
        if isinstance(error.obj, Traced) and hasattr(np.ndarray, error.name or ""):
            return False  # a number that should be an array
        *_, frame = _frames(error)
        of_ufunc = isinstance(getattr(np, error.name or "", None), np.ufunc)
        return of_ufunc or is_numpys(frame.f_code.co_filename)
    if isinstance(error, np.ma.MAError):
        return True
    if not isinstance(error, (TypeError, ValueError, IndexError)) or _OF_ARRAYS.search(text):
        return False
    return bool(_OF_OBJECTS.search(text))


def _function(error: BaseException) -> str:
    """The function of NumPy that the user's line called; "" if nothing tells."""
    found = ""
    for frame in _frames(error):
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if is_users(file):
            found = ""
        elif not found and name == "__array_function__":
            function = frame.f_locals["function"]
            found = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        elif not found and is_numpys(file) and callable(getattr(np, name.strip("_"), None)):
            found = f"np.{name.strip('_')}"
        elif not found and is_numpys(file) and hasattr(np.linalg, name):
            found = f"np.linalg.{name}"
    return found


def _frames(error: BaseException) -> Iterator[FrameType]:
    """The frames that an error came through, the innermost last."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _is_raised_by_user(error: BaseException) -> bool:
    """Whether the innermost line of Python is the user's and raises."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code = trace.tb_frame.f_code
    return is_users(code.co_filename) and code.co_code[trace.tb_lasti] == _RAISE
