"""NumPy's functions on Values, and on arrays of them: by the op of the same name, or by several.

Input: a ufunc and what it was called with. Output: Values; or TraceError at the user's line for
what has no op, with what to write instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import and_, or_, xor
from typing import Any

import numpy as np

from . import ops
from .errors import TraceError, no_op, user_location
from .mapped import unmapped


def _sign(x: Any) -> Any:
    return ops.where(ops.gt(x, 0.0), 1.0, ops.where(ops.lt(x, 0.0), -1.0, x))


def _is_true(x: Any) -> Any:
    return ops.ne(x, 0.0)


def _fmax(op: Any) -> Callable[..., Any]:
    """The op of two numbers; of a number and nan, the number."""

    def found(x: Any, y: Any) -> Any:
        return ops.where(ops.ne(x, x), y, ops.where(ops.ne(y, y), x, op(x, y)))

    return found


def _bits(combine: Callable[..., Any]) -> Callable[..., Any]:
    """`&`, `|`, `^` or `~` of truth values; in arrays, 1.0 and 0.0 are some."""

    def of_elements(*operands: Any) -> Any:
        return combine(*(bool(x) if x.__class__ is float and x in (0.0, 1.0) else _truth(x)
                         for x in operands))  # fmt: skip

    def found(*operands: Any) -> Any:
        if any(isinstance(x, np.ndarray) for x in operands):
            return np.frompyfunc(of_elements, len(operands), 1)(*operands)
        return combine(*map(_truth, operands))

    return found


def _truth(x: Any) -> Any:
    """Python's own truth value for NumPy's, which would ask NumPy again."""
    return bool(x) if isinstance(x, np.bool_) else x


def _inverted(x: Any) -> Any:
    return not x if x.__class__ is bool else ~x


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "positive": lambda x: x,
    "conjugate": lambda x: x,
    "float_power": lambda x, y: x**y,
    "sign": _sign,
    "fabs": ops.absolute,
    "hypot": lambda x, y: ops.sqrt(x * x + y * y),
    "clip": lambda x, low, high: ops.minimum(ops.maximum(x, low), high),
    "radians": lambda x: x * (math.pi / 180.0),
    "degrees": lambda x: x * (180.0 / math.pi),
    "isnan": lambda x: ops.ne(x, x),
    "isinf": lambda x: ops.eq(ops.absolute(x), math.inf),
    "isfinite": lambda x: ops.lt(ops.absolute(x), math.inf),
    "logical_and": lambda x, y: _is_true(x) * _is_true(y),
    "logical_or": lambda x, y: ops.maximum(_is_true(x), _is_true(y)),
    "logical_xor": lambda x, y: ops.ne(_is_true(x), _is_true(y)),
    "logical_not": lambda x: ops.eq(x, 0.0),
    "fmax": _fmax(ops.maximum),
    "fmin": _fmax(ops.minimum),
    "bitwise_and": _bits(and_),
    "bitwise_or": _bits(or_),
    "bitwise_xor": _bits(xor),
    "invert": _bits(_inverted),
}
"""Functions that several ops make up, on numbers, Values and arrays."""
FUNCTIONS |= {"deg2rad": FUNCTIONS["radians"], "rad2deg": FUNCTIONS["degrees"]}

INSTEAD = {
    "floor": "no op rounds, as that has no derivative",
    "ceil": "no op rounds, as that has no derivative",
    "rint": "no op rounds, as that has no derivative",
    "trunc": "no op rounds, as that has no derivative",
    "floor_divide": "no op rounds, as that has no derivative",
    "remainder": "no op rounds, as that has no derivative",
    "fmod": "no op rounds, as that has no derivative",
    "divmod": "no op rounds, as that has no derivative",
    "matmul": "@ is of two arrays; a number is multiplied with *",
    "vecdot": "it is of two arrays; a number is multiplied with *",
    "log2": "log(x) / math.log(2)",
    "log10": "log(x) / math.log(10)",
    "exp2": "2**x",
    "cbrt": "x**(1/3), for x > 0",
    "logaddexp": "m + log(exp(x - m) + exp(y - m)), with m = detach(maximum(x, y))",
    "copysign": "where(y < 0, -abs(x), abs(x))",
    "nan_to_num": "where(np.isnan(x), 0.0, x)",
    "heaviside": "where(x < 0, 0, where(x > 0, 1, y))",
}
"""What to write for functions that nothing here makes up."""


def refuse(name: str) -> Callable[..., Any]:
    """A function that says what to write instead of NumPy's of this name."""

    def refused(*_: Any, **how: Any) -> Any:
        raise no_op(name, "Values", ops.OPS, INSTEAD[name])

    return refused


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        raise TraceError(
            f"{user_location()}: np.where of a condition alone gives indices, which a Value has "
            "none of; give it both choices: np.where(condition, x, y)"
        )
    lists = (condition, *choices)
    return ops.where(*(np.array(x, object) if isinstance(x, (list, tuple)) else x for x in lists))


