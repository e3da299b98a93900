"""Accesses and extents as the text of a program shows them: with a place for each dimension.

Given the arrays by name, which have a `shape`, the `data` of constants, and a number `below` which
the entries of index arrays are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from .expressions import LIKE_NUMBERS, Access, Part, sum_text
from .extents import Affine, Entries, affine_text
from .places import apart, most_of, span

Arrays: TypeAlias = Mapping[str, Any]


def access_text(a: Access, arrays: Arrays, domain: tuple[int, ...]) -> str:
    """The access, with a place for each dimension of its array where it comes apart that way."""
    array = arrays.get(a.array)
    if array is None or (len(array.shape) == 1 and not a.parts):
        return str(a)
    if {len(domain)} != {len(a.strides), *[len(part.strides) for part in a.parts]}:
        return str(a)  # of a program that is none
    if not a.offset and a.is_constant and a.array not in LIKE_NUMBERS:
        return a.array
    numbers = [_number(part, arrays, domain) for part in a.parts]
    found = None
    if len(array.shape) > 1:
        ranges = [(part.scale, *_ends(part, arrays, domain)) for part in a.parts]
        found = apart(a.offset, a.strides, ranges, array.shape, domain)
    if found is None:
        texts = [p.text(n, p.scale) for p, n in zip(a.parts, numbers, strict=True)]
        return f"{a.array}[{sum_text(texts, a.offset, a.strides)}]"
    places = []
    for place in found:
        texts = [a.parts[k].text(numbers[k], scale) for k, scale in place.parts]
        places.append(sum_text(texts, place.offset, place.strides))
    return f"{a.array}[{', '.join(places)}]"


def _number(part: Part, arrays: Arrays, domain: tuple[int, ...]) -> str:
    """What a part is of."""
    if part.is_entry:
        return _position(str(part.by), part.offset, part.strides, arrays, domain)
    return affine_text(part.offset, part.strides)


def _position(
    name: str, offset: int, strides: tuple[int, ...], arrays: Arrays, domain: tuple[int, ...]
) -> str:
    """Where in an index array."""
    array = arrays.get(name)
    if array is not None and len(array.shape) > 1:
        found = apart(offset, strides, (), array.shape, domain)
        if found is not None:
            return ", ".join([affine_text(place.offset, place.strides) for place in found])
    return affine_text(offset, strides)


def _ends(part: Part, arrays: Arrays, domain: tuple[int, ...]) -> tuple[int, int]:
    """The least and the most that a part may be, before it is scaled."""
    if part.is_entry:
        return 0, most_entry(str(part.by), arrays)
    low, high = (part.offset + x for x in span(part.strides, domain))
    if part.kind == "div":
        return low // int(part.by), high // int(part.by)
    inside = low >= 0 and high < int(part.by)
    return (low, high) if inside else (0, int(part.by) - 1)


def most_entry(name: str, arrays: Arrays) -> int:
    """The most that an entry of an index array may be."""
    array = arrays.get(name)
    if array is None:
        return 0
    return (
        max(0, int(array.below) - 1) if array.data is None else int(np.max(array.data, initial=0))
    )


def count_text(count: int, outside: tuple[int, ...], arrays: Arrays) -> str:
    """A trip count, given those of the loops outside; how much it is at most, if that is less or
    more than what follows from these.
    """
    if not isinstance(count, Affine | Entries) or len(count.strides) != len(outside):
        return str(count)
    if isinstance(count, Affine):
        text, most = str(count), most_of(count.offset, count.strides, outside)
    else:
        position = _position(count.array, count.offset, count.strides, arrays, outside)
        text, most = f"{count.array}[{position}]", most_entry(count.array, arrays)
    return text if most == int(count) else f"{text} <= {int(count)}"
