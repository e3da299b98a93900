"""Arguments of a call -> their structure, and the numbers and arrays that they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ...engine import Value
from ...errors import SignatureError, kind
from ...real_types import BY_ANY_NAME, BY_DTYPE, NAMES
from ..trace.containers import opened
from ..trace.parameters import Parameter
from ..trace.signature import (
    PLAIN,
    SCALAR,
    Container,
    Structure,
    array_of,
    check_array,
    check_mask,
    count,
    is_plain,
    leaves,
    row,
    structure_of,
)
from .shared import shared

Shapes: TypeAlias = dict[tuple[int, ...], None]
"""The shapes of arrays, each once, in order."""


def flatten(
    name: str, parameters: Sequence[Parameter], args: Sequence[Any], only_numbers: bool
) -> tuple[tuple[Structure, ...], list[Any], Shapes, bool]:
    """The structures of the arguments, what they hold, the shapes to map over, and whether they
    hold a Value.

    An argument holds a number or array; as a container, a list or tuple of them, or one array with
    the numbers along its last axis, which may have any strides and any type of real numbers. Arrays
    may be of another library that has DLPack.

    name           of the kernel, for errors
    only_numbers   whether a parameter that is mapped over takes no containers
    """
    structures: list[Structure] = []
    columns: list[Any] = []
    shapes: Shapes = {}
    values = False
    for p, x in zip(parameters, args, strict=True):
        structure: Structure = SCALAR
        mapped = p.array == "map"
        if x.__class__ is np.ndarray and x.dtype.kind in "biuf":
            if mapped or not x.ndim:
                shapes[x.shape] = None
            else:
                structure, x = _array(name, p, x, shapes)
        elif not mapped or x.__class__ is not float:
            structure, x = _flattened(name, p, x, shapes)
            values = values or _holds_value(x)
            if only_numbers and mapped and structure is not SCALAR:
                raise SignatureError(f"{name} takes one number as {p.name}, got {len(x)} of them")
        structures.append(structure)
        columns.append(x)
    return tuple(structures), columns, shapes, values


def _holds_value(column: Any) -> bool:
    """Whether an argument, flattened, holds a Value."""
    if isinstance(column, np.ndarray):
        return bool(column.dtype.kind == "O")
    if isinstance(column, (list, tuple)):
        return not is_plain(column) and any(map(_holds_value, column))
    return isinstance(column, Value)


def _flattened(name: str, p: Parameter, x: Any, shapes: Shapes) -> tuple[Structure, Any]:
    structure: Structure
    if x.__class__ in PLAIN:
        _check(name, p, SCALAR, 1)
        return SCALAR, x
    if hasattr(x.__class__, "__dask_graph__"):
        raise SignatureError(
            f"{name} takes numbers and arrays of NumPy as {p.name}, got a dask array; "
            f"{name}.ufunc maps over its blocks, lazily: docs/dask.md"
        )
    x = shared(name, x, p.name)
    if p.array == "rows" and isinstance(p.structure, Container) and _is_rows(opened(x, p.name)):
        x = _rows(name, p, opened(x, p.name))
    if isinstance(x, np.ndarray) and p.array != "map" and x.ndim:
        check_array(x, p.name)
        return _array(name, p, x, shapes)
    items, made = opened(x, p.name), cast(type, type(x))
    if isinstance(items, (list, tuple)) and is_plain(items):
        structure, numbers = row(made, len(items)), items
    else:
        structure = structure_of(x, p.name, array=p.array == "whole")
        if isinstance(x, np.ndarray):
            shapes[x.shape] = None
            return structure, x
        numbers = list(leaves(x, structure, p.name))
        for number in numbers:
            if isinstance(number, np.ndarray):
                shapes[number.shape] = None
    _check(name, p, structure, len(numbers))
    if isinstance(p.structure, Container):
        structure = p.structure
    return structure, numbers[0] if structure is SCALAR else numbers


def _array(name: str, p: Parameter, x: Any, shapes: Shapes) -> tuple[Structure, Any]:
    """The structure of an array that is taken whole or by rows, and its numbers."""
    structure: Structure
    if p.array == "whole":
        structure = array_of(x.shape)
        _check(name, p, structure, x.size)
        if isinstance(p.structure, Container):
            structure = p.structure
        return structure, x.reshape(-1)
    size = x.shape[-1]
    structure = p.structure or row(list, size)
    if count(structure) != size:
        _check(name, p, structure, size)
    if x.ndim > 1:
        shapes[x.shape[:-1]] = None
    return structure, x


def _is_rows(x: Any) -> bool:
    """Whether it is a list of lists; of arrays it would be one for each number."""
    return (
        isinstance(x, (list, tuple)) and len(x) > 0 and all(isinstance(v, (list, tuple)) for v in x)
    )


def _rows(name: str, p: Parameter, x: Sequence[Any]) -> npt.NDArray[Any]:
    """A list of rows as an array, with the numbers of a row along its last axis."""
    try:
        return np.array(x)
    except ValueError:
        n = count(p.structure) if p.structure else 0
        raise SignatureError(
            f"{name} takes {p.name}: {n} numbers, or rows of so many; got rows of unequal length"
        ) from None


def _check(name: str, p: Parameter, got: Structure, n: int) -> None:
    """Raises SignatureError unless this many numbers fit the structure that is known before."""
    if isinstance(p.structure, Container) and (
        not isinstance(got, Container) or n != len(p.structure.items)
    ):
        raise SignatureError(
            f"{name} takes {p.name}: {len(p.structure.items)} numbers, got "
            f"{n if isinstance(got, Container) else 'one number'}"
        )


def broadcast(name: str, shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that arrays of these broadcast to; else SignatureError."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        text = ", ".join(map(str, shapes))
        raise SignatureError(
            f"{name}: the shapes of the arguments, {text}, do not broadcast"
        ) from None


def checked_mask(name: str, where: Any) -> npt.NDArray[np.bool_]:
    """`where` of a call as an array of booleans; else SignatureError."""
    check_mask(where, f"{name}: where")
    try:
        mask = np.asarray(where)
    except ValueError:
        mask = np.asarray(None)
    if mask.dtype != np.bool_:
        raise SignatureError(
            f"{name}: where should be an array of booleans, or True, got {kind(where)}"
        )
    return mask


def stacked(results: Any) -> Any:
    """A list of arrays, one for each number, as one array with the numbers along its last axis."""
    return np.stack(results, axis=-1) if isinstance(results, list) else results


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """The dtype of this name or type; else SignatureError."""
    try:
        found = np.dtype(dtype if dtype not in BY_ANY_NAME else BY_ANY_NAME[dtype].dtype)
    except Exception:  # NumPy asks all kinds of objects whether they are a type
        found = None
    if found not in BY_DTYPE:
        raise SignatureError(f"dtype should be {NAMES}, got {kind(dtype)}")
    return found
