"""Options as they should be: each check gives the option, or raises an error that names it, says
what was expected, and what came.

A bool is no number here, and a float no whole number: who writes `seed=0.5` or `lr=True` has made a
mistake.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from .errors import DataError, MicrogradError, kind
from .ops import as_float

Error = Callable[[str], MicrogradError]
"""The class of an error, or what makes one of a message."""

MOST = 2**62
"""Above any whole number that is meant: what is less is an index in native code as well."""


def whole(name: str, given: Any, error: Error, *, least: int = 1, most: int = MOST - 1) -> int:
    """A whole number, as an int.

    >>> from micrograd.errors import TrainingError
    >>> whole("steps", 2.5, TrainingError)
    Traceback (most recent call last):
    micrograd.errors.TrainingError: steps should be a whole number, 1 or more, got float 2.5
    """
    number = least - 1
    if not isinstance(given, bool):
        with suppress(TypeError):
            number = operator.index(given)
    if number < least:
        raise error(f"{name} should be a whole number, {least} or more, got {kind(given)}")
    if number > most:
        raise error(f"{name} should be a whole number below {_power(most + 1)}, got {kind(given)}")
    return number


def amount(name: str, given: Any, error: Error) -> float:
    """A finite number that is not negative, as a float."""
    number = math.nan
    if not isinstance(given, (bool, np.bool_, complex, np.complexfloating)):
        with suppress(TypeError):
            number = as_float(given)
    if not 0.0 <= number < math.inf:
        raise error(f"{name} should be a finite number, 0 or more, got {kind(given)}")
    return number


def number(name: str, given: Any, error: Error) -> float:
    """A real number, as a float."""
    try:
        return as_float(given)
    except DataError:
        raise error(f"{name} should be a number, got {kind(given)}") from None


def flag(name: str, given: Any, error: Error) -> bool:
    """True or False; 1 and 0 are taken for them."""
    if isinstance(given, (bool, np.bool_)) or (type(given) is int and given in (0, 1)):
        return bool(given)
    raise error(f"{name} should be True or False, got {kind(given)}")


def function_or_none(name: str, given: Any, error: Error) -> Any:
    """What can be called, or None."""
    if given is None or callable(given):
        return given
    raise error(f"{name} should be a function, got {kind(given)}")


def _power(n: int) -> str:
    return f"2**{n.bit_length() - 1}" if n & (n - 1) == 0 else str(n)
