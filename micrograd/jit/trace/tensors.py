"""A function of Tensors -> rows: each a primitive of the table, on rows before it.

Inside, its arguments are Tensors without numbers: a shape and a dtype, and a place where primitives
are recorded. Tensors that it closes over become rows, too: leaves that require a gradient are live,
which are read at every call, and what was computed from such is recorded as if computed inside.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any

import numpy as np

from ...engine import Value
from ...errors import TraceError, user_location
from ...real_types import TENSORS, widest
from ...tensor.casting import DEFAULT, is_float
from ...tensor.core import Tensor
from ...tensor.primitive import Primitive, Shape
from ...tensor.values import objects, of_values
from ...value_arrays import ValueArray
from .batches import Batch
from .tensor_rule import refusal
from .tensor_values import of_values_row, value_row


class _NoNumbers(TraceError, AttributeError):
    """Numbers were asked for that are not there before the code runs."""


class TracedTensor(Tensor):
    """The result of a row."""

    __slots__ = ("_kind", "_row", "_scope", "_sizes")

    def __init__(self, scope: TensorScope, row: int, shape: Shape, dtype: Any) -> None:
        self._scope, self._row, self._sizes, self._kind = scope, row, shape, dtype
        self._needs = False
        self._primitive = None
        self.label = ""

    def __getattr__(self, name: str) -> Any:
        if name == "_data":
            raise _NoNumbers(
                f"{user_location()}: this Tensor has no numbers while {self._scope.name} is "
                "compiled, so nothing can be decided or computed by Python from them: choose with "
                "micrograd.where(condition, x, y), or call the function uncompiled"
            )
        raise AttributeError(f"a Tensor has no attribute {name!r}")

    @property
    def shape(self) -> Shape:
        """The sizes of its axes."""
        return self._sizes

    @property
    def dtype(self) -> Any:
        """NumPy's dtype of its elements."""
        return self._kind

    def values(self) -> Any:
        """An array of its elements, each a Tensor of one number, which computes as a Value does."""
        if not self.shape:
            return self
        flat = self.reshape(-1)
        made = [flat[k] for k in range(operator.index(self.size))]
        return objects(made, [operator.index(n) for n in self.shape]).view(ValueArray)

    def _lifted(self, x: Any) -> Any:
        """A Value among masks and indices is a number of what the kernel computes in."""
        if isinstance(x, Value) and not is_float(self._kind):
            return Tensor.of_values(x, number_dtype(self._scope.rows))
        return super()._lifted(x)

    def __repr__(self) -> str:
        return f"<traced Tensor of shape {self._sizes}, {self._kind}>"

    __str__ = __repr__
    __hash__ = object.__hash__


@dataclass(slots=True)
class Row:
    """A primitive on rows and literals; of a leaf, None.

    name    of an argument
    tensor  of a leaf that is closed over
    live    whether it is read at every call: arguments, and leaves that require a gradient
    samples of the number of samples, how often that is counted: 1, or as often as they have numbers
    where   the user's line
    """

    primitive: Primitive | None
    operands: tuple[int | float, ...]
    parameters: dict[str, Any]
    shape: Shape
    dtype: Any
    name: str = ""
    tensor: Any = None
    live: bool = False
    where: str = ""
    samples: int = 0


