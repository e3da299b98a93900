"""Arrays of Values: NumPy's functions on them, by the ops of the table.

NumPy asks an array's class for its functions, and so finds the op, where its own loops over objects
would compare Values by `if`, or not know what to call. `x: np.ndarray` of a compiled function is
one of these, and so is what is computed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from . import ops
from .engine import Value
from .errors import TraceError, no_op, user_location
from .numpy_functions import FUNCTIONS, INSTEAD, refuse


class ValueArray(np.ndarray):
    """An array of Values and numbers.

    >>> x = value_array([Value(3.0), Value(-4.0)])
    >>> np.maximum(x, 0.0)
    ValueArray([Value(data=3.0, grad=0), Value(data=0.0, grad=0)],
               dtype=object)
    >>> np.where(x > 0.0, x, 2.0 * x).sum()
    Value(data=-5.0, grad=0)
    """

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = tuple(_plain(x) for x in inputs)
        name = ufunc.__name__
        function = FUNCTIONS.get(name)
        if function is None and name in ops.BY_UFUNC and name not in _ARITHMETIC:
            function = ops.BY_UFUNC[name].map
        out = kwargs.pop("out", None)
        if method == "__call__" and function is not None and not kwargs:
            found = function(*plain)
        elif method == "reduce" and name in _FOLDED:
            op, identity = _FOLDED[name]
            found = _folded(op, plain[0], identity, **kwargs)
        else:
            if out is not None:
                kwargs["out"] = tuple(_plain(x) for x in out)
            found = self._by_numpy(ufunc, method, plain, kwargs)
            return out[0] if out is not None else _wrapped(found)
        if out is None:
            return _wrapped(found)
        out[0][...] = found
        return out[0]

    def _by_numpy(
        self, ufunc: Any, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        """By NumPy's loops over objects, which use Python's operators and methods."""
        name = ufunc.__name__
        try:
            return getattr(ufunc, method)(*inputs, **kwargs)
        except TraceError:
            raise
        except TypeError as error:
            raise no_op(name, "arrays of Values", ops.OPS, INSTEAD.get(name, "")) from error

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        own = _OF_ARRAYS.get(func)
        if own is not None:
            return _wrapped(own(*args, **kwargs))
        return _wrapped(super().__array_function__(func, types, args, kwargs))

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError as error:
            if not any(isinstance(x, (Value, ValueArray)) for x in (index, *_parts(index))):
                raise
            raise TraceError(
                f"{user_location()}: Values cannot be indices or masks, as the elements that they "
                "choose are not known; choose with np.where(condition, x, y)"
            ) from error

    # the methods that NumPy writes with loops of its own

    def clip(self, min: Any = None, max: Any = None, out: Any = None) -> Any:  # type: ignore[override]
        """Every element, but at least `min` and at most `max`."""
        found: Any = self
        if min is not None:
            found = np.maximum(found, min)
        if max is not None:
            found = np.minimum(found, max)
        return found

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, **how: Any) -> Any:
        """The mean along axes."""
        total = self.sum(axis=axis, **how)
        return total * (np.size(total) / self.size)

    def var(
        self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, **how: Any
    ) -> Any:
        """The variance along axes."""
        off = self - self.mean(axis=axis, keepdims=True)
        total = (off * off).sum(axis=axis, **how)
        return total / (self.size / np.size(total) - ddof)

    def std(
        self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, **how: Any
    ) -> Any:
        """The standard deviation along axes."""
        return np.sqrt(self.var(axis=axis, ddof=ddof, **how))


def value_array(values: Any, shape: Any = None) -> ValueArray:
    """Values as an array, of this shape if one is given."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return (array if shape is None else array.reshape(shape)).view(ValueArray)


def _parts(index: Any) -> Sequence[Any]:
    return index if isinstance(index, tuple) else ()


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, ValueArray) else x


def _wrapped(x: Any) -> Any:
    """Arrays of objects as arrays of Values; one without axes as its element."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return x.view(ValueArray) if x.ndim else x.item()
    if isinstance(x, (tuple, list)) and any(isinstance(v, np.ndarray) for v in x):
        return type(x)(map(_wrapped, x))
    return x


def _folded(
    op: Any,
    x: Any,
    identity: float | None,
    axis: Any = 0,
    keepdims: bool = False,
    initial: Any = None,
    **_: Any,
) -> Any:
    """The op between all elements along axes, from first to last."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(a % x.ndim for a in axes)
    rest = [a for a in range(x.ndim) if a not in axes]
    rows = x.transpose([*axes, *rest]).reshape(-1, *(x.shape[a] for a in rest))
    first = identity if initial is None or initial is np._NoValue else initial
    start = [] if first is None else [first]
    if not len(rows) and not start:
        raise ValueError(f"zero-size array to reduction operation {op.name} which has no identity")
    found = reduce(op, [*start, *rows])
    if keepdims:
        shape = [1 if a in axes else n for a, n in enumerate(x.shape)]
        found = value_array(np.ravel(np.asarray(found, dtype=object)), shape)
    return found


def _where(condition: Any, *choices: Any) -> Any:
    """np.where, of which the form with choices is an op."""
    if len(choices) != 2:
        raise TraceError(
            f"{user_location()}: np.where of a condition alone gives indices, which a Value has "
            "none of; give it both choices: np.where(condition, x, y)"
        )
    return ops.where.map(*map(_plain, (condition, *choices)))


_ARITHMETIC = {"add", "subtract", "multiply", "divide", "true_divide", "negative", "power"}
"""Ufuncs whose loops over objects are Python's operators, and so are right and fast as they are."""

_FOLDED: dict[str, tuple[Any, float | None]] = {
    **{op.ufunc: (op, None) for op in ops.OPS.values() if op.folds and op.ufunc is not None},
    "logical_or": (FUNCTIONS["logical_or"], 0.0),
    "logical_and": (FUNCTIONS["logical_and"], 1.0),
}
"""Functions whose reductions NumPy would do by truth values, and the results over nothing."""

_OF_ARRAYS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.nan_to_num: refuse("nan_to_num"),
    np.vdot: lambda a, b: np.dot(np.ravel(a), np.ravel(b)),
    np.clip: lambda a, a_min=None, a_max=None, out=None, **how: (
        np.asanyarray(a).view(ValueArray).clip(how.get("min", a_min), how.get("max", a_max))
    ),
}
