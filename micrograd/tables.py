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

from .errors import DataError, MicrogradError, kind, user_location
from .integer_operators import install_integers
from .rows import row_at, row_of
from .traced import Traced
from .value_arrays import value_array

_SEQUENCES = (list, tuple)
install_integers(Traced)


def take(table: Any, index: Any) -> Any:
    """The row of a table at an index: of a list, a tuple or an array of rows, which may be Values
    or numbers, or lists of them; `table[index]`, where the index may be traced.

    index   an integer, those below 0 counted from the end; or, in a function that is compiled, one
            that it is given: an argument annotated `int`, an element of one annotated `list[int]`,
            or of `fit`'s data, if they are integers; or the counter of a `fori`, or an integer that
            a `scan` goes through; or what is computed of these, as `3*i + j`, `abs(i - j)`, `i % n`
            and `i // n`, or looked up by them in a table of integers

    Raises IndexRangeError for an index out of range; DataError for one that is no integer;
    ShapeError for rows of different shapes under a traced index.

    >>> from micrograd import jit
    >>> table = [[1.0, 2.0], [3.0, 4.0]]
    >>> take(table, -1)
    [3.0, 4.0]
    >>> def total(i: int):
    ...     x, y = take(table, i)
    ...     return x * y
    >>> jit(total)(1), jit(total)(0)
    (12.0, 2.0)
    """
    if isinstance(table, Table):
        table = table.rows
    _check_table(table, "the table")
    if isinstance(index, Traced):
        try:
            return row_at(table, index, value_array)
        except MicrogradError as error:
            index._scope.note(error)
            raise
    try:
        place = whole(int(index) if isinstance(index, np.bool_) else index)
    except TypeError:
        if isinstance(index, (*_SEQUENCES, np.ndarray)) and getattr(index, "ndim", 1) != 0:
            raise DataError(
                f"{user_location()}: take looks up one row, by one integer, and this index has "
                f"{len(index)} items; write [take(table, i) for i in indices], and "
                "map a function of one row of integers over many with vmap"
            ) from None
        raise DataError(
            f"{user_location()}: the index of a row should be an integer, got {kind(index)}"
        ) from None
    return row_of(table, place)


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
        _check_table(self.rows, "rows")

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index] if isinstance(index, slice) else take(self.rows, index)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"Table({self.rows!r})"


def _check_table(table: Any, name: str) -> None:
    if not isinstance(table, (*_SEQUENCES, np.ndarray)) or getattr(table, "ndim", 1) == 0:
        raise DataError(
            f"{user_location()}: {name} should be a list, a tuple or an array, got {kind(table)}"
        )
