"""NumPy's functions of products, norms, differences and moments, made up by those of Tensors. Each
is NumPy's of the same name, for the arguments that it names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from .. import ops
from ..errors import ShapeError, user_location
from .functions import concat, pad, stack, tensor_of, tensordot, tensors_of, where
from .numpy_calls import OF_TENSORS, OF_UFUNCS, by_numbers, enter
from .reducing import axis_of

# --- products -------------------------------------------------------------------------------------


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


def _outer(x: Any, y: Any) -> Any:
    x, y = tensors_of([x, y])
    return x.flatten().outer(y.flatten())


def _vecdot(x: Any, y: Any, /, *, axis: int = -1) -> Any:
    x, y = tensors_of([x, y])
    return (x * y).sum(axis)


def _kron(x: Any, y: Any) -> Any:
    x, y = tensors_of([x, y])
    n = max(x.ndim, y.ndim)
    a, b = ((1,) * (n - v.ndim) + v.shape for v in (x, y))
    rows = x.reshape(*(m for size in a for m in (size, 1)))
    columns = y.reshape(*(m for size in b for m in (1, size)))
    return (rows * columns).reshape(*(m * k for m, k in zip(a, b, strict=True)))


def _cross(a: Any, b: Any, *, axis: int = -1) -> Any:
    a, b = (x.moveaxis(axis, -1) for x in tensors_of([a, b]))
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(
            f"{user_location()}: np.cross of shapes {a.shape} and {b.shape}: vectors should have "
            "3 elements"
        )
    x, y = ([v[..., k] for k in range(3)] for v in (a, b))
    parts = [x[k - 2] * y[k - 1] - x[k - 1] * y[k - 2] for k in range(3)]
    return stack(parts, -1).moveaxis(-1, axis)


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = tensors_of([a, v])
    if a.size < v.size:
        a, v = v, a
    return _slid(a, v.flip(0), mode)


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = tensors_of([a, v])
    if a.size < v.size:
        return _slid(v, a, mode).flip(0)
    return _slid(a, v, mode)


def _slid(a: Any, v: Any, mode: str) -> Any:
    """Sums of products with the shorter `v` at every place."""
    n = v.size
    around = {"full": (n - 1, n - 1), "same": (n // 2, (n - 1) // 2), "valid": (0, 0)}
    if mode not in around or a.ndim != 1 or v.ndim != 1 or not n:
        raise ShapeError(
            f"{user_location()}: np.convolve and correlate are of two vectors, with the mode full, "
            f"same or valid; got shapes {a.shape} and {v.shape}, mode {mode!r}"
        )
    padded = pad(a, around[mode])
    return padded.reshape(1, 1, -1).conv1d(v.reshape(1, 1, -1)).flatten()


def _multi_dot(arrays: Sequence[Any]) -> Any:
    return reduce(lambda x, y: x.dot(y), tensors_of(arrays))


def _matrix_power(a: Any, n: int) -> Any:
    a = tensor_of(a)
    if not isinstance(n, int) or n < 1:
        return by_numbers(np.linalg.matrix_power, "np.linalg.matrix_power", (a, n), {})
    found = None
    while n:
        if n % 2:
            found = a if found is None else found @ a
        a, n = (a @ a if n > 1 else a), n // 2
    return found


def _polyval(p: Any, x: Any) -> Any:
    p, x = tensors_of([p, x])
    found = x * 0.0
    for k in range(p.size):
        found = found * x + p[k]
    return found


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = tensor_of(x)
    n = x.size if N is None else N
    powers = [x ** float(k) for k in range(n)]
    return stack(powers if increasing else powers[::-1], 1)


# --- norms, differences, moments ------------------------------------------------------------------


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


def _ediff1d(x: Any) -> Any:
    return _diff(tensor_of(x).flatten())


def _gradient(f: Any, *spacing: Any, axis: Any = None) -> Any:
    x = tensor_of(f)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = [axis_of(a, x.ndim) for a in axes]
    steps = spacing * len(axes) if len(spacing) == 1 else spacing or (1.0,) * len(axes)
    if any(np.ndim(h) for h in steps) or len(steps) != len(axes):
        return by_numbers(np.gradient, "np.gradient", (f, *spacing), {"axis": axis})
    found = [_sloped(x.moveaxis(a, 0), h).moveaxis(0, a) for a, h in zip(axes, steps, strict=True)]
    return found[0] if len(found) == 1 else tuple(found)


def _sloped(x: Any, h: Any) -> Any:
    """Central differences along the first axis, at the ends one-sided ones."""
    first, last = (x[1] - x[0]) / h, (x[-1] - x[-2]) / h
    ends = first.expand_dims(0), last.expand_dims(0)
    return concat([ends[0], (x[2:] - x[:-2]) / (2 * h), ends[1]], 0)


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y, *places = tensors_of([v for v in (y, x) if v is not None])
    y = y.moveaxis(axis, -1)
    for v in places:
        dx = _diff(v if v.ndim == 1 else v.moveaxis(axis, -1))
    return ((y[..., 1:] + y[..., :-1]) * dx).sum(-1) / 2.0


def _cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None) -> Any:
    x, *others = (_rows(v, rowvar) for v in (m, y) if v is not None)
    x = concat([x, *others], 0)
    off = x - x.mean(1, keepdims=True)
    by = x.shape[1] - (not bias if ddof is None else ddof)
    return (off @ off.T / by).squeeze()


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    found = _cov(x, y, rowvar)
    if not found.ndim:
        return found / found
    deviation = ops.sqrt(found.diagonal())
    return found / deviation.reshape(-1, 1) / deviation


def _rows(x: Any, rowvar: bool) -> Any:
    x = tensor_of(x)
    if x.ndim < 2:
        return x.reshape(1, -1)
    return x if rowvar else x.T


enter(
    np,
    (
        _dot, _inner, _vdot, _outer, _vecdot, _kron, _cross, _convolve, _correlate, _polyval,
        _vander, _diff, _ediff1d, _average, _ptp, _gradient, _trapezoid, _cov, _corrcoef,
    ),
)  # fmt: skip
enter(np.linalg, (_norm, _multi_dot, _matrix_power, _cross, _outer, _vecdot))
for _name, _own in (
    ("matmul", lambda x, y: tensors_of([x, y])[0] @ y),
    ("matrix_norm", lambda x, /, *, keepdims=False, ord="fro": _norm(x, ord, (-2, -1), keepdims)),
    ("vector_norm", lambda x, /, *, axis=None, keepdims=False: _norm(x, None, axis, keepdims)),
    ("trace", lambda x, /, *, offset=0: tensor_of(x).trace(offset, -2, -1)),
    ("diagonal", lambda x, /, *, offset=0: tensor_of(x).diagonal(offset, -2, -1)),
    ("matrix_transpose", lambda x, /: tensor_of(x).mT),
    ("tensordot", lambda x, y, /, *, axes=2: tensordot(x, y, axes)),
):
    if hasattr(np.linalg, _name):
        OF_TENSORS[getattr(np.linalg, _name)] = _own
OF_UFUNCS |= {
    "vecdot": _vecdot,
    "matvec": lambda x, y: (x @ tensor_of(y).expand_dims(-1)).squeeze(-1),
    "vecmat": lambda x, y: (tensor_of(x).expand_dims(-2) @ y).squeeze(-2),
}
