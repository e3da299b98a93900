"""Functions of Tensors, numbers and arrays: what is no method of one Tensor, or is written as
a function as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..checks import MOST, number
from ..errors import DataError, MicrogradError, ShapeError, kind, user_location
from .applying import floats_of, refusal
from .casting import is_float
from .core import Tensor
from .layout import concat as concat_
from .layout import reshape
from .primitive import Shape, shape_error
from .products import einsum_of
from .products import matmul as matmul_
from .reading import by_numpy
from .reducing import axis_of
from .shaping import reshaped
from .sliding import padded


def tensor_of(x: Any, like: Any = None) -> Any:
    """`x` as a Tensor: arrays and numbers in the dtype of `like`, if that is a Tensor of floats."""
    if hasattr(x, "__primitive__"):
        return x
    if like is None:
        return Tensor.of_values(x) if hasattr(x, "__apply__") else Tensor(x)
    x = like._lifted(x)
    return x if hasattr(x, "__primitive__") else like._constant(np.asarray(x))


def tensors_of(xs: Iterable[Any]) -> list[Any]:
    """Several, each in the dtype of the first Tensor of floats among them, if there is one."""
    xs = list(xs)
    if all([x.__class__ is Tensor for x in xs]) and (not xs or is_float(xs[0].dtype)):
        return xs
    tensors = [x for x in xs if hasattr(x, "__primitive__")]
    like = next((x for x in tensors if is_float(x.dtype)), tensors[0] if tensors else None)
    return [tensor_of(x, like) for x in xs]


# --- several as one -------------------------------------------------------------------------------


def concat(tensors: Sequence[Any], axis: int | None = 0) -> Any:
    """Tensors one after the other along an axis; None: of each, all elements in order.

    >>> concat([Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0]])])
    Tensor([[1., 2.],
            [3., 4.]])

    Raises ShapeError for shapes that differ along another axis.
    """
    if axis.__class__ is int and _is_plain(tensors, axis):
        return _joined(tensors, axis)
    xs = _several(tensors, "concat")
    if axis is None:
        xs, axis = [x.flatten() for x in xs], 0
    if not xs[0].shape:
        raise shape_error("concat of Tensors that have no axes; use stack")
    return concat_(*floats_of(*xs), axis=axis_of(axis, xs[0].ndim))


def _is_plain(tensors: Any, axis: Any) -> bool:
    """Whether they are Tensors of one dtype that have such an axis."""
    if not isinstance(tensors, (list, tuple)) or not tensors:
        return False
    first = tensors[0]
    if not hasattr(first, "__primitive__") or not 0 <= axis < len(first.shape):
        return False
    kind, dtype = first.__class__, first.dtype
    return all(x.__class__ is kind and x.dtype is dtype for x in tensors)


def _joined(tensors: Sequence[Any], axis: int) -> Any:
    """Tensors of one dtype, one after the other."""
    if tensors[0].__class__ is not Tensor:
        return concat_(*tensors, axis=axis)
    try:
        data = np.concatenate([x._data for x in tensors], axis)
    except ValueError:
        return concat_(*tensors, axis=axis)  # says what does not fit
    return tensors[0]._made(data, concat_, tuple(tensors), {"axis": axis})


def stack(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Tensors of one shape along a new axis.

    >>> stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])], axis=1)
    Tensor([[1., 3.],
            [2., 4.]])
    """
    xs = _several(tensors, "stack")
    first = xs[0].shape
    for k, x in enumerate(xs):
        if x.shape != first:
            raise shape_error(
                f"stack of shapes {first} and {x.shape} (number {k}), which should be equal"
            )
    a = axis_of(axis, len(first) + 1)
    shape = (*first[:a], 1, *first[a:])
    return _joined([reshaped(x, shape) for x in floats_of(*xs)], a)


def _several(tensors: Any, name: str) -> list[Any]:
    if hasattr(tensors, "__primitive__"):
        tensors = list(tensors)
    if not isinstance(tensors, (list, tuple)) or not tensors:
        raise DataError(
            f"{user_location()}: {name} takes a list of one Tensor or more, got {kind(tensors)}"
        )
    return tensors_of(tensors)


def split(x: Any, parts: Any, axis: int = 0) -> list[Any]:
    """Views along an axis: so many of one size, or between these places, as `np.split`."""
    return tensor_of(x).split(parts, axis)  # type: ignore[no-any-return]


