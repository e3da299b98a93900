"""Rows of a function of Tensors -> Program, directly: no scalars in between.

What is used once becomes part of the expression that uses it; what is used more often, or would be
computed again for every index that its user has more, is an array. The rules are those of
tensor_rules.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...errors import TraceError
from ...tensor.indexed import out_of_range
from ...tensor.primitive import Shape
from ..ir.extents import is_number
from ..ir.program import Access, Apply, Expr, Program, Role, row_major, statements
from . import index_rules as index_rules  # which enter rules
from . import tensor_inline as tensor_inline
from .batches import NAME, SizeNeeded, with_extents
from .tensor_program import Given as Given
from .tensor_program import TensorProgram as TensorProgram
from .tensor_program import at_most
from .tensor_rules import RULES
from .tensors import Row
from .views import NotAffine, changed, in_steps, reshaped, sliced, spread, transposed

MOST_INLINED = 24
"""Ops of an expression from which on it is computed into an array."""
MOVES = ("reshape", "transpose", "slice", "broadcast_to")


def lowered(
    rows: Sequence[Row],
    outputs: Sequence[int],
    most: int | None = None,
    *,
    exact: bool = False,
    names: Sequence[str] = (),
) -> TensorProgram:
    """The program whose outputs are these rows, of these names: `out`, or `out0`, `out1`, ...

    most    of how many samples a batch is, at most, if it is of any number of them
    exact   it computes what eager Tensors do, to the last bit, where sums are in order
    """
    program = Program()
    if most is not None:
        extent = program.extent(NAME, most)
        rows = [
            replace(
                r,
                shape=with_extents(r.shape, extent),
                parameters=with_extents(r.parameters, extent),
            )
            for r in rows
        ]
    low = _Lowering(rows, outputs, program, most, exact, outputs=list(names))
    for k in range(len(rows)):
        if low.uses[k]:
            before = len(program.body)
            low.value(k)
            for s in statements(program.body[before:]):
                s.origin = (k,)
    for name, row in zip(low.outputs, outputs, strict=True):
        if name not in low.written:
            low.copy(name, row)
    given = {g.name for g in low.given}
    arrays = low.program.arrays
    low.program.arrays = {n: a for n, a in sorted(arrays.items(), key=lambda e: e[0] not in given)}
    shapes = [low.rows[k].shape for k in outputs]
    return TensorProgram(low.program, low.given, low.outputs, shapes)


@dataclass(slots=True)
class _Lowering:
    rows: Sequence[Row]
    results: Sequence[int]
    program: Program = field(default_factory=Program)
    most: int | None = None
    exact: bool = False
    inlined: dict[Any, list[Expr]] = field(default_factory=dict)  # results of calls
    given: list[Given] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    uses: list[int] = field(default_factory=list)
    values: dict[int, Expr] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)  # ops in the expression of a row
    names: set[str] = field(default_factory=set)
    indices: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.outputs:
            n = len(self.results)
            self.outputs = ["out"] if n == 1 else [f"out{k}" for k in range(n)]
        self.names |= {"out", *self.outputs, *self.program.arrays}
        self.uses = [0] * len(self.rows)
        for k in self.results:
            self.uses[k] += 2
        for k in reversed(range(len(self.rows))):
            if self.uses[k]:
                for x in self.rows[k].operands:
                    if not isinstance(x, float):
                        self.uses[x] += 1
        for name, k in zip(self.outputs, self.results, strict=True):
            self.program.declare(name, Role.OUTPUT, at_most(self.rows[k].shape) or (1,))

    # -- what rules ask for --------------------------------------------------------------------

    def array(self, row: Row) -> Access:
        """A new array: an output, for what is nothing else."""
        name = ""
        for output, k in zip(self.outputs, self.results, strict=True):
            if self.rows[k] is row and self.uses[k] == 2:
                name = output
        if name:
            self.written.add(name)
        else:
            name = self._named("t", numbered=True)
            shape = tuple(n for n in row.shape if n != 1)
            self.program.declare(name, Role.TEMPORARY, at_most(shape) or (1,))
        return Access(name, 0, row_major(row.shape))

    def emit(self, target: Access, expr: Expr, domain: Shape, accumulate: Any = None) -> None:
        """Append a statement, without loops that run once."""
        axes = [a for a, n in enumerate(domain) if n != 1]

        def without(offset: int, by: Shape) -> tuple[int, Shape]:
            return offset, tuple(by[a] for a in axes)

        to = changed(target, without)
        assert isinstance(to, Access)
        loops = tuple(domain[a] for a in axes)
        self.program.assign(to, changed(expr, without), loops, accumulate=accumulate)

    def held(self, expr: Expr, shape: Shape) -> Access:
        """The same as an access."""
        return expr if isinstance(expr, Access) else self.stored(expr, shape)

    def stored(self, expr: Expr, shape: Shape) -> Access:
        """The same in a new array."""
        out = self.array(Row(None, (), {}, shape, None))
        self.emit(out, expr, shape)
        return out

    def constant(self, data: Any) -> Access:
        """Numbers that are part of the program."""
        name = self._named("c", numbered=True)
        numbers = np.asarray(data, dtype=np.float64)
        shape = tuple(n for n in numbers.shape if n != 1)
        self.program.declare(name, Role.CONSTANT, shape or (1,), numbers.reshape(-1))
        return Access(name, 0, row_major(numbers.shape))

    def index(self, row: int, size: int, *, table: bool = False) -> Access:
        """The access to an index array, through the views that the row is of a leaf; to none, ""
        where constant indices are in even steps.
        """
        views = []
        k = row
        while (r := self.rows[k]).primitive is not None and r.primitive.name in MOVES:
            views.append(r)
            k = r.operands[0]  # type: ignore[assignment]
        if self.rows[k].primitive is not None:
            raise TraceError(
                f"{self.rows[row].where}: indices that are computed from arguments (by "
                f"{self.rows[k].primitive}) do not compile; pass them as an argument"
            )
        access: Expr = self._index_array(k, size, table)
        shape = self.rows[k].shape
        for r in reversed(views):
            access = self._view(r, access, shape)
            shape = r.shape
        assert isinstance(access, Access)
        return access

    def named(self, kind: str) -> str:
        """A new name of an array."""
        return self._named(kind, numbered=True)

    def called(self, callee: Any, operands: Any) -> list[Row]:
        """The rows in use that are results of one call."""
        return [
            r
            for k, r in enumerate(self.rows)
            if self.uses[k] and r.parameters.get("callee") is callee and r.operands == operands
        ]

    def dtype_of(self, operand: int) -> Any:
        """The dtype of an operand."""
        return self.rows[operand].dtype

    def shape_of(self, operand: int | float) -> Shape:
        """The shape of an operand."""
        return () if isinstance(operand, float) else self.rows[operand].shape

    # -- rows ------------------------------------------------------------------------------------

    def value(self, k: int) -> None:
        """Find the expression of a row, whose operands have theirs."""
        row = self.rows[k]
        if row.primitive is None:
            return  # a leaf becomes an array where it is used
        indexed = row.primitive.name in ("gather", "scatter_add")
        operands = row.operands[:1] if indexed else row.operands
        if "callee" in row.parameters:  # which asks for what it needs
            operands = ()
        is_index = np.dtype(row.dtype).kind == "i" and row.primitive.name in MOVES
        if is_index and not self._is_number(k):
            return
        values = [x if isinstance(x, float) else self.expr(x) for x in operands]
        found = RULES[row.primitive.name](self, row, values)
        size = 1 + sum(self.sizes.get(x, 0) for x in operands if isinstance(x, int))
        if isinstance(found, Apply):
            if self.uses[k] > 1 or size > MOST_INLINED:
                out = self.array(row)
                self.emit(out, found, row.shape)
                found = out
            else:
                self.sizes[k] = size
        self.values[k] = found

    def expr(self, k: int) -> Expr:
        """The expression of a row."""
        if k not in self.values:
            row = self.rows[k]
            assert row.primitive is None
            if row.live:
                name = self._named(row.name)
                self.given.append(Given(name, k))
                self.program.declare(name, Role.INPUT, at_most(row.shape) or (1,))
                self.values[k] = Access(name, 0, row_major(row.shape))
            elif row.tensor.size == 1 and not self.exact:  # of literals, passes compute
                self.values[k] = float(row.tensor._data.reshape(()))
            else:
                self.values[k] = self.constant(row.tensor._data)
        return self.values[k]

    def copy(self, name: str, k: int) -> None:
        """Write a row into an output."""
        shape = self.rows[k].shape
        self.emit(Access(name, 0, row_major(shape)), self.expr(k), shape)

    def _is_number(self, k: int) -> bool:
        """Whether something needs the numbers of a row of whole ones, rather than its indices."""
        if k in self.results:
            return True
        for n, row in enumerate(self.rows):
            if self.uses[n] and row.primitive is not None and k in row.operands:
                name = row.primitive.name
                if name in ("gather", "scatter_add") and row.operands[0] != k:
                    continue
                if name not in MOVES or self._is_number(n):
                    return True
        return False

    # -- names -----------------------------------------------------------------------------------

    def _named(self, wanted: str, *, numbered: bool = False) -> str:
        """A name that nothing has yet."""
        wanted = "".join(c if c.isalnum() or c == "_" else "_" for c in wanted)
        if not wanted or wanted[0].isdigit():
            wanted, numbered = f"p{wanted}", not wanted
        k = 0
        name = f"{wanted}{k}" if numbered else wanted
        while name in self.names or (not numbered and name in ("inf", "nan")):
            k += 1
            name = f"{wanted}{k}" if numbered else f"{wanted}_{k}"
        self.names.add(name)
        return name

    def _index_array(self, k: int, size: int, table: bool) -> Access:
        row = self.rows[k]
        if not is_number(size):
            raise SizeNeeded(f"{row.name} are indices of samples")
        if (k, size) not in self.indices:
            if row.live:
                name = self._named(f"{row.name}_{size}" if k in self.values else row.name)
                self.given.append(Given(name, k, size))
                shape = at_most(row.shape) or (1,)
                self.program.declare(name, Role.INPUT, shape, dtype="i64", below=size)
            else:
                data = row.tensor._data
                if ((data < -size) | (data >= size)).any():
                    raise out_of_range(data, (size,), 0)
                data = np.where(data < 0, data + size, data)
                if not table and (steps := in_steps(data)):
                    return Access("", *steps)
                name = self._named("index", numbered=True)
                self.program.table(name, data.reshape(-1))
            self.indices[k, size] = name
        return Access(self.indices[k, size], 0, row_major(row.shape))

    def _view(self, row: Row, x: Expr, old: Shape) -> Expr:
        """A view of an index array."""
        assert row.primitive is not None
        how: Any = row.parameters
        match row.primitive.name:
            case "transpose":
                return transposed(x, how["order"])
            case "slice":
                return sliced(x, how["places"])
            case "broadcast_to":
                return spread(x, old, row.shape)
        try:
            return reshaped(x, old, row.shape)
        except NotAffine:
            raise TraceError(
                f"{row.where}: indices reshaped from {old} to {row.shape} after a transposition "
                "or slice do not compile; pass them in that shape"
            ) from None
