"""Python's errors in a function that is traced -> what is said of them, where more can be said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ...errors import (
    DataError,
    IndexRangeError,
    MicrogradError,
    ShapeError,
    TraceError,
    counted,
    place_of,
)
from .explained import asks_number_for_rows
from .parameters import Parameter
from .signature import SCALAR, Container, Structure

_OF_AMOUNTS = re.compile(r"values to unpack")
_OF_LISTS = re.compile(
    r"can't multiply sequence by|operand type.*'(list|tuple)'|one real number, got (list|tuple)"
)


@contextmanager
def said_clearer(
    name: str, parameters: Sequence[Parameter], structures: Sequence[Structure]
) -> Iterator[None]:
    """Inside, a function is traced; its errors are raised with more of what may be the cause.

    structures   of its parameters
    """
    try:
        yield
    except (TypeError, AttributeError, IndexError, ValueError) as error:
        clearer = _clearer(error, name, parameters, structures)
        if clearer is None:
            raise
        try:
            raise clearer from error
        finally:
            del clearer  # this frame is in its traceback, and would keep it


def _clearer(
    error: TypeError | AttributeError | IndexError | ValueError,
    name: str,
    parameters: Sequence[Parameter],
    structures: Sequence[Structure],
) -> MicrogradError | None:
    if isinstance(error, MicrogradError) and not isinstance(error, DataError):
        return None
    pairs = list(zip(parameters, structures, strict=True))
    given = [_said(p.name, s) for p, s in pairs if isinstance(s, Container)]
    said = f"{place_of(error)}: {error}: {name}"
    if isinstance(error, TypeError) and _OF_LISTS.search(str(error)):
        return _of_list(error, name, pairs)
    if isinstance(error, (TypeError, AttributeError)):
        if not asks_number_for_rows(error):
            return None
        if given:
            said += f" was given {', '.join(given)}; give a list of lists, if rows are meant"
        mapped = [p.name for p, s in pairs if s is SCALAR and p.array == "map"]
        if mapped or not given:
            said += (
                f"{', and' if given else ''} is traced with one number in place of an array as "
                f"{', '.join(mapped) or 'every argument'}, since arrays are mapped over; to take "
                "an array whole, annotate its parameter (x: np.ndarray), or pass a list (of lists, "
                "if its elements are rows)"
            )
        return TraceError(said)
    if not given:
        return None
    said += f" was given {', '.join(given)}"
    if type(error) is IndexError:
        return IndexRangeError(said)
    if type(error) is ValueError and _OF_AMOUNTS.search(str(error)):
        return ShapeError(said)
    return None


def _of_list(
    error: TypeError, name: str, pairs: Sequence[tuple[Parameter, Structure]]
) -> MicrogradError | None:
    """The error for arithmetic with a list, where the function was given some of numbers."""
    given = {
        p.name: _said(p.name, s)
        for p, s in pairs
        if isinstance(s, Container) and s.is_flat and s.type in (list, tuple)
    }
    if not given:
        return None
    place, said = place_of(error), str(error)
    arrays = ", ".join(f"np.array({x})" for x in given)
    return (DataError if isinstance(error, DataError) else TraceError)(
        f"{place}: {said.removeprefix(f'{place}: ')}: {name} was given "
        f"{', '.join(given.values())}, which it takes whole, and of a list there is no arithmetic; "
        f"to compute it at many points, give arrays, {arrays}, or take the numbers of the list, as "
        "in [x * x for x in xs]"
    )


def _said(name: str, given: Container) -> str:
    """A container and its rows, as errors name them: of rows that are not alike, two that differ.

    >>> from .signature import row
    >>> _said("zs", Container(list, (), (row(list, 2), row(list, 1))))
    'zs: list of 2, of which zs[0] is list of 2 numbers, but zs[1] is list of 1 number'
    """
    if given.type is np.ndarray:
        return f"{name}: {given}"
    if given.is_flat:
        return f"{name}: {_text(given)}"
    places = given.keys or range(len(given.items))
    first, *others = zip(places, given.items, strict=True)
    for place, item in others:
        if item != first[1]:
            return (
                f"{name}: {given}, of which {name}[{first[0]!r}] is {_text(first[1])}, but "
                f"{name}[{place!r}] is {_text(item)}"
            )
    return f"{name}: {given}, each of them {_text(first[1])}"


def _text(given: Structure) -> str:
    if given is SCALAR:
        return "a number"
    if isinstance(given, Container) and given.is_flat and given.type is not np.ndarray:
        return f"{given.type.__name__} of {counted(len(given.items), 'number')}"
    return str(given)