@dataclass(slots=True)
class TensorScope:
    """A call of a function to compile it.

    wrt     leaves that are live whatever they require
    frozen  whether no others are
    modes   modules that were asked whether they are trained, and the answer
    batch   the size that the first axes of some arguments have, whatever that will be
    outer   that in which it is called
    held    Tensors that functions called in it hold as constants
    """

    name: str
    wrt: Sequence[Any] = ()
    frozen: bool = False
    rows: list[Row] = field(default_factory=list)
    is_over: bool = False
    modes: list[tuple[Any, bool]] = field(default_factory=list)
    batch: Batch | None = None
    outer: TensorScope | None = None
    held: list[Any] = field(default_factory=list)
    _samples: dict[int, TracedTensor] = field(default_factory=dict)
    rows_of: dict[int, int] = field(default_factory=dict)  # of Tensors and Values closed over
    kept: list[Any] = field(default_factory=list)  # so that their ids stay theirs

    def argument(self, name: str, shape: Shape, dtype: Any) -> TracedTensor:
        """A Tensor that the caller gives."""
        self.rows.append(Row(None, (), {}, shape, dtype, name, live=True))
        return TracedTensor(self, len(self.rows) - 1, shape, dtype)

    def batched(self, name: str, shape: Shape, dtype: Any) -> TracedTensor:
        """One of which the first axis has as many elements as the call has samples."""
        if self.batch is None:
            self.batch = Batch(self)
        size: Any = self.batch
        return self.argument(name, (size, *shape[1:]), dtype)

    def samples(self, batch: Batch) -> TracedTensor:
        """The number of samples, or a multiple of it, as a Tensor that the call gives."""
        self._require_open()
        if batch.factor not in self._samples:
            made = self.argument("samples", (), number_dtype(self.rows))
            self.rows[-1].samples = batch.factor
            self._samples[batch.factor] = made
        return self._samples[batch.factor]

    def _require_open(self) -> None:
        if self.is_over:
            raise TraceError(
                f"{user_location()}: this Tensor was traced when {self.name} was compiled, and "
                "escaped from it: it has no numbers; return what is needed from the function"
            )

    def record_primitive(
        self, primitive: Primitive, operands: Sequence[Any], parameters: dict[str, Any]
    ) -> TracedTensor:
        """What a primitive gives, in the innermost function that one of the operands is of."""
        for x in operands:
            if isinstance(x, TracedTensor) and x._scope._is_inside(self):
                inner = x._scope.record_primitive(primitive, operands, parameters)
                return inner  # type: ignore[no-any-return]
        self._require_open()
        rows = tuple([x if isinstance(x, float) else self.row(x) for x in operands])
        k = self.recorded(primitive, rows, parameters)
        return TracedTensor(self, k, self.rows[k].shape, self.rows[k].dtype)

    def record(self, op: Any, operands: tuple[Any, ...]) -> TracedTensor:
        """What an op gives of Values that are read: numbers, when the code runs."""
        rows = [value_row(self, v, DEFAULT) for v in operands]
        first, *others = [TracedTensor(self, k, (), self.rows[k].dtype) for k in rows]
        return first.__apply__(op, (first, *others))  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        """What it computes in, as far as it is known."""
        return number_dtype(self.rows)

    def recorded(
        self, primitive: Primitive, operands: tuple[int | float, ...], parameters: dict[str, Any]
    ) -> int:
        """The row of a primitive on rows."""
        given = [None if isinstance(x, float) else self.rows[x] for x in operands]
        shape = primitive.shape(*(x.shape if x else () for x in given), **parameters)
        dtypes = [x.dtype for x in given if x]
        dtype = primitive.dtype(*dtypes, **parameters)
        problem = refusal(primitive, shape, dtypes, np.dtype(dtype), parameters)
        if problem:
            raise TraceError(f"{user_location()}: {problem}; compute it outside of {self.name}")
        self.rows.append(
            Row(primitive, operands, dict(parameters), shape, dtype, where=user_location())
        )
        return len(self.rows) - 1

    def row(self, x: Any) -> int:
        """The row of a Tensor, which is made for one that is closed over."""
        if isinstance(x, TracedTensor):
            if x._scope is not self:
                if self._is_inside(x._scope):
                    return self._from_outside(x)
                raise TraceError(
                    f"{user_location()}: this Tensor belongs to another function that is compiled; "
                    "pass it as an argument"
                )
            return x._row
        waiting = [x]
        while waiting:  # no recursion: what it is of may be deep
            t = waiting[-1]
            missing = [
                y for y in t._operands if isinstance(y, Tensor) and id(y) not in self.rows_of
            ]
            if id(t) in self.rows_of or not missing:
                waiting.pop()
                if id(t) not in self.rows_of:
                    self.rows_of[id(t)] = self._closed_over(t)
                    self.kept.append(t)
            else:
                waiting += missing
        return self.rows_of[id(x)]

    def _is_inside(self, scope: TensorScope) -> bool:
        outer = self.outer
        while outer is not None and outer is not scope:
            outer = outer.outer
        return outer is not None and not outer.is_over

    def _from_outside(self, x: TracedTensor) -> int:
        """The row of what the function closes over, of one around it."""
        if id(x) not in self.rows_of:
            self.rows.append(Row(None, (), {}, x.shape, x.dtype, x.label, x, live=True))
            self.rows_of[id(x)] = len(self.rows) - 1
            self.kept.append(x)
        return self.rows_of[id(x)]

    def calls(
        self,
        callee: Any,
        operands: Sequence[Any],
        mapped: tuple[int, ...] = (),
        samples: Any = None,
    ) -> list[TracedTensor]:
        """The results of another function, whose program becomes a part of this one.

        mapped    the operands that have a sample for each of the `samples` along their first axes
        """
        self._require_open()
        counts = [self.samples(Batch(self, callee.rows[k].samples)) for k in callee.counts]
        rows = tuple([self.row(x) for x in (*operands, *counts)])
        found = []
        for output in range(len(callee.results)):
            how = {"callee": callee, "output": output, "mapped": mapped, "samples": samples}
            k = self.recorded(callee.primitive, rows, how)
            found.append(TracedTensor(self, k, self.rows[k].shape, self.rows[k].dtype))
        return found

    def close(self) -> None:
        """It is over; what it has found out holds for that around it, too."""
        self.is_over = True
        if self.outer is not None:
            self.outer.modes += self.modes
            self.outer.held += self.held
            self.outer.held += [r.tensor for r in self.rows if r.tensor is not None and not r.live]

    def _closed_over(self, t: Any) -> int:
        if t._primitive is not None:
            if t._primitive is of_values:
                return of_values_row(self, t)
            operands = [y if isinstance(y, float) else self.rows_of[id(y)] for y in t._operands]
            return self.recorded(t._primitive, tuple(operands), t._parameters)
        if t.size == 0:
            raise TraceError(
                f"{user_location()}: {self.name} uses a Tensor without elements, of shape "
                f"{t.shape}, which does not compile"
            )
        return self.leaf(t, t, t.label, live=t._needs and not self.frozen)

    def leaf(self, t: Any, of: Any, label: str, *, live: bool) -> int:
        """The row of the numbers of a Tensor, which are those of a leaf."""
        live = live or any(of is w for w in self.wrt)
        self.rows.append(Row(None, (), {}, t.shape, t.dtype, label, t, live))
        return len(self.rows) - 1


SCOPES: dict[int, TensorScope] = {}
"""By thread that compiles a function of Tensors, its scope, the innermost."""


def current_scope() -> TensorScope | None:
    """That of the function that this thread compiles."""
    return SCOPES.get(get_ident()) if SCOPES else None


def number_dtype(rows: Sequence[Row]) -> Any:
    """What a kernel of these rows computes in: the widest of theirs."""
    found = [r.dtype for r in rows if is_float(r.dtype)]
    return widest(found, TENSORS.dtype)
