"""NumPy's functions that those of Tensors make up: how arrays are joined, repeated and cut, inner
products, norms, differences. Each is NumPy's of the same name, for the arguments that it names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from .functions import concat, tensor_of, tensordot, tensors_of, where
from .numpy_calls import OF_TENSORS, by_numbers, called
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


# --- sums of products, norms, differences ---------------------------------------------------------


def _dot(x: Any, y: Any) -> Any:
    """Over the last axis of the first and the last but one of the second."""
    x, y = tensors_of([x, y])
    return x.dot(y)


def _inner(x: Any, y: Any) -> Any:
    x, y = tensors_of([x, y])
    return tensordot(x, y, (-1, -1)) if x.ndim and y.ndim else x * y


def _vdot(x: Any, y: Any) -> Any:
    x, y = tensors_of([x, y])
    return x.flatten().dot(y.flatten())


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Of vectors, and Frobenius' of all elements; at 0 its gradient is 0, as PyTorch has it."""
    x = tensor_of(x)
    is_vector = x.ndim == 1 or isinstance(axis, int)
    if ord == 1 and is_vector:
        return abs(x).sum(axis, keepdims)
    if ord in (math.inf, -math.inf) and is_vector:
        return abs(x).max(axis, keepdims) if ord > 0 else abs(x).min(axis, keepdims)
    if ord is not None and not (ord == 2 and is_vector) and ord != "fro":
        return by_numbers(np.linalg.norm, "np.linalg.norm", (x, ord, axis, keepdims), {})
    squares = (x * x).sum(axis, keepdims)
    is_zero = ops.eq(squares, 0.0)
    return where(is_zero, squares, ops.sqrt(where(is_zero, 1.0, squares)))


def _diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    x = tensor_of(x)
    before = (slice(None),) * axis_of(axis, x.ndim)
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


def _average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    x = tensor_of(x)
    if weights is None:
        return x.mean(axis)
    x, w = tensors_of([x, weights])
    if w.shape != x.shape and w.ndim == 1 and isinstance(axis, int):
        w = w.reshape(-1, *[1] * (x.ndim - 1 - axis_of(axis, x.ndim)))
    w = w.broadcast_to(*x.shape)
    return (x * w).sum(axis) / w.sum(axis)


def _ptp(x: Any, axis: Any = None) -> Any:
    x = tensor_of(x)
    return x.max(axis) - x.min(axis)


def _broadcast_arrays(*xs: Any) -> tuple[Any, ...]:
    tensors = tensors_of(xs)
    shape = np.broadcast_shapes(*(x.shape for x in tensors))
    return tuple(x.broadcast_to(*shape) for x in tensors)


def _recorded(function: Any, own: Any) -> Any:
    """NumPy's function as it is here; with options that are not here, on the numbers."""
    named = own.__code__.co_varnames[: own.__code__.co_argcount]

    def call(*args: Any, **how: Any) -> Any:
        if how.keys() - set(named):
            return by_numbers(function, called(function), args, how)
        return own(*args, **how)

    return call


OF_TENSORS |= {
    getattr(np, f.__name__[1:]): _recorded(getattr(np, f.__name__[1:]), f)
    for f in (
        _atleast_1d,
        _atleast_2d,
        _vstack,
        _hstack,
        _column_stack,
        _dstack,
        _append,
        _tile,
        _repeat,
        _roll,
        _array_split,
        _diag,
        _tril,
        _triu,
        _copy,
        _dot,
        _inner,
        _vdot,
        _diff,
        _average,
        _ptp,
        _broadcast_arrays,
    )
}
OF_TENSORS[np.linalg.norm] = _recorded(np.linalg.norm, _norm)
