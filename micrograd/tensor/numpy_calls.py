"""NumPy's functions on Tensors: those with a derivative by ops and primitives, so that they are
recorded; others on the numbers, where no gradient is lost by it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from inspect import CO_VARARGS
from typing import Any

import numpy as np

from .. import ops
from ..errors import DataError, MicrogradError, ShapeError, kind, user_location
from ..numpy_functions import FUNCTIONS
from .quiet import quietly
from .reducing import axis_of
from .scans import scan

OF_TENSORS: dict[Any, Callable[..., Any]] = {}
"""Functions of NumPy that are written for Tensors, by functions.py."""

CALLED: dict[Any, ops.Op] = {
    getattr(np, name): op
    for name, op in ops.BY_UFUNC.items()
    if name not in FUNCTIONS and isinstance(getattr(np, name, None), np.ufunc)
}
"""ufuncs that are ops, which is the usual case."""

TRUTHS: dict[str, Callable[..., Any]] = {
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "invert": operator.invert,
}
"""Functions that Tensors have as operators."""

OF_UFUNCS: dict[str, Callable[..., Any]] = {}
"""Elementwise functions that ops make up, by numpy_ufuncs.py."""

REDUCED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
"""Methods that the reductions of ufuncs are."""

WITHOUT_GRADIENT = {
    "array_equal", "allclose", "isclose", "shape", "ndim", "size", "array_repr", "array_str",
    "array2string", "argsort", "nonzero", "count_nonzero", "result_type", "can_cast", "zeros_like",
    "ones_like", "empty_like", "full_like", "may_share_memory", "shares_memory", "iscomplexobj",
    "isrealobj", "searchsorted", "argwhere", "flatnonzero", "array_equiv", "savetxt", "save",
}  # fmt: skip
"""Functions whose results no gradient flows through."""


class ByNumPy:
    """NumPy's protocols."""

    __slots__ = ()

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.requires_grad:
            raise DataError(
                f"{user_location()}: NumPy takes the numbers of a Tensor that requires a gradient, "
                "which would be lost; compute with methods of Tensors, or take numpy()"
            )
        view = self.numpy()
        if dtype is not None and np.dtype(dtype) != view.dtype:
            return view.astype(dtype)
        return view.copy() if copy else view

    def __array_ufunc__(self: Any, ufunc: Any, method: str, *inputs: Any, **how: Any) -> Any:
        if method == "__call__" and not how and ufunc in CALLED:
            return self.__apply__(CALLED[ufunc], inputs)
        name = ufunc.__name__
        options = {k: v for k, v in how.items() if not (k == "where" and v is True)}
        if method == "__call__" and not options:
            function = FUNCTIONS.get(name) or ops.BY_UFUNC.get(name) or OF_UFUNCS.get(name)
            if name == "matmul":
                x, y = inputs
                return self._operand(x) @ self._operand(y)
            if name in TRUTHS:
                return TRUTHS[name](*map(self._lifted, inputs))
            if function is not None:
                return function(*inputs)
        if method == "reduce" and name in REDUCED and set(options) <= {"axis", "keepdims"}:
            options.setdefault("axis", 0)
            return getattr(inputs[0], REDUCED[name])(**options)
        if method == "accumulate" and name in REDUCED and set(options) <= {"axis"}:
            (x,) = inputs
            return scan(x, op=ops.BY_UFUNC[name], axis=axis_of(options.get("axis", 0), x.ndim))
        if method == "outer" and not options:
            x, y = map(self._operand, inputs)
            return ufunc(x.reshape(*x.shape, *(1,) * y.ndim), y)
        for x in options.get("out", ()):
            if hasattr(x, "__primitive__"):
                raise DataError(
                    f"{user_location()}: np.{name} cannot write into a Tensor, whose numbers "
                    "others share; use what it returns"
                )
        called = f"np.{name}" + ("" if method == "__call__" else f".{method}")
        return by_numbers(getattr(ufunc, method), called, inputs, how)

    def __array_function__(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        own = OF_TENSORS.get(func)
        if own is not None:
            return own(*args, **kwargs)
        may_lose = func.__name__ in WITHOUT_GRADIENT
        return by_numbers(func, called(func), args, kwargs, may_lose=may_lose)


def called(function: Any) -> str:
    """What a function of NumPy is called.

    >>> called(np.linalg.inv), called(np.sort)
    ('np.linalg.inv', 'np.sort')
    """
    return f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)


def enter(module: Any, functions: Iterable[Callable[..., Any]]) -> None:
    """Let functions, `_name` for NumPy's of the name where it has one, be what that is of Tensors;
    with options that they do not name, or more arguments by place, it is of the numbers. By place
    they take what NumPy's takes there.
    """
    for own in functions:
        function = getattr(module, own.__name__[1:], None)
        if function is not None:  # it came with a later version
            OF_TENSORS[function] = _with_options(function, own)


def _with_options(function: Any, own: Callable[..., Any]) -> Callable[..., Any]:
    code = own.__code__
    named = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    most = math.inf if code.co_flags & CO_VARARGS else code.co_argcount

    def call(*args: Any, **how: Any) -> Any:
        if not how.keys() <= named:
            how = {k: x for k, x in how.items() if k in named or not says_nothing(x)}
        if not how.keys() <= named or len(args) > most:
            return by_numbers(function, called(function), args, how)
        return own(*args, **how)

    return call


def says_nothing(option: Any) -> bool:
    """Whether it is what NumPy passes on where nobody gave an option."""
    return option is None or option is np._NoValue


def by_numbers(function: Any, name: str, args: Any, kwargs: Any, *, may_lose: bool = False) -> Any:
    """A function of NumPy on the numbers: arrays come back.

    Raises DataError if a gradient would be lost by it.
    """

    def plain(x: Any) -> Any:
        if isinstance(x, (tuple, list)):
            return type(x)(map(plain, x))
        if not hasattr(x, "__primitive__"):
            return x
        if x.requires_grad and not may_lose:
            raise DataError(
                f"{user_location()}: {name} is no function of Tensors, and the gradient would be "
                "lost; compose it of others, or call it with x.numpy()"
            )
        return x.numpy()

    numbers, options = plain(tuple(args)), {k: plain(x) for k, x in kwargs.items()}
    try:
        return quietly(function, *numbers, **options)
    except MicrogradError:
        raise
    except (TypeError, ValueError, IndexError) as e:
        said = f"{user_location()}: {name} of {' and '.join(map(_shown, numbers))}: {e}"
        error = IndexError if isinstance(e, IndexError) else ShapeError
        raise (DataError if isinstance(e, TypeError) else error)(said) from e


def _shown(x: Any) -> str:
    """What a function of NumPy was given, in short."""
    return f"{x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else kind(x)
