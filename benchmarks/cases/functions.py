"""Single functions over an array: what a vector function costs beside glibc's and NumPy's."""

from __future__ import annotations

from collections.abc import Iterator

from ..batch import FUNCTIONS
from ..experiment import Experiment
from .batch import CACHED, alone


def experiments(small: bool) -> Iterator[Experiment]:
    """Each function, in float64."""
    for name in FUNCTIONS:
        yield alone(name, 100 if small else CACHED)
