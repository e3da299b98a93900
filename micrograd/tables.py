"""`take` and `Table`: rows chosen by an integer, which compiled code may be given when it runs.

With an integer of Python or NumPy it is Python's own indexing. A traced integer, an argument
annotated `int` or one of the integers of data, chooses a row in compiled code: a gather, of which
the derivative is a scatter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import index as whole
from typing import Any

import numpy as np

from .engine import Value
from .errors import DataError, IndexRangeError, ShapeError, TraceError, kind, user_location
from .lookups import Lookups, form_of
from .opdef import as_float
from .traced import Traced
from .value_arrays import value_array

_SEQUENCES = (list, tuple)


def take(table: Any, index: Any) -> Any:
    """The row of a table at an index: of a list, a tuple or an array of rows, which may be Values
    or numbers, or lists of them; `table[index]`, where the index may be traced.

    index   an integer, those below 0 counted from the end; or, in a function that is compiled, one
            that it is given: an argument annotated `int`, an element of one annotated `list[int]`,
            or of `fit`'s data, if they are integers; or a sum of multiples of these, as `3*i + j`

    Raises IndexRangeError for an index out of range; DataError for one that is no integer;
    ShapeError for rows of different shapes under a traced index.

    >>> from micrograd import jit
    >>> table = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    >>> take(table, -1)
    [Value(data=3.0, grad=0), Value(data=4.0, grad=0)]
    >>> def total(i: int):
    ...     x, y = take(table, i)
    ...     return x * y
    >>> jit(total)(1), jit(total)(0)
    (12.0, 2.0)
    """
    if isinstance(table, Table):
        table = table.rows
    _check_table(table)
    if isinstance(index, Traced):
        return _traced(table, index)
    try:
        place = whole(index)
    except TypeError:
        raise DataError(
            f"{user_location()}: the index of a row should be an integer, got {kind(index)}"
        ) from None
    if not -len(table) <= place < len(table):
        raise IndexRangeError(
            f"{user_location()}: index {place} is out of range of a table of {len(table)} rows"
        )
    return table[place]


class Table(Sequence[Any]):
    """Rows that are looked up by `table[i]`, where `i` may be a traced integer: see `take`.

    >>> from micrograd import jit
    >>> squares = Table([0.0, 1.0, 4.0, 9.0])
    >>> squares[3], len(squares)
    (9.0, 4)
    >>> def f(x: float, i: int):
    ...     return x * squares[i]
    >>> jit(f)(0.5, 2)
    2.0
    """

    def __init__(self, rows: Any) -> None:
        self.rows: Any = rows.rows if isinstance(rows, Table) else rows
        _check_table(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index] if isinstance(index, slice) else take(self.rows, index)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"Table({self.rows!r})"


def _check_table(table: Any) -> None:
    if not isinstance(table, (*_SEQUENCES, np.ndarray)) or getattr(table, "ndim", 1) == 0:
        raise DataError(
            f"{user_location()}: a table is a list, a tuple or an array of rows, got {kind(table)}"
        )


def _traced(table: Sequence[Any], index: Traced) -> Any:
    """The row at an index that is given when the compiled code runs."""
    scope = index._scope
    if scope.is_over:
        raise scope.over()
    lookups: Lookups | None = scope.lookups
    form = None if lookups is None else form_of(index, lookups.integers)
    if lookups is None or form is None:
        raise TraceError(
            f"{user_location()}: the index of a row should be an integer, and this traced value is "
            "none: annotate the argument, as in `i: int` or `tokens: list[int]`, or let fit's data "
            "be of an integer dtype; it may be a sum of multiples of such integers, as 3*i + j"
        )
    if not len(table):
        raise IndexRangeError(f"{user_location()}: a table of no rows has none to take")
    if not form[1]:
        return take(table, form[0])
    shape = _shape(table[0])
    entries: list[Any] = []
    for k, row in enumerate(table):
        if _shape(row) != shape:
            raise ShapeError(
                f"{user_location()}: rows of a table should be alike, to be chosen by a traced "
                f"integer; row 0 is {_said(shape)}, row {k} is {_said(_shape(row))}"
            )
        _flatten(row, entries)
    found = iter(lookups.row(entries, len(table), lookups.index(form, len(table), scope), scope))
    return _built(table[0], found)


def _shape(row: Any) -> Any:
    """What rows that are alike have in common: None for a number, else the shapes of the items."""
    if isinstance(row, np.ndarray) and row.ndim:
        return row.shape
    if isinstance(row, _SEQUENCES):
        return tuple(map(_shape, row))
    return None


def _said(shape: Any) -> str:
    if shape is None:
        return "a number"
    return f"{len(shape)} items" if not shape or None in shape else f"of shape {shape}"


def _flatten(row: Any, entries: list[Any]) -> None:
    """Append all Values and numbers of a row."""
    if isinstance(row, np.ndarray) and row.ndim:
        row = row.reshape(-1).tolist()
    if not isinstance(row, _SEQUENCES):
        entries.append(row if isinstance(row, Value) else as_float(row))
        return
    for x in row:
        _flatten(x, entries)


def _built(row: Any, found: Iterator[Value]) -> Any:
    """A row like this one of what was found."""
    if isinstance(row, np.ndarray) and row.ndim:
        return value_array([next(found) for _ in range(row.size)], row.shape)
    if isinstance(row, _SEQUENCES):
        items = [_built(x, found) for x in row]
        return items if isinstance(row, list) else tuple(items)
    return next(found)
