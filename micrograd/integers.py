"""Integers that are computed of integers, as Python has them: one by one, and many at once.

They say which row of a table is looked up, before compiled code runs.

    formula  ::= int                                -- itself
               | ("given", which)                   -- one of those that are given
               | (op, formula, ...)                 -- an op of the table that is `integral`
               | ("remainder", formula, int)        -- x % n
               | ("quotient", formula, int)         -- x // n
               | ("row", index, formula, ...)       -- the formula at an index
               | ("number", index, (int, ...))      -- the integer at an index
               | ("if", condition, formula)         -- 0 where the condition is

An index at which there is nothing gives any of the integers: it is looked at elsewhere.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .opdef import OPS, Op

SHOWN = 5
"""Integers of a table, at most, in what is said of it."""
Formula = Any
"""An int or a tuple, as above."""
Ints = npt.NDArray[Any]
"""Of int64, or of objects where these do not do."""

_DIVIDE: dict[str, tuple[Callable[[int, int], int], Callable[..., Ints], str]] = {
    "remainder": (operator.mod, np.remainder, "%"),
    "quotient": (operator.floordiv, np.floor_divide, "//"),
}


def given_to(formula: Formula) -> Iterator[Any]:
    """Which of those that are given it is computed of, as often as it reads them."""
    if formula.__class__ is not tuple:
        return
    if formula[0] == "given":
        yield formula[1]
        return
    for x in formula[1:]:
        if x.__class__ is tuple and x and x[0].__class__ is str:
            yield from given_to(x)


def renamed(formula: Formula, names: Callable[[Any], Formula]) -> Formula:
    """The formula with others in place of those that are given."""
    if formula.__class__ is not tuple or formula[0].__class__ is not str:
        return formula
    if formula[0] == "given":
        return names(formula[1])
    return (formula[0], *(renamed(x, names) for x in formula[1:]))


def one(formula: Formula, given: Sequence[int]) -> int:
    """The integer that it is."""
    if formula.__class__ is not tuple:
        return int(formula)
    kind = formula[0]
    if kind == "given":
        return given[formula[1]]
    if kind == "number" or kind == "row":
        index = one(formula[1], given)
        rows = formula[2] if kind == "number" else formula[2:]
        place = index + len(rows) if index < 0 else index
        return one(rows[min(max(place, 0), len(rows) - 1)], given)
    if kind == "if":
        return one(formula[2], given) if one(formula[1], given) else 0
    operands = [one(x, given) for x in formula[1:]]
    if kind in _DIVIDE:
        return _DIVIDE[kind][0](*operands)
    return int(OPS[kind].eval(*operands))


def applied(formula: Formula, given: Sequence[Any]) -> Any:
    """The same of traced integers, one by one; None where rows are chosen among others."""
    if formula.__class__ is not tuple:
        return formula
    kind = formula[0]
    if kind == "given":
        return given[formula[1]]
    if kind in ("number", "row", "if"):
        return None
    operands: list[Any] = [applied(x, given) for x in formula[1:]]
    if any(x is None for x in operands):
        return None
    if all(isinstance(x, int) for x in operands):
        return one((kind, *operands), ())
    return _DIVIDE[kind][0](*operands) if kind in _DIVIDE else OPS[kind](*operands)


def many(formula: Formula, given: Sequence[Ints]) -> Ints:
    """The integers that it is, for arrays of integers that broadcast with each other."""
    largest = [max(abs(int(x.max(initial=0))), abs(int(x.min(initial=0)))) for x in given]
    dtype = np.int64 if _most(formula, largest)[1] < 2**63 else object
    return _many(formula, [x.astype(dtype, copy=False) for x in given])


def _many(formula: Formula, given: Sequence[Ints]) -> Ints:
    if formula.__class__ is not tuple:
        return np.array(formula)
    kind = formula[0]
    if kind == "given":
        return given[formula[1]]
    if kind == "number" or kind == "row":
        index = _many(formula[1], given)
        rows = _array(formula[2]) if kind == "number" else np.array(None)
        n = len(formula[2]) if kind == "number" else len(formula) - 2
        place = np.clip(np.where(index < 0, index + n, index), 0, n - 1).astype(np.int64)
        if kind == "number":
            return rows[place]
        place, *options = np.broadcast_arrays(place, *(_many(x, given) for x in formula[2:]))
        each = np.stack(options, axis=-1)
        return np.take_along_axis(each, place[..., None], axis=-1)[..., 0]
    operands = [_many(x, given) for x in formula[1:]]
    if kind == "if":
        return np.where(operands[0] != 0, operands[1], 0)
    if kind in _DIVIDE:
        return _DIVIDE[kind][1](*operands)
    op = OPS[kind]
    function: Any = getattr(np, op.ufunc) if op.ufunc else op.arrays
    found: Ints = function(*operands)
    return found.astype(np.int64) if op.predicate else found


@lru_cache(maxsize=64)
def _array(rows: tuple[int, ...]) -> Ints:
    return np.array(rows)


def _most(formula: Formula, given: Sequence[int]) -> tuple[int, int]:
    """How large it may be, of integers as large as these, and how large all that it is made of."""
    if formula.__class__ is not tuple:
        return abs(formula), abs(formula)
    kind = formula[0]
    if kind == "given":
        return given[formula[1]], given[formula[1]]
    if kind == "number":
        own = max(map(abs, formula[2]))
        return own, max(own, _most(formula[1], given)[1] + len(formula[2]))
    sizes, inner = zip(*(_most(x, given) for x in formula[1:]), strict=True)
    if kind == "row":
        return max(sizes[1:]), max(*inner, sizes[0] + len(sizes))
    own = _largest(kind, sizes)
    return own, max(own, *inner)


def _largest(kind: str, sizes: Sequence[int]) -> int:
    if kind == "if":
        return sizes[1]
    if kind in _DIVIDE:
        return sizes[kind == "remainder"]
    op: Op = OPS[kind]
    if op.predicate:
        return 1
    if op.product:
        return sizes[0] * sizes[1]
    return sum(sizes) if op.coefficients else max(sizes)


def text(formula: Formula, given: Sequence[str], inside: bool = False) -> str:
    """How it is written.

    inside   whether it stands in another, where what has an operator is put in brackets
    """
    if formula.__class__ is not tuple:
        return str(formula)
    kind = formula[0]
    if kind == "given":
        return given[formula[1]]
    if kind == "number":
        rows = [*map(str, formula[2][:SHOWN]), *["..."] * (len(formula[2]) > SHOWN)]
        return f"[{', '.join(rows)}][{text(formula[1], given)}]"
    if kind == "if":
        return text(formula[2], given, inside)
    operands = [text(x, given, True) for x in formula[1:]]
    if kind == "row":
        return f"[{', '.join(operands[1:])}][{text(formula[1], given)}]"
    symbol = _DIVIDE[kind][2] if kind in _DIVIDE else OPS[kind].label
    if len(operands) == 2 and not symbol.isalpha():
        said = f" {symbol} ".join(operands)
        return f"({said})" if inside else said
    if OPS[kind].coefficients:
        return f"-{operands[0]}"
    return f"{symbol}({', '.join(text(x, given) for x in formula[1:])})"
