"""Data arrays as training takes them: checked, and in a form that native code reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError, kind
from ..index_arrays import IndexArray
from ..losses import Labels
from ..real_types import BY_DTYPE

Arrays = list[npt.NDArray[Any]]


def checked_data(data: Any, name: str, dtype: np.dtype[Any]) -> Arrays:
    """The arrays of `data`, contiguous and of float32 or float64; others are converted to `dtype`.

    Raises TrainingError for what is no tuple of arrays of numbers with as many rows.
    """
    found = []
    for array in raw_data(data, name):
        keeps = array.dtype in BY_DTYPE
        with np.errstate(all="ignore"):
            found.append(np.ascontiguousarray(array, array.dtype if keeps else dtype))
    return found


def raw_data(data: Any, name: str) -> Arrays:
    """The arrays of `data`, as they are.

    Raises TrainingError for what is no tuple of arrays of numbers with as many rows.
    """
    if isinstance(data, np.ndarray):
        data = (data,)
    if isinstance(data, (tuple, list)) and not data:
        raise TrainingError(f"{name} has no samples; give at least one")
    if not isinstance(data, (tuple, list)):
        raise TrainingError(
            f"{name} should be a tuple of arrays, such as (X, y), whose rows are the samples; "
            f"got {kind(data)}"
        )
    arrays = [_checked_array(a, f"{name}[{k}]") for k, a in enumerate(data)]
    check_lengths([len(a) for a in arrays], name)
    return arrays


def check_lengths(lengths: Sequence[int], name: str) -> None:
    """Raises TrainingError if arrays with so many rows are not one row per sample, or have none."""
    if len(set(lengths)) > 1:
        raise TrainingError(
            f"the arrays of {name} should have a row per sample each, got "
            + ", ".join(f"{n} rows" for n in lengths)
        )
    if not lengths[0]:
        raise TrainingError(f"{name} has no samples; give arrays of at least one row")


def check_columns(data: Any, loss: Callable[..., Any]) -> None:
    """Raises TrainingError for a list of samples in place of an array for each argument of a loss,
    and for more or fewer arrays than it has arguments.
    """
    given = [data] if isinstance(data, np.ndarray) else data
    if isinstance(given, list) and _takes_any(loss) and len(set(map(_length, given))) > 1:
        raise TrainingError(
            f"data is a list of {len(given)} rows that differ in length: these are samples of a "
            f"loss of one argument, and {_said(loss)} takes any number of them; give it one, as in "
            "lambda xs: loss(*xs)"
        )
    if not isinstance(given, (tuple, list)) or not given or _takes(loss, len(given)):
        return
    sizes, said = set(map(_length, given)), _said(loss)
    if len(sizes) == 1 and _takes(loss, *sizes):
        raise TrainingError(
            f"data should have an array for each argument of {said}, whose rows are the samples, "
            f"and is a list of {len(given)} samples; give data=tuple(zip(*samples))"
        )
    if isinstance(data, list) and _takes(loss, 1) and (wrong := _no_sample(data)):
        raise TrainingError(
            f"data should have an array for each argument of {said}, or be a list of samples that "
            f"are lists of numbers, but {wrong}"
        )
    raise TrainingError(
        f"data should have an array for each argument of {said}, as (X, y), got {len(given)}"
    )


def _no_sample(data: Sequence[Any]) -> str:
    """What is no list of numbers in a list of samples; nothing, if that may be one of arrays."""
    if any(isinstance(x, np.ndarray) and x.ndim != 1 for x in data):
        return ""
    for k, row in enumerate(data):
        if not isinstance(row, (list, tuple, np.ndarray)):
            return f"data[{k}] is {kind(row)}"
        for i, x in enumerate(row):
            if not isinstance(x, (int, float, np.number)):
                return f"data[{k}][{i}] is {kind(x)}"
    return ""


def _length(row: Any) -> int:
    return len(row) if isinstance(row, (tuple, list)) else 0


def _said(loss: Callable[..., Any]) -> str:
    """A loss and its arguments, for errors."""
    name = getattr(loss, "__name__", "the loss")
    arguments = inspect.signature(loss).parameters.values()
    stars: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*"}
    stars[inspect.Parameter.VAR_KEYWORD] = "**"
    return f"{name}({', '.join(stars.get(p.kind, '') + p.name for p in arguments)})"


def _takes_any(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with any number of arguments, as far as that is known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _takes(function: Callable[..., Any], arguments: int) -> bool:
    """Whether a function can be called with so many arguments, as far as that is known."""
    try:
        inspect.signature(function).bind(*[None] * arguments)
    except TypeError:
        return False
    except ValueError:  # it does not say what it takes
        return True
    return True


def _checked_array(given: Any, name: str) -> npt.NDArray[Any]:
    if isinstance(given, np.ndarray) and hasattr(given, "mask"):  # np.ma takes 10 ms to import
        raise TrainingError(
            f"{name} should have no mask, got a masked array; leave out those rows, or fill them: "
            f"{name}.filled(0.0)"
        )
    try:
        array = np.asarray(given._data if hasattr(type(given), "__primitive__") else given)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "biuf" or not array.ndim or 0 in array.shape[1:]:
        raise TrainingError(
            f"{name} should be an array of real numbers with a row per sample, got {kind(given)}"
        )
    return array


def indices(
    wanted: Sequence[IndexArray], arrays: Sequence[npt.NDArray[Any]], name: str, first: int = 0
) -> Arrays:
    """The index arrays of a loss, of data as they were given; `first`: the number of their first
    row, for errors.

    Raises TrainingError for an index that is out of range.
    """
    given = {f"x{k}": a.reshape(len(a), -1) for k, a in enumerate(arrays) if a.dtype.kind in "iu"}
    found = []
    for w in wanted:
        said = w.said(given)
        if not w.fits(said) and (wrong := w.is_outside(said)).any():
            row, k = (int(x) for x in np.argwhere(wrong)[0])
            raise TrainingError(
                f"{_named(w, k, first + row, name, arrays)} {w.outside(said[row, k])}"
            )
        found.append(w.counted(said))
    return found


def _named(
    wanted: IndexArray, k: int, row: int, name: str, arrays: Sequence[npt.NDArray[Any]]
) -> str:
    """An index as what it is computed of: elements of rows of the data."""
    terms = []
    for scale, array, element in zip(wanted.scales, wanted.arrays, wanted.elements[k], strict=True):
        number = int(array[1:])
        shape = arrays[number].shape[1:]
        place = [row, *(int(x) for x in np.unravel_index(element, shape))] if shape else [row]
        terms.append((scale, f"{name}[{number}][{', '.join(map(str, place))}]"))
    return wanted.text(k, terms)


@dataclass(frozen=True, slots=True)
class ColumnLabels:
    """What a loss expects of a number of each row: number `column` of those of array `array`."""

    array: int
    column: int | slice
    loss: str
    labels: Labels


def check_labels(
    arrays: Sequence[npt.NDArray[Any]], name: str, wanted: ColumnLabels, first: int = 0
) -> None:
    """Raises TrainingError if an array has a label that the loss does not take; `first`: the number
    of its first row.
    """
    rows = len(arrays[0])
    column = arrays[wanted.array].reshape(rows, -1)[:, wanted.column].reshape(rows, -1)
    fits = wanted.labels.fit(column)
    if not fits.all():
        row, labels = int(np.argmin(fits.all(axis=1))), wanted.labels
        raise TrainingError(
            f"y of {wanted.loss} should be {labels.words}, but row {first + row} of "
            f"{name}[{wanted.array}] has {column[row, np.argmin(fits[row])].item()!r}{labels.hint}"
        )


def same_rows(arrays: Sequence[npt.NDArray[Any]], shapes: Sequence[tuple[int, ...]]) -> None:
    """Check that validation data has rows like the data that is trained on."""
    check_shapes([a.shape[1:] for a in arrays], shapes)


def check_shapes(found: Sequence[tuple[int, ...]], shapes: Sequence[tuple[int, ...]]) -> None:
    """Check that rows of validation data are of the shapes of those that are trained on."""
    if list(found) != list(shapes):
        raise TrainingError(
            f"validation should have rows of the same shapes as data, {list(shapes)}, got "
            f"{list(found)}"
        )
