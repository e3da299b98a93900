"""The recorder on trial: what it records is what Python does, before anybody relies on it.

A function that uses all ops is recorded twice, with a tape and without, in code that was made for
it, so that its lines are compared too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...engine import Value
from ...ops import Op
from ...traced import Scope, Traced
from ...tracing import Tape
from ..ir.graph import Graph
from ..trace.trace import trace
from .callable import Unexpected

_LINES = """
def trial(x, y, v, ops):
    a = [x + y, 2.0 * x, x - 1, v / x, -y, abs(x), x ** 2, 3 ** y]
    a += [x < y, x <= 1.5, 2 > x, x >= v, x == y, x != 0.5]
    b = x * v
    b += y
    b -= 1.5
    b *= b
    b /= x
    b **= y
    b = sum(a, b) + True * x
    b.label = "b"
    for op in ops:
        b = b + op(*[x, b, v, y, 0.25][:op.arity])
        b = b * op(*[1.5, x, b, y, v][-op.arity:])
        if op.arity == 1:
            b = b - getattr(b, op.name, abs)() if not op.operator else b
        elif op.folds:
            b = b - getattr(b, op.name)(y) + op(x, y, b, v)
    return [b, pow(x, y), x, a[3]]
"""


def try_out(tape: Callable[[], Tape], ops: Sequence[Op]) -> None:
    """Raises Unexpected unless the same comes out with such a tape as without."""
    emitted = [op for op in ops if op.emittable]
    scope: dict[str, Any] = {}
    exec(compile(_LINES, "a trial", "exec"), scope)
    expected, by_python = _recorded(scope["trial"], emitted, None)
    found, beside = _recorded(scope["trial"], emitted, tape())
    same = str(found) == str(expected) and found.labels == expected.labels
    if not same or found.places != expected.places or (found.place != expected.place).any():
        raise Unexpected("machine code records something else than Python does")
    if 4 * beside > by_python:
        raise Unexpected("machine code leaves too much to Python")


def _recorded(trial: Any, ops: Sequence[Op], tape: Tape | None) -> tuple[Graph, int]:
    """Its graph, and how much of it Python has recorded."""
    scope = Scope("a trial")
    scope.tape = tape
    leaves = [Traced("x", scope=scope), Traced("y", scope=scope)]
    with scope.entered():
        made = trial(*leaves, Value(0.75), ops)
    by_python = len(scope.made)
    return trace(made, {"x": leaves}, ()).graph, by_python
