"""`%`, `//`, `divmod`, `<<`, `>>`, `&` of a traced integer and an integer that is known, and `~`.

They are of integers alone: of other numbers they are no ops, as their derivative is 0. In what is
compiled, x % n is what a table of the integers below n has at x % n, and x // n is (x - x % n) / n.
Of two integers that are only known when the code runs there are none, nor is there `|` or `^`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .computed_indices import formula_of, is_integer, outside
from .integers import Formula
from .refused import is_truth
from .rows import looked_up
from .traced import Traced

MOST = 1 << 16
"""The largest n of x % n: a table is so long."""


def install_integers(cls: Any) -> None:
    """Give traced Values these operators, which are those of Values where one is no integer."""
    for symbol, name in _SYMBOLS:
        for own in (f"__{name}__", f"__r{name}__"):
            setattr(cls, own, _operator(symbol, _OPERATIONS.get(own), getattr(cls, own)))
    cls.__invert__ = _inverted(cls.__invert__)


def _operator(symbol: str, operation: Any, otherwise: Any) -> Any:
    def method(self: Traced, n: Any) -> Any:
        found = NotImplemented
        if operation and isinstance(n, (int, np.integer)) and not self._scope.is_over:
            found = operation(self, int(n))
        if found is NotImplemented and _is_whole(self) and _is_whole(n):
            raise self._refusal(_UNKNOWN.format(symbol=symbol))
        return otherwise(self, n) if found is NotImplemented else found

    method.op = None  # type: ignore[attr-defined]
    return method


def _inverted(otherwise: Any) -> Any:
    def method(self: Traced) -> Any:
        return -self - 1 if _is_whole(self) else otherwise(self)

    method.op = None  # type: ignore[attr-defined]
    return method


def _is_whole(x: Any) -> bool:
    """Whether it is an integer, and neither true nor false."""
    if is_truth(x) or (isinstance(x, Traced) and x._scope.is_over):
        return False
    return is_integer(x)


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


def _lifted(x: Any, n: int) -> Any:
    return x * (1 << n) if 0 <= n <= MOST.bit_length() and _is_whole(x) else NotImplemented


def _shifted(x: Any, n: int) -> Any:
    return quotient(x, 1 << n) if 0 <= n <= MOST.bit_length() else NotImplemented


def _masked(x: Any, n: int) -> Any:
    """x & n, of an n whose bits are the last ones: of others it is no remainder."""
    return remainder(x, n + 1) if n > 0 and not n & (n + 1) else NotImplemented


_OPERATIONS = {
    "__mod__": remainder,
    "__floordiv__": quotient,
    "__divmod__": _both,
    "__lshift__": _lifted,
    "__rshift__": _shifted,
    "__and__": _masked,
    "__rand__": _masked,
}
_SYMBOLS = (
    ("%", "mod"), ("//", "floordiv"), ("divmod()", "divmod"), ("<<", "lshift"), (">>", "rshift"),
    ("&", "and"), ("|", "or"), ("^", "xor"),
)  # fmt: skip
_UNKNOWN = (
    "of two integers, {symbol} is computed where the second is known, and then only % n, // n, "
    "divmod(i, n), << n, >> n, and & n of n = 1, 3, 7, ..., up to 65536; indices are computed by "
    "these, +, -, *, abs, min, max and comparisons; for others, put what they give into lists of "
    "integers, and look that up, as in [[a % (b + 1) for b in range(n)] for a in range(n)][i][j]"
)
