"""Methods that move elements and compute nothing; most give views."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any

import numpy as np

from ..errors import DataError, kind, user_location
from .casting import is_float
from .elementwise import clip
from .layout import part, reshape, slice_, transpose, whole
from .primitive import Shape, shape_error
from .reducing import axes_of, axis_of
from .reduction import broadcast_to

_PLAIN = (float, int)


def sizes_of(given: tuple[Any, ...], name: str) -> Shape:
    """A shape, written as one tuple or as its numbers."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = tuple(given[0])
    try:
        return tuple(n if hasattr(n, "__number__") else operator.index(n) for n in given)
    except TypeError:
        raise DataError(
            f"{user_location()}: {name} takes whole numbers, got {kind(given)}"
        ) from None


def reshaped(x: Any, shape: Shape) -> Any:
    """Its elements in a shape that has as many."""
    if x._scope is not None:
        return reshape(x, shape=shape)
    return x._made(x._data.reshape(shape), reshape, (x,), {"shape": shape})


def _transposed(x: Any, order: Shape) -> Any:
    """Its axes in this order, of each once."""
    if x._scope is not None or len(set(order)) < len(order):
        return transpose(x, order=order)
    return x._made(x._data.transpose(order), transpose, (x,), {"order": order})


class Shaping:
    """Methods that change the shape, or the order of axes."""

    __slots__ = ()

    def reshape(self: Any, *shape: Any) -> Any:
        """The elements in order, in another shape, of which one size may be -1: what is left.

        >>> from micrograd import Tensor
        >>> Tensor([1, 2, 3, 4]).reshape(2, -1)
        Tensor([[1., 2.],
                [3., 4.]])

        Raises ShapeError if the number of elements is another.
        """
        if self._scope is None:
            try:
                data = self._data.reshape(*shape)
            except (TypeError, ValueError):
                pass  # an error should say what is wrong
            else:
                return self._made(data, reshape, (self,), {"shape": data.shape})
        sizes = sizes_of(shape, "reshape")
        if -1 in sizes:
            known = math.prod(n for n in sizes if n != -1)
            if sizes.count(-1) > 1 or not known or self.size % known:
                raise shape_error(
                    f"reshape of shape {self.shape} to {sizes}: no size in the place of -1 gives "
                    f"{self.size} elements"
                )
            sizes = tuple(self.size // known if n == -1 else n for n in sizes)
        if any(n < 0 for n in sizes):
            raise shape_error(f"reshape of shape {self.shape} to {sizes}: sizes are 0 or more")
        return reshape(self, shape=sizes)

    view = reshape
    """PyTorch's name."""

    def flatten(self: Any) -> Any:
        """The elements in order, along one axis."""
        return reshaped(self, (self.size,))

    ravel = flatten

    def transpose(self: Any, *axes: Any) -> Any:
        """The axes in another order; without one, in reverse."""
        if not axes or (len(axes) == 1 and axes[0] is None):
            return _transposed(self, tuple(range(self.ndim - 1, -1, -1)))
        if self._scope is None:
            try:
                data = self._data.transpose(*axes)
            except (TypeError, ValueError):
                pass  # an error should say what is wrong
            else:
                given = axes if len(axes) == data.ndim and axes[0].__class__ is int else axes[0]
                order = tuple([a % data.ndim for a in given])
                return self._made(data, transpose, (self,), {"order": order})
        order = sizes_of(axes, "transpose")
        if len(order) != self.ndim:
            raise shape_error(
                f"transpose of shape {self.shape} in the order {order}, which should name each of "
                f"its {self.ndim} axes once"
            )
        return _transposed(self, tuple([axis_of(a, self.ndim) for a in order]))

    permute = transpose
    """PyTorch's name."""

    @property
    def T(self: Any) -> Any:
        """The axes in reverse order."""
        return _transposed(self, tuple(range(self.ndim - 1, -1, -1)))

    @property
    def mT(self: Any) -> Any:
        """The last two axes swapped."""
        return self.swapaxes(-1, -2)

    def swapaxes(self: Any, first: int, second: int) -> Any:
        """Two axes, one in the place of the other."""
        n = self.ndim
        a, b = axis_of(first, n), axis_of(second, n)
        order = list(range(n))
        order[a], order[b] = b, a
        return _transposed(self, tuple(order))

    def moveaxis(self: Any, source: Any, destination: Any) -> Any:
        """Axes, one or several, in other places; the others stay in order."""
        sources = source if isinstance(source, (tuple, list)) else (source,)
        places = destination if isinstance(destination, (tuple, list)) else (destination,)
        if len(sources) != len(places):
            raise shape_error(f"moveaxis of axes {source} to {destination}: as many as those")
        from_ = [axis_of(a, self.ndim) for a in sources]
        order = [a for a in range(self.ndim) if a not in from_]
        to = [axis_of(a, self.ndim) for a in places]
        for place, a in sorted(zip(to, from_, strict=True)):
            order.insert(place, a)
        return _transposed(self, tuple(order))

    def expand_dims(self: Any, axis: Any) -> Any:
        """New axes of size 1 in these places of the result."""
        shape = list(self.shape)
        axes = axis if isinstance(axis, (tuple, list)) else (axis,)
        for a in axes_of(tuple(axes), len(shape) + len(axes)):
            shape.insert(a, 1)
        return reshaped(self, tuple(shape))

    unsqueeze = expand_dims
    """PyTorch's name."""

    def squeeze(self: Any, axis: Any = None) -> Any:
        """Without axes of size 1: all of them, or these."""
        shape = self.shape
        if axis is None:
            return reshaped(self, tuple([n for n in shape if n != 1]))
        axes = axes_of(axis, len(shape))
        for a in axes:
            if shape[a] != 1:
                raise shape_error(
                    f"squeeze of axis {a} of shape {shape}: it has size {shape[a]}, not 1"
                )
        return reshaped(self, tuple([n for a, n in enumerate(shape) if a not in axes]))

    def broadcast_to(self: Any, *shape: Any) -> Any:
        """The elements once for each place of a larger shape, by NumPy's rule, without a copy."""
        sizes = sizes_of(shape, "broadcast_to")
        return self if sizes == self.shape else broadcast_to(self, shape=sizes)

    def flip(self: Any, axis: Any = None) -> Any:
        """The elements in reverse order along axes."""
        places = whole(self.shape)
        for a in axes_of(axis, self.ndim):
            n = self.shape[a]
            places[a] = (n - 1, n, -1) if n else (0, 0, 1)
        return slice_(self, places=tuple(places))

    def split(self: Any, parts: Any, axis: int = 0) -> list[Any]:
        """Views of it along an axis: as many as a number says, of equal size, or between places.

        Raises ShapeError if the axis does not divide into that many.
        """
        a = axis_of(axis, self.ndim)
        n = self.shape[a]
        if isinstance(parts, (tuple, list)) or (isinstance(parts, np.ndarray) and parts.ndim):
            cuts = [min(max(k + n if k < 0 else k, 0), n) for k in sizes_of(tuple(parts), "split")]
            edges = [0, *cuts, n]
        else:
            (count,) = sizes_of((parts,), "split")
            if count < 1 or n % count:
                raise shape_error(
                    f"split of shape {self.shape} into {count} parts along axis {a}, which has "
                    f"{n} elements; give places instead: split([...])"
                )
            edges = [k * (n // count) for k in range(count + 1)]
        return [part(self, a, low, max(high - low, 0)) for low, high in itertools.pairwise(edges)]

    def clip(self: Any, min: Any = None, max: Any = None) -> Any:
        """Every element, but at least `min` and at most `max`; a gradient flows where it stays.

        >>> from micrograd import Tensor
        >>> Tensor([-2.0, 0.5, 7.0]).clip(0.0, 1.0)
        Tensor([0. , 0.5, 1. ])
        """
        plain = is_float(self.dtype) and min.__class__ in _PLAIN and max.__class__ in _PLAIN
        if plain and min == min and max == max:  # of nan all are nan
            return clip(self, low=float(min), high=float(max))
        out = self if min is None else self.maximum(min)
        return out if max is None else out.minimum(max)
