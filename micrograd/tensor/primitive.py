"""Primitive: what the table of tensor operations says about one of them, and how an entry is made.

Input: the facts about an operation on arrays. Output: a `Primitive`, in the table `PRIMITIVES`.
All that a Tensor can do is composed of these few; each is called with what it works on and with
named parameters, which are known when a program is recorded: `reshape(x, shape=(2, 3))`.

Invariants of an entry:

- `shape` takes the operands' shapes and the parameters; it returns the result's shape, or raises
  ShapeError, whatever the numbers are.
- `eval` takes arrays (and floats where the operand is a literal) and the parameters. It computes
  the same shape, and does not change what it is given. It raises where `shape` raises.
- `vjp(ct, out, operands, i, **parameters)` is the cotangent of operand `i`, composed of primitives
  and of ops of the scalar table, so that it is recorded and differentiated again. `ct` has the
  shape of the result; None is a structural zero.

A primitive knows nothing of Tensors: it asks its first operand that has a method `__primitive__`
to evaluate or record it, as an op of the scalar table asks for `__apply__`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ShapeError, user_location

Shape = tuple[int, ...]
"""Sizes of axes. Where a function is traced for batches of any size, one of them is no int, but
stands for that size: it can be multiplied and compared, and has a `__number__`.
"""

PRIMITIVES: dict[str, Primitive] = {}
"""Every primitive by name, in order of definition."""


@dataclass(frozen=True, eq=False, slots=True)
class Primitive:
    """One entry of the table. Calling it evaluates or records it."""

    name: str
    formula: str
    shape: Callable[..., Shape]
    eval: Callable[..., Any]
    vjp: Callable[..., Any] | None
    """None: no derivative flows through it, as its results are indices."""
    dtype: Callable[..., Any] = lambda *dtypes, **parameters: dtypes[0]
    """The result's dtype, of those of the operands that are arrays."""
    is_view: bool = False
    """The result shares memory with the operand, where strides can say it."""
    moves: bool = False
    """Numbers of the operands become the result's as they are; a view's do."""
    reads: bool = False
    """The derivative reads operands or the result, not their shapes alone."""

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        for x in operands:
            evaluate = getattr(x, "__primitive__", None)
            if evaluate is not None:
                return evaluate(self, operands, parameters)
        raise TypeError(f"{self.name} takes a Tensor, got none")

    def __repr__(self) -> str:
        return f"<primitive {self.name}: {self.formula}>"

    def __copy__(self) -> Primitive:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Primitive:
        return self

    def __reduce__(self) -> Any:
        return _in_table, (self.name,)


def _in_table(name: str) -> Primitive:
    """The primitive that a pickle names."""
    return PRIMITIVES[name]


def define(name: str, **facts: Any) -> Primitive:
    """Enter a primitive into the table."""
    if name in PRIMITIVES:
        raise ValueError(f"primitive {name} is defined twice")
    facts.setdefault("moves", facts.get("is_view", False))
    PRIMITIVES[name] = primitive = Primitive(name, **facts)
    return primitive


def shape_error(problem: str) -> ShapeError:
    """The error for shapes that do not fit, at the user's line."""
    return ShapeError(f"{user_location()}: {problem}")
