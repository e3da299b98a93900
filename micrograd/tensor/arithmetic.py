"""Python's operators and the table's ops as methods of Tensors.

The usual cases, Tensors of one dtype of floats, numbers and arrays, are written out, as an
operation on a small Tensor costs little else; what they do not cover is `_applied`'s.
"""

from __future__ import annotations

from functools import cache, partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from ..copies import next_serial
from ..operators import install_operators
from ..ops import Op
from ..real_types import BY_DTYPE
from .applying import NOTHING, not_an_operand
from .casting import BOOL
from .elementwise import elementwise, on_arrays
from .quiet import QUIET, quietly
from .recording import OFF, WATCHED, note

_ndarray = np.ndarray
_new = object.__new__
_WHOLE = 2**53


class Arithmetic:
    """What `install_arithmetic` gives, as type checkers see it: operators, and methods for ops."""

    __slots__ = ()

    _class: Any
    _applied: Any

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __neg__(self) -> Any: ...
        def __abs__(self) -> Any: ...
        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __pow__(self, other: Any) -> Any: ...
        def __rpow__(self, other: Any) -> Any: ...
        def __lt__(self, other: Any) -> Any: ...
        def __le__(self, other: Any) -> Any: ...
        def __gt__(self, other: Any) -> Any: ...
        def __ge__(self, other: Any) -> Any: ...

    def __apply__(self, op: Op, operands: tuple[Any, ...]) -> Any:
        """An op on Tensors, numbers, arrays and Values, element by element."""
        first = operands[0]
        cls = self._class
        if len(operands) == 2:
            second = operands[1]
            if first.__class__ is cls:
                if second.__class__ is cls or second.__class__ in _QUICK:
                    return _by_two(cls, op)(first, second)
            elif second.__class__ is cls and first.__class__ in _QUICK:
                return _by_two(cls, op, True)(second, first)
        elif op.choice:
            return _chosen(self, op, operands)
        elif first.__class__ is cls:
            return _by_one(op)(first)
        return self._applied(op, operands)


def install_arithmetic(cls: Any) -> None:
    """Give a class of Tensors its operators, and a method for every op."""
    binary = partial(_by_two, cls)
    install_operators(cls, _unary, binary, binary)


def _unary(op: Op) -> Any:
    function = on_arrays(op)
    parameters = {"op": op}
    flows = bool(op.differentiable)

    def method(self: Any) -> Any:
        if self._scope is not None:
            return self._applied(op, (self,))
        x = self._data
        dtype = x.dtype
        if dtype not in BY_DTYPE:
            return self._applied(op, (self,))
        try:
            data = QUIET.run(function, x)
        except RuntimeError:  # one runs already
            return self._applied(op, (self,))
        out = _new(self._class)
        out._data = data if data.__class__ is _ndarray else np.asarray(data, dtype)
        out.grad = None
        out.label = ""
        out._changed = 0
        out._serial = next_serial()
        if flows and self._needs and (not OFF or get_ident() not in OFF):
            out._needs = True
            out._primitive = elementwise
            out._operands = (self,)
            out._parameters = parameters
        else:
            out._needs = False
            out._primitive = None
            out._operands = ()
            out._parameters = NOTHING
            if WATCHED:
                note(self)
        return out

    return method


_by_one = cache(_unary)
_QUICK = frozenset({float, int, _ndarray})


def _binary(cls: Any, op: Op, reflected: bool = False) -> Any:
    function = on_arrays(op)
    parameters = {"op": op}
    flows = bool(op.differentiable)
    truth = op.predicate is not None

    def method(self: Any, other: Any) -> Any:
        kind = other.__class__
        if self._scope is not None:
            return _by_op(self, op, other, reflected)
        x = self._data
        dtype = x.dtype
        needs = self._needs
        if kind is cls:
            y = other._data
            needs = needs or other._needs
            fits = y.dtype is dtype
        elif kind is float or (kind is int and -_WHOLE < other < _WHOLE):
            y, fits = float(other), True
        elif kind is _ndarray and dtype in BY_DTYPE:
            y = _in_dtype(other, dtype)
            fits = y is not None
            if fits and flows and needs and (not OFF or get_ident() not in OFF):
                other = self._made(y.copy() if y is other else y)  # which nobody else writes to
        else:
            fits = False
        if not fits or dtype not in BY_DTYPE:
            return _by_op(self, op, other, reflected)
        try:
            data = QUIET.run(function, y, x) if reflected else QUIET.run(function, x, y)
        except (RuntimeError, ValueError):  # one runs already, or shapes do not fit
            return _by_op(self, op, other, reflected)
        if kind is int:
            other = y
        out = _new(cls)
        if data.__class__ is not _ndarray:
            data = np.asarray(data, None if truth else dtype)
        out._data = data
        out.grad = None
        out.label = ""
        out._changed = 0
        out._serial = next_serial()
        if flows and needs and (not OFF or get_ident() not in OFF):
            out._needs = True
            out._primitive = elementwise
            out._operands = (other, self) if reflected else (self, other)
            out._parameters = parameters
        else:
            out._needs = False
            out._primitive = None
            out._operands = ()
            out._parameters = NOTHING
            if WATCHED:
                note(self, other)
        return out

    return method


_by_two = cache(_binary)


def _in_dtype(array: Any, dtype: Any) -> Any:
    """An array of floats in the dtype of the Tensor that it meets; None for others."""
    found = array.dtype
    if found is dtype:
        return array
    return quietly(array.astype, dtype) if found in BY_DTYPE else None


def _by_op(self: Any, op: Op, other: Any, reflected: bool) -> Any:
    if not_an_operand(other):
        return NotImplemented
    return self._applied(op, (other, self) if reflected else (self, other))


def _chosen(self: Any, op: Op, operands: tuple[Any, ...]) -> Any:
    """A choice: by a condition of truth values, among Tensors of one dtype, and floats."""
    cls = self._class
    c, *numbers = operands
    if c.__class__ is not cls or c._data.dtype is not BOOL:
        return self._applied(op, operands)
    arrays: list[Any] = []
    dtype = None
    for x in numbers:
        if x.__class__ is cls:
            found = x._data.dtype
            if found not in BY_DTYPE or (dtype or found) is not found:
                return self._applied(op, operands)
            dtype = found
            arrays.append(x._data)
        elif x.__class__ is float:
            arrays.append(x)
        else:
            return self._applied(op, operands)
    try:
        data = np.where(c._data, *arrays)
    except ValueError:  # shapes do not fit
        return self._applied(op, operands)
    if dtype is None or data.dtype is not dtype:  # of floats alone; or NumPy 1 and no axes
        return self._applied(op, operands)
    return self._made(data, elementwise, operands, {"op": op})
