"""What Python and NumPy ask of a real number, beyond arithmetic: the base of Value.

What would lose the gradient without a word, as `float()`, is refused and says what to write.
"""

from __future__ import annotations

from typing import Any

from .errors import DataError, user_location
from .numpy_functions import apply_ufunc


class Real:
    """A real number that is computed with as a whole, and whose number is `data`."""

    __slots__ = ()

    data: float

    def __pos__(self) -> Any:
        return self

    @property
    def real(self) -> Any:
        """This Value, as of any real number; its `imag` is 0."""
        return self

    @property
    def imag(self) -> float:
        """0.0: a Value is real."""
        return 0.0

    def conjugate(self) -> Any:
        """This Value: it is real. NumPy asks for it, in `.std()` and `np.vdot` of object arrays."""
        return self

    def __bool__(self) -> bool:
        return bool(self.data != 0.0)  # an error in a function that is compiled

    __hash__ = object.__hash__  # two Values are equal if they are one, whatever their numbers

    def _refusal(self, problem: str) -> Exception:
        """The error for what a Value is asked for and does not do, at the user's line."""
        return DataError(f"{user_location()}: {problem}; or take the number of the Value, .data")

    def __float__(self) -> float:
        raise self._refusal(
            "float() of a Value, which math and NumPy ask for, loses its gradient; compute with "
            "micrograd.exp, sin, ..."
        )

    def __int__(self) -> int:
        raise self._refusal("int() of a Value rounds, and loses its gradient")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy's functions on Values, alone or in object arrays, by the op of the same name."""
        return apply_ufunc(ufunc, method, inputs, kwargs)