def _clip(x: Any, a_min: Any = None, a_max: Any = None, **how: Any) -> Any:
    low, high = how.pop("min", a_min), how.pop("max", a_max)
    if how:
        raise TraceError(f"{user_location()}: np.clip with {', '.join(how)}= is not for Values")
    x = x if low is None else ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"{user_location()}: np.select takes as many choices as conditions; got "
            f"{len(choicelist)} and {len(condlist)}"
        )
    found = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = _where(condition, choice, found)
    return found


OF_NUMBERS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.select: _select,
    np.clip: _clip,
    np.nan_to_num: refuse("nan_to_num"),
}
"""Functions of NumPy that are no ufuncs, on one traced value: by itself, NumPy would test it."""


def not_for_values(name: str, method: str, how: dict[str, Any]) -> TraceError:
    """The error for a ufunc's method, or for an option."""
    used = f"np.{name}{'' if method == '__call__' else f'.{method}'}"
    options = " with " + ", ".join(f"{key}=" for key in how) if how else ""
    return TraceError(
        f"{user_location()}: {used}{options} is not for Values; leave that out, and choose "
        "among results with micrograd.where(condition, x, y)"
    )


def install_functions(cls: Any) -> None:
    """Give a class the methods that NumPy's loops over objects call."""
    for name, function in FUNCTIONS.items():
        loops = getattr(getattr(np, name), "types", ())
        if not hasattr(cls, name) and any("O" in types for types in loops):
            setattr(cls, name, _as_method(function))


def _as_method(function: Callable[..., Any]) -> Any:
    def method(*operands: Any) -> Any:
        return function(*operands)

    method.op = None  # type: ignore[attr-defined]  # an op of this name takes its place
    return method


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], how: dict[str, Any]) -> Any:
    """A ufunc of Values, alone or in plain arrays of objects."""
    name = ufunc.__name__
    op = ops.BY_UFUNC.get(name)
    if method == "reduce" and op is not None and op.identity is not None:
        # as of an array without axes
        return unmapped(f"np.{name}.reduce", inputs[0])
    if not {np.ndarray}.issuperset(type(x) for x in inputs if isinstance(x, np.ndarray)):
        return NotImplemented
    function = FUNCTIONS.get(name, op)
    if function is None:
        raise no_op(name, "Values", ops.OPS, INSTEAD.get(name, ""))
    how = {key: x for key, x in how.items() if not (key == "where" and x is True)}
    if method not in ("__call__", "outer") or how:
        raise not_for_values(name, method, how)
    if any(isinstance(x, np.ndarray) for x in inputs):
        inputs = tuple(
            x if isinstance(x, np.ndarray) else np.array(x, dtype=object) for x in inputs
        )
        if method == "outer":
            x, y = inputs
            inputs = x.reshape(x.shape + (1,) * y.ndim), y
        return function.map(*inputs) if isinstance(function, ops.Op) else function(*inputs)
    return function(*inputs)
