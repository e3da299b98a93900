"""What Python asks of numbers and Values do not do, as methods that say what to write instead.

Rounding has no derivative, and no op. What is of bits is right for truth values: `&`, `|`, `^` and
`~` of comparisons are recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .operators import is_comparable

_ROUNDS = (
    "rounds to whole numbers, for which there is no op, as its derivative is 0; choose among "
    "pieces with micrograd.where(condition, x, y)"
)
_OF_ARRAYS = (
    "is of arrays: a number is multiplied with *, and of two lists of numbers there is "
    "sum(x * y for x, y in zip(xs, ys)), or np.array(xs) @ np.array(ys)"
)
_OF_BITS = (
    "is of truth values, such as x > 0, and this is a number; compare it first: (x != 0) & (y != 0)"
)
_SHIFTS = "is of whole numbers; multiply or divide by 2**n"
_RATIO = "is of plain numbers, as all of statistics and fractions: of Values, sum(xs) / len(xs)"

_BINARY = {
    "floordiv": ("//", _ROUNDS),
    "mod": ("%", _ROUNDS),
    "divmod": ("divmod()", _ROUNDS),
    "matmul": ("@", _OF_ARRAYS),
    "lshift": ("<<", _SHIFTS),
    "rshift": (">>", _SHIFTS),
}
_UNARY = {
    "__round__": ("round()", _ROUNDS),
    "__floor__": ("math.floor()", _ROUNDS),
    "__ceil__": ("math.ceil()", _ROUNDS),
    "__trunc__": ("math.trunc()", _ROUNDS),
    "as_integer_ratio": ("as_integer_ratio()", _RATIO),
}
_TRUTHS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "and": ("&", lambda x, y: ops.ne(x * y, 0.0)),
    "or": ("|", lambda x, y: ops.ne(x + y, 0.0)),
    "xor": ("^", ops.ne),
}


def is_truth(x: Any) -> bool:
    """Whether it is 1 or 0, as comparisons are."""
    if isinstance(x, (bool, np.bool_)):
        return True
    return getattr(getattr(x, "_entry", None), "predicate", None) is not None


def install_refusals(cls: Any) -> None:
    """Give a class these methods, but where an op has the name already, or takes it later; its
    `_refusal(problem)` makes the error.
    """
    methods: dict[str, Any] = {}
    for name, how in _BINARY.items():
        methods[f"__{name}__"] = methods[f"__r{name}__"] = _binary(*how)
    for name, how in _UNARY.items():
        methods[name] = _unary(*how)
    for method in methods.values():
        method.op = None
    for name, (symbol, combine) in _TRUTHS.items():
        methods[f"__{name}__"] = methods[f"__r{name}__"] = _truths(symbol, combine)
    methods["__invert__"] = _inverted
    for name, method in methods.items():
        if not hasattr(getattr(cls, name, None), "op"):
            setattr(cls, name, method)


def _binary(symbol: str, problem: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        knows_more = not is_comparable(other) and not isinstance(other, (list, tuple))
        if knows_more or hasattr(other, "__primitive__"):
            return NotImplemented
        raise self._refusal(f"{symbol} {problem}")

    return method


def _unary(symbol: str, problem: str) -> Any:
    def method(self: Any, *_: Any) -> Any:
        raise self._refusal(f"{symbol} {problem}")

    return method


def _truths(symbol: str, combine: Callable[[Any, Any], Any]) -> Any:
    def method(self: Any, other: Any) -> Any:
        if isinstance(other, np.ndarray) or not is_comparable(other):
            return NotImplemented
        if not is_truth(self) or not is_truth(other):
            raise self._refusal(f"{symbol} {_OF_BITS}")
        return combine(self, other)

    return method


def _inverted(self: Any) -> Any:
    if not is_truth(self):
        raise self._refusal(f"~ {_OF_BITS}")
    return ops.eq(self, 0.0)
