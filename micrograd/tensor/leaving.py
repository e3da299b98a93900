"""How numbers leave a Tensor, without a gradient: as an array, in `if`, in `float()`."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..errors import DataError, kind, user_location
from .casting import is_float
from .primitive import shape_error
from .recording import note


class Leaving:
    """Ways to get numbers out."""

    __slots__ = ()

    def numpy(self: Any) -> npt.NDArray[Any]:
        """Its numbers as an array that cannot be written to, and shares memory: no gradient flows
        through it. `numpy().copy()` is yours.
        """
        note(self)
        view = self._data.view()
        view.flags.writeable = False
        return view  # type: ignore[no-any-return]

    def item(self: Any) -> Any:
        """The number of a Tensor of one element, as Python's.

        Raises ShapeError if it has more, or none.
        """
        if self._data.size != 1:
            raise shape_error(f"item() is of one element, and this Tensor has shape {self.shape}")
        note(self)
        return self._data.item()

    def tolist(self: Any) -> Any:
        """Its numbers as nested lists of Python's."""
        note(self)
        return self._data.tolist()

    def __bool__(self: Any) -> bool:
        if self._data.size != 1:
            raise shape_error(
                f"a Tensor of shape {self.shape} has no truth value; use any(), all(), or "
                "micrograd.where(condition, x, y)"
            )
        note(self)
        return bool(self._data)

    def __float__(self: Any) -> float:
        if self._needs:
            raise DataError(
                f"{user_location()}: float() of a Tensor, which math asks for, loses its gradient; "
                "compute with micrograd.exp, sin, ...; or take its number, item()"
            )
        return float(self.item())

    def __int__(self: Any) -> int:
        if self._needs:
            raise DataError(
                f"{user_location()}: int() of a Tensor rounds, and loses its gradient; take its "
                "number, item()"
            )
        return int(self.item())

    def __index__(self: Any) -> int:
        if is_float(self.dtype) or self.ndim:
            raise DataError(f"{user_location()}: an index is a whole number, got {kind(self)}")
        return int(self.item())

    def __len__(self: Any) -> int:
        if not self.shape:
            raise DataError(f"{user_location()}: a Tensor of no axes has no len()")
        n: int = self.shape[0]
        return n
