"""Which of Python's operators and methods is which op: one place for every class that records.

Input: the op table. Output: methods on a class, made by the functions that it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from numbers import Number
from typing import Any

import numpy as np

from .opdef import LISTENERS
from .ops import OPS, Op

Making = Callable[..., Any]
"""Makes a method of a class from an op, and perhaps `reflected=True`."""


def install_operators(
    cls: type, unary: Making, binary: Making, equality: Making | None = None
) -> None:
    """Give `cls` Python's operators and one method per op, NumPy's spelling included.

    The forms that a method cannot tell by its first operand alone (`**`, comparisons with a
    number on the left) are Python's reflected methods. Without `equality`, `==` stays what it is.
    Ops that are defined later become methods too.
    """

    def install(op: Op) -> None:
        for name, reflected in _names(op):
            if op.arity == 1:
                method = unary(op)
            elif op.arity > 2:
                method = _method(op)
            elif not _is_equality(op):
                method = binary(op, reflected=True) if reflected else binary(op)
            elif equality is not None:
                method = equality(op)
            else:
                continue
            if _is_taken(cls, name, op):
                continue
            method.__name__ = name
            method.__qualname__ = f"{cls.__name__}.{name}"
            method.op = op
            setattr(cls, name, method)

    for op in OPS.values():
        install(op)
    LISTENERS.append(install)


def install_in_place(cls: Any, *, labelled: bool) -> None:
    """Give `cls` the operators that assign, `+=` and so on. They make a new object, as `+` does;
    if `labelled`, it takes over the label, which is that of a variable.
    """

    def keeping(plain: Any) -> Any:
        def method(self: Any, other: Any) -> Any:
            out: Any = plain(self, other)
            if self.label and isinstance(out, cls):
                out.label = self.label
            return out

        return method

    for op in OPS.values():
        if op.operator is not None and op.arity == 2 and op.predicate is None:
            plain = getattr(cls, op.operator)
            name = op.operator.replace("__", "__i", 1)
            setattr(cls, name, keeping(plain) if labelled else plain)


def _names(op: Op) -> Iterator[tuple[str, bool]]:
    """The methods that an op is, and whether they are the reflected ones."""
    if op.operator is not None:
        yield op.operator, False
        if op.arity == 2 and op.predicate is None:
            yield op.operator.replace("__", "__r", 1), True
    if op.arity == 1 or (op.operator is None and not op.choice):  # a choice begins with a condition
        yield op.name, False
        if op.ufunc is not None:
            yield op.ufunc, False


def _is_equality(op: Op) -> bool:
    """Whether it compares, and not by order: == and !=."""
    return op.predicate is not None and op.commutative


def _is_taken(cls: type, name: str, op: Op) -> bool:
    """Whether the class has something of this name that the op does not replace: another op of
    the table, or what is neither an op nor a refusal (`op` is None).
    """
    found = getattr(cls, name, None)
    if found is getattr(object, name, None):
        return False
    other = getattr(found, "op", found)
    return other is not op and not (other is None or (isinstance(other, Op) and not other.in_table))


def _method(op: Op) -> Any:
    """An op of more operands, as a method of the first."""
    return lambda self, *others: op(self, *others)


def is_comparable(x: Any) -> bool:
    """Whether `==` compares this with a Value by its number, rather than say that they differ."""
    if isinstance(x, (complex, np.complexfloating)):
        return False
    return isinstance(x, (Number, np.ndarray, np.bool_)) or hasattr(x, "__apply__")
