"""The row of a table at a traced integer, of the structure that the table's rows have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import ops
from .engine import Value
from .errors import IndexRangeError, IntegerNeeded, ShapeError, TraceError, user_location
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
        return row_at(_rows(table, chosen), inner, arrays)
    form = None if lookups is None else form_of(index, lookups.known)
    if lookups is None or form is None:
        raise IntegerNeeded(f"{user_location()}: {_no_index(index)}", index.label)
    if not len(table):
        raise IndexRangeError(f"{user_location()}: a table of no rows has none to take")
    if not form[1]:
        return table[form[0]]
    shape = _shape(table[0])
    entries: list[Any] = []
    for k, row in enumerate(table):
        if _shape(row) != shape:
            raise ShapeError(
                f"{user_location()}: rows of a table should be alike, to be chosen by a traced "
                f"integer; row 0 is {_said(shape)}, row {k} is {_said(_shape(row))}"
            )
        _flatten(row, entries)
    leaf = lookups.index(form, len(table), scope)
    if _are_inside(entries, lookups):
        return _built(table[0], iter(_chosen(entries, len(table), index)), arrays)
    found = lookups.row(entries, len(table), leaf, scope)
    if shape is None:
        lookups.choose(found[0], table, index, form)
    elif _is_of_integers(table[0]):
        for number, column in zip(found, zip(*table, strict=True), strict=True):
            lookups.choose(number, column, index, form)
    return _built(table[0], iter(found), arrays)


def _is_of_integers(row: Any) -> bool:
    """Whether a row is of integers, so that those of a column may choose rows themselves."""
    if isinstance(row, np.ndarray):
        return row.ndim == 1 and row.dtype.kind in "iu"
    return all(isinstance(x, (int, np.integer)) for x in row)


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


def outside(index: Traced) -> Any:
    """An index that is made of integers of functions around, as these say it; None for others."""
    lookups: Lookups | None = index._scope.lookups
    form = form_of(index, lookups.outer) if lookups is not None and lookups.outer else None
    if lookups is None or form is None or not form[1]:
        return None
    offset, terms = form
    found = [lookups.outer[v] if k == 1 else k * lookups.outer[v] for v, k in terms]
    return sum(found[1:], found[0]) + offset if offset else sum(found[1:], found[0])


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
            f"{text}it was looked up itself, in a table that is not of integers of Python, by two "
            "integers one after the other, or by what is no counter of a loop among those that are "
            "given; of rows of n integers put all in one list, and look up that by n*i + j"
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
    if (op := _no_sum(index)) is not None:
        return (
            f"{text}{op} of integers is no sum of multiples of them; put what it gives into a list "
            "of integers, and look that up, as in [abs(k) for k in range(-n, n)][i - j + n]"
        )
    text += (
        "annotate the argument, as in `i: int` or `tokens: list[int]`, or let fit's data "
        "be of an integer dtype; it may be a sum of multiples of such integers, as 3*i + j, or of "
        "the counters of fori(n, ...) whose n is an integer of Python"
    )
    return text if named else f"{text}; {OF_COMPUTED}"


def _no_sum(index: Traced) -> str | None:
    """An op that integers were given, and no index is computed by."""
    known: Any = index._scope.lookups.known if index._scope.lookups is not None else ()
    stack: list[Any] = [index]
    for _ in range(MOST_TERMS):
        if not stack:
            return None
        x = stack.pop()
        if isinstance(x, Traced) and x._entry is not None and x._serial not in known:
            given = [y for y in x._operands if isinstance(y, Traced)]
            if not (x._entry.coefficients or x._entry.product):
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


def _flatten(row: Any, entries: list[Any]) -> None:
    """Append all Values and numbers of a row."""
    if isinstance(row, np.ndarray) and row.ndim:
        row = row.reshape(-1).tolist()
    if not isinstance(row, _SEQUENCES):
        entries.append(row if isinstance(row, Value) else as_float(row))
        return
    for x in row:
        _flatten(x, entries)


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


MOST_TERMS = 64
"""Operations of the expression of an index."""


def form_of(index: Value, integers: Mapping[int, Any]) -> Form | None:
    """An index as a sum of multiples of integers; None if it is none."""
    offset, scales = 0, dict[int, int]()
    stack: list[tuple[Any, int]] = [(index, 1)]
    for _ in range(MOST_TERMS):
        if not stack:
            return offset, tuple(sorted((v, k) for v, k in scales.items() if k))
        x, scale = stack.pop()
        if x.__class__ is float:
            if not x.is_integer():
                return None
            offset += scale * int(x)
            continue
        if x._serial in integers:
            scales[x._serial] = scales.get(x._serial, 0) + scale
            continue
        op, operands = x._entry, x._operands
        numbers = [k for k, y in enumerate(operands) if y.__class__ is float]
        if op is None:
            return None
        if op.coefficients:
            stack += [(y, scale * int(c)) for y, c in zip(operands, op.coefficients, strict=True)]
        elif op.product and numbers and operands[numbers[0]].is_integer():
            stack.append((operands[1 - numbers[0]], scale * int(operands[numbers[0]])))
        else:
            return None
    return None
