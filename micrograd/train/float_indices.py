"""Data that a loss looks rows up by, and of which some are floats -> errors that say which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import IntegerNeeded, place_of


@contextmanager
def floats_named(columns: Mapping[str, Any]) -> Iterator[None]:
    """Inside, a loss is traced; where it looks up by a number of lists that is no integer, the
    error says which is the first of them: one float among integers makes floats of all.

    columns   of the data, as they were given, by what they are called
    """
    try:
        yield
    except IntegerNeeded as error:
        for called, given in columns.items():
            if error.label == called or error.label.startswith(f"{called}["):
                found = _first_float(given, called)
                if found is not None:
                    raise IntegerNeeded(
                        f"{place_of(error)}: the index of a row should be an integer, and {found}; "
                        "give integers alone there",
                        error.label,
                    ) from error
        raise


def _first_float(x: Any, place: str) -> str | None:
    """The first float in lists, and where it is; None where arrays say what all of them are."""
    if isinstance(x, (list, tuple)):
        found = (_first_float(item, f"{place}[{k}]") for k, item in enumerate(x))
        return next((text for text in found if text is not None), None)
    if isinstance(x, (float, np.floating)):
        return f"{place} is {float(x)!r}, and a float makes floats of all numbers beside it"
    return None
