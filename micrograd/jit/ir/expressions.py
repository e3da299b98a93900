"""Expressions of programs: accesses to elements of arrays, ops applied to them, and numbers.

They are immutable by convention and compare by structure. They have Python's operators and answer
to the ops of the table, so derivative rules and expansions run on them unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ...operators import install_operators
from ...ops import Op
from .extents import affine_text, one_more

LIKE_NUMBERS = ("inf", "nan")
"""Names that numbers have, too: arrays of these names are printed with their brackets."""


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
class Part:
    """What of an element's number is not affine: `scale` times the remainder (`mod`) or quotient
    (`div`) by a constant, or the `entry` of an index array, at `offset + sum(strides * indices)`.
    """

    kind: str
    by: int | str
    offset: int = 0
    strides: tuple[int, ...] = ()
    scale: int = 1

    def __str__(self) -> str:
        return self.text(affine_text(self.offset, self.strides), self.scale)

    def text(self, number: str, scale: int) -> str:
        """As it is printed, given what it is of and how often it counts."""
        if self.is_entry:
            text = f"{self.by}[{number}]"
            return text if scale == 1 else f"{scale}*{text}"
        text = f"({number}) {self.kind} {self.by}"
        return text if scale == 1 else f"{scale}*({text})"

    @property
    def is_entry(self) -> bool:
        """Whether it is the entry of an index array."""
        return self.kind == "entry"


@dataclass(slots=True, unsafe_hash=True)
class Access(Expression):
    """Element `offset + sum(strides * loop indices) + sum(parts)` of an array, in row-major order.

    There is one stride for each loop around the statement and of it. The text has a place for each
    dimension of the array, where the sum comes apart that way (`ir/places.py`).
    """

    array: str
    offset: int = 0
    strides: tuple[int, ...] = ()
    parts: tuple[Part, ...] = ()

    def __str__(self) -> str:
        plain = not self.offset and self.is_constant
        if plain and self.array not in LIKE_NUMBERS:
            return self.array
        return f"{self.array}[{sum_text(list(map(str, self.parts)), self.offset, self.strides)}]"

    @property
    def is_constant(self) -> bool:
        """Whether it is the same element for every iteration."""
        return not self.parts and not any(self.strides)

    @property
    def index_arrays(self) -> list[str]:
        """The index arrays that it goes through."""
        return [str(p.by) for p in self.parts if p.is_entry]

    def with_strides(self, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Access:
        """The access with all strides changed alike, those of its parts, too."""
        parts = tuple([replace(p, strides=change(p.strides)) for p in self.parts])
        return Access(self.array, self.offset, change(self.strides), parts)

    def around(self, at: int) -> Access:
        """The same inside of one more loop, number `at`, that it does not depend on."""
        return self.with_strides(lambda strides: one_more(strides, at))

    def within(self, i: int) -> Access:
        """The same in iteration `i` of its first loop, without that loop."""
        parts = tuple(
            [
                replace(p, offset=p.offset + p.strides[0] * i, strides=p.strides[1:])
                for p in self.parts
            ]
        )
        return Access(self.array, self.offset + self.strides[0] * i, self.strides[1:], parts)

    def of(self, array: str) -> Access:
        """The same element of another array."""
        return Access(array, self.offset, self.strides, self.parts)


def sum_text(parts: list[str], offset: int, strides: tuple[int, ...]) -> str:
    """The sum of parts and what is affine."""
    if not parts or offset or any(strides):
        parts = [*parts, affine_text(offset, strides)]
    return " + ".join(parts).replace("+ -", "- ")


def entry(
    array: str, table: str, offset: int = 0, strides: tuple[int, ...] = (), scale: int = 1
) -> Access:
    """The access to an element whose number is an entry of an index array.

    >>> print(entry("t", "index0", 2, (1,)))
    t[index0[i + 2]]
    """
    part = Part("entry", table, offset, strides, scale)
    return Access(array, 0, (0,) * len(strides), (part,))


@dataclass(slots=True, unsafe_hash=True)
class Apply(Expression):
    """An op of the table applied to expressions."""

    op: Op
    args: tuple[Expr, ...]

    def __str__(self) -> str:
        return format_expr(self)


Expr: TypeAlias = Access | Apply | float


def format_expr(expr: Expr, shown: Callable[[Access], str] = str) -> str:
    """The expression as text; floats print so that they read back exactly."""
    if isinstance(expr, Apply):
        return f"{expr.op.name}({', '.join([format_expr(x, shown) for x in expr.args])})"
    if isinstance(expr, float):
        return float.__repr__(expr)
    return shown(expr) if isinstance(expr, Access) else str(expr)


def accesses(expr: Expr) -> list[Access]:
    """Every access in an expression, left to right."""
    if isinstance(expr, Access):
        return [expr]
    found: list[Access] = []
    if isinstance(expr, Apply):
        _collect(expr.args, found)
    return found


def _collect(args: tuple[Expr, ...], found: list[Access]) -> None:
    for e in args:
        kind = type(e)  # asked more often than all else when a program is compiled
        if kind is Access:
            found.append(e)  # type: ignore[arg-type]
        elif kind is Apply:
            _collect(e.args, found)  # type: ignore[union-attr]


def map_accesses(expr: Expr, change: Callable[[Access], Expr]) -> Expr:
    """The expression with every access replaced by what `change` makes of it."""
    if isinstance(expr, Access):
        return change(expr)
    if isinstance(expr, Apply):
        return Apply(expr.op, tuple([map_accesses(x, change) for x in expr.args]))
    return expr
