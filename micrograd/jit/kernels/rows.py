"""Rows of data as kernels that sum over them take them: arrays, one row as a function gets it, and
the sum of what it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ...engine import Value
from ...errors import ShapeError, SignatureError, counted, kind
from ...traced import Traced
from ..loops import summed
from ..trace.compiling import scope_here
from ..trace.loops import Column
from ..trace.signature import SCALAR, Structure, array_of, build, check_mask, result_structure, row
from ..trace.source import FunctionSource


def row_structure(shape: Sequence[int]) -> Structure:
    """How a function gets a row of this shape: a number, a list, or an array of Values."""
    if not shape:
        return SCALAR
    if len(shape) == 1:
        return row(list, int(shape[0]))
    return array_of(tuple(shape))


@dataclass(frozen=True, slots=True)
class Rows:
    """Arrays of as many rows, by the names of the parameters that take them.

    structures   of a row
    laid         what kernels read that is not an array itself, by its name, dtype and size
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    structures: Mapping[str, Structure]
    count: int
    laid: dict[Any, npt.NDArray[Any]] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self) -> Any:
        """Without what can be made again."""
        return Rows, (self.arrays, self.structures, self.count)

    def laid_out(self, name: str, dtype: np.dtype[Any], size: int | None) -> npt.NDArray[Any]:
        """An array as code reads it: as it is, or, of so many rows at a time, a number of each in a
        column: of shape (blocks, numbers of a row, size), with zeros behind the last row.
        """
        key, x = (name, dtype, size), self.arrays[name]
        if size is None and x.dtype == dtype:
            return np.ascontiguousarray(x)
        if key not in self.laid:
            self.laid[key] = (
                np.ascontiguousarray(x, dtype) if size is None else _blocks(x, dtype, size)
            )
        return self.laid[key]

    def copied(self, dtype: np.dtype[Any]) -> Rows:
        """The same in memory of their own, as kernels of a dtype read them; integers stay such."""
        with np.errstate(all="ignore"):
            arrays = {
                name: np.array(x, x.dtype if x.dtype.kind in "iuO" else dtype, order="C")
                for name, x in self.arrays.items()
            }
        return Rows(arrays, self.structures, self.count)

    @property
    def has_values(self) -> bool:
        """Whether there are Values among the numbers."""
        return any(x.dtype == object for x in self.arrays.values())

    @property
    def columns(self) -> list[Column]:
        """The numbers and Values, of one row after the other."""
        return [
            x.reshape(-1).tolist() if x.dtype == object else np.array(x, np.float64).reshape(-1)
            for x in self.arrays.values()
        ]


