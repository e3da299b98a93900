"""Expressions in a loop by number, and what they are in the next iteration and before the first.

Equal expressions have the same number. What the next state is known to be at the end of an
iteration, the state is in the next: so an expression of one is that of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.program import Access, Apply, Expr


class Numbers:
    """Expressions by number: equal ones have the same. Their leaves are elements, as they are known
    outside of the loop, too.

    following   what becomes which state at the end of an iteration
    written     the arrays that the loop writes
    """

    def __init__(self, depth: int, following: dict[str, str], written: set[str]) -> None:
        self.depth, self.following, self.written = depth, following, written
        self.states = {*following.values()}
        self.ids: dict[object, int] = {}
        self.made: list[object] = []
        self.defined: dict[Access, int] = {}
        self.initial: dict[Access, int] = {}  # of elements of the state
        self.later: list[int] = []
        self.begun: list[int] = []

    def define(self, target: Access, expr: Expr, *, inside: bool) -> int:
        """The number of an expression, which an element is from here on."""
        number = self.of(expr, inside=inside)
        self.defined[self.place(target, inside=inside)] = number
        return number

    def of(self, expr: Expr, *, inside: bool) -> int:
        """The number of an expression; of what is not known, a new one."""
        if isinstance(expr, Apply):
            return self._of((expr.op, *[self.of(x, inside=inside) for x in expr.args]))
        if isinstance(expr, float):
            return self._of(repr(expr))
        a = self.place(expr, inside=inside)
        if a in self.defined:
            return self.defined[a]
        if not inside and a in self.initial:
            return self.initial[a]
        own = inside and (a.array in self.written or a.parts or a is expr)
        known = a.array in self.states or a.array in self.following
        return self._of(object() if own and not known else a)

    def place(self, a: Access, *, inside: bool) -> Access:
        """An element without the index of the loop; itself if that moves it."""
        at, strides = self.depth, a.strides
        if inside:
            if a.parts or strides[at : at + 1] not in ((), (0,)):
                return a
            strides = (*strides[:at], *strides[at + 1 :])
        while strides and not strides[-1]:
            strides = strides[:-1]
        return Access(a.array, a.offset, strides, a.parts)

    def _of(self, key: object) -> int:
        number = self.ids.setdefault(key, len(self.made))
        if number == len(self.made):
            self.made.append(key)
            self.later.append(-1)
            self.begun.append(-1)
            self.later[number] = self._next(key, number)
            self.begun[number] = self._first(key, number)
        return number

    def _next(self, key: object, number: int) -> int:
        """What an expression of the next state is of the state, once that is there; -1: it is of
        something else.
        """
        if isinstance(key, Access):
            if key.array in self.following:
                return self._of(key.of(self.following[key.array]))
            return -1 if key.array in self.states else number
        if not isinstance(key, tuple):
            return number if isinstance(key, str) else -1
        op, *args = key
        return self._moved(op, args, self.later, number)

    def _first(self, key: object, number: int) -> int:
        """What an expression of the state is before the first iteration; -1: nobody knows."""
        if isinstance(key, Access):
            return self.initial.get(key, number)
        if not isinstance(key, tuple):
            return number if isinstance(key, str) else -1
        op, *args = key
        return self._moved(op, args, self.begun, number)

    def _moved(self, op: Any, args: list[int], to: Sequence[int], number: int) -> int:
        moved = [to[x] for x in args]
        if -1 in moved:
            return -1
        return number if moved == args else self._of(self._folded(op, moved))

    def _folded(self, op: Any, args: list[int]) -> object:
        """An op applied to these, as simplify.py leaves it where some of them are known."""
        known = [self.number_of(x) for x in args]
        numbers = [x for x in known if x is not None]
        if len(numbers) == len(args):
            return repr(op.eval(*numbers))
        for k, x in enumerate(known):
            if x is not None and len(args) == 2 and op.is_neutral(k, x):
                return self.made[args[1 - k]]
        return (op, *args)

    def number_of(self, of: int) -> float | None:
        """The number that an expression is; None if it is none."""
        key = self.made[of]
        return float(key) if isinstance(key, str) else None
