"""Traced Values: what a function that is being compiled computes with.

Input: the arguments of a function, as leaves without numbers. Output: a DAG of Values, recorded by
arithmetic, without numbers either; a `Scope` is one call of such a function.

Invariant: nothing is recorded with a value of a scope that is over, so that none which was kept in
an outer variable or a cache ends up in other computations.

What is recorded is said here. Where much is, machine code does the same in place of the operators
(jit/call/recorder.py), on a `Tape`: a Value that it makes looks its operands up there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from sys import _getframe
from types import FrameType
from typing import Any

import numpy as np

from . import ops
from .copies import next_serial as _next_serial
from .engine import Value
from .errors import MACHINERY, MicrogradError, TraceError, user_location
from .mapped import apply_function
from .numpy_functions import OF_NUMBERS
from .operands import own_operands
from .operators import install_in_place, install_operators, is_comparable
from .ops import Op
from .tracing import Site, Tape, as_integer, asked, no_index

_new: Callable[[Any], Any] = object.__new__
_RESUMED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
_OPERANDS: Any = Value._operands
_set_operands = _OPERANDS.fset

MANY = 10_000
"""When Python has recorded so many, machine code is made for it, which takes as long."""
BEGIN: list[Callable[[Scope], None]] = []
"""What gives a scope a tape, if that can be: once machine code can be made."""
_recorded = 0  # by Python, in scopes that are over


class Scope:
    """A call of a function to compile it: what it computes is recorded here, until it is over."""

    __slots__ = ("_called", "_most", "is_over", "labels", "lookups", "loops", "made", "name",
                 "problem", "tape")  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_over = False
        self.problem: MicrogradError | None = None
        """What it did that it could not be told at once, or an error that it may catch."""
        self.made: list[Traced] = []
        """What Python has recorded, in order, until the graph is made of it."""
        self.labels: dict[int, str] = {}  # by serial numbers
        self.lookups: Any = None  # what it looks up by integers, see lookups.py
        self.tape: Tape | None = None
        """What machine code has recorded, if it does."""
        self.loops: list[Any] = []  # see jit/trace/loops.py
        self._most = max(1, MANY - _recorded)
        self._called: tuple[FrameType, Site] | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A block, after which nothing more is recorded."""
        global _recorded
        if self._most == 1:
            self._begin()
        try:
            yield
        except BaseException:
            self.made = []
            if self.tape is not None:
                self.tape.let_go()
            raise
        finally:
            self.is_over = True
            self._called = None
            _recorded += len(self.made)
            if self.tape is not None:
                self.tape.close()

    def _begin(self) -> None:
        """Let machine code record from now on, if it can."""
        self._most = sys.maxsize
        for begin in BEGIN:
            begin(self)

    def record(self, op: Op, operands: tuple[Any, ...]) -> Value:
        """The traced Value of `op`, which knows where it was made; lines are looked up later."""
        if self.is_over:
            raise self.over()
        out: Traced = _new(Traced)
        out.grad = 0
        out._entry = op
        _set_operands(out, operands)
        out._serial = _next_serial()
        out._scope = self
        frame: Any = _getframe(2)
        code = frame.f_code
        if self.tape is not None:
            self.tape.learn(frame)
        if code.co_filename in MACHINERY:
            out._made_at = self._site_of(frame)
        else:
            out._made_at = code, frame.f_lasti
        self.made.append(out)
        if len(self.made) >= self._most:
            self._begin()
        return out

    def _site_of(self, frame: Any) -> Site:
        """The place in the user's code that this frame of the machinery works for.

        It is looked for once in a call of a function that is no generator: until that returns, its
        callers stay where they are.
        """
        called = self._called
        if called is not None and frame is called[0]:
            return called[1]
        if frame.f_code.co_flags & _RESUMED and frame.f_back is not None:
            frame = frame.f_back
            if called is not None and frame is called[0]:
                return called[1]
        first, code = frame, frame.f_code
        while code.co_filename in MACHINERY and frame.f_back is not None:
            frame = frame.f_back
            code = frame.f_code
        site = code, frame.f_lasti
        if frame is not first and not first.f_code.co_flags & _RESUMED:
            self._called = first, site
        return site

    def over(self) -> TraceError:
        """The error for a value of this scope that is used when it is over."""
        return TraceError(
            f"{user_location()}: this value was traced when {self.name} was compiled, and escaped "
            "from it: it has no number, and never will; return what is needed from the function, "
            "rather than keep it in an outer variable, an attribute or a cache"
        )

    def error(self, problem: str) -> TraceError:
        """The error for a value of this scope that is asked for what it has not."""
        return self.over() if self.is_over else TraceError(f"{user_location()}: {problem}")

    def refusal(self, problem: str) -> TraceError:
        """The same, by which the function fails even if it catches that, and goes another way."""
        error = self.error(problem)
        self.note(error)
        return error

    def note(self, error: MicrogradError) -> None:
        """Let the function fail by this error, if by none before."""
        self.problem = self.problem or (None if self.is_over else error)


