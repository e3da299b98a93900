"""Expressions over the axes of a Tensor, and views of them: accesses with other strides.

An expression of a Tensor of n axes has accesses with n strides, one for each axis. What moves
elements and changes none is another offset and other strides, of every access and its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from ..ir.extents import is_number
from ..ir.program import Access, Expr, map_accesses
from .batches import SizeNeeded

Shape = tuple[int, ...]
Strides = tuple[int, ...]
Change = Callable[[int, Strides], tuple[int, Strides]]
"""From an offset and strides to those of a view."""


def changed(expr: Expr, change: Change) -> Expr:
    """The expression with every offset and its strides changed alike, those of parts, too."""

    def access(a: Access) -> Access:
        offset, strides = change(a.offset, a.strides)
        parts = []
        for p in a.parts:
            at, by = change(p.offset, p.strides)
            parts.append(replace(p, offset=at, strides=by))
        return Access(a.array, offset, strides, tuple(parts))

    return map_accesses(expr, access)


def transposed(expr: Expr, order: Shape) -> Expr:
    """The expression with its axes in another order.

    >>> print(transposed(Access("x", 0, (3, 1)), (1, 0)))
    x[i + 3*j]
    """
    return changed(expr, lambda offset, by: (offset, tuple(by[a] for a in order)))


def sliced(expr: Expr, places: Sequence[tuple[int, int, int] | int]) -> Expr:
    """A slice, of places as the primitive has them."""

    def change(offset: int, by: Strides) -> tuple[int, Strides]:
        kept = []
        for stride, place in zip(by, places, strict=True):
            start, _, step = (place, 1, 0) if isinstance(place, int) else place
            offset += stride * start
            if not isinstance(place, int):
                kept.append(stride * step)
        return offset, tuple(kept)

    return changed(expr, change)


def spread(expr: Expr, old: Shape, new: Shape) -> Expr:
    """The expression of a shape, broadcast to another: indices are left out.

    >>> print(spread(Access("b", 0, (1,)), (4,), (3, 4)))
    b[j]
    """
    if old == new:
        return expr
    front = len(new) - len(old)

    def change(offset: int, by: Strides) -> tuple[int, Strides]:
        own = (0 if n == 1 else s for s, n in zip(by, old, strict=True))
        return offset, (0,) * front + tuple(own)

    return changed(expr, change)


def widened(expr: Expr, places: Sequence[int], rank: int) -> Expr:
    """The expression over `rank` axes, of which its own are those at `places`."""

    def change(offset: int, by: Strides) -> tuple[int, Strides]:
        strides = [0] * rank
        for place, stride in zip(places, by, strict=True):
            strides[place] = stride
        return offset, tuple(strides)

    return changed(expr, change)


def windowed(expr: Expr, axis: int, stride: int, dilation: int) -> Expr:
    """The windows along an axis, whose elements are one more axis at the end."""

    def change(offset: int, by: Strides) -> tuple[int, Strides]:
        s = by[axis]
        return offset, (*by[:axis], s * stride, *by[axis + 1 :], s * dilation)

    return changed(expr, change)


def in_steps(numbers: Any) -> tuple[int, Strides] | None:
    """The offset and the strides that give the elements of an array of whole numbers, if any do.

    >>> in_steps(np.array([[2, 5], [3, 6]])), in_steps(np.array([0, 2, 3]))
    ((2, (1, 3)), None)
    """
    if not numbers.size:
        return None
    first = int(numbers.flat[0])
    by = []
    guess = np.full(numbers.shape, first)
    for axis, n in enumerate(numbers.shape):
        second = numbers[(*(0,) * axis, 1, *(0,) * (numbers.ndim - axis - 1))] if n > 1 else first
        by.append(int(second) - first)
        steps = by[-1] * np.arange(n)
        guess += steps.reshape((n, *(1,) * (numbers.ndim - axis - 1)))
    return (first, tuple(by)) if (guess == numbers).all() else None


class NotAffine(ValueError):
    """A reshape that strides cannot say."""


def reshaped(expr: Expr, old: Shape, new: Shape) -> Expr:
    """The elements in order, in another shape; NotAffine if no strides say that.

    >>> print(reshaped(Access("x", 0, (3, 1)), (2, 3), (6,)))
    x[i]
    >>> reshaped(Access("x", 0, (1, 2)), (2, 3), (6,))
    Traceback (most recent call last):
    ...
    micrograd.jit.trace.views.NotAffine: (1, 2) over (2, 3) is not affine over (6,)
    """
    return changed(expr, lambda offset, by: (offset, _strides(by, old, new)))


def _strides(by: Strides, old: Shape, new: Shape) -> Strides:
    """The strides over the new shape: axes of both are walked from the first on, in groups of as
    many elements; within a group, the old strides must be those of one index.
    """
    pairs = [(n, s) for n, s in zip(old, by, strict=True) if n != 1]
    found: list[int] = []
    k = 0  # of pairs
    rest = list(new)
    while rest:
        if rest[0] == 1:
            found.append(0)
            del rest[0]
            continue
        have, want, start, size = 1, 1, k, 0
        while have != want or size == 0:
            if have <= want and k < len(pairs):
                have *= pairs[k][0]
                k += 1
            else:
                want *= rest[size]
                size += 1
            if have == want and size == 0:
                continue
        group = pairs[start:k]
        if len(group) + size > 2 and not all(
            map(is_number, [*(n for n, _ in group), *rest[:size]])
        ):
            raise SizeNeeded(f"a reshape of {old} to {new} that moves samples")
        for (_, outer), (n, inner) in pairwise(group):
            if outer != n * inner:
                raise NotAffine(f"{by} over {old} is not affine over {new}")
        last = group[-1][1]
        found += [last * prod(rest[a + 1 : size]) for a in range(size)]
        del rest[:size]
    return tuple(found)
