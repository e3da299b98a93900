"""`Value`: a scalar that remembers how it was computed, and its reverse-mode gradient.

Input: Python numbers and the user's arithmetic. Output: a DAG of Values, eagerly evaluated in
float64, that `backward` differentiates and that `micrograd.jit` compiles.

Invariants: an operand is older than its result (`_serial` grows with creation), so creation
order is a topological order; a Value holds its operands and nothing holds its results, so a
graph has no reference cycles and is freed the moment it is dropped. Nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from . import ops, recursion
from .backward import MIXED, differentiate, number_of
from .checks import flag
from .copies import Copied
from .copies import next_serial as _next_serial
from .eager_code import NEXT, compute_by_code
from .errors import GraphError
from .numpy_functions import install_functions
from .operands import Computed
from .operators import install_in_place, install_operators, is_comparable
from .ops import Op, as_float
from .outline import outline
from .real import Real
from .refused import install_refusals
from .tracing import FROZEN, Recorder, refuse_in_compiled
from .tracing import THREADS as _TRACING

_new: Callable[[type[Value]], Value] = object.__new__


class Value(Copied, Computed, Real):
    """One real number, its gradient, and the op and operands that it came from.

    `data` is a float and `grad` is filled by `backward`. `label` is yours, for printing.

    >>> a, b = Value(2.0), Value(-3.0, label="b")
    >>> c = a * b + a**2
    >>> c
    Value(data=-2.0, grad=0)
    >>> c.backward()
    >>> a.grad, b.grad
    (1.0, 2.0)
    """

    __slots__ = (
        *("__weakref__", "_data", "_entry", "_home", "_operand", "_other", "_serial"),
        *("grad", "label"),
    )

    if TYPE_CHECKING:  # what `install_operators` gives

        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...
        def __add__(self, other: Any) -> Value: ...
        def __radd__(self, other: Any) -> Value: ...
        def __sub__(self, other: Any) -> Value: ...
        def __rsub__(self, other: Any) -> Value: ...
        def __mul__(self, other: Any) -> Value: ...
        def __rmul__(self, other: Any) -> Value: ...
        def __truediv__(self, other: Any) -> Value: ...
        def __rtruediv__(self, other: Any) -> Value: ...
        def __pow__(self, other: Any) -> Value: ...
        def __rpow__(self, other: Any) -> Value: ...

    _data: float  # what `data` reads and, after a check, writes
    grad: float
    label: str
    _entry: Op | None  # the op of the table; None for a leaf
    _serial: int
    _home: Any  # (Store, index) of a live parameter, see store.py
    _scope: Recorder | None = None  # where a traced value is recorded, see traced.py

    def __init__(
        self, data: Any, _children: Iterable[Any] | str = (), _op: str = "", label: str = ""
    ) -> None:
        if isinstance(_children, str):  # Value(3, "a"): the second argument is a label
            label, _children = _children, ()
        self._data = data if data.__class__ is float else as_float(data)
        self.grad = 0
        self.label = label
        if _children:
            self._operands = operands = tuple(map(lift, _children))
            self._entry = ops.named(_op, len(operands)) if operands else None
        else:
            self._operand = ()
            self._other = self._entry = None
        self._serial = _next_serial()

    @property
    def data(self) -> float:
        """The number; any real number can be assigned.

        Read in a function that is being compiled, it is the number that there will be when the
        function runs, through which no gradient flows.
        """
        if _TRACING and (scope := _TRACING.get(get_ident())):
            number: float = scope.record(ops.detach, (self,))
            return number
        return self._data

    @data.setter
    def data(self, number: Any) -> None:
        self._data = number if number.__class__ is float else as_float(number)

    @property
    def _prev(self) -> tuple[Value, ...]:
        """The operands, in order. A literal shows as a leaf, but not in `x**2` (it is in `_op`)."""
        operands = self._operands
        if self._repetitions() is not None:
            operands = operands[:1]
        return tuple(Value(x) if x.__class__ is float else x for x in operands)

    @property
    def _op(self) -> str:
        """micrograd's string for the op: '+', '*', '**2', 'ReLU', ...; '' for a leaf."""
        entry = self._entry
        if entry is None:
            return ""
        n = self._repetitions()
        if n is None:
            return entry.label
        return f"{entry.label}{int(n) if n.is_integer() else n}"

    prev, operator = _prev, _op
    """The names that micrograd with recursive backprop gives them."""

    def _repetitions(self) -> float | None:
        """The literal n of x**n, which is part of the op."""
        if self._entry is None or self._entry.repeats is None:
            return None
        n = self._operands[1]
        return n if n.__class__ is float else None

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self._data}, grad={self.grad}{label})"

    def __apply__(self, op: Op, operands: tuple[Any, ...]) -> Value:
        """The Value of `op` on `operands`, at least one of which is a Value."""
        if len(operands) == 1 and self._scope is None:
            return _made(op, op.eval(self._data), self, None)
        for x in operands:
            kind_of = x.__class__
            if kind_of is not Value and kind_of is not float and hasattr(kind_of, "__primitive__"):
                return x.__apply__(op, operands)  # type: ignore[no-any-return]
        lifted = tuple([lift(x) for x in operands])
        for x in lifted:
            if x.__class__ is not float and x._scope is not None:
                return x._scope.record(op, lifted)  # type: ignore[no-any-return]
        number = op.eval(*map(number_of, lifted))
        return _made(op, number, *(lifted if len(lifted) == 2 else (lifted, None)))

    # -- gradient --------------------------------------------------------------------------

    def backward(self) -> None:
        """Fill `grad` of every Value that this one depends on, by reverse accumulation.

        Leaves accumulate over calls (set their `grad` to 0 between steps, as in micrograd);
        interior Values are computed anew, so a second call on the same graph is not wrong.
        Cotangents are summed in reverse creation order. Cost: linear in the graph, but for the
        sort of its nodes by age.

        Raises GraphError if an operand is younger than its result: a cycle made by hand; TraceError
        in a function that is being compiled, whose gradients are `micrograd.grad`'s.
        """
        refuse_in_compiled("backward()")
        differentiate(self)

    def backprop(self, *, numerical: bool = False, h: float = 1e-6) -> None:
        """Fill `grad` as `backward` does, by a recursion from results to operands.

        numerical   derivatives of every op are differences, `(f(x + h) - f(x)) / h`, to compare
                    the exact ones with: off by some h times the second derivative, and rounding

        Raises what `backward` does, and GraphError for an `h` that is lost beside a number.

        >>> x, y = Value(3.0), Value(3.0)
        >>> (x**2).backprop()
        >>> (y**2).backprop(numerical=True, h=0.5)
        >>> x.grad, y.grad
        (6.0, 6.5)
        """
        refuse_in_compiled("backprop()")
        differences = flag("numerical", numerical, GraphError)
        if differences:
            recursion.backpropagate(self, recursion.numerical(h))
        elif not (MIXED and MIXED[0](self)):
            recursion.backpropagate(self, recursion.exact)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else str(self)

    def print_branch(self) -> None:
        """Print the graph under this Value, one line per Value, operands indented below.

        A Value used twice is printed in full once and referred to after that.

        >>> a = Value(3.0, label="a")
        >>> (a * a + 1.0).print_branch()
        +     data=10.0 grad=0
          *   data= 9.0 grad=0
            a data= 3.0 grad=0
            a (above)
          1.0
        """
        for line in outline(self):
            print(line)


