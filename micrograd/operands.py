"""What a Value was computed of: two slots that read as one tuple.

One or two operands are kept without a tuple of them, which Python's collector of garbage would go
through, too: that is most of the time which large graphs take to be made.
"""

from __future__ import annotations

from typing import Any

from .locks import importing


class Computed:
    """The operands of a Value, and the graph of them in a notebook.

    _operand   the first of one or two; else a tuple of all
    _other     the second of two; else None
    """

    __slots__ = ()

    _operand: Any
    _other: Any

    @property
    def _operands(self) -> tuple[Any, ...]:
        """Values, and plain floats for literals."""
        first = self._operand
        if first.__class__ is tuple:
            return first
        second = self._other
        return (first,) if second is None else (first, second)

    @_operands.setter
    def _operands(self, operands: tuple[Any, ...]) -> None:
        n = len(operands)
        self._operand = operands[0] if n == 1 or n == 2 else operands
        self._other = operands[1] if n == 2 else None

    def _repr_html_(self) -> str | None:
        with importing:
            from .notebook.values import value_html
        return value_html(self)

    def _repr_svg_(self) -> str | None:
        with importing:
            from .notebook.values import value_svg
        return value_svg(self)


_own: Any = Computed.__dict__["_operands"].fget


def own_operands(v: Any) -> tuple[Any, ...] | None:
    """The operands of a Value that knows them; None: they are on a tape."""
    try:
        found: tuple[Any, ...] = _own(v)
    except AttributeError:
        return None
    return found