class Traced(Value):
    """A Value whose number is not known yet: an argument of a function being compiled.

    It records like a Value, and refuses what would need its number. `_site` is the code that made
    it and the place in it, None for an argument; `_mapped`, whether an argument is for an array.
    """

    __slots__ = ("_made_at", "_mapped", "_scope")

    _scope: Scope
    _made_at: Site | None

    def __init__(self, label: str, mapped: bool = False, scope: Scope | None = None) -> None:
        self._scope = scope or Scope("a function")
        self._mapped = mapped
        self.grad = 0
        self._entry = None
        _set_operands(self, ())
        self._serial = _next_serial()
        self._made_at = None
        self.label = label

    @property  # type: ignore[misc]
    def _operands(self) -> tuple[Any, ...]:  # type: ignore[override]
        found = own_operands(self)
        return self._scope.tape.operands(self) if found is None else found  # type: ignore[union-attr]

    @property
    def _site(self) -> Site | None:
        if own_operands(self) is None:
            return self._scope.tape.site(self)  # type: ignore[union-attr]
        return self._made_at

    @property
    def label(self) -> str:
        """Yours, for printing; of an argument, its name."""
        return self._scope.labels.get(self._serial, "")

    @label.setter
    def label(self, label: str) -> None:
        self._scope.labels[self._serial] = label

    @property
    def data(self) -> float:
        """The number that it will be, through which no gradient flows."""
        return self._scope.record(ops.detach, (self,))  # type: ignore[return-value]

    @data.setter
    def data(self, number: Any) -> None:
        raise self._scope.error(
            "a traced value has no number yet, so .data cannot be assigned; "
            "use another Value from here on"
        )

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        own = OF_NUMBERS.get(function)
        if own is not None:
            return own(*arguments, **options)
        return apply_function(function, arguments, options)

    def _refusal(self, problem: str) -> Exception:
        return self._scope.error(
            f"{problem}; or compute it of plain numbers, outside the function that is compiled"
            f"{as_integer(self)}"
        )

    def __bool__(self) -> bool:
        raise self._scope.refusal(
            "a traced value has no truth value; for `if` write micrograd.where(condition, a, b), "
            "for `while` while_loop(condition, body, state), for `and`, `or`, `not`, `a < x < b` "
            "`&`, `|` and `~` of comparisons, for min() and max() minimum(*xs) or maximum(*xs)"
        )

    def __float__(self) -> float:
        raise self._scope.refusal(
            "a traced value has no number yet, so float() cannot have it; keep it a Value "
            "(micrograd.exp, sin, ... take Values), or compute this outside the function"
        )

    def __int__(self) -> int:
        raise self._scope.refusal(
            "a traced value has no number yet, so int() cannot have it; make it a plain Python "
            "argument outside the function that is compiled"
        )

    def __hash__(self) -> int:
        raise self._scope.refusal(
            "a traced value has no hash, as its number is not known yet, so it cannot be looked up "
            "in a dict or set, nor be an argument of what functools caches; look up by integers in "
            "a list, choose with micrograd.where(x == a, b, c), and by identity with id(x)"
        )

    def __index__(self) -> int:
        error = self._scope.over() if self._scope.is_over else no_index(self)
        self._scope.note(error)
        raise error

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise self._scope.error(
            "a traced value has no number yet, so it cannot be pickled, nor sent to another "
            "process; do that outside the function that is compiled"
        )

    def backward(self) -> None:
        raise self._scope.error(
            "backward() inside a compiled function; compile the function and call its .grad or "
            ".value_and_grad"
        )

    def backprop(self, *, numerical: bool = False, h: float = 1e-6) -> None:
        self.backward()

    def __repr__(self) -> str:
        asked("the text")
        return f"Traced({self.label or self._op})"

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._scope.error(
                f"a traced value has no number yet, so it has no text of the form {spec!r}; make "
                "the text outside the function that is compiled"
            )
        return repr(self)


def _traced_unary(op: Op) -> Any:
    def method(self: Traced) -> Value:
        return self._scope.record(op, (self,))

    return method


def _traced_binary(op: Op, *, reflected: bool = False) -> Any:
    def method(self: Traced, other: Any) -> Any:
        pair = (other, self) if reflected else (self, other)
        if other.__class__ is float or isinstance(other, Value):
            return self._scope.record(op, pair)
        if isinstance(other, np.ndarray) and other.ndim:
            if op.ufunc is None:
                return op.map(*pair)
            return self.__array_ufunc__(getattr(np, op.ufunc), "__call__", *pair)
        return self.__apply__(op, pair)

    return method


def _traced_equality(op: Op) -> Any:
    """`==` or `!=`, recorded as `<` is."""
    compare = _traced_binary(op)

    def method(self: Traced, other: Any) -> Any:
        return compare(self, other) if is_comparable(other) else NotImplemented

    return method


install_operators(Traced, _traced_unary, _traced_binary, _traced_equality)
install_in_place(Traced, labelled=False)
