"""The row of a table at a traced integer, of the structure that the table's rows have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from . import ops
from .bounded_counters import guarded, is_of_rows
from .computed_indices import MOST_TERMS, by_counters, form_of, formula_of, index_of, outside
from .engine import Value
from .errors import IndexRangeError, IntegerNeeded, ShapeError, TraceError, user_location
from .integers import Formula
from .lookups import Form, Lookup, Lookups
from .opdef import as_float
from .traced import Traced

_SEQUENCES = (list, tuple)
Arrays = Callable[[Sequence[Value], tuple[int, ...]], Any]
"""What makes an array of this shape of Values."""


def row_at(table: Any, index: Traced, arrays: Arrays) -> Any:
    """The row at an index that is given when the compiled code runs.

    Raises TraceError for an index that is no sum of multiples of integers; ShapeError for rows that
    are not alike.
    """
    scope = index._scope
    if scope.is_over:
        raise scope.over()
    lookups: Lookups | None = scope.lookups
    if (there := outside(index)) is not None:
        return row_at(table, there, arrays) if isinstance(there, Traced) else row_of(table, there)
    if lookups is not None and index._serial in lookups.chosen:
        chosen, inner = lookups.chosen[index._serial]
        if all(-len(table) <= k < len(table) for k in chosen):
            return row_at([table[k] for k in chosen], inner, arrays)
    form = None if lookups is None else form_of(index, lookups.known)
    if form is not None and lookups is not None and (ends := lookups.ends(form)) is not None:
        form = None if -len(table) <= ends[0] < 0 <= ends[1] < len(table) else form
    formula: Formula = None
    if form is not None and not is_of_rows(form, len(table), cast(Lookups, lookups)):
        form = None
    if lookups is not None and form is None and (found := formula_of(index, lookups)) is not None:
        formula = guarded(found, lookups)
    if lookups is None or (form is None and formula is None):
        raise IntegerNeeded(f"{user_location()}: {_no_index(index)}", index.label)
    if not len(table):
        raise IndexRangeError(f"{user_location()}: a table of no rows has none to take")
    if form is not None and not form[1]:
        return table[form[0]]
    row = looked_up(table, index, form, formula)
    for number, column in zip(row, _of_integers(table), strict=False):
        lookups.choose(number, column, index, form or (0, ()))
    return _built(table[0], iter(row), arrays)


def looked_up(table: Any, index: Traced, form: Form | None, formula: Formula) -> list[Any]:
    """The numbers of the row at an index, which is a sum of multiples of integers, or, where `form`
    is None, what a formula says.
    """
    lookups, scope = index._scope.lookups, index._scope
    if form is None and (counted := by_counters(formula, lookups)) is not None:
        said, strides = counted
        table, form = _rows(table, said), (0, tuple(strides.items()))
    entries = _entries(table)
    if form is not None:
        leaf = lookups.index(form, len(table), scope)
    else:
        leaf = index_of(formula, len(table), lookups, scope)
    if _are_inside(entries, lookups):
        return _chosen(entries, len(table), index)
    return lookups.row(entries, len(table), leaf, scope)  # type: ignore[no-any-return]


def _entries(table: Any) -> list[Any]:
    """The numbers and Values of all rows. Raises ShapeError for rows that are not alike."""
    shape = _shape(table[0])
    entries: list[Any] = []
    for k, row in enumerate(table):
        if _shape(row) != shape:
            raise ShapeError(
                f"{user_location()}: rows of a table should be alike, to be chosen by a traced "
                f"integer; row 0 is {_said(shape)}, row {k} is {_said(_shape(row))}"
            )
        _flatten(row, entries, as_float)
    return entries


def _of_integers(table: Any) -> Sequence[Sequence[Any]]:
    """The columns of a table that may be of integers, so that one of them may choose a row itself,
    number by number; none of others.
    """
    first: list[Any] = []
    _flatten(table[0], first, lambda x: x)
    if not all(isinstance(x, (int, np.integer, Traced)) for x in first):
        return ()
    entries: list[Any] = []
    for row in table:
        _flatten(row, entries, lambda x: x)
    return [entries[k :: len(first)] for k in range(len(first))]


_READ_BY = frozenset({"__getattribute__", "__getitem__", "__iter__", "__len__", "__eq__"})


def is_named(x: Any) -> bool:
    """Whether it is a named tuple, whose items are read as those of other tuples are."""
    c = x.__class__
    return c.__bases__ == (tuple,) and hasattr(c, "_fields") and _READ_BY.isdisjoint(c.__dict__)


def row_of(table: Any, place: int) -> Any:
    """The row at a plain integer. Raises IndexRangeError for one out of range."""
    if not -len(table) <= place < len(table):
        raise IndexRangeError(
            f"{user_location()}: index {place} is out of range of a table of {len(table)} rows"
        )
    return table[place]


def _are_inside(entries: Sequence[Any], lookups: Lookups) -> bool:
    """Whether some of a table was made in a function that the one which looks it up has called:
    there is no such table there.
    """
    inner = lookups.inner
    return inner is not None and any(isinstance(x, Value) and x._serial > inner for x in entries)


OF_COMPUTED = (
    "a number that is computed of others chooses no row, but the sum over all rows k of "
    "where(x == k, 1.0, 0.0) * row is the row x"
)
"""What can be done where an index is no integer that is given."""
OF_FIT = ", or let fit's data be of an integer dtype"
MOST_CHOSEN = 4096
"""Numbers of a table of which each is chosen or not, by itself."""


def _chosen(entries: Sequence[Any], rows: int, index: Traced) -> list[Any]:
    """The row at an index, by a choice for each row: the index is of a function around this one,
    where it is seen to that there is such a row.
    """
    if len(entries) > MOST_CHOSEN:
        raise TraceError(
            f"{user_location()}: the index belongs to {index._scope.name}, which is being compiled "
            f"around this function, where the table is computed, of {len(entries)} numbers; then "
            f"it may have {MOST_CHOSEN}: compute the table before, or fewer rows of it"
        )
    width = len(entries) // rows
    place = ops.where(ops.lt(index, 0.0), index + float(rows), index)
    found = list(entries[-width:])
    for k in reversed(range(rows - 1)):
        here = ops.eq(place, float(k))
        row = entries[k * width : (k + 1) * width]
        found = [ops.where(here, x, rest) for x, rest in zip(row, found, strict=True)]
    return found


def _rows(table: Any, chosen: Sequence[int]) -> list[Any]:
    """The rows of a table that integers choose. Raises IndexRangeError for one out of range."""
    for k in chosen:
        if not -len(table) <= k < len(table):
            raise IndexRangeError(
                f"{user_location()}: index {k}, itself looked up in a table, is out of range of a "
                f"table of {len(table)} rows"
            )
    return [table[k] for k in chosen]


def _no_index(index: Traced) -> str:
    """Why a traced value chooses no row, and what to write instead."""
    named = index._entry is None and index.label not in ("", "state")
    said = index.label if named else "this traced value"
    text = f"the index of a row should be an integer, and {said} is none: "
    if isinstance(index._entry, Lookup):
        return (
            f"{text}it was looked up itself, in a table that is not of integers alone: let there "
            "be no floats, and annotate those that are given, as in `rows: list[list[int]]`"
        )
    if said.startswith("data["):
        array = said[: said.index("]") + 1]
        return (
            f"the index of a row should be an integer, and {said} came as a float: give {array} as "
            "integers, of an integer dtype"
        )
    if _is_mixed(index):
        return (
            f"{text}it is made of integers of {index._scope.name} and of a function around or in "
            "it; look up a list of rows by those of the one, and in that list by the others"
        )
    if (op := _no_op_of_integers(index)) is not None:
        return (
            f"{text}{op} of integers is none that indices are computed by, as +, -, *, % n, // n, "
            "abs, min, max and comparisons are; put what it gives into a list of integers, and "
            "look that up, as in [round(k**0.5) for k in range(n)][i]"
        )
    text += (
        f"annotate the argument, as in `i: int` or `tokens: list[int]`{'' if named else OF_FIT}; "
        "it may be computed of such integers, as 3*i + j or i % n, and of "
        "the counters of fori(n, ...) whose n is such an integer or one of Python; where n is "
        "another number, fori(most, lambda i, s: where(i < n, ..., s), state) has a counter"
    )
    return text if named else f"{text}; {OF_COMPUTED}"


def _no_op_of_integers(index: Traced) -> str | None:
    """An op that integers were given, and no index is computed by."""
    known: Any = index._scope.lookups.known if index._scope.lookups is not None else ()
    stack: list[Any] = [index]
    for _ in range(MOST_TERMS):
        if not stack:
            return None
        x = stack.pop()
        if isinstance(x, Traced) and x._entry is not None and x._serial not in known:
            given = [y for y in x._operands if isinstance(y, Traced)]
            if not (x._entry.integral or isinstance(x._entry, Lookup)):
                return x._op if any(y._serial in known or y._entry for y in given) else None
            stack += given
    return None


def _is_mixed(index: Traced) -> bool:
    """Whether it is computed of integers of several functions."""
    scopes, stack, seen = set(), [index], {index._serial}
    while stack and len(seen) < MOST_TERMS:
        v = stack.pop()
        known: Any = v._scope.lookups.known if v._scope.lookups is not None else ()
        if v._serial in known:
            scopes.add(v._scope)
            continue
        more = [x for x in v._operands if isinstance(x, Traced) and x._serial not in seen]
        seen.update(x._serial for x in more)
        stack += more
    return len(scopes) > 1


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


def _flatten(row: Any, entries: list[Any], number: Callable[[Any], Any]) -> None:
    """Append all Values of a row, and what becomes of its numbers."""
    if isinstance(row, np.ndarray) and row.ndim:
        row = row.reshape(-1).tolist()
    if not isinstance(row, _SEQUENCES):
        entries.append(row if isinstance(row, Value) else number(row))
        return
    for x in row:
        _flatten(x, entries, number)


def _built(row: Any, found: Iterator[Value], arrays: Arrays) -> Any:
    """A row like this one of what was found."""
    if isinstance(row, np.ndarray) and row.ndim:
        return arrays([next(found) for _ in range(row.size)], row.shape)
    if isinstance(row, _SEQUENCES):
        items = [_built(x, found, arrays) for x in row]
        if isinstance(row, list):
            return items
        return tuple.__new__(row.__class__ if is_named(row) else tuple, items)
    return next(found)
