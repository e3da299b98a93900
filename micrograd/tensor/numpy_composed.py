"""NumPy's functions that those of Tensors make up: how arrays are joined, repeated, cut and turned.
Each is NumPy's of the same name, for the arguments that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError, user_location
from .functions import concat, pad, stack, tensor_of, tensors_of, where
from .numpy_calls import enter
from .reducing import axis_of

# --- joined, repeated, cut ------------------------------------------------------------------------


def _atleast_1d(x: Any) -> Any:
    x = tensor_of(x)
    return x if x.ndim else x.reshape(1)


def _atleast_2d(x: Any) -> Any:
    x = tensor_of(x)
    return x if x.ndim > 1 else x.reshape(1, -1)


def _vstack(xs: Sequence[Any]) -> Any:
    return concat([_atleast_2d(x) for x in tensors_of(xs)], 0)


def _hstack(xs: Sequence[Any]) -> Any:
    found = [_atleast_1d(x) for x in tensors_of(xs)]
    return concat(found, 0 if found and found[0].ndim == 1 else 1)


def _column_stack(xs: Sequence[Any]) -> Any:
    return concat([x if x.ndim > 1 else x.reshape(-1, 1) for x in tensors_of(xs)], 1)


def _dstack(xs: Sequence[Any]) -> Any:
    found = [_atleast_2d(x) for x in tensors_of(xs)]
    return concat([x if x.ndim > 2 else x.expand_dims(-1) for x in found], 2)


def _append(x: Any, more: Any, axis: int | None = None) -> Any:
    return concat([x, more], axis)


def _tile(x: Any, reps: Any) -> Any:
    x, times = tensor_of(x), reps if isinstance(reps, (tuple, list)) else (reps,)
    sizes = [1] * (len(times) - x.ndim) + list(x.shape)
    times = [1] * (len(sizes) - len(times)) + list(times)
    spread = [n for pair in zip(times, sizes, strict=True) for n in pair]
    ones = [n for m in sizes for n in (1, m)]
    whole = x.reshape(*ones).broadcast_to(*spread)
    return whole.reshape(*(n * m for n, m in zip(times, sizes, strict=True)))


def _repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    x = tensor_of(x)
    x = x.flatten() if axis is None else x
    k = axis_of(-1 if axis is None else axis, x.ndim)
    return x.take(np.repeat(np.arange(x.shape[k]), repeats), axis=k)


def _roll(x: Any, shift: Any, axis: Any = None) -> Any:
    x = tensor_of(x)
    if axis is None:
        return _roll(x.flatten(), shift, 0).reshape(*x.shape)
    pairs = np.broadcast(shift, axis)
    for n, a in pairs:
        k = axis_of(int(a), x.ndim)
        x = x.take(np.roll(np.arange(x.shape[k]), n), axis=k)
    return x


def _array_split(x: Any, parts: Any, axis: int = 0) -> list[Any]:
    x = tensor_of(x)
    if not isinstance(parts, int):
        return list(x.split(parts, axis))
    n = x.shape[axis_of(axis, x.ndim)]
    sizes = [n // parts + (k < n % parts) for k in range(parts)]
    return list(x.split(np.cumsum(sizes)[:-1].tolist(), axis))


def _diag(x: Any, k: int = 0) -> Any:
    x = tensor_of(x)
    if x.ndim == 1:
        n = x.shape[0] + abs(k)
        rows = np.arange(x.shape[0]) + max(-k, 0)
        put = np.zeros((n, n, x.shape[0]), x.dtype)
        put[rows, rows + k, np.arange(x.shape[0])] = 1
        return (put * x).sum(-1)
    return (x[:, k:] if k >= 0 else x[-k:]).diagonal()


def _tril(x: Any, k: int = 0) -> Any:
    x = tensor_of(x)
    return where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool), x, 0.0)


def _triu(x: Any, k: int = 0) -> Any:
    x = tensor_of(x)
    return where(np.tri(x.shape[-2], x.shape[-1], k - 1, dtype=bool), 0.0, x)


def _copy(x: Any, order: str = "K", subok: bool = False) -> Any:
    return tensor_of(x)  # nothing writes into Tensors


# --- turned, chosen, put around -------------------------------------------------------------------


def _fliplr(x: Any) -> Any:
    return tensor_of(x).flip(1)


def _flipud(x: Any) -> Any:
    return tensor_of(x).flip(0)


def _rot90(x: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    x, (a, b) = tensor_of(x), axes
    if k % 2 == 0:
        return x.flip((a, b)) if k % 4 else x
    return x.flip(b).swapaxes(a, b) if k % 4 == 1 else x.swapaxes(a, b).flip(b)


def _atleast_3d(x: Any) -> Any:
    x = _atleast_2d(x) if tensor_of(x).ndim < 2 else tensor_of(x)
    return x if x.ndim > 2 else x.expand_dims(-1)


def _vsplit(x: Any, parts: Any) -> list[Any]:
    return _array_split(x, parts, 0)


def _hsplit(x: Any, parts: Any) -> list[Any]:
    return _array_split(x, parts, 0 if tensor_of(x).ndim == 1 else 1)


def _dsplit(x: Any, parts: Any) -> list[Any]:
    return _array_split(x, parts, 2)


def _unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    return tuple(tensor_of(x).moveaxis(axis, 0))


def _matrix_transpose(x: Any, /) -> Any:
    return tensor_of(x).mT


def _diagflat(x: Any, k: int = 0) -> Any:
    return _diag(tensor_of(x).flatten(), k)


def _meshgrid(*xs: Any, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    n = len(xs)
    found = [x.reshape(*(-1 if a == k else 1 for a in range(n)))
             for k, x in enumerate(tensors_of(xs))]  # fmt: skip
    if indexing == "xy" and n > 1:
        found = [x.swapaxes(0, 1) for x in found]
    return tuple(found) if sparse else _broadcast_arrays(*found)


def _delete(x: Any, obj: Any, axis: int | None = None) -> Any:
    x = tensor_of(x)
    x, axis = (x.flatten(), 0) if axis is None else (x, axis)
    return x.take(np.delete(np.arange(x.shape[axis]), obj), axis=axis)


def _compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    x = tensor_of(x)
    places = np.flatnonzero(np.asarray(condition))
    return x.flatten().take(places) if axis is None else x.take(places, axis=axis)


def _resize(x: Any, new_shape: Any) -> Any:
    shape = np.zeros(0).reshape(0, *np.atleast_1d(new_shape)).shape[1:]
    x = tensor_of(x).flatten()
    return x.take(np.resize(np.arange(x.size), shape))


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    found = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        found = where(condition, choice, found)
    return found


def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, *, axis: int = 0) -> Any:
    start, stop = tensors_of([start, stop])
    steps = np.linspace(0.0, 1.0, num, endpoint).tolist()
    return stack([start * (1.0 - t) + stop * t for t in steps], axis)


_MODES = ("constant", "edge", "wrap", "reflect", "symmetric")


def _pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0.0) -> Any:
    if mode not in _MODES:
        raise DataError(
            f"{user_location()}: np.pad of a Tensor has the modes {', '.join(_MODES)}, got {mode!r}"
        )
    if mode == "constant":
        return pad(x, pad_width, constant_values)
    x = tensor_of(x)
    for a, (width, n) in enumerate(
        zip(np.broadcast_to(pad_width, (x.ndim, 2)), x.shape, strict=True)
    ):
        if width.any():
            x = x.take(np.pad(np.arange(n), width, mode), axis=a)  # type: ignore[call-overload]
    return x


def _broadcast_arrays(*xs: Any) -> tuple[Any, ...]:
    tensors = tensors_of(xs)
    shape = np.broadcast_shapes(*(x.shape for x in tensors))
    return tuple(x.broadcast_to(*shape) for x in tensors)


enter(
    np,
    (
        _atleast_1d, _atleast_2d, _atleast_3d, _vstack, _hstack, _column_stack, _dstack, _append,
        _tile, _repeat, _roll, _array_split, _vsplit, _hsplit, _dsplit, _unstack, _diag, _diagflat,
        _tril, _triu, _copy, _fliplr, _flipud, _rot90, _matrix_transpose, _meshgrid, _delete,
        _compress, _resize, _select, _linspace, _pad, _broadcast_arrays,
    ),
)  # fmt: skip
