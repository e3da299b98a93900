"""Truth values: `& | ^ ~`, `any`, `all`; and what Python asks of numbers that Tensors do not do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from .applying import not_an_operand, refusal
from .casting import BOOL


def _of_truths(sign: str, op: Any) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if not_an_operand(other):
            return NotImplemented
        other = self._lifted(other)
        if getattr(other, "dtype", None) is not BOOL or self.dtype is not BOOL:
            raise refusal(
                f"{sign} is of truth values, such as x > 0, and these are numbers; compare them "
                f"first: (x != 0) {sign} (y != 0)"
            )
        return op(self, other)

    return method


def _refused(sign: str, why: str) -> Callable[..., Any]:
    def method(self: Any, *_: Any) -> Any:
        raise refusal(f"{sign} of Tensors {why}")

    return method


_ROUNDS = (
    "rounds, for which there is no op, as its derivative is 0; take numpy(), or choose among "
    "pieces with micrograd.where(condition, x, y)"
)
_IN_PLACE = (
    "would change numbers that other Tensors share; write data = ..., of a leaf, or choose with "
    "micrograd.where(mask, new, x)"
)


class Truths:
    """Operators of truth values, and refusals that say what to write instead."""

    __slots__ = ()

    __and__ = __rand__ = _of_truths("&", ops.minimum)
    __or__ = __ror__ = _of_truths("|", ops.maximum)
    __xor__ = __rxor__ = _of_truths("^", ops.ne)
    __floordiv__ = __rfloordiv__ = _refused("//", _ROUNDS)
    __mod__ = __rmod__ = _refused("%", _ROUNDS)
    __divmod__ = __rdivmod__ = _refused("divmod()", _ROUNDS)
    __round__ = _refused("round()", _ROUNDS)
    __setitem__ = _refused("x[i] = y", _IN_PLACE)

    def __pos__(self) -> Any:
        return self

    def __invert__(self: Any) -> Any:
        if self.dtype is not BOOL:
            raise refusal("~ is of truth values, such as x > 0; compare first: ~(x != 0)")
        return ops.eq(self, False)

    def any(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether there is one element along the axes that is not 0."""
        return (self != 0).sum(axis, keepdims) > 0

    def all(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether all elements along the axes are not 0."""
        return (self == 0).sum(axis, keepdims) == 0
