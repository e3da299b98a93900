"""Tracing a function, while those that it may call have code that may look up by traced integers.

Which these are is found before (reached.py), and their code is written anew from its source
(rewritten.py). The function is called once, as ever. What was not found so, or has no source, asks
a traced value for an index, or for its truth, and that is refused, as without all this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from types import CodeType, FunctionType
from typing import Any, TypeVar

from ...locks import Lock
from ...plain import check
from ...tracing import ATTEMPTS, Attempt
from .reached import Reached
from .rewritten import is_touched, matters, rewritten

T = TypeVar("T")

_COUNTERS = frozenset({"fori", "scan"})
_CHOICES = frozenset({"max", "min"})
CHECKS: list[Callable[..., None]] = []
"""What compares a recording of plain lookups with its function (kernels/plain_check.py). It stands
here so that what enters it need not be imported by a stage before it.
"""
_lock = Lock()
_given: dict[FunctionType, tuple[CodeType, CodeType, int]] = {}
"""Functions that have other code, with their own and that, and how many traces need that."""


def recoded(trace: Callable[[], T], function: Any, *, integers: bool) -> tuple[T, bool]:
    """What `trace` returns, which calls a function to compile it, and whether this has looked up by
    traced integers in plain Python.

    integers   whether that is given some

    Raises TraceError if the function has changed rows that it looked up.
    """
    thread = get_ident()
    outer = ATTEMPTS.get(thread)
    reached = Reached(function)
    chooses = "data" in reached.names and not _CHOICES.isdisjoint(reached.names)
    if not (integers or chooses or outer or not _COUNTERS.isdisjoint(reached.names)):
        return trace(), False
    attempt = outer or Attempt()
    ways, blind = _ways(reached.functions)
    before = attempt.blind, attempt.looked
    attempt.blind, attempt.looked = attempt.blind or blind or reached.is_unseen, False
    ATTEMPTS[thread] = attempt
    try:
        with _others(ways):
            found = trace()
        check(attempt)
        return found, attempt.looked
    finally:
        attempt.blind, attempt.looked = before[0], before[1] or attempt.looked
        if outer is None:
            del ATTEMPTS[thread]


def _ways(functions: list[FunctionType]) -> tuple[list[tuple[FunctionType, CodeType]], bool]:
    """Functions and the code that they shall have, and whether that of others could not be found
    which may compare lists, or change them.
    """
    ways, blind = [], False
    with _lock:
        for f in functions:
            own = _given[f][0] if f in _given else f.__code__
            if not is_touched(own):
                continue
            other = rewritten(own)
            if other is not None:
                ways.append((f, other))
            elif matters(own):
                blind = True
    return ways, blind


@contextmanager
def _others(ways: list[tuple[FunctionType, CodeType]]) -> Iterator[None]:
    """Inside, these functions have this code."""
    given = []
    try:
        with _lock:
            for f, other in ways:
                own, there, count = _given.get(f, (f.__code__, other, 0))
                _given[f] = own, there, count + 1
                given.append(f)
                if not count:
                    f.__code__ = other
        yield
    finally:
        with _lock:
            for f in given:
                own, there, count = _given.pop(f)
                if count > 1:
                    _given[f] = own, there, count - 1
                elif f.__code__ is there:  # and has not been given another meanwhile
                    f.__code__ = own
