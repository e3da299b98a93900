"""Reductions as methods: sums, means, extremes, and what is made of them.

`axis` is None (all), a number, or a tuple of them, counted from the end if negative; `keepdims`
leaves axes of size 1 where those were.
"""

from __future__ import annotations

import math
import operator
from threading import get_ident
from typing import Any

import numpy as np

from .. import ops
from ..checks import MOST, flag
from ..errors import DataError, kind, user_location
from .applying import refusal
from .casting import DEFAULT, is_float
from .indexed import arg_reduce, by_place
from .layout import reshape
from .primitive import Shape
from .quiet import QUIET, quietly
from .recording import OFF, WATCHED, note
from .reduction import by_numpy, kept, reduce
from .scans import scan


def axis_of(axis: Any, ndim: int) -> int:
    """One axis, counted from the front.

    Raises DataError for what is no whole number; IndexError for an axis that is not there.
    """
    try:
        a = operator.index(axis)
    except TypeError:
        raise DataError(
            f"{user_location()}: axis should be a whole number, got {kind(axis)}"
        ) from None
    if not -ndim <= a < ndim:
        raise IndexError(f"{user_location()}: axis {a} of a Tensor that has {ndim} axes")
    return a % ndim


def axes_of(axis: Any, ndim: int) -> Shape:
    """Axes in order, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    if axis.__class__ is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    axes = tuple(axis_of(a, ndim) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(set(axes)) < len(axes):
        raise IndexError(f"{user_location()}: axis {axis} names one axis twice")
    return tuple(sorted(axes))


def _fold(op: ops.Op, x: Any, axis: Any, keepdims: bool) -> Any:
    if _is_usual(x, axis) and (keepdims is False or keepdims is True):
        try:
            return _folded(op, x, axis, keepdims)
        except (RuntimeError, ValueError, TypeError):
            pass  # one runs already, or an error should say what is wrong
    axes = axes_of(axis, x.ndim)
    keepdims = keepdims is not False and flag("keepdims", keepdims, refusal)
    out = reduce(x, op=op, axes=axes)
    return reshape(out, shape=kept(x.shape, axes)) if keepdims else out


def _is_usual(x: Any, axis: Any) -> bool:
    """Whether there are numbers, which NumPy reduces over this axis as we do."""
    return x._scope is None and (axis is None or (axis.__class__ is int and x._data.ndim > 0))


def _folded(op: ops.Op, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduction of numbers that are there over one axis, or over all."""
    data = x._data
    if not x._needs or (OFF and get_ident() in OFF):
        made = x._made(QUIET.run(by_numpy(op), data, axis, None, None, keepdims))
        if WATCHED:
            note(x)
        return made
    made = QUIET.run(by_numpy(op), data, axis)
    n = data.ndim
    axes = tuple(range(n)) if axis is None else (axis % n,)
    out = x._made(made, reduce, (x,), {"op": op, "axes": axes})
    if keepdims is False:
        return out
    shape = kept(data.shape, axes)
    return x._made(out._data.reshape(shape), reshape, (out,), {"shape": shape})


