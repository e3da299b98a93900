"""Tracing a function, again where it looks up by traced integers in plain Python.

A traced value that is asked for an index, or for its truth, refuses, and notes which code asked it.
That code is written anew (rewritten.py), functions have it for as long as is needed, and the
function is traced once more.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from threading import get_ident
from types import CodeType, FunctionType
from typing import Any, TypeVar
from weakref import ref

from ...errors import is_users
from ...locks import Lock
from ...plain import check
from ...tracing import ATTEMPTS, Attempt
from .rewritten import are_alike, rewritten

T = TypeVar("T")
Way = tuple[CodeType, CodeType]
"""Code, and what it becomes."""

_lock = Lock()
_others: dict[int, tuple[CodeType, list[Way]]] = {}
"""What code becomes, by its id; it is kept, for traces know lines by code."""
_users: dict[FunctionType, tuple[CodeType, int]] = {}
"""Functions that have other code, with their own, and how many traces need that they have."""
_before: dict[int, tuple[CodeType, dict[ref[FunctionType], Way]]] = {}
"""What had to be given other code to trace functions of some code, by the id of that."""


def retraced(trace: Callable[[], T], function: Any) -> T:
    """What `trace` returns, which calls a function to compile it: maybe several times."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    needed = _before[id(code)][1] if id(code) in _before else {}
    thread, done = get_ident(), set[int]()
    outer = ATTEMPTS.get(thread)
    with ExitStack() as given:
        with _lock:
            for user, way in list(needed.items()):
                there = user()
                if there is None:
                    del needed[user]
                else:
                    _give(there, way, given)
        try:
            while True:
                attempt = ATTEMPTS[thread] = Attempt()
                try:
                    found = trace()
                except Exception:
                    if not _rewrites(attempt.refused, done, given, needed):
                        raise
                    continue
                if _rewrites(attempt.refused, done, given, needed):
                    continue  # the function has caught the error, and gone another way
                check([*attempt.handed.values()])
                if needed and isinstance(code, CodeType):
                    _before[id(code)] = code, needed
                return found
        finally:
            if outer is None:
                del ATTEMPTS[thread]
            else:
                ATTEMPTS[thread] = outer


def _rewrites(
    refused: Sequence[CodeType],
    done: set[int],
    given: ExitStack,
    needed: dict[ref[FunctionType], Way],
) -> bool:
    """Whether functions have other code from now on, until what is given is taken back."""
    found = False
    for code in refused:
        if id(code) in done or not is_users(code.co_filename):
            continue
        done.add(id(code))
        with _lock:
            if id(code) not in _others:
                _others[id(code)] = code, rewritten(code)
            for function, way in _functions(_others[id(code)][1]):
                _give(function, way, given)
                needed[ref(function)] = way
                found = True
    return found


def _functions(ways: Sequence[Way]) -> Iterator[tuple[FunctionType, Way]]:
    """The functions that have such code by themselves, each with what its own becomes."""
    if not ways:
        return
    others = {_place(own): (own, other) for own, other in ways}
    users = [(f, own) for f, (own, _) in _users.items()]
    users += [(f, f.__code__) for f in gc.get_objects() if type(f) is FunctionType]
    for function, code in users:
        own, other = others.get(_place(code), (None, code))
        if own is not None and are_alike(own, code):
            yield function, (code, other)


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_name, code.co_firstlineno


def _give(function: FunctionType, way: Way, given: ExitStack) -> None:
    """Let a function have other code until that is taken back, if it has this code of its own."""
    own, count = _users.get(function, (function.__code__, 0))
    if own is way[0]:
        _users[function] = own, count + 1
        function.__code__ = way[1]
        given.callback(_take_back, function)


def _take_back(function: FunctionType) -> None:
    with _lock:
        own, count = _users.pop(function)
        if count > 1:
            _users[function] = own, count - 1
        else:
            function.__code__ = own
