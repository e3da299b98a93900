"""Arrays of a Tensor's dtypes, out of what users have: numbers, lists, arrays, Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, MicrogradError, ShapeError, kind, user_location
from .casting import BOOL, DEFAULT, I64, converted, dtype_named


def array_of(data: Any, dtype: Any = None) -> npt.NDArray[Any]:
    """An array that nobody else writes to, of the dtype, or of the one that fits.

    >>> array_of([1, 2]).dtype, array_of(np.array([1, 2])).dtype, array_of([True]).dtype
    (dtype('float32'), dtype('int64'), dtype('bool'))

    Raises DataError for what is no array of numbers; ShapeError for lists of different lengths.
    """
    wanted = None if dtype is None else dtype_named(dtype)
    if hasattr(data, "__primitive__"):
        same: npt.NDArray[Any] = data._data
        return same if wanted is None or same.dtype is wanted else converted(same, wanted)
    is_typed = hasattr(data, "dtype")
    given = data if isinstance(data, (np.ndarray, np.generic)) else by_numpy(data)
    if hasattr(data, "mask"):
        raise DataError(
            f"{user_location()}: a Tensor has no masked elements; fill them, array.filled(0.0), or "
            "choose with micrograd.where(mask, x, y)"
        )
    if given.dtype.kind not in "fiub":
        if given.dtype == object:
            given = _plain(np.asarray(given), data)
        else:
            raise DataError(
                f"{user_location()}: a Tensor is of real numbers, got {kind(data)}, which NumPy "
                f"reads as {given.dtype}"
            )
    is_ours = isinstance(data, (list, tuple, int, float))  # what else there is may share memory
    return converted(given, wanted or _fitting(given.dtype, is_typed), copy=not is_ours)


def _fitting(dtype: np.dtype[Any], is_typed: bool) -> np.dtype[Any]:
    if dtype.kind == "b":
        return BOOL
    return I64 if dtype.kind in "iu" and is_typed else DEFAULT


def by_numpy(data: Any) -> npt.NDArray[Any]:
    """What NumPy makes of lists and of what else can be an array."""
    try:
        return np.asarray(data)
    except MicrogradError:
        raise DataError(
            f"{user_location()}: Tensor(...) of Tensors would lose their gradients; use "
            "stack(tensors) or concat(tensors)"
        ) from None
    except ValueError:
        raise ShapeError(
            f"{user_location()}: the lists of a Tensor should all have one length, got {kind(data)}"
        ) from None
    except (TypeError, RuntimeError, OverflowError) as error:
        raise DataError(
            f"{user_location()}: a Tensor is of real numbers, got {kind(data)}: {error}"
        ) from None


def _plain(given: npt.NDArray[Any], data: Any) -> npt.NDArray[Any]:
    """An array of objects as numbers."""
    for x in given.flat:
        if hasattr(x, "__apply__"):
            raise DataError(
                f"{user_location()}: Tensor(...) of Values would lose their gradients; use "
                "Tensor.of_values(values)"
            )
        if isinstance(x, (complex, str, bytes)) or x is None:
            break
    else:
        try:
            return given.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    raise DataError(f"{user_location()}: a Tensor is of real numbers, got {kind(data)}")
