"""Values that a function of Tensors closes over: rows of one number each, which every call reads.

A leaf is live, unless the function is frozen; what was computed from leaves is recorded as if it
were computed inside, as Tensors' are. A Tensor of Values joins such rows.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ...tensor.casting import cast
from ...tensor.core import Tensor
from ...tensor.elementwise import elementwise
from ...tensor.layout import concat, reshape, slice_
from ...tensor.values import Element


class Scope(Protocol):
    """What these rows are recorded in."""

    frozen: bool
    rows: list[Any]
    rows_of: dict[int, int]
    kept: list[Any]

    @property
    def dtype(self) -> Any:
        """What it computes in, as far as it is known."""

    def row(self, x: Any) -> int:
        """The row of a Tensor."""

    def leaf(self, t: Any, of: Any, label: str, *, live: bool) -> int:
        """The row of the numbers of a Tensor, which are those of a leaf."""

    def recorded(self, primitive: Any, operands: Any, parameters: Any) -> int:
        """The row of a primitive on rows."""


def of_values_row(scope: Scope, t: Any) -> int:
    """The row of a Tensor of Values."""
    parts = [
        scope.row(Tensor(x, t.dtype))
        if x.__class__ is float
        else _in(scope, value_row(scope, x, t.dtype), t.dtype)
        for x in t._operands
    ]
    if len(parts) == 1 and not t.shape:
        return parts[0]
    flat = [scope.recorded(reshape, (k,), {"shape": (1,)}) for k in parts]
    joined = scope.recorded(concat, tuple(flat), {"axis": 0}) if len(flat) > 1 else flat[0]
    return scope.recorded(reshape, (joined,), {"shape": t.shape})


def value_row(scope: Scope, v: Any, dtype: Any) -> int:
    """The row of a Value, of this dtype if it is a new one: without recursion, as what it is of may
    be deep.
    """
    known = scope.rows_of
    waiting = [v]
    while waiting:
        x = waiting[-1]
        missing = [y for y in x._operands if y.__class__ is not float and id(y) not in known]
        if id(x) in known or not missing:
            waiting.pop()
            if id(x) not in known:
                known[id(x)] = _row(scope, x, dtype)
                scope.kept.append(x)
        else:
            waiting += missing
    return known[id(v)]


def _row(scope: Scope, v: Any, dtype: Any) -> int:
    """The row of a Value whose operands have theirs."""
    if v._entry is not None:
        operands: list[int | float] = []
        for i, y in enumerate(v._operands):
            if y.__class__ is float:
                operands.append(y)
                continue
            k = scope.rows_of[id(y)]
            operands.append(k if v._entry.choice and i == 0 else _in(scope, k, dtype))
        return scope.recorded(elementwise, tuple(operands), {"op": v._entry})
    if isinstance(v, Element):
        flat = scope.recorded(reshape, (scope.row(v._tensor),), {"shape": (v._tensor.size,)})
        return scope.recorded(slice_, (flat,), {"places": (v._place,)})
    wide = np.promote_types(dtype, scope.dtype)  # float32 would round what float64 reads, too
    return scope.leaf(Tensor.of_values(v, wide), v, v.label, live=not scope.frozen)


def _in(scope: Scope, k: int, dtype: Any) -> int:
    """The row as numbers of this dtype."""
    return k if scope.rows[k].dtype is dtype else scope.recorded(cast, (k,), {"dtype": dtype})
