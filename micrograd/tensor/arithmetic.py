"""Python's operators and the table's ops as methods of Tensors.

The usual case, two Tensors of one dtype of floats or one and a number, is written out, as an
operation of a small Tensor costs little else; what it does not cover is `__apply__`'s.
"""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from ..copies import next_serial
from ..operators import install_operators
from ..ops import Op
from .applying import NOTHING, not_an_operand
from .casting import F32, F64
from .elementwise import elementwise, on_arrays
from .quiet import QUIET
from .recording import OFF, WATCHED, note

_ndarray = np.ndarray
_new = object.__new__
_WHOLE = 2**53


class Arithmetic:
    """What `install_arithmetic` gives, as type checkers see it: operators, and methods for ops."""

    __slots__ = ()

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


def install_arithmetic(cls: Any) -> None:
    """Give a class of Tensors its operators, and a method for every op."""
    binary = partial(_binary, cls)
    install_operators(cls, _unary, binary, binary)


def _unary(op: Op) -> Any:
    function = on_arrays(op)
    parameters = {"op": op}
    flows = bool(op.differentiable)

    def method(self: Any) -> Any:
        try:
            x = self._data
            dtype = x.dtype
            if dtype is not F32 and dtype is not F64:
                return self.__apply__(op, (self,))
            data = QUIET.run(function, x)
        except (AttributeError, RuntimeError):  # it has no numbers, or one runs already
            return self.__apply__(op, (self,))
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


def _binary(cls: Any, op: Op, *, reflected: bool = False) -> Any:
    function = on_arrays(op)
    parameters = {"op": op}
    flows = bool(op.differentiable)
    truth = op.predicate is not None

    def method(self: Any, other: Any) -> Any:
        kind = other.__class__
        try:
            x = self._data
            dtype = x.dtype
            needs = self._needs
            if kind is cls:
                y = other._data
                needs = needs or other._needs
                fits = y.dtype is dtype
            elif kind is float or (kind is int and -_WHOLE < other < _WHOLE):
                y, fits = float(other), True
            else:
                fits = False
            if not fits or (dtype is not F32 and dtype is not F64):
                return _by_op(self, op, other, reflected)
            data = QUIET.run(function, y, x) if reflected else QUIET.run(function, x, y)
        except (AttributeError, RuntimeError, ValueError):  # as above, or shapes do not fit
            return _by_op(self, op, other, reflected)
        if kind is int:
            other = y
        out = _new(self._class)
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


def _by_op(self: Any, op: Op, other: Any, reflected: bool) -> Any:
    if not_an_operand(other):
        return NotImplemented
    return self.__apply__(op, (other, self) if reflected else (self, other))
