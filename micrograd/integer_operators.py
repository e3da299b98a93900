"""`%`, `//`, `divmod`, `>>` and `&` of a traced integer and an integer that is known.

They are of integers alone: of other numbers they are no ops, as their derivative is 0. In what is
compiled, x % n is what a table of the integers below n has at x % n, and x // n is (x - x % n) / n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .computed_indices import formula_of, outside
from .integers import Formula
from .rows import looked_up
from .traced import Traced

MOST = 1 << 16
"""The largest n of x % n: a table is so long."""


def install_integers(cls: Any) -> None:
    """Give traced Values these operators, which are those of Values where one is no integer."""
    for name, operation in _OPERATIONS.items():
        setattr(cls, name, _operator(operation, getattr(cls, name)))


def _operator(operation: Any, otherwise: Any) -> Any:
    def method(self: Traced, n: Any) -> Any:
        found = NotImplemented
        if isinstance(n, (int, np.integer)) and not self._scope.is_over:
            found = operation(self, int(n))
        return otherwise(self, n) if found is NotImplemented else found

    method.op = None  # type: ignore[attr-defined]
    return method


def remainder(x: Any, n: int) -> Any:
    """x % n of a traced integer; NotImplemented of what is none."""
    if (there := outside(x)) is not None:
        return there % n
    if (formula := _formula(x, n)) is None:
        return NotImplemented
    if n < 0:
        return -remainder(-x, -n)
    own = "remainder", formula, n
    found = looked_up([*range(n)], x, None, own)[0]
    x._scope.lookups.formulas[found._serial] = own
    return found


def quotient(x: Any, n: int) -> Any:
    """x // n of a traced integer; NotImplemented of what is none."""
    if (there := outside(x)) is not None:
        return there // n
    if (formula := _formula(x, n)) is None:
        return NotImplemented
    found = (x - remainder(x, n)) / n
    x._scope.lookups.formulas[found._serial] = "quotient", formula, n
    return found


def _formula(x: Traced, n: int) -> Formula:
    """That of an integer which is to be divided by n; None where it is none, or n is too large."""
    lookups = x._scope.lookups
    formula = None if lookups is None or abs(n) > MOST else formula_of(x, lookups)
    if formula is not None and not n:
        raise ZeroDivisionError("integer division or modulo by zero")
    return formula


def _both(x: Any, n: int) -> Any:
    found = quotient(x, n)
    return found if found is NotImplemented else (found, remainder(x, n))


def _shifted(x: Any, n: int) -> Any:
    return quotient(x, 1 << n) if 0 <= n <= MOST.bit_length() else NotImplemented


def _masked(x: Any, n: int) -> Any:
    """x & n, of an n whose bits are the last ones: of others it is no remainder."""
    return remainder(x, n + 1) if n > 0 and not n & (n + 1) else NotImplemented


_OPERATIONS = {
    "__mod__": remainder,
    "__floordiv__": quotient,
    "__divmod__": _both,
    "__rshift__": _shifted,
    "__and__": _masked,
    "__rand__": _masked,
}
