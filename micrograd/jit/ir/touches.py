"""Which elements an access may touch, and at which points: what the rules of order compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np

from .extents import Affine, Entries
from .nests import distinct as once
from .points import Ints, elements, is_box
from .program import Access, Part, Program
from .progress import Broken, is_known

MOST = 2**25
"""How many touches of one access are looked at: more would fill the memory."""


@dataclass(slots=True)
class Touches:
    """The elements `index` that an access may touch, and in which iterations of `domain`.

    In each iteration it may be one of `choices` elements, which lie side by side in `index`;
    `again` says whether it touches one of them more than once there.
    """

    index: Ints
    domain: tuple[int, ...]
    choices: int
    again: bool
    program: Program

    def numbers(self, offset: int, strides: tuple[int, ...]) -> Ints:
        """`offset + sum(strides * indices)` at each; strides of the first loops."""
        strides = (*strides, *[0] * (len(self.domain) - len(strides)))
        found = elements(Access("", offset, strides), self.domain, self.program)
        return found if self.choices == 1 else np.repeat(found, self.choices)


def touches(
    access: Access, domain: tuple[int, ...], depth: int, program: Program, *, count: bool = False
) -> Touches:
    """The touches of an access, by the iterations of the first `depth` loops of its domain.

    Whether one is touched `again` is looked up if that is cheap, or with `count`.

    Where an element depends on an entry that is not known, every one that it may be is there.
    Raises Broken where they are too many.
    """
    parts: dict[bool, list[Part]] = {True: [], False: []}
    for part in access.parts:
        parts[not part.is_entry or is_known(str(part.by), program)].append(part)
    known = Access(access.array, access.offset, access.strides, tuple(parts[True]))
    sizes = [program.arrays[str(part.by)].below for part in parts[False]]
    own = _own(known, domain, depth, program)
    counts = domain[:depth] if own is not None else domain
    choices = len(own[0]) if own is not None else 1
    if prod(map(int, counts)) * prod(sizes) * max(1, choices) > MOST:
        raise Broken(f"{access} has too many points to be checked inside of loops")
    again = False
    if own is None:
        index, extra = elements(known, domain, program), len(domain) - depth
    else:
        index = elements(_first(known, depth), counts, program)
        again, extra = own[1] and len(index) > 0, 0
        index = (index[:, None] + own[0]).reshape(-1)
    for part, size in zip(parts[False], sizes, strict=True):
        index = (index[:, None] + part.scale * np.arange(size)).reshape(-1)
    found = Touches(index, counts, choices * prod(sizes), again, program)
    if extra and count:
        codes = found.numbers(0, row_numbers(domain[:depth])) * _size(access, program) + index
        found.again = repeated(codes)
    return found


def _size(access: Access, program: Program) -> int:
    return program.arrays[access.array].size


def _own(
    access: Access, domain: tuple[int, ...], depth: int, program: Program
) -> tuple[Ints, bool] | None:
    """By how much the loops behind the first ones move an access, each number once; whether one
    of them comes more than once.

    None where that is not the same in every iteration of the first ones.
    """
    counts = _inside(domain, depth)
    inner = [p for p in access.parts if any(p.strides[depth:])]
    if counts is None or any(any(p.strides[:depth]) for p in inner):
        return None
    own = Access("", 0, access.strides, tuple(inner)).with_strides(lambda x: x[depth:])
    left_out = 1
    if is_box(counts):
        kept = [
            d
            for d, count in enumerate(counts)
            if count == 0
            or (count != 1 and (own.strides[d] or any(p.strides[d] for p in own.parts)))
        ]
        own = own.with_strides(lambda strides: tuple([strides[d] for d in kept]))
        left_out = prod(int(count) for d, count in enumerate(counts) if d not in kept)
        counts = tuple([counts[d] for d in kept])
    if prod(map(int, counts)) > MOST:
        return None
    found = elements(own, counts, program)
    each = once(found)
    return each, left_out * len(found) > len(each)


def _inside(domain: tuple[int, ...], depth: int) -> tuple[int, ...] | None:
    """The domain without its first loops; None if the others depend on these."""
    counts = []
    for count in domain[depth:]:
        if isinstance(count, Affine | Entries):
            if any(count.strides[:depth]):
                return None
            strides = count.strides[depth:]
            if isinstance(count, Affine):
                count = Affine(count.offset, strides, int(count))
            else:
                count = Entries(count.array, count.offset, strides, int(count))
        counts.append(count)
    return tuple(counts) if counts else None


def first_iteration(
    accesses: Iterable[Access], domain: tuple[int, ...], depth: int
) -> tuple[int, ...] | None:
    """The domain with one iteration of its first `depth` loops, which move all accesses by the same
    amount, so that together they touch in every iteration what they touch in the first, but for
    where. None if they do not.

    >>> first_iteration([Access("h", 3, (3, 1)), Access("h", 0, (3, 1))], (50, 3), 1)
    (1, 3)
    >>> first_iteration([Access("h", 3, (3, 1)), Access("h", 0, (2, 1))], (50, 3), 1)
    """
    if not all(map(int, domain[:depth])):
        return None
    if len(domain) > depth and _inside(domain, depth) is None:
        return None
    moved = set()
    for a in accesses:
        outer = {x for x in a.parts if any(x.strides[:depth])}
        if any(any(x.strides[depth:]) for x in outer):
            return None
        moved.add((a.strides[:depth], frozenset(outer)))
    return (*[1] * depth, *domain[depth:]) if len(moved) == 1 else None


def _first(access: Access, depth: int) -> Access:
    """What of an access the first loops move."""
    parts = tuple([p for p in access.parts if not any(p.strides[depth:])])
    return Access(access.array, access.offset, access.strides, parts).with_strides(
        lambda strides: strides[:depth]
    )


def row_numbers(domain: tuple[int, ...]) -> tuple[int, ...]:
    """The strides by which the points of a domain are numbered.

    >>> row_numbers((5, 0, 3))
    (3, 3, 1)
    """
    strides, points = [], 1
    for count in reversed(domain):
        strides.append(points)
        points *= max(1, int(count))
    return tuple(reversed(strides))


READ, ASSIGNED, ACCUMULATED = 0, 1, 2
"""What is done to an element; accumulating by another op is another number from ACCUMULATED on."""


def clash(codes: Ints, iterations: Ints, kinds: Ints) -> int | None:
    """The place of a touch that needs another iteration to come before or after; None if none does.

    codes        what is touched: the touches of one code are compared
    iterations   of what may run in any order
    kinds        of touches; iterations may all read an element, or all accumulate into it alike
    """
    if not len(codes):
        return None
    order = np.argsort(codes, kind="stable")
    codes, iterations, kinds = codes[order], iterations[order], kinds[order]
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    least, most = (f.reduceat(iterations, starts) for f in (np.minimum, np.maximum))
    low, high = (f.reduceat(kinds, starts) for f in (np.minimum, np.maximum))
    wrong = (least != most) & ((low != high) | (low == ASSIGNED))
    if not wrong.any():
        return None
    k = int(np.argmax(wrong))
    group = slice(starts[k], starts[k + 1] if k + 1 < len(starts) else None)
    wrote = iterations[group][np.argmax(kinds[group] != READ)]
    return int(order[group][np.argmax(iterations[group] != wrote)])


def repeated(codes: Ints) -> bool:
    """Whether a number stands twice."""
    return len(codes) > 1 and not bool(np.diff(np.sort(codes)).all())


def common(x: Ints, y: Ints) -> bool:
    """Whether a number stands in both."""
    if not len(x) or not len(y):
        return False
    x = np.sort(x)
    at = np.minimum(np.searchsorted(x, y), len(x) - 1)
    return bool((x[at] == y).any())
