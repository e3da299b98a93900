"""The table of rules: what a rule for a primitive of Tensors is, and what none is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ...ops import Op
from ...tensor.casting import BOOL, is_float
from ...tensor.primitive import Primitive, Shape
from ..ir.program import Access, Apply, Expr, Program


class Lowering(Protocol):
    """What rules ask for, see tensor_lowering.py."""

    program: Program
    most: int | None
    exact: bool
    inlined: dict[Any, list[Expr]]

    def expr(self, k: int) -> Expr:
        """The expression of a row."""

    def named(self, kind: str) -> str:
        """A new name of an array."""

    def called(self, callee: Any, operands: Any) -> list[Any]:
        """The rows in use that are results of one call."""

    def array(self, row: Any) -> Access:
        """A new array for the result of a row."""

    def emit(self, target: Access, expr: Expr, domain: Shape, accumulate: Op | None = None) -> None:
        """Append a statement."""

    def held(self, expr: Expr, shape: Shape) -> Access:
        """The same as an access, whose numbers are computed first if they are not there."""

    def stored(self, expr: Expr, shape: Shape) -> Access:
        """The same in a new array."""

    def dtype_of(self, operand: int) -> Any:
        """The dtype of an operand."""

    def constant(self, data: Any) -> Access:
        """An array of numbers that are part of the program."""

    def index(self, row: int, size: int, *, table: bool = False) -> Access:
        """The access to the index array that a row of whole numbers is, of an axis of this size;
        of no array, if its offset and strides are the number, unless it should be a table.
        """

    def shape_of(self, operand: int | float) -> Shape:
        """The shape of an operand."""


Rule = Callable[[Lowering, Any, Sequence[Expr]], Expr]
RULES: dict[str, Rule] = {}
"""By the name of the primitive."""
_COMPUTE = ("elementwise", "clip", "reduce", "scan", "contract", "scatter_add", "overlap_add")
"""Those that compute, rather than move elements."""


def rule(name: str) -> Callable[[Rule], Rule]:
    """Enter a rule into the table."""

    def entered(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return entered


def refusal(
    primitive: Primitive, shape: Shape, given: Sequence[Any], dtype: Any, parameters: Any
) -> str:
    """Why a primitive on operands of these dtypes does not compile; '' if it does."""
    if primitive.name not in RULES:
        return f"{primitive.name} of Tensors does not compile"
    if any(n.__class__ is int and n == 0 for n in shape):
        return f"a Tensor without elements, of shape {shape}, does not compile"
    op = parameters.get("op")
    if op is not None and not op.emittable:
        return f"{op.name} is no op that compiles"
    computes = primitive.name in _COMPUTE
    if computes and np.dtype(dtype) == np.int64 and not all(d == BOOL for d in given):
        return (
            f"arithmetic on whole numbers ({op.label if op else primitive.name}) does not compile"
        )
    if primitive.name == "cast" and np.dtype(dtype) == np.int64 and any(map(is_float, given)):
        return "rounding floats to whole numbers does not compile"
    return ""


def is_costly(expr: Expr) -> bool:
    """Whether derivatives should not compute it again."""
    if not isinstance(expr, Apply):
        return False
    return bool(expr.op.libm or expr.op.vectormath) or any(map(is_costly, expr.args))
