"""`x[...]`: integers, slices, None, ..., integer arrays and masks, as NumPy has them.

What is basic is a slice and a reshape, and so a view. Integer arrays are a gather along one axis;
several of them are one along as many axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import DataError, kind, user_location
from .at_once import QUICK, at_once, by_array
from .casting import BOOL, I64
from .elementwise import broadcast
from .indexed import gather, is_within, out_of_range
from .layout import Place, slice_, transpose, whole
from .primitive import Shape
from .reading import by_numpy
from .reducing import axis_of

Part = Any  # an int, a slice, None, or an index Tensor


class Indexing:
    """Indexing and iteration."""

    __slots__ = ()

    def __getitem__(self: Any, index: Any) -> Any:
        if self._scope is None:
            kind = index.__class__
            found = None
            if kind is tuple:
                found = at_once(self, index)
            elif kind in QUICK:
                found = at_once(self, (index,))
            elif kind is self._class or kind is np.ndarray:
                found = by_array(self, index, 0)
            if found is not None:
                return found
        if index.__class__ is self._class and index.dtype is I64 and self.shape and index.shape:
            return gather(self, index, axis=0)
        parts = _parts(self, index)
        if any(hasattr(p, "__primitive__") for p in parts):
            return _advanced(self, parts)
        return _basic(self, parts)

    def __iter__(self: Any) -> Iterator[Any]:
        if not self.shape:
            raise DataError(f"{user_location()}: a Tensor of no axes cannot be iterated over")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self: Any, x: Any) -> bool:
        return bool((self == x).any())

    def take(self: Any, index: Any, axis: Any = None) -> Any:
        """The elements, or what is along an axis, at these places: the index's shape stands where
        the axis was.

        Raises IndexError for a place that is not there, DataError for places that are no whole
        numbers.
        """
        x, a = (self.flatten(), 0) if axis is None else (self, axis_of(axis, self.ndim))
        kind = index.__class__
        if x._scope is None and (kind is np.ndarray or kind is x._class) and index.dtype is I64:
            found = by_array(x, index, a)
            if found is not None:
                return found
        return gather(x, _index(x, index), axis=a)

    def take_along_axis(self: Any, index: Any, axis: int) -> Any:
        """out[i, j] = x[i, index[i, j]], where the second is the axis: of `argmax`'s results."""
        a = axis_of(axis, self.ndim)
        places: list[Any] = [
            np.arange(n).reshape((-1,) + (1,) * (self.ndim - 1 - k))
            for k, n in enumerate(self.shape)
        ]
        places[a] = index
        return self[tuple(places)]


# --- what an index is made of ---------------------------------------------------------------------


def _index(x: Any, given: Any) -> Any:
    """An int64 Tensor of places."""
    if hasattr(given, "__primitive__"):
        if given.dtype is I64:
            return given
        array = None
    else:
        array = by_numpy(given)
        if not array.size and isinstance(given, (list, tuple)):
            array = array.astype(np.int64)
    if array is None or array.dtype.kind not in "iu":
        raise DataError(
            f"{user_location()}: an index is of whole numbers, or a mask of truth values, got "
            f'{kind(given)}; take astype("int64")'
        )
    return x._made(array.astype(np.int64))  # which nobody else writes to


def _is_mask(p: Any) -> bool:
    if hasattr(p, "__primitive__"):
        return p.dtype is BOOL
    if not isinstance(p, (np.ndarray, list)):
        return False
    array = by_numpy(p)
    return array.dtype == bool and (array.size > 0 or isinstance(p, np.ndarray))


