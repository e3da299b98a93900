"""Program: array statements over affine domains, the compiler's own IR (docs/ir.md).

A statement is a perfect loop nest around one assignment:

    h[16*i + j] += p[17*j + k] * x[2*i + k]  for i < 100, j < 16, k < 2

A scalar is an array of one element and a statement without loops. That is all: a matrix product
is a sum over a product of two accesses, broadcasting is stride 0, a transposition swaps strides.

Expressions are immutable by convention and compare by structure. They have Python's operators
and answer to the ops of the table, so derivative rules and expansions run on them unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...operators import install_operators
from ...ops import Op
from .extents import Extent

INDEX_NAMES = "ijklmnopqrstuvw"
LIKE_NUMBERS = ("inf", "nan")
"""Names that numbers have, too: arrays of these names are printed with their brackets."""
NO_ENTRY = int(np.iinfo(np.int64).min)
"""What stands in an index table whose entries are not known: it is outside every array."""


class Expression:
    """What accesses and applied ops have in common: operators that build expressions."""

    __slots__ = ()

    def __apply__(self, op: Op, operands: tuple[Any, ...]) -> Apply:
        return Apply(op, operands)


install_operators(
    Expression,
    lambda op: lambda self: Apply(op, (self,)),
    lambda op, reflected=False: (
        lambda self, other: Apply(op, (other, self) if reflected else (self, other))
    ),
)


@dataclass(slots=True, unsafe_hash=True)
class Access(Expression):
    """Element `offset + sum(strides * loop indices)` of an array.

    With a table, that is the position in a constant index table, whose entry is the element.
    """

    array: str
    offset: int = 0
    strides: tuple[int, ...] = ()
    table: str | None = None

    def __str__(self) -> str:
        if self.table is not None:
            return f"{self.array}[{self.table}[{self._affine()}]]"
        if self.offset == 0 and self.is_constant and self.array not in LIKE_NUMBERS:
            return self.array
        return f"{self.array}[{self._affine()}]"

    def _affine(self) -> str:
        terms = [
            name if stride == 1 else f"{stride}*{name}"
            for name, stride in zip(INDEX_NAMES, self.strides, strict=False)
            if stride
        ]
        if self.offset or not terms:
            terms.append(str(self.offset))
        return " + ".join(terms).replace("+ -", "- ")

    @property
    def is_constant(self) -> bool:
        """Whether it is the same element for every iteration."""
        return self.table is None and not any(self.strides)


@dataclass(slots=True, unsafe_hash=True)
class Apply(Expression):
    """An op of the table applied to expressions."""

    op: Op
    args: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"{self.op.name}({', '.join(map(format_expr, self.args))})"


Expr: TypeAlias = Access | Apply | float


def format_expr(expr: Expr) -> str:
    """The expression as text; floats print so that they read back exactly."""
    return float.__repr__(expr) if isinstance(expr, float) else str(expr)


def accesses(expr: Expr) -> Iterator[Access]:
    """Every access in an expression, left to right."""
    stack: list[Expr] = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Access):
            yield e
        elif isinstance(e, Apply):
            stack.extend(reversed(e.args))


def map_accesses(expr: Expr, change: Callable[[Access], Expr]) -> Expr:
    """The expression with every access replaced by what `change` makes of it."""
    if isinstance(expr, Access):
        return change(expr)
    if isinstance(expr, Apply):
        return Apply(expr.op, tuple([map_accesses(x, change) for x in expr.args]))
    return expr


@dataclass(slots=True)
class Statement:
    """`target = expr` or `target += expr`, for every point of the domain, last index fastest.

    Indices that the target's strides leave out are reduced over, in order.

    Statements in a row with the same `turn`, not 0, share their first loop: each of its
    iterations runs all of them before the next begins. That is how values are carried from one
    step to the next.
    """

    target: Access
    expr: Expr
    domain: tuple[int, ...] = ()
    accumulate: bool = False
    turn: int = 0

    def __str__(self) -> str:
        loops = ", ".join(f"{n} < {c!s}" for n, c in zip(INDEX_NAMES, self.domain, strict=False))
        sign = "+=" if self.accumulate else "="
        text = f"{self.target} {sign} {format_expr(self.expr)}"
        if loops:
            text += f"  for {loops}"
        return text + (f" in turn {self.turn}" if self.turn else "")

    @property
    def points(self) -> int:
        """How often the assignment runs."""
        return prod(self.domain)

    @property
    def accesses(self) -> list[Access]:
        """Where it writes, then where it reads, left to right."""
        return [self.target, *accesses(self.expr)]


def row_major(counts: Sequence[int], inner: int = 1) -> tuple[int, ...]:
    """The strides of a dense array over loops, whose innermost `inner` points share an element.

    >>> row_major((5, 3, 2)), row_major((5, 3, 2), inner=2)
    ((6, 2, 1), (3, 1, 0))
    """
    strides, points = [], 1
    for count in reversed(counts):
        strides.append(points // inner if points >= inner else 0)
        points *= count
    return tuple(reversed(strides))


def runs(body: Sequence[Statement]) -> Iterator[list[Statement]]:
    """The statements in order: those that run in turn together, the others one by one."""
    run: list[Statement] = []
    for s in body:
        if run and (not s.turn or s.turn != run[0].turn):
            yield run
            run = []
        run.append(s)
    if run:
        yield run


class Role(Enum):
    """What an array is for; its value is the word that the printer uses."""

    INPUT = "input"  # given by the caller
    PARAMETER = "param"  # live: read from a buffer that Python shares
    CONSTANT = "const"  # data, part of the program
    EXTENT = "extent"  # given by the caller: how often loops run
    TEMPORARY = "temp"
    OUTPUT = "output"


@dataclass(slots=True)
class Array:
    """A one-dimensional array of a program; `data` is set for constants only.

    An extent is a number that no statement reads or writes; `size` is how much it is at most.
    """

    name: str
    role: Role
    size: int = 1
    data: npt.NDArray[np.float64] | None = None

    def __str__(self) -> str:
        if self.role is Role.EXTENT:
            return f"extent {self.name} <= {self.size}"
        return f"{self.role.value} {self.name}[{self.size}]"


@dataclass(slots=True)
class Program:
    """Arrays and index tables by name, in order of declaration, and statements in order."""

    arrays: dict[str, Array] = field(default_factory=dict)
    tables: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    body: list[Statement] = field(default_factory=list)

    def declare(
        self,
        name: str,
        role: Role,
        size: int = 1,
        data: npt.NDArray[np.float64] | None = None,
    ) -> Array:
        """Enter an array and return it."""
        array = self.arrays[name] = Array(name, role, size, data)
        return array

    def extent(self, name: str, most: int) -> Extent:
        """Declare a run-time trip count."""
        self.declare(name, Role.EXTENT, most)
        return Extent(name, most)

    def running(self, given: Mapping[str, Any]) -> Program:
        """The program whose loops run as often as these numbers of its extents say.

        Raises ValueError for a number below 0 or above what the extent is at most.
        """
        counts: dict[str, int] = {}
        for a in self.with_role(Role.EXTENT):
            counts[a.name] = count = int(np.asarray(given[a.name]).reshape(()))
            if not 0 <= count <= a.size:
                raise ValueError(f"{a.name} should be from 0 to {a.size}, got {count}")
        if not counts:
            return self
        body = [
            replace(
                s, domain=tuple(counts[c.name] if isinstance(c, Extent) else c for c in s.domain)
            )
            for s in self.body
        ]
        return Program(self.arrays, self.tables, body)

    def with_role(self, *roles: Role) -> list[Array]:
        """The arrays of these roles, in order of declaration."""
        return [a for a in self.arrays.values() if a.role in roles]

    def assign(
        self,
        target: Access,
        expr: Expr,
        domain: tuple[int, ...] = (),
        *,
        accumulate: bool = False,
    ) -> None:
        """Append a statement."""
        self.body.append(Statement(target, expr, domain, accumulate))

    def __str__(self) -> str:
        declared = [
            str(a) for a in self.arrays.values() if a.role is not Role.TEMPORARY or a.size != 1
        ]
        declared += [f"table {name}[{len(t)}]" for name, t in self.tables.items()]
        return "\n".join([*declared, "", *map(str, self.body)])


def dump(program: Program) -> str:
    """All of a program as text, which `parse` takes back.

    What `str(program)` leaves out is there as well: the data of constants, the entries of index
    tables, and temporaries of one element.

    >>> p = Program(tables={"t": np.array([2, 0])})
    >>> _ = p.declare("c", Role.CONSTANT, 3, np.array([1.0, -0.0, np.inf]))
    >>> _ = p.declare("out", Role.OUTPUT, 2)
    >>> p.assign(Access("out", 0, (1,)), Access("c", 0, (1,), "t"), (2,))
    >>> print(dump(p))
    const c[3] = 1.0 -0.0 inf
    output out[2]
    table t[2] = 2 0
    <BLANKLINE>
    out[i] = c[t[i]]  for i < 2
    """
    lines = []
    for a in program.arrays.values():
        numbers = [] if a.data is None else [" =", *map(repr, np.asarray(a.data, float).tolist())]
        lines.append(str(a) + " ".join(numbers))
    for name, entries in program.tables.items():
        known = [] if NO_ENTRY in entries else [" =", *map(str, entries.tolist())]
        lines.append(f"table {name}[{len(entries)}]" + " ".join(known))
    return "\n".join([*lines, "", *map(str, program.body)])
