"""Program: statements over affine domains in a tree of loops, the compiler's own IR (docs/ir.md).

A statement is a perfect loop nest around one assignment:

    h[i, j] += mul(p[17*j + k], x[i, k])  for i < 100, j < 16, k < 2

A scalar is an array of one element and a statement without loops. A matrix product is a sum over a
product of two accesses, broadcasting is stride 0, a transposition swaps strides. Loops around
statements say in which order these take turns: that is how values are carried.

    for i < 40 in order:
      h[i + 1, j] = tanh(add(h[i, j], x[i]))  for j < 14

A statement's domain and the strides of its accesses count all loops, those around it first; so it
means the same wherever it stands, and passes that do not care for order see statements only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import CompilerError, counted
from ...locks import importing
from ...ops import Op
from ...real_types import WIDE
from .expressions import LIKE_NUMBERS as LIKE_NUMBERS
from .expressions import Access as Access
from .expressions import Apply as Apply
from .expressions import Expr as Expr
from .expressions import Expression as Expression
from .expressions import Part as Part
from .expressions import accesses as accesses
from .expressions import entry as entry
from .expressions import format_expr as format_expr
from .expressions import map_accesses as map_accesses
from .extents import INDEX_NAMES as INDEX_NAMES
from .extents import Extent
from .statements import Loop as Loop
from .statements import Node as Node
from .statements import Order as Order
from .statements import Statement as Statement
from .statements import asks as asks
from .statements import lines as lines
from .statements import loops as loops
from .statements import map_statements as map_statements
from .statements import row_major as row_major
from .statements import statements as statements


@dataclass(frozen=True, slots=True)
class Found:
    """How the loops of a program were found.

    strategy   "classes", "steps", "batches", "table", or "straight"
    left       what was not found, and why
    """

    strategy: str
    left: Sequence[str] = ()


class Role(Enum):
    """What an array is for; its value is the word that the printer uses."""

    INPUT = "input"  # given by the caller
    PARAMETER = "param"  # live: read from a buffer that Python shares
    CONSTANT = "const"  # data, part of the program
    EXTENT = "extent"  # given by the caller: how often loops run
    TEMPORARY = "temp"
    OUTPUT = "output"
    STATE = "state"  # given by the caller, rewritten in place, and given back
    SCRATCH = "scratch"  # rewritten in place, while the program runs


GIVEN = (Role.INPUT, Role.PARAMETER, Role.STATE)
"""What has numbers before the program runs, beside constants."""

NUMBER = "number"
"""The dtype of arrays of what the program computes in, which the target says."""
_USUAL = {Role.PARAMETER: WIDE.name}
"""The dtypes of roles whose arrays are not of numbers of that dtype unless they say otherwise."""
INDEX = ("i32", "i64")
"""The dtypes of index arrays, which accesses and extents go through."""


@dataclass(slots=True)
class Array:
    """An array of a program.

    shape   row-major, as far as statements see it
    data    of constants only
    dtype   of its elements in memory: NUMBER, or one of REAL_TYPES, "i32", "i64"
    below   of an index array that is given, or that says how often loops have run: every entry is
            at least 0 and below this

    An extent is a number that no statement reads or writes; its size is how much it is at most.
    """

    name: str
    role: Role
    shape: tuple[int, ...] = (1,)
    data: npt.NDArray[Any] | None = None
    dtype: str = NUMBER
    below: int = 0

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.shape)

    @property
    def is_index(self) -> bool:
        """Whether accesses and extents may go through it."""
        return self.dtype in INDEX

    def __str__(self) -> str:
        if self.role is Role.EXTENT:
            return f"extent {self.name} <= {self.size}"
        text = f"{self.role.value} {self.name}[{', '.join(map(str, self.shape))}]"
        if self.dtype != _USUAL.get(self.role, NUMBER):
            text += f" {self.dtype}"
        return f"{text} < {self.below}" if self.below else text


@dataclass(slots=True)
class Program:
    """Arrays by name, in order of declaration, and statements and loops in order.

    notes   what was done to long loops that it is differentiated through, or why not
    """

    arrays: dict[str, Array] = field(default_factory=dict)
    body: list[Node] = field(default_factory=list)
    found: Found = Found("straight")
    notes: Sequence[str] = ()

    def declare(
        self,
        name: str,
        role: Role,
        shape: int | tuple[int, ...] = 1,
        data: npt.NDArray[Any] | None = None,
        dtype: str = NUMBER,
        below: int = 0,
    ) -> Array:
        """Enter an array and return it; live parameters are float64, if nothing else is said.

        Raises CompilerError if there is one of that name.
        """
        if name in self.arrays:
            raise CompilerError(f"the program has an array {name} already")
        if isinstance(shape, int):
            shape = (shape,)
        if dtype == NUMBER:
            dtype = _USUAL.get(role, NUMBER)
        array = self.arrays[name] = Array(name, role, shape, data, dtype, below)
        return array

    def table(self, name: str, entries: npt.ArrayLike) -> str:
        """Enter an index array that is part of the program; its name."""
        data = np.asarray(entries, dtype=np.int64)
        return self.declare(name, Role.CONSTANT, data.shape, data.reshape(-1), "i32").name

    def extent(self, name: str, most: int) -> Extent:
        """Declare a run-time trip count."""
        self.declare(name, Role.EXTENT, most)
        return Extent(name, most)

    @property
    def statements(self) -> list[Statement]:
        """All statements, in the order in which they stand."""
        return list(statements(self.body))

    @property
    def index_arrays(self) -> list[Array]:
        """The arrays that accesses and extents may go through."""
        return [a for a in self.arrays.values() if a.is_index]

    def running(self, given: Mapping[str, Any]) -> Program:
        """The program with these numbers for its extents, and these entries in index arrays.

        Raises ValueError for a number below 0 or above what the extent is at most, and for an
        entry that is not below what is declared.
        """
        counts: dict[str, int] = {}
        for a in self.with_role(Role.EXTENT):
            counts[a.name] = count = int(np.asarray(given[a.name]).reshape(()))
            if not 0 <= count <= a.size:
                raise ValueError(f"{a.name} should be from 0 to {a.size}, got {count}")
        arrays = dict(self.arrays)
        for a in self.with_role(*GIVEN):
            if a.is_index:
                data = np.asarray(given[a.name], dtype=np.int64).reshape(a.size)
                wrong = (data < 0) | (data >= a.below)
                if wrong.any():
                    at = int(np.argmax(wrong))
                    raise ValueError(
                        f"{a.name}[{at}] should be from 0 to {a.below - 1}, got {data[at]}"
                    )
                arrays[a.name] = replace(a, data=data)

        def known(count: int) -> int:
            return counts[count.name] if isinstance(count, Extent) else count

        def body(nodes: Sequence[Node]) -> list[Node]:
            return [
                replace(n, extent=known(n.extent), body=body(n.body))
                if isinstance(n, Loop)
                else replace(n, domain=tuple(map(known, n.domain)))
                for n in nodes
            ]

        return Program(arrays, body(self.body) if counts else self.body)

    def with_role(self, *roles: Role) -> list[Array]:
        """The arrays of these roles, in order of declaration."""
        return [a for a in self.arrays.values() if a.role in roles]

    @property
    def numbers(self) -> list[Array]:
        """The inputs that are numbers, in order."""
        return [a for a in self.with_role(Role.INPUT) if not a.is_index]

    def assign(
        self,
        target: Access,
        expr: Expr,
        domain: tuple[int, ...] = (),
        *,
        accumulate: Op | None = None,
    ) -> None:
        """Append a statement."""
        self.body.append(Statement(target, expr, domain, accumulate))

    def lines(self) -> Iterator[str]:
        """Its text, line by line."""
        for a in self.arrays.values():
            if a.role is not Role.TEMPORARY or a.shape != (1,) or a.is_index:
                yield str(a)
        yield ""
        yield from lines(self.body, self.arrays)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        with importing:
            from ...notebook.markup import box, heading, preformatted
        sizes = counted(len(self.arrays), "array"), counted(len(self.body), "statement or loop")
        return box(heading("Program", *sizes), preformatted(self.lines()))


def dump(program: Program) -> str:
    """All of a program as text, which `parse` takes back.

    What `str(program)` leaves out is there as well: the data of constants, and temporaries of one
    element.

    >>> p = Program()
    >>> _ = p.declare("c", Role.CONSTANT, 3, np.array([1.0, -0.0, np.inf]))
    >>> _ = p.declare("out", Role.OUTPUT, 2), p.table("t", [2, 0])
    >>> p.assign(Access("out", 0, (1,)), entry("c", "t", 0, (1,)), (2,))
    >>> print(dump(p))
    const c[3] = 1.0 -0.0 inf
    output out[2]
    const t[2] i32 = 2 0
    <BLANKLINE>
    out[i] = c[t[i]]  for i < 2
    """
    declared = []
    for a in program.arrays.values():
        numbers: list[str] = []
        if a.data is not None:
            data = np.asarray(a.data, np.int64 if a.is_index else float)
            numbers = [" =", *map(repr, data.tolist())]
        declared.append(str(a) + " ".join(numbers))
    return "\n".join([*declared, "", *lines(program.body, program.arrays)])
