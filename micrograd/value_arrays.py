"""Arrays of Values: NumPy's functions on them, by the ops of the table.

NumPy asks an array's class for its functions, and so finds the op, where its own loops over objects
would compare Values by `if`, or not know what to call. `x: np.ndarray` of a compiled function is
one of these, and so is what is computed from it, and what is computed of a traced value and an
array of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import ops
from .array_functions import OF_ARRAYS, clip, into
from .engine import Value
from .errors import TraceError, no_op, user_location
from .numpy_functions import FUNCTIONS, INSTEAD, apply_ufunc, not_for_values
from .operators import install_operators
from .reductions import accumulated, check_dtype, chosen, counted, folded, plain
from .rows import row_at
from .traced import Traced


class ValueArray(np.ndarray):
    """An array of Values and numbers.

    >>> x = value_array([Value(3.0), Value(-4.0)])
    >>> np.maximum(x, 0.0)
    ValueArray([Value(data=3.0, grad=0), Value(data=0.0, grad=0)],
               dtype=object)
    >>> np.where(x > 0.0, x, 2.0 * x).sum()
    Value(data=-5.0, grad=0)
    """

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **how: Any) -> Any:
        name = ufunc.__name__
        given = tuple(map(plain, inputs))
        out, where = how.pop("out", None), plain(how.pop("where", True))
        for option in ("casting", "order", "subok"):
            how.pop(option, None)
        check_dtype(name, how.pop("dtype", None), truths=name.startswith("logical_"))
        if method == "reduce":
            found = _reduced(ufunc, given[0], where, how)
        else:
            found = _computed(ufunc, method, given, how)
            if where is not True:
                if out is None:
                    raise TraceError(
                        f"{user_location()}: np.{name} with where= and without out= leaves the "
                        "other elements as they happen to be; give out=, or choose with "
                        "np.where(condition, x, y)"
                    )
                found = chosen(where, found, out[0])
        return _wrapped(found) if out is None else into(out, found)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        own = OF_ARRAYS.get(function)
        if own is not None:
            return _wrapped(own(*args, **kwargs))
        return _wrapped(super().__array_function__(function, types, args, kwargs))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, Traced) and self.ndim:
            return row_at(self, index, value_array)
        if index.__class__ is tuple and index and isinstance(index[0], Traced) and self.ndim:
            return self[index[0]][index[1:]] if len(index) > 1 else self[index[0]]
        try:
            return super().__getitem__(index)
        except IndexError as error:
            if not any(isinstance(x, (Value, ValueArray)) for x in (index, *_parts(index))):
                raise
            raise TraceError(
                f"{user_location()}: Values cannot be indices or masks, as the elements that they "
                "choose are not known; choose with np.where(condition, x, y)"
            ) from error

    def __setitem__(self, index: Any, x: Any) -> None:
        try:
            super().__setitem__(index, x)
        except IndexError as error:
            if not any(isinstance(k, (Value, ValueArray)) for k in (index, *_parts(index))):
                raise
            raise TraceError(
                f"{user_location()}: Values cannot be indices or masks, as the elements that they "
                "choose are not known; choose with x = np.where(condition, new, x)"
            ) from error

    def __getattr__(self, name: str) -> Any:
        hint = f"; of its elements they are [v.{name} for v in x.flat]" * hasattr(Value, name)
        raise AttributeError(f"an array of Values has no {name!r}{hint}", name=name, obj=self)

    # the methods that NumPy writes with loops of its own

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **how: Any) -> Any:
        """Every element, but at least `min` and at most `max`."""
        return _wrapped(clip(self, min, max, out, **how))

    def mean(
        self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *,
        where: Any = True,
    ) -> Any:  # fmt: skip
        """The mean along axes, of the elements where the mask holds."""
        check_dtype("mean", dtype)
        total = self.sum(axis=axis, keepdims=keepdims, where=where)
        if where is True:
            return into(out, total * (np.size(total) / self.size))
        return into(out, ops.div(plain(total), counted(self, axis, keepdims, where)))

    def var(
        self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None,
    ) -> Any:  # fmt: skip
        """The variance along axes, of the elements where the mask holds."""
        check_dtype("var", dtype)
        x: Any = self if where is True else _wrapped(chosen(where, self, 0.0))
        off = x - (x.mean(axis=axis, keepdims=True, where=where) if mean is None else mean)
        total = (off * off).sum(axis=axis, keepdims=keepdims, where=where)
        count = counted(self, axis, keepdims, where)
        left = ops.maximum(count - (ddof if correction is None else correction), 0.0)
        return into(out, ops.div(plain(total), left))

    def std(
        self, axis: Any = None, dtype: Any = None, out: Any = None, *args: Any, **how: Any
    ) -> Any:
        """The standard deviation along axes, of the elements where the mask holds."""
        return into(out, np.sqrt(self.var(axis, dtype, None, *args, **how)))


def _elementwise(op: ops.Op, *, reflected: bool = False) -> Any:
    """The method of an op that NumPy's arrays have not, as Values have it."""
    return lambda self, *others: _wrapped(op.map(*map(plain, (self, *others))))