def lift(x: Any) -> Any:
    """An operand as the graph holds it: a Value stays, a number becomes a float."""
    return x if isinstance(x, Value) else as_float(x)


def _made(op: Op, number: float, operand: Any, other: Any) -> Value:
    """The Value of an op; operands as `Computed` has them."""
    out = _new(Value)
    out._data = number
    out.grad = 0
    out.label = ""
    out._entry = op
    out._operand = operand
    out._other = other
    out._serial = _next_serial()
    return out


def _unary(op: Op) -> Any:
    evaluate = op.eval

    def method(self: Value) -> Value:
        try:
            number = evaluate(self._data)
        except AttributeError:
            if self._scope is None:
                raise
            return self.__apply__(op, (self,))  # called as Value.tanh(x), or by map
        return _made(op, number, self, None)

    return method


def _binary(op: Op, *, reflected: bool = False) -> Any:
    evaluate = op.eval

    def method(self: Value, other: Any) -> Any:
        kind = other.__class__
        if kind is Value:
            y = other._data
        elif kind is float:
            y = other
        elif kind is int and abs(other) <= 2**53:
            y = other = float(other)
        else:
            pair = (other, self) if reflected else (self, other)
            if isinstance(other, np.ndarray) and other.ndim:
                if op.ufunc is None:
                    return op.map(*pair)
                return self.__array_ufunc__(getattr(np, op.ufunc), "__call__", *pair)
            if not isinstance(other, Value):
                return self.__apply__(op, pair)
            if other._scope is not None:
                return other._scope.record(op, pair)
            y = other._data
        out = _new(Value)
        if reflected:
            out._data = evaluate(y, self._data)
            out._operand = other
            out._other = self
        else:
            out._data = evaluate(self._data, y)
            out._operand = self
            out._other = other
        out.grad = 0
        out.label = ""
        out._entry = op
        out._serial = serial = _next_serial()
        if serial >= NEXT[0]:
            compute_by_code()
        return out

    return method


def _equality(op: Op) -> Any:
    """`==` or `!=`: of a number and a Value by their numbers, of two Values by identity, unless a
    function is compiled.
    """
    compare = _binary(op)
    of_itself = bool(op.eval(0.0, 0.0))

    def method(self: Value, other: Any) -> Any:
        if isinstance(other, Value) and other._scope is None:
            thread = get_ident() if _TRACING or FROZEN else 0
            if thread and (scope := _TRACING.get(thread) or FROZEN.get(thread)):
                return scope.record(op, (self, other))
            return (self is other) is of_itself
        return compare(self, other) if is_comparable(other) else NotImplemented

    return method


install_operators(Value, _unary, _binary, _equality)
install_in_place(Value, labelled=True)
install_refusals(Value)
install_functions(Value)

DEFINED = dict(vars(Value))
"""What the operators and methods mean, whatever takes their place."""
