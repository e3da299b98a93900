"""Which of Python's operators and methods is which op: one place for every class that records.

Input: the op table. Output: methods on a class, made by the functions that it gives.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any

import numpy as np

from . import ops
from .ops import Op

_OPERATORS = {
    "add": ops.add,
    "sub": ops.sub,
    "mul": ops.mul,
    "truediv": ops.div,
    "pow": ops.pow,
}
_COMPARISONS = {"lt": ops.lt, "le": ops.le, "gt": ops.gt, "ge": ops.ge}
_METHODS = {name: op for name, op in ops.OPS.items() if op.arity == 1}
_METHODS |= {op.ufunc: op for op in ops.OPS.values() if op.arity == 1 and op.ufunc}
_METHODS |= {"__neg__": ops.neg, "__abs__": ops.absolute}


def install_operators(cls: type, unary: Callable[[Op], Any], binary: Callable[..., Any]) -> None:
    """Give `cls` Python's operators and one method per op, NumPy's spelling included.

    The forms that a method cannot tell by its first operand alone (`**`, comparisons with a
    number on the left) are Python's reflected methods.
    """
    methods: dict[str, Any] = {name: unary(op) for name, op in _METHODS.items()}
    for name, op in _OPERATORS.items():
        methods[f"__{name}__"] = binary(op)
        methods[f"__r{name}__"] = binary(op, reflected=True)
    for name, op in _COMPARISONS.items():
        methods[f"__{name}__"] = binary(op)
    for op in (ops.maximum, ops.minimum, ops.atan2):
        methods[op.name] = methods[op.ufunc or op.name] = binary(op)
    for name, method in methods.items():
        method.__name__ = name
        method.__qualname__ = f"{cls.__name__}.{name}"
        setattr(cls, name, method)


def is_comparable(x: Any) -> bool:
    """Whether `==` compares this with a Value by its number, rather than say that they differ."""
    if isinstance(x, (complex, np.complexfloating)):
        return False
    return isinstance(x, (Number, np.ndarray, np.bool_)) or hasattr(x, "__apply__")