install_operators(ValueArray, _elementwise, _elementwise)


def _ufunc_of_traced(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """A ufunc of a traced value and others: as of an array of it."""
    return _wrapped(apply_ufunc(ufunc, method, inputs, kwargs))


def _function_of_traced(
    self: Traced, function: Any, types: Any, arguments: Any, options: Any
) -> Any:
    """A function of NumPy of a traced value and others: the same."""
    return _wrapped(_of_traced(self, function, types, arguments, options))


_of_traced = Traced.__array_function__
Traced.__array_ufunc__ = _ufunc_of_traced  # type: ignore[method-assign]
Traced.__array_function__ = _function_of_traced  # type: ignore[method-assign]


def value_array(values: Any, shape: Any = None) -> ValueArray:
    """Values as an array, of this shape if one is given."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return (array if shape is None else array.reshape(shape)).view(ValueArray)


def _parts(index: Any) -> Sequence[Any]:
    return index if isinstance(index, tuple) else ()


def _wrapped(x: Any) -> Any:
    """Arrays of objects as arrays of Values; one without axes as its element."""
    if isinstance(x, ValueArray) and x.ndim:
        return x
    if isinstance(x, np.ndarray) and x.dtype == object:
        return x.view(ValueArray) if x.ndim else x.item()
    if isinstance(x, (tuple, list)) and any(isinstance(v, np.ndarray) for v in x):
        return type(x)(map(_wrapped, x))
    return x


def _function(name: str) -> Callable[..., Any] | None:
    """A function of the ufunc's name on plain arrays; None: NumPy's loops are right."""
    function = FUNCTIONS.get(name)
    if function is None and name in ops.BY_UFUNC and name not in _ARITHMETIC:
        function = ops.BY_UFUNC[name].map
    return function


def _reduced(ufunc: Any, x: Any, where: Any, how: dict[str, Any]) -> Any:
    """`ufunc.reduce` of a plain array."""
    name = ufunc.__name__
    op, identity = _FOLDED.get(name, (_function(name), None))
    if op is None and where is not True:
        if name not in _IDENTITIES:
            return folded(ufunc, x, None, where=where, **how)
        x = chosen(where, x, _IDENTITIES[name])
    if op is None:
        return _by_numpy(ufunc, "reduce", (x,), how)
    return folded(op, x, identity, where=where, **how)


def _computed(ufunc: Any, method: str, inputs: Sequence[Any], how: dict[str, Any]) -> Any:
    """A method of a ufunc, but `reduce`, of plain arrays."""
    function = _function(ufunc.__name__)
    if function is None:
        return _by_numpy(ufunc, method, inputs, how)
    if method == "outer":
        x, y = map(np.asanyarray, inputs)
        inputs, method = (x.reshape(x.shape + (1,) * y.ndim), y), "__call__"
    if method == "accumulate":
        if ufunc.__name__.startswith("logical_"):
            inputs = (ops.ne.map(inputs[0], 0.0), *inputs[1:])
        return accumulated(function, *inputs, **how)
    if method != "__call__" or how:
        raise not_for_values(ufunc.__name__, method, how)
    return function(*inputs)


def _by_numpy(ufunc: Any, method: str, inputs: Sequence[Any], how: dict[str, Any]) -> Any:
    """By NumPy's loops over objects, which use Python's operators and methods."""
    name = ufunc.__name__
    try:
        with np.errstate(all="ignore"):  # as of Values alone, which warn of nothing
            return getattr(ufunc, method)(*inputs, **how)
    except ZeroDivisionError:  # plain numbers among Values
        if method != "__call__" or how:
            raise
        return ops.div.map(*inputs)
    except TraceError:
        raise
    except (TypeError, AttributeError) as error:
        raise no_op(name, "arrays of Values", ops.OPS, INSTEAD.get(name, "")) from error


_ARITHMETIC = {"add", "subtract", "multiply", "divide", "true_divide", "negative"}
"""Ufuncs whose loops over objects are Python's operators, and so are right and fast as they are."""

_IDENTITIES = {"add": 0.0, "multiply": 1.0}
"""What sums and products begin with, and so what counts as nothing in them."""

_FOLDED: dict[str, tuple[Any, float | None]] = {
    **{op.ufunc: (op, None) for op in ops.OPS.values() if op.folds and op.ufunc is not None},
    "logical_or": (FUNCTIONS["logical_or"], 0.0),
    "logical_and": (FUNCTIONS["logical_and"], 1.0),
    "logical_xor": (FUNCTIONS["logical_xor"], 0.0),
}
"""Functions whose reductions NumPy would do by truth values, and the results over nothing."""
