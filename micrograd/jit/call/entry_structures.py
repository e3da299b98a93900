"""Which structures `entry` reads and makes, and in which pieces."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...index_arrays import IndexArray
from ..trace.signature import Container, Structure, count
from .callable import available
from .convention import Convention
from .index_arguments import Indices
from .ndarrays import usable

MOST_INLINE = 4
"""Numbers in a row up to so many are read, if they are floats, and made without a call."""

MOST_PARTS = 24
"""Parts of a structure that are emitted one by one; one of more is walked through by a table."""


MOST_INDICES = 64
"""Indices that are computed here, one by one."""
LARGEST = 1 << 30
"""Offsets and scales, of ints of one digit, whose sums 64 bits hold."""


def has_entry(convention: Convention) -> bool:
    """Whether `entry` can be emitted: for numbers, lists and tuples, and arrays."""
    if convention.indices is not None and not takes_indices(convention.indices):
        return False
    structures = [s for _, s in convention.parameters]
    known = all(is_plain(s) or is_array(s) for s in structures) and is_made(convention.result)
    around = convention.result if convention.returns else None
    while isinstance(around, Container):  # what main returns is not in memory, as others need it
        if around.type is np.ndarray or parts(around) > MOST_PARTS:
            return False
        around = next((item for item in around.items if count(item)), None)
    return available() and known


def is_plain(s: Structure) -> bool:
    """Whether it is a number, or lists and tuples of them."""
    if not isinstance(s, Container):
        return True
    plain = s.type in (list, tuple)
    return plain and (s.is_flat or all(map(is_plain, dict.fromkeys(s.items))))


def is_array(s: Structure) -> bool:
    """Whether it is an array that generated code can read and make."""
    return isinstance(s, Container) and s.type is np.ndarray and usable()


def is_made(s: Structure) -> bool:
    """Whether a result is made here: arrays must not be among too many parts."""
    if is_plain(s) or is_array(s):
        return True
    within = isinstance(s, Container) and s.type in (list, tuple) and parts(s) <= MOST_PARTS
    return within and all(map(is_made, s.items))  # type: ignore[union-attr]


def is_flat(s: Structure) -> bool:
    """Whether it is a container of nothing but numbers."""
    return isinstance(s, Container) and s.is_flat


@functools.lru_cache(maxsize=256)
def parts(s: Structure) -> int:
    """How many pieces of code a structure becomes: numbers in a row are one."""
    if not isinstance(s, Container) or s.is_flat:
        return 1
    return 1 + sum(map(parts, s.items))


def runs(structures: Sequence[Structure]) -> Iterator[tuple[int, int]]:
    """The bounds of numbers in a row, and of containers one by one."""
    start = 0
    for k, s in enumerate(structures):
        if isinstance(s, Container):
            if start < k:
                yield start, k
            yield k, k + 1
            start = k + 1
    if start < len(structures):
        yield start, len(structures)


def takes_indices(indices: Indices) -> bool:
    """Whether `entry` makes index arrays: few sums of multiples of arguments that are ints."""
    if sum(len(a.elements) for a in indices.arrays) > MOST_INDICES:
        return False
    places = {indices.places[array] for a in indices.arrays for array in a.arrays}
    return not any(indices.is_row[k] for k in places) and all(map(_is_sum, indices.arrays))


def facts_of(indices: Indices | None) -> Any:
    """What the code for index arrays depends on, for keys."""
    if indices is None:
        return None
    arrays = [
        (
            [indices.places[array] for array in a.arrays],
            offsets_of(a),
            a.scales,
            a.below,
            a.counts,
            sorted(a.unused),
        )
        for a in indices.arrays
    ]
    return len(indices.names), arrays


def _is_sum(a: IndexArray) -> bool:
    numbers = [*a.scales, *offsets_of(a), a.below]
    return a.formula is None and len(a.scales) <= MOST_INDICES and max(map(abs, numbers)) < LARGEST


def offsets_of(a: IndexArray) -> Sequence[int]:
    """Of each index."""
    return [a.offset] * len(a.elements) if a.offsets is None else a.offsets.tolist()
