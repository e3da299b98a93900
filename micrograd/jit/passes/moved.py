"""How numbers change as an element of an array, the source, is moved by d: a multiple of d is
added, or they are multiplied by a power of e**d. In exact arithmetic, at every point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isfinite

import numpy as np

from ..ir.points import Ints
from ..ir.program import Expr


@dataclass(frozen=True, slots=True)
class Moved:
    """How numbers change when elements of the source are moved by d.

    factor   whether they are multiplied by e**(by * d); else by * d is added to them
    by       not 0
    home     the element that moves each, at every point, or one at all; -1: none does
    """

    factor: bool
    by: Fraction
    home: Ints


class Followed(Exception):
    """They change in another way than that."""


STAYS = Moved(False, Fraction(0), np.zeros(0, np.int64))
"""Of what is not moved, and not 0, which does not tell."""


def linear(
    operands: Sequence[Expr], args: Sequence[Moved | None], coefficients: Sequence[float]
) -> Moved | None:
    """Of a sum or a difference."""
    if any(x is not None and x.factor for x in args):
        some = [x for x, operand in zip(args, operands, strict=True) if operand not in (0.0, -0.0)]
        if any(x is None or some[0] is None or not _alike(x, some[0]) for x in some):
            raise Followed
        return some[0]
    total: Moved | None = None
    for x, c in zip(args, coefficients, strict=True):
        if x is not None:
            total = _plus(total, replace(x, by=x.by * Fraction(c)))
    return total


def product(
    operands: Sequence[Expr], args: Sequence[Moved | None], exponents: Sequence[int]
) -> Moved | None:
    """Of a product or a quotient."""
    total: Moved | None = None
    for x, e in zip(args, exponents, strict=True):
        if x is not None and x.factor:
            total = _plus(total, replace(x, by=x.by * e))
        elif x is not None:
            return _scaled(operands, args, exponents)
    return total


def _scaled(
    operands: Sequence[Expr], args: Sequence[Moved | None], exponents: Sequence[int]
) -> Moved:
    """Of a number times a constant, or divided by one."""
    moved, number = args[0], operands[1]
    exponent = exponents[1]
    if moved is None:
        moved, number, exponent = args[1], operands[0], exponents[0]
        if exponents[1] < 0:
            raise Followed
    if moved is None or not isinstance(number, float) or not isfinite(number) or not number:
        raise Followed
    return replace(moved, by=moved.by * Fraction(number) ** exponent)


def _plus(x: Moved | None, y: Moved) -> Moved | None:
    """Of both, which move by the same element or not at all."""
    if x is None:
        return y
    if not _same(x.home, y.home):
        raise Followed
    by = x.by + y.by
    return replace(x, by=by) if by else None


def _alike(x: Moved, y: Moved) -> bool:
    return (x.factor, x.by) == (y.factor, y.by) and _same(x.home, y.home)


def _same(x: Ints, y: Ints) -> bool:
    return bool((x == y).all())


def each(size: int, parts: Sequence[tuple[Ints, Moved]], *, may_stay: bool) -> Moved:
    """Of an array of `size`, each of whose elements moves in one way, and all by as much."""
    home = np.full(size, -1, dtype=np.int64)
    moving = [(index, found) for index, found in parts if found is not STAYS]
    first = moving[0][1]
    if len(moving) < len(parts) and not may_stay:
        raise Followed
    for index, found in moving:
        if found.by != first.by:
            raise Followed
        home[index] = found.home
    if not all(_same(home[index], found.home) for index, found in moving):
        raise Followed
    return replace(first, home=home)


def summed(size: int, sources: int, parts: Sequence[tuple[Ints, Moved]]) -> Moved | None:
    """Of an array of sums: by what is added up for each of its elements, for each that moves it."""
    keys, counts = [], []
    by = abs(next(found.by for _, found in parts if found.by))
    for index, found in parts:
        if found is STAYS:
            continue
        if abs(found.by) != by:
            raise Followed
        index, home = np.broadcast_arrays(index, found.home)
        keys.append(index * sources + home)
        counts.append(np.full(len(index), int(found.by / by), dtype=np.int64))
    every, places = np.unique(np.concatenate(keys), return_inverse=True)
    total = np.zeros(len(every), dtype=np.int64)
    np.add.at(total, places, np.concatenate(counts))
    kept = total != 0
    if not kept.any():
        return None
    index, home, total = every[kept] // sources, every[kept] % sources, total[kept]
    if (total != total[0]).any() or len(np.unique(index)) < len(index):
        raise Followed
    where = np.full(size, -1, dtype=np.int64)
    where[index] = home
    return Moved(False, by * int(total[0]), where)
