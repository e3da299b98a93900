"""Python's errors in a function that is traced -> what is said of them, where more can be said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import IndexRangeError, MicrogradError, ShapeError, place_of
from .explained import takes_number_for_array
from .parameters import Parameter
from .signature import Container, Structure

_OF_AMOUNTS = re.compile(r"values to unpack")


def mistake(
    error: TypeError | AttributeError | IndexError | ValueError,
    name: str,
    parameters: Sequence[Parameter],
    structures: Sequence[Structure],
) -> MicrogradError | None:
    """What to raise in place of an error that a function raised when it was traced; None: itself.

    structures   of its parameters
    """
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
