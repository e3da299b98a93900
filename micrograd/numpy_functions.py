"""NumPy's functions on Values, and on arrays of them: by the op of the same name, or by several.

Input: a ufunc and what it was called with. Output: Values; or TraceError at the user's line for
what has no op, with what to write instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .errors import TraceError, no_op, user_location
from .mapped import unmapped


def _sign(x: Any) -> Any:
    return ops.where(ops.gt(x, 0.0), 1.0, ops.where(ops.lt(x, 0.0), -1.0, x))


def _is_true(x: Any) -> Any:
    return ops.ne(x, 0.0)


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
    "bitwise_and": "np.logical_and(x, y); of two comparisons also x & y",
    "bitwise_or": "np.logical_or(x, y); of two comparisons also x | y",
    "bitwise_xor": "np.logical_xor(x, y); of two comparisons also x ^ y",
    "invert": "np.logical_not(x); of a comparison also ~x",
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


OF_NUMBERS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.nan_to_num: refuse("nan_to_num"),
}
"""Functions of NumPy that are no ufuncs, on one traced value: by itself, NumPy would test it."""


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
        used = f"np.{name}{'' if method == '__call__' else f'.{method}'}"
        options = " with " + ", ".join(f"{key}=" for key in how) if how else ""
        raise TraceError(
            f"{user_location()}: {used}{options} is not for Values; leave that out, and choose "
            "among results with micrograd.where(condition, x, y)"
        )
    if any(isinstance(x, np.ndarray) for x in inputs):
        inputs = tuple(
            x if isinstance(x, np.ndarray) else np.array(x, dtype=object) for x in inputs
        )
        if method == "outer":
            x, y = inputs
            inputs = x.reshape(x.shape + (1,) * y.ndim), y
        return function.map(*inputs) if isinstance(function, ops.Op) else function(*inputs)
    return function(*inputs)
