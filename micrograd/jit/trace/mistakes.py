"""Python's errors in a function that is traced -> what is said of them, where more can be said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...errors import IndexRangeError, MicrogradError, ShapeError, place_of
from .explained import takes_number_for_array
from .parameters import Parameter
from .signature import Container, Structure

_OF_AMOUNTS = re.compile(r"values to unpack")


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
    if isinstance(error, MicrogradError):
        return None
    if isinstance(error, (TypeError, AttributeError)):
        return takes_number_for_array(error, name)
    pairs = zip(parameters, structures, strict=True)
    given = [f"{p.name}: {s}" for p, s in pairs if isinstance(s, Container)]
    if not given:
        return None
    said = f"{place_of(error)}: {error}: {name} was given {', '.join(given)}"
    if type(error) is IndexError:
        return IndexRangeError(said)
    if type(error) is ValueError and _OF_AMOUNTS.search(str(error)):
        return ShapeError(said)
    return None