def _parts(x: Any, index: Any) -> list[Part]:
    """The index as ints, slices, None and index Tensors, one for each axis and None more."""
    given = list(index) if isinstance(index, tuple) else [index]
    parts: list[Part] = []
    for p in given:
        if p is None or p is Ellipsis or isinstance(p, slice):
            parts.append(p)
        elif isinstance(p, (bool, np.bool_)):
            raise DataError(f"{user_location()}: True and False are no indices; write x[None] or 0")
        elif isinstance(p, (int, np.integer)):
            parts.append(int(p))
        elif _is_mask(p):
            parts.extend(_places(x, p, sum(q is not None and q is not Ellipsis for q in parts)))
        else:
            parts.append(_index(x, p))
    used = sum(p is not None and p is not Ellipsis for p in parts)
    if used > x.ndim or sum(p is Ellipsis for p in parts) > 1:
        raise IndexError(
            f"{user_location()}: {used} indices, or more than one ..., for a Tensor of shape "
            f"{x.shape}"
        )
    rest: list[Part] = [slice(None)] * (x.ndim - used)
    k = next((k for k, p in enumerate(parts) if p is Ellipsis), len(parts))
    return parts[:k] + rest + parts[k + 1 :]


def _places(x: Any, mask: Any, axis: int) -> list[Any]:
    """Where a mask is true: an index Tensor for each of its axes."""
    array = mask._data if hasattr(mask, "__primitive__") else np.asarray(mask)
    found = x.shape[axis : axis + array.ndim]
    if array.shape != found:
        raise IndexError(
            f"{user_location()}: a mask of shape {array.shape} for axes of shape {found}, of a "
            f"Tensor of shape {x.shape}"
        )
    if not array.ndim:
        raise DataError(f"{user_location()}: True and False are no indices; write x[None] or 0")
    return [x._class(places) for places in np.nonzero(array)]


# --- basic ----------------------------------------------------------------------------------------


def _basic(x: Any, parts: list[Part], keep: bool = False) -> Any:
    """A slice, and a reshape for new axes; with `keep`, whole axes stand where index Tensors do."""
    places: list[Place] = []
    new: list[int] = []
    ndim = 0
    for p in parts:
        if p is None:
            new.append(ndim)
        elif isinstance(p, (int, slice)):
            places.append(_place_of(p, x.shape, len(places)))
        else:
            places.append((0, x.shape[len(places)], 1))
        ndim += not isinstance(p, int)
    out = x if keep and places == whole(x.shape) else slice_(x, places=tuple(places))
    return out.expand_dims(tuple(new)) if new else out


def _place_of(p: int | slice, shape: Shape, axis: int) -> Place:
    """A number from the front, or the start, the size and the step of a slice."""
    n = shape[axis]
    if isinstance(p, slice):
        if p.start is None and p.stop is None and p.step is None:
            return (0, n, 1)
        start, stop, step = p.indices(n)
        size = len(range(start, stop, step))
        return (start, size, step) if size else (0, 0, 1)
    if not -n <= p < n:
        raise out_of_range(np.array(p), shape, axis)
    return p % n


# --- by integer arrays ----------------------------------------------------------------------------


def _advanced(x: Any, parts: list[Part]) -> Any:
    """NumPy's rule: numbers count as arrays; the result's axes stand where the arrays were, or
    first, if something is between them.
    """
    parts = [x._class(np.asarray(p)) if isinstance(p, int) else p for p in parts]
    at = [k for k, p in enumerate(parts) if hasattr(p, "__primitive__")]
    indices = [parts[k] for k in at]
    y = sliced = _basic(x, parts, keep=True)
    together = at == list(range(at[0], at[-1] + 1))
    if not together:
        y = transpose(y, order=tuple(at + [a for a in range(y.ndim) if a not in at]))
    if len(indices) > 1:
        shape = broadcast("an index", *(i.shape for i in indices))
        indices = [i.broadcast_to(shape) for i in indices]
    try:
        return gather(y, *indices, axis=at[0] if together else 0)
    except IndexError:
        for axis, index in zip(at, indices, strict=True):
            if not is_within(index._data, sliced.shape[axis]):
                raise out_of_range(index._data, sliced.shape, axis) from None
        raise
