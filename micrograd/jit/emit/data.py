"""The constants of a program as code reads them, and where these and what it computes lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.program import Program, Role
from .interface import STORED

INLINE_DATA = 1024
"""Constant arrays of more entries lie outside the module."""
STACK_BYTES = 256 * 1024
"""Bytes that a function takes on its stack at most."""


def constant_data(program: Program, dtype: np.dtype[Any]) -> dict[str, npt.NDArray[Any]]:
    """The constants of a program by name, numbers and entries, as the code reads them.

    Those of more than INLINE_DATA entries are not part of the module: `@name` is a pointer to
    them, set once after linking, like the pointers to the parameter stores.
    """
    with np.errstate(all="ignore"):  # what float32 does not hold is inf or 0
        data: dict[str, npt.NDArray[Any]] = {
            a.name: np.asarray(a.data, dtype=STORED.get(a.dtype, dtype))
            for a in program.with_role(Role.CONSTANT)
        }
    return data
