"""Functions that are recorded twice, by machine code and by Python, to be compared."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from micrograd import Value
from micrograd.jit.call import frames
from micrograd.jit.call.callable import available
from micrograd.jit.call.tape_rows import OF_USER
from micrograd.jit.trace.compiling import compiling
from micrograd.jit.trace.trace import trace
from micrograd.traced import Scope, Traced

HAVE_TAPES = available() and sys.version_info[:2] in frames.BY_VERSION
needs_tapes = pytest.mark.skipif(not HAVE_TAPES, reason="Python records in this interpreter")


def begun(tape: bool) -> tuple[Scope, list[Traced]]:
    """A scope, with a tape or without, and three arguments of it."""
    scope = Scope("f")
    scope._most = 1 if tape else sys.maxsize
    return scope, [Traced(name, scope=scope) for name in "xyz"]


def recorded(f: Callable[..., Any], tape: bool) -> tuple[Any, int]:
    """The graph of a function of three numbers, and how much of it Python has recorded; or what it
    gives, or raises, if that is no Value.
    """
    scope, arguments = begun(tape)
    try:
        with compiling(scope):
            know(scope, f)
            made = f(*arguments)
    except Exception as error:
        return (type(error), str(error).replace(" object at 0x", "")), 0
    if not isinstance(made, (list, Value)):
        return made, 0
    made = made if isinstance(made, list) else [made]
    by_python = len(scope.made)
    if tape:
        assert scope.tape is not None
    return trace(made, {"x": arguments}, None).graph, by_python


KNOWN: list[Any] = []
"""Functions that tapes know from their beginning: of others they leave the first op to Python."""


def know(scope: Scope, *functions: Any) -> None:
    """Let the tape of a scope know these functions too."""
    tape: Any = scope.tape
    for f in (*functions, *KNOWN):
        if tape is not None and hasattr(f, "__code__"):
            tape._known[f.__code__] = OF_USER
            tape._enter(64)


def same(f: Callable[..., Any]) -> int:
    """Check that both record the same; how much of it Python has recorded with the tape."""
    expected, _ = recorded(f, tape=False)
    found, by_python = recorded(f, tape=True)
    if not hasattr(expected, "codes"):
        assert found == expected
        return by_python
    assert str(found) == str(expected)
    assert found.labels == expected.labels
    assert found.places == expected.places
    assert found.place.tolist() == expected.place.tolist()
    assert found.constants.tobytes() == expected.constants.tobytes()
    return by_python
