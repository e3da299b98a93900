"""How a Tensor evaluates: a primitive of the table, or an op of the scalar table, on operands.

Results hold what they are of, if one of the operands requires a gradient and the thread records.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import get_ident
from typing import Any

import numpy as np

from ..copies import next_serial
from ..errors import DataError, MicrogradError, kind, user_location
from ..ops import Op, as_float
from ..real_types import BY_DTYPE, widest
from .casting import BOOL, DEFAULT, I64, cast, is_float
from .elementwise import elementwise
from .primitive import Primitive, shape_error
from .quiet import QUIET, quietly
from .recording import OFF, WATCHED, note

NOTHING: dict[str, Any] = {}
_new = object.__new__
_ndarray = np.ndarray


class Applying:
    """What primitives and ops ask a Tensor for."""

    __slots__ = ()

    __steps__: Any
    """What optimisers ask for."""
    _class: Any
    """The class of results."""

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]
    ) -> Any:
        """The result of a primitive on Tensors, and floats for literals."""
        try:
            arrays = [x if x.__class__ is float else x._data for x in operands]
        except AttributeError:
            for x in operands:
                if x.__class__ is not float and x._scope is not None:
                    return x._scope.record_primitive(primitive, operands, parameters)
            raise
        try:
            if primitive.moves:  # and computes nothing that NumPy could warn of
                data = primitive.eval(*arrays, **parameters)
            else:
                data = QUIET.run(primitive.eval, *arrays, **parameters)
        except MicrogradError:
            raise
        except RuntimeError:  # one runs already
            data = quietly(primitive.eval, *arrays, **parameters)
        except (ValueError, TypeError, OverflowError) as error:
            shapes = [() if x.__class__ is float else x.shape for x in operands]
            primitive.shape(*shapes, **parameters)  # says what does not fit
            said = " and ".join(map(str, shapes))
            raise shape_error(f"{primitive.name} of shape {said}: {error}") from error
        return self._made(data, primitive, operands, parameters)

    def _made(
        self,
        data: Any,
        primitive: Primitive | None = None,
        operands: tuple[Any, ...] = (),
        parameters: dict[str, Any] = NOTHING,
    ) -> Any:
        """A result with this array, which remembers what it is of where a gradient will ask."""
        out = _new(self._class)
        out._data = data if data.__class__ is _ndarray else np.asarray(data)
        out.grad = None
        out.label = ""
        out._changed = 0
        out._serial = next_serial()
        if operands and (not OFF or get_ident() not in OFF):
            for x in operands:
                if x.__class__ is not float and x._needs and is_float(out._data.dtype):
                    out._needs = True
                    out._primitive = primitive
                    out._operands = operands
                    out._parameters = parameters
                    return out
        out._needs = False
        out._primitive = None
        out._operands = ()
        out._parameters = NOTHING
        if WATCHED:
            note(*operands)
        return out

    def _applied(self, op: Op, operands: tuple[Any, ...]) -> Any:
        """An op on Tensors, numbers, arrays and Values, element by element."""
        lifted = [self._lifted(x) for x in operands]
        dtype = common_dtype(op, lifted)
        if dtype is not None:
            first = 1 if op.choice else 0
            lifted[first:] = [self._as(x, dtype) for x in lifted[first:]]
        lifted = [as_float(x) if isinstance(x, (int, np.number)) else x for x in lifted]
        out = self.__primitive__(elementwise, tuple(lifted), {"op": op})
        if not op.differentiable and out._scope is None:
            forget(out)
        return out

    def _lifted(self: Any, x: Any) -> Any:
        """An operand as a Tensor, or as a number of Python's."""
        if hasattr(x, "__primitive__") or x.__class__ is float or x.__class__ is int:
            return x
        if isinstance(x, (np.ndarray, list, tuple)):
            if isinstance(x, np.ndarray) and x.dtype == object:  # of Values
                return self._class.of_values(x, self.dtype if is_float(self.dtype) else None)
            return self._constant(x)
        if hasattr(x, "__number__"):  # the size of a batch
            return x.__number__()
        if hasattr(x, "__apply__"):
            return self._class.of_values(x, dtype=self.dtype if is_float(self.dtype) else None)
        if isinstance(x, (bool, np.bool_)):
            return self._constant(np.asarray(x))
        if isinstance(x, (int, np.integer)):
            return int(x)
        try:
            return as_float(x)
        except DataError:
            raise refusal(
                f"what is computed with a Tensor should be a Tensor, a number or an array of them, "
                f"got {kind(x)}"
            ) from None

    def _constant(self: Any, x: Any) -> Any:
        """An array as a Tensor: of floats, in this one's dtype if that is one."""
        if x.__class__ is _ndarray and is_float(x.dtype) and is_float(self.dtype):
            return self._made(quietly(x.astype, self.dtype))  # a copy
        made = self._class(x)
        if is_float(made.dtype) and is_float(self.dtype) and made.dtype is not self.dtype:
            made = self._class(x, self.dtype)
        return made

    def _as(self, x: Any, dtype: np.dtype[Any]) -> Any:
        if isinstance(x, (int, float)) or x.dtype is dtype:
            return x
        return x._cast(dtype)

    def _cast(self: Any, dtype: np.dtype[Any]) -> Any:
        if self._scope is None and is_float(dtype) and is_float(self._data.dtype):
            data = quietly(self._data.astype, dtype)
            return self._made(data, cast, (self,), {"dtype": dtype})
        return cast(self, dtype=dtype)


def forget(out: Any) -> None:
    """Make a result a leaf without a gradient."""
    if WATCHED:
        note(*out._operands)
    out._needs = False
    out._primitive = None
    out._operands = ()
    out._parameters = NOTHING


def common_dtype(op: Op, operands: Sequence[Any]) -> np.dtype[Any] | None:
    """The dtype that an op computes in; None: each in its own.

    Floats of two sizes become the wider. Whole numbers stay so under ops that keep them;
    truth values are the numbers 0.0 and 1.0 in arithmetic.
    """
    numbers = operands[1:] if op.choice else operands
    found = {x.dtype for x in numbers if hasattr(x, "__primitive__")}
    literals = [x for x in numbers if not hasattr(x, "__primitive__")]
    if real := found & BY_DTYPE.keys():
        return widest(real)
    if op.predicate is not None:
        return None
    if found == {BOOL} and not literals and (op.selects or op.choice or not op.differentiable):
        return BOOL
    keeps_whole = op.coefficients or op.product or op.nonexpansive or op.choice
    if keeps_whole and I64 in found and all(isinstance(x, int) for x in literals):
        return I64
    return DEFAULT


def floats_of(*tensors: Any) -> list[Any]:
    """Tensors in one dtype of floats, or of whole numbers if all are."""
    first = tensors[0].dtype
    found = {first}
    for x in tensors:
        if x.dtype is not first:
            found.add(x.dtype)
    if len(found) == 1 and BOOL not in found:
        return list(tensors)
    dtype = widest(found & BY_DTYPE.keys(), I64)
    return [x if x.dtype is dtype else x._cast(dtype) for x in tensors]


def refusal(problem: str) -> DataError:
    """The error for what Tensors do not do, at the user's line."""
    return DataError(f"{user_location()}: {problem}")


def not_an_operand(x: Any) -> bool:
    """Whether an operator should leave `x` to its own class."""
    return isinstance(x, (str, bytes)) or x is None or isinstance(x, (complex, dict, set))


__all__ = ["NOTHING", "Applying", "common_dtype", "floats_of", "kind", "not_an_operand", "refusal"]
