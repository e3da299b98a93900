"""dtypes of Tensors, and the primitive that changes them.

A Tensor holds real numbers, which gradients flow through; int64, for indices; or bool, the
results of comparisons. What else NumPy has becomes one of these or is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, kind, user_location
from ..real_types import BY_ANY_NAME, BY_DTYPE, TENSORS
from .primitive import Primitive, define
from .quiet import quietly

I64, BOOL = map(np.dtype, (np.int64, np.bool_))
DEFAULT = TENSORS.dtype
_REALS = ", ".join(map(str, BY_DTYPE))
DTYPES: dict[Any, np.dtype[Any]] = {
    **{dtype: dtype for dtype in (*BY_DTYPE, I64, BOOL)},
    **{name: t.dtype for name, t in BY_ANY_NAME.items()},
    "int64": I64,
    "bool": BOOL,
    float: DEFAULT,
    int: I64,
    bool: BOOL,
}
"""What may be written for each of them."""


def dtype_named(given: Any) -> np.dtype[Any]:
    """The dtype that a user means.

    >>> dtype_named("f64"), dtype_named(np.float32)
    (dtype('float64'), dtype('float32'))

    Raises DataError for one that no Tensor has.
    """
    found = None
    try:
        found = DTYPES.get(given)
        if found is None and not isinstance(given, str):
            found = DTYPES.get(np.dtype(given))
    except TypeError:
        pass
    if found is None:
        raise DataError(
            f"{user_location()}: dtype should be {_REALS}, int64 or bool, got {kind(given)}"
        )
    return found


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether gradients flow through numbers of this dtype."""
    return dtype in BY_DTYPE


def converted(array: Any, dtype: np.dtype[Any], copy: bool = False) -> npt.NDArray[Any]:
    """The numbers of an array as another dtype.

    Raises DataError for what no whole number is: nan, infinities, and what is beyond int64.
    """
    found: npt.NDArray[Any] = quietly(np.array if copy else np.asarray, array, dtype=dtype)
    if dtype is I64 and array.dtype.kind in "fu":
        fits = np.less(array, 2.0**63) & np.greater_equal(array, -(2.0**63))
        if not fits.all():
            raise DataError(
                f"{user_location()}: {np.asarray(array)[~fits].flat[0]} is no whole number of 64 "
                "bits, as int64 has them; keep floats"
            )
    # an array that was pickled has a dtype that is equal, and another object
    return found if found.dtype is dtype else found.view(dtype)


cast: Primitive = define(
    "cast",
    formula="out[i] = x[i], as a number of dtype",
    shape=lambda shape, *, dtype: shape,
    eval=lambda x, *, dtype: converted(x, dtype),
    vjp=lambda ct, out, operands, i, *, dtype: cast(ct, dtype=operands[i].dtype),
    dtype=lambda x, *, dtype: dtype,
)