def pad(x: Any, widths: Any, value: float = 0.0) -> Any:
    """`x` with elements of `value` around it.

    widths   a number; (before, after), of every axis; or a pair for each

    >>> pad(Tensor([1.0, 2.0]), (1, 2))
    Tensor([0., 1., 2., 0., 0.])
    """
    x = tensor_of(x)
    try:
        pairs = np.broadcast_to(np.asarray(widths), (x.ndim, 2))
    except (ValueError, TypeError, MicrogradError):
        pairs = np.array([[-1]])
    if pairs.dtype.kind not in "iu" or ((pairs < 0) | (pairs >= MOST)).any():
        raise ShapeError(
            f"{user_location()}: widths of a pad should be whole numbers, 0 or more: one, "
            f"(before, after), or such a pair for each of {x.ndim} axes, got {kind(widths)}"
        )
    filled = number("value", value, refusal)
    return padded(x, tuple((int(b), int(a)) for b, a in pairs), filled)


def where(condition: Any, x: Any, y: Any) -> Any:
    """Where the condition is true, `x`, elsewhere `y`; nothing flows to what is not chosen."""
    condition, x, y = (
        by_numpy(v) if isinstance(v, (list, tuple)) else v for v in (condition, x, y)
    )
    return ops.where(condition, x, y)


def matmul(x: Any, y: Any) -> Any:
    """The matrix product, as `@`."""
    return matmul_(*tensors_of([x, y]))


def einsum(subscripts: str, *operands: Any) -> Any:
    """Einstein's sum: products of elements, summed over the labels that the result leaves out.

    >>> einsum("bi,ij->bj", Tensor([[1.0, 2.0]]), Tensor([[1.0, 0.0], [0.0, 3.0]]))
    Tensor([[1., 6.]])

    `...` stands for further axes, which broadcast; a label twice in one operand is its diagonal.
    Several operands are multiplied from the left to the right. Raises ShapeError for sizes that do
    not fit.
    """
    if not operands or not isinstance(subscripts, str):
        raise DataError(
            f"{user_location()}: einsum takes subscripts, such as 'ij,jk->ik', and one operand or "
            f"more, got {kind(subscripts)} and {len(operands)} operands"
        )
    return einsum_of(subscripts, tensors_of(operands))


def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """The sum of products over axes: the last of `x` and the first of `y`, or lists of them."""
    x, y = tensors_of([x, y])
    first, second = _summed(axes, x, y)
    rest_x = [a for a in range(x.ndim) if a not in first]
    rest_y = [a for a in range(y.ndim) if a not in second]
    left, right = tuple(x.shape[a] for a in rest_x), tuple(y.shape[a] for a in rest_y)
    size = math.prod(x.shape[a] for a in first)
    a = x.transpose(*rest_x, *first).reshape(math.prod(left), size)
    b = y.transpose(*second, *rest_y).reshape(
        math.prod(y.shape[k] for k in second), math.prod(right)
    )
    return reshape(matmul_(a, b), shape=left + right)


def _summed(axes: Any, x: Any, y: Any) -> tuple[Shape, Shape]:
    """The axes of both that a tensordot sums over."""
    if isinstance(axes, int) and not isinstance(axes, bool):
        if not 0 <= axes <= min(x.ndim, y.ndim):
            raise shape_error(f"tensordot of shapes {x.shape} and {y.shape} over {axes} axes")
        return tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        raise DataError(
            f"{user_location()}: axes of a tensordot should be a whole number, or a pair of axes "
            f"or of lists of them, got {kind(axes)}"
        )
    first, second = (
        tuple(axis_of(a, v.ndim) for a in (given if isinstance(given, (tuple, list)) else (given,)))
        for given, v in zip(axes, (x, y), strict=True)
    )
    sizes = [x.shape[a] for a in first], [y.shape[a] for a in second]
    if sizes[0] != sizes[1] or len(set(first)) < len(first) or len(set(second)) < len(second):
        raise shape_error(
            f"tensordot of shapes {x.shape} and {y.shape} over axes {first} and {second}, which "
            "should be of equal sizes, each named once"
        )
    return first, second


# --- methods as functions ------------------------------------------------------


def method_named(name: str) -> Any:
    """A method of Tensors as a function."""

    def function(x: Any, *args: Any, **how: Any) -> Any:
        return getattr(tensor_of(x), name)(*args, **how)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`x.{name}(...)` of a Tensor, or of what can be one."
    return function


softmax, log_softmax, logsumexp = map(method_named, ("softmax", "log_softmax", "logsumexp"))
conv1d, conv2d, avg_pool, max_pool = map(method_named, ("conv1d", "conv2d", "avg_pool", "max_pool"))