def _blocks(x: npt.NDArray[Any], dtype: np.dtype[Any], size: int) -> npt.NDArray[Any]:
    rows = x.reshape(len(x), prod(x.shape[1:]))
    found = np.zeros((-(-len(rows) // size), rows.shape[1], size), dtype)
    for block, at in zip(found, range(0, len(rows), size), strict=True):
        some = rows[at : at + size]
        block[:, : len(some)] = some.T
    return found


def names_of_rows(source: FunctionSource, data: Sequence[Any], rows: Any) -> tuple[str, ...]:
    """The parameters that take rows, of a function; either the data are known or their names.

    Raises SignatureError if these are none of its parameters.
    """
    parameters = [p.name for p in source.parameters]
    told = ", ".join(parameters) or "none"
    if data:
        if rows is not None:
            raise SignatureError(
                f"total of {source.name}: data are for its last parameters; rows= is for data that "
                "are given in calls"
            )
        if len(data) > len(parameters):
            raise SignatureError(
                f"total of {source.name}: {counted(len(data), 'array')} of data, but it has the "
                f"parameters {told}"
            )
        return tuple(parameters[len(parameters) - len(data) :])
    if rows is None:
        raise SignatureError(
            f"total of {source.name}: which parameters take rows of data? Give the data, "
            f"total(f, X, y), or their names, rows=('x', 'y'); it has {told}"
        )
    names = tuple(rows) if isinstance(rows, (tuple, list, set, frozenset)) else (rows,)
    for name in names:
        if name not in parameters:
            raise SignatureError(
                f"total of {source.name}: rows should name parameters, {told}; got {kind(name)}"
            )
    if not names or len(set(names)) < len(names):
        raise SignatureError(f"total of {source.name}: rows should name parameters, each once")
    return names


def rows_of(name: str, given: Mapping[str, Any]) -> Rows:
    """What is given as rows, as arrays of numbers.

    Raises SignatureError for what is no array of numbers; ShapeError for different numbers of rows.
    """
    arrays = {parameter: _array(name, parameter, x) for parameter, x in given.items()}
    counts = {parameter: len(x) for parameter, x in arrays.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{n} of {parameter}" for parameter, n in counts.items())
        raise ShapeError(f"{name}: different numbers of rows: {told}")
    structures = {parameter: row_structure(x.shape[1:]) for parameter, x in arrays.items()}
    return Rows(arrays, structures, next(iter(counts.values())))


def _array(name: str, parameter: str, given: Any) -> npt.NDArray[Any]:
    check_mask(given, f"{name}: {parameter}")
    try:
        array = np.asarray(given._data if hasattr(type(given), "__primitive__") else given)
    except ValueError:
        raise ShapeError(
            f"{name}: {parameter} should have rows of the same length, got {kind(given)}"
        ) from None
    if not array.ndim or (array.dtype.kind not in "biuf" and not _is_of_values(array)):
        raise SignatureError(
            f"{name}: {parameter} should be an array of real numbers with a row for each term of "
            f"the sum, got {kind(given)}"
            + "; annotate the parameter that it comes from (x: np.ndarray), to pass it on whole"
            * isinstance(given, Traced)
        )
    return array


def _is_of_values(array: npt.NDArray[Any]) -> bool:
    """Whether it holds Values, and else numbers."""
    kinds = set(map(type, array.flat)) if array.dtype == object else set()
    numbers = all(issubclass(k, (Value, int, float)) for k in kinds)
    return numbers and any(issubclass(k, Value) for k in kinds)


def _row_of(data: Rows, k: int) -> dict[str, Any]:
    """Row k, as the function gets it, of floats or integers."""
    found = {}
    for name, array in data.arrays.items():
        dtype = array.dtype if array.dtype.kind in "iuO" else np.float64
        numbers = np.asarray(array[k], dtype).reshape(-1).tolist()
        found[name] = build(data.structures[name], iter(numbers))
    return found


def _sum_of(name: str, terms: Sequence[Any]) -> Any:
    """The sum of what rows give, leaf by leaf, first to last; of nothing 0."""
    if not terms:
        return 0.0
    columns: list[list[Any]] = []
    structures = []
    for term in terms:
        leaves: list[Any] = []
        structures.append(result_structure(term, leaves.append, name))
        columns.append(leaves)
    if any(s != structures[0] for s in structures):
        raise SignatureError(
            f"{name}: rows give results of different structures; "
            f"{counted(len(terms), 'row')} should give as many numbers each"
        )
    return build(structures[0], iter([sum(column) for column in zip(*columns, strict=True)]))


def sum_over(
    name: str, term: Callable[[dict[str, Any]], Any], data: Rows, *, one_by_one: bool
) -> Any:
    """The sum of what each row gives, of Values. In a function that is compiled it is a loop over
    the rows, unless they shall be taken one by one.
    """
    scope = scope_here()
    if scope is None or one_by_one or not data.count:
        return _sum_of(name, [term(_row_of(data, k)) for k in range(data.count)])

    def of_numbers(numbers: list[Any]) -> Any:
        row = iter(numbers)
        return term({n: build(s, row, exact=True) for n, s in data.structures.items()})

    return summed(scope, data.count, data.columns, of_numbers)