class Reducing:
    """Methods that reduce axes."""

    __slots__ = ()

    def sum(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum; of nothing, 0. Of truth values, how many are true."""
        return _fold(ops.add, self, axis, keepdims)

    def prod(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The product; of nothing, 1."""
        return _fold(ops.mul, self, axis, keepdims)

    def max(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The largest, nan if there is one. Where several are, they share the gradient evenly.

        Raises ShapeError if there are no elements.
        """
        return _fold(ops.maximum, self, axis, keepdims)

    def min(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The smallest, nan if there is one. Where several are, they share the gradient evenly.

        Raises ShapeError if there are no elements.
        """
        return _fold(ops.minimum, self, axis, keepdims)

    def mean(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean; of nothing, nan."""
        x = self if is_float(self.dtype) else self.astype(DEFAULT)
        return _fold(ops.add, x, axis, keepdims) / _count(self, axis)

    def var(self: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
        """The variance, of which `ddof` is taken from the number that it divides by: 0 as NumPy
        does, 1 for the sample variance, which is PyTorch's.
        """
        if not isinstance(ddof, (int, float)) or not abs(ddof) < MOST:
            raise refusal(f"ddof should be a number, got {kind(ddof)}")
        off = self - self.mean(axis, keepdims=True)
        count = _count(self, axis)
        by = max(count - ddof, 0.0) if isinstance(count, float) else (count - ddof).maximum(0.0)
        return (off * off).sum(axis, keepdims) / by

    def std(self: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
        """The standard deviation; `ddof` as of `var`."""
        return ops.sqrt(self.var(axis, keepdims, ddof))

    def argmax(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Where the largest is: the first, as an int64 Tensor; without an axis, among all elements
        in order.
        """
        return _find(ops.maximum, self, axis, keepdims)

    def argmin(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Where the smallest is, as `argmax` says it."""
        return _find(ops.minimum, self, axis, keepdims)

    def cumsum(self: Any, axis: Any = None) -> Any:
        """The sums of each element and all before it; without an axis, of all elements in order.

        >>> from micrograd import Tensor
        >>> Tensor([1.0, 2.0, 4.0]).cumsum()
        Tensor([1., 3., 7.])
        """
        return _scanned(ops.add, self, axis)

    def cumprod(self: Any, axis: Any = None) -> Any:
        """The products of each element and all before it, as `cumsum` says it."""
        return _scanned(ops.mul, self, axis)

    # -- of exponentials -------------------------------------------------------------------------

    def logsumexp(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The logarithm of the sum of exponentials, which overflows nowhere."""
        x, top = _from_top(self, axis)
        total = x.exp().sum(axis, keepdims=True).log() + top
        if keepdims is not False and flag("keepdims", keepdims, refusal):
            return total
        return total.squeeze(axes_of(axis, self.ndim))

    def softmax(self: Any, axis: Any = -1) -> Any:
        """The exponentials, divided by their sum along the axis.

        >>> from micrograd import Tensor
        >>> Tensor([[0.0, 0.0], [1000.0, 0.0]]).softmax()
        Tensor([[0.5, 0.5],
                [1. , 0. ]])
        """
        e = _from_top(self, axis)[0].exp()
        return e / e.sum(axis, keepdims=True)

    def log_softmax(self: Any, axis: Any = -1) -> Any:
        """The logarithm of `softmax`, which keeps digits where that is nearly 0."""
        x, _ = _from_top(self, axis)
        return x - x.exp().sum(axis, keepdims=True).log()


def _scanned(op: ops.Op, x: Any, axis: Any) -> Any:
    """A scan along an axis; None: of all elements in order."""
    if axis is None:
        x, axis = reshape(x, shape=(x.size,)), 0
    return scan(x, op=op, axis=axis_of(axis, x.ndim))


def _count(x: Any, axis: Any) -> Any:
    """How many elements are reduced to one: a float, or a Tensor where it is not known yet."""
    if axis is None and x._scope is None:
        return float(x._data.size)
    shape = x.shape
    count: Any = math.prod([shape[a] for a in axes_of(axis, len(shape))])
    return float(count) if isinstance(count, int) else count.__number__()


def _top(x: Any, axis: Any) -> Any:
    """The largest number along the axis, and 0 where it is infinite or no number; a constant."""
    top = x.detach().max(axis, keepdims=True)
    if x._scope is None and math.isfinite(quietly(np.add.reduce, top._data, None)):
        return top
    return ops.where(ops.absolute(top) < math.inf, top, 0.0)


def _from_top(x: Any, axis: Any) -> tuple[Any, Any]:
    """What is left if the largest number along the axis is taken away, and that number; it is a
    constant to the gradient, and 0 where it is infinite.
    """
    x = x if is_float(x.dtype) else x.astype(DEFAULT)
    shape = x.shape
    if not math.prod([shape[a] for a in axes_of(axis, len(shape))]):
        return x, 0.0
    top = _top(x, axis)
    return x - top, top


def _find(op: ops.Op, x: Any, axis: Any, keepdims: bool) -> Any:
    if keepdims is False and _is_usual(x, axis):
        try:
            found = x._made(by_place(op)(x._data, axis))
        except ValueError:
            pass  # an error should say what is wrong
        else:
            if WATCHED:
                note(x)
            return found
    keepdims = flag("keepdims", keepdims, refusal)
    if axis is None:
        found = arg_reduce(reshape(x, shape=(x.size,)), op=op, axis=0)
        return reshape(found, shape=(1,) * x.ndim) if keepdims else found
    a = axis_of(axis, x.ndim)
    found = arg_reduce(x, op=op, axis=a)
    return reshape(found, shape=kept(x.shape, (a,))) if keepdims else found
