"""The usual indices, at once: NumPy takes them whole, and primitives say so to a gradient.

What is not usual, or wrong, is None, and indexing.py looks at it part by part.
"""

from __future__ import annotations

from threading import get_ident
from types import EllipsisType
from typing import Any

import numpy as np

from .casting import BOOL, I64
from .indexed import gather
from .layout import Place, reshape, slice_
from .recording import OFF, WATCHED, note

_ndarray = np.ndarray
FEW = 1000
"""Elements of a mask below which NumPy's own indexing is faster."""
QUICK = frozenset({int, slice, type(None), EllipsisType})


def at_once(x: Any, index: tuple[Any, ...]) -> Any:
    """The elements of a Tensor that has numbers; None if that takes a closer look."""
    for p in index:
        if p.__class__ not in QUICK:
            return _by_arrays(x, index)
    if not index:
        return None
    try:
        data = x._data[index]
    except IndexError:
        return None
    return x._made(data) if _is_unrecorded(x) else _recorded(x, index, data)


def _is_unrecorded(x: Any) -> bool:
    if not x._needs or (OFF and get_ident() in OFF):
        if WATCHED:
            note(x)
        return True
    return False


def by_array(x: Any, index: Any, axis: int) -> Any:
    """The elements along an axis at the places that one array, or a Tensor, says."""
    p = index._data if index.__class__ is x._class else index
    data = x._data
    if p.dtype is BOOL:
        return None if axis else _by_mask(x, p)
    if p.dtype is not I64 or not p.ndim or not data.ndim:
        return None
    try:
        found = data.take(p, axis)
    except IndexError:
        return None
    if _is_unrecorded(x):
        return x._made(found)
    if p is index:
        index = x._made(p.copy())  # which nobody else writes to
    return x._made(found, gather, (x, index), {"axis": axis})


def _by_mask(x: Any, mask: Any) -> Any:
    """The elements of a Tensor where a mask of its first axes is true."""
    n, data = mask.ndim, x._data
    if not n or mask.shape != data.shape[:n]:
        return None
    is_unrecorded = _is_unrecorded(x)
    if is_unrecorded and mask.size < FEW:
        return x._made(data[mask])
    rows, (places,) = data, mask.ravel().nonzero()  # of one axis NumPy finds them ten times as fast
    if n > 1:
        rows = data.reshape(mask.size, *data.shape[n:])
    found = rows.take(places, 0)
    if is_unrecorded:
        return x._made(found)
    if n > 1:
        x = x._made(rows, reshape, (x,), {"shape": rows.shape})
    return x._made(found, gather, (x, x._made(places)), {"axis": 0})


def _by_arrays(x: Any, index: tuple[Any, ...]) -> Any:
    """The elements at places that arrays or Tensors say, of which there may be several."""
    plain = []
    shape = None
    axis = 0
    is_gather = True  # along axes that stand together, if all before them are whole
    for p in index:
        kind = p.__class__
        if kind is x._class:
            p = p._data
            kind = _ndarray
        if kind is _ndarray:
            if p.dtype is not I64 or not p.ndim:
                return None
            if shape is None:
                shape = p.shape
            elif p.shape != shape:
                is_gather = False
        elif kind is slice and shape is None and p.start is p.stop is p.step is None:
            axis += 1
        elif kind in QUICK:
            is_gather = False
        else:
            return None
        plain.append(p)
    if is_gather and len(plain) == axis + 1:
        return by_array(x, index[axis], axis)
    try:
        data = x._data[tuple(plain)]
    except IndexError:
        return None
    if _is_unrecorded(x):
        return x._made(data)
    if not is_gather:
        return None
    operands = [x]
    for p in index[axis:]:
        operands.append(p if p.__class__ is x._class else x._made(p.copy()))
    return x._made(data, gather, tuple(operands), {"axis": axis})


def _recorded(x: Any, index: tuple[Any, ...], data: Any) -> Any:
    """A slice of it, and a reshape where there are new axes."""
    shape = x._data.shape
    places: list[Place] = []
    sizes: list[int] = []
    is_new = False
    for p in index:
        if p is None:
            is_new = True
        elif p is Ellipsis:
            rest = len(shape) - sum([q is not None and q is not Ellipsis for q in index])
            for n in shape[len(places) : len(places) + rest]:
                places.append((0, n, 1))
                sizes.append(n)
        else:
            n = shape[len(places)]
            if p.__class__ is int:
                places.append(p % n)
            else:
                place = _place(p, n)
                places.append(place)
                sizes.append(place[1])
    for n in shape[len(places) :]:
        places.append((0, n, 1))
        sizes.append(n)
    how = {"places": tuple(places)}
    if not is_new:
        return x._made(data, slice_, (x,), how)
    part = x._made(data.reshape(sizes), slice_, (x,), how)
    return x._made(data, reshape, (part,), {"shape": data.shape})


def _place(p: slice, n: int) -> tuple[int, int, int]:
    """The start, the size and the step of a slice of an axis."""
    start, stop, step = p.indices(n)
    size = len(range(start, stop, step))
    return (start, size, step) if size else (0, 0, 1)
