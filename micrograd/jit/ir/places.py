"""The element of an array, taken apart into one place for each of its dimensions.

Element `14*i + j + 14` of an array of shape (25, 14) is `[i + 1, j]` where j is below 14: every
place stays inside its dimension, for every point of the domain. Where it does not come apart that
way, the number itself is the one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

from .extents import Affine

_TRIED = 64
"""How many ways to take strides apart are tried."""


@dataclass(slots=True)
class Place:
    """Where in a dimension: an affine number, and `scale` times parts, by their numbers."""

    offset: int
    strides: tuple[int, ...]
    parts: list[tuple[int, int]] = field(default_factory=list)


def span(strides: Sequence[int], domain: Sequence[int]) -> tuple[int, int]:
    """The least and the most of `sum(strides * indices)` over a domain.

    Exact for boxes, and for loops whose extents are affine while these are at least 1.

    >>> span((1, -1), (4, Affine(1, (1,), 4)))
    (0, 3)
    """
    return -_most([-s for s in strides], domain), _most(strides, domain)


def _most(strides: Sequence[int], domain: Sequence[int]) -> int:
    """The most, by each index at its end: from the last loop on, whose ends the others move."""
    left, most = list(strides), 0
    for d in range(len(domain) - 1, -1, -1):
        count, stride = domain[d], left[d]
        if stride <= 0:
            continue
        if isinstance(count, Affine):
            most += stride * (count.offset - 1)
            for outer, step in enumerate(count.strides):
                left[outer] += stride * step
        else:
            most += stride * max(0, int(count) - 1)
    return most


def steps(shape: Sequence[int]) -> list[int]:
    """How far apart neighbours of each dimension lie.

    >>> steps((25, 14))
    [14, 1]
    """
    found, step = [], 1
    for count in reversed(shape):
        found.append(step)
        step *= count
    return found[::-1]


def apart(
    offset: int,
    strides: tuple[int, ...],
    parts: Sequence[tuple[int, int, int]],
    shape: tuple[int, ...],
    domain: tuple[int, ...],
) -> list[Place] | None:
    """The places whose element is `offset + sum(strides * indices) + sum(scale * parts)`.

    None where there are none inside the dimensions, or whose parts come in another order.

    parts    (scale, least, most) of each

    >>> apart(14, (14, 1), [], (25, 14), (24, 14))
    [Place(offset=1, strides=(1, 0), parts=[]), Place(offset=0, strides=(0, 1), parts=[])]
    """
    sizes = steps(shape)
    if not all(shape):
        return None
    ways = [list(_digits(stride, sizes)) for stride in strides]
    held = [[d for d, size in enumerate(sizes) if part[0] % size == 0] for part in parts]
    first: list[Place] | None = None
    for digits, owners in islice(product(product(*ways), product(*held)), _TRIED):
        if list(owners) != sorted(owners):
            continue
        places = [Place(0, tuple([x[d] for x in digits])) for d in range(len(shape))]
        for k, d in enumerate(owners):
            places[d].parts.append((k, parts[k][0] // sizes[d]))
        if _settle(places, offset, parts, shape, sizes, domain):
            if all(sum(map(bool, place.strides)) < 2 for place in places):
                return places  # best: each index has a place of its own
            first = first or places
    return first


def _digits(stride: int, sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """The ways to write a stride as so much in each dimension, the outermost first."""
    if len(sizes) == 1:
        yield (stride,)
        return
    digit = abs(stride) // sizes[0] * (1 if stride > 0 else -1)
    rounded_ways = [digit]
    if stride != digit * sizes[0]:
        rounded_ways.append(digit + (1 if stride > 0 else -1))
    if digit and sizes[0] == sizes[1]:  # a dimension of one element is next
        rounded_ways.append(0)
    for rounded in rounded_ways:
        for inner in _digits(stride - rounded * sizes[0], sizes[1:]):
            yield (rounded, *inner)


def _settle(
    places: list[Place],
    offset: int,
    parts: Sequence[tuple[int, int, int]],
    shape: Sequence[int],
    sizes: list[int],
    domain: Sequence[int],
) -> bool:
    """Give each place its offset so that all stay inside their dimensions; whether they do."""
    room = []
    for place, count in zip(places, shape, strict=True):
        low, high = span(place.strides, domain)
        for k, scale in place.parts:
            ends = sorted((scale * parts[k][1], scale * parts[k][2]))
            low, high = low + ends[0], high + ends[1]
        room.append((-low, count - 1 - high))
        if -low > count - 1 - high:
            return False
    for d, place in enumerate(places):
        least = sum(
            size * low for size, (low, _) in zip(sizes[d + 1 :], room[d + 1 :], strict=True)
        )
        place.offset = min((offset - least) // sizes[d], room[d][1])
        if place.offset < room[d][0]:
            return False
        offset -= place.offset * sizes[d]
    return offset == 0


def most_of(offset: int, strides: tuple[int, ...], domain: Sequence[int]) -> int:
    """How often a loop with this extent runs at most."""
    return max(0, offset + span(strides, domain)[1])
