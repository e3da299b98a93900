"""A function being compiled: what its Values are recorded with, and which kernels come to Python.

A kernel that reads live parameters and is called with plain numbers in such a function is a part
of it: its number would be a constant, whatever becomes of the parameters. But machine code answers
such calls before Python sees them. So while a function is compiled, in any thread, the entries of
these kernels are shut: their calls go to `Kernel.__call__`, which knows what to do. Their ufuncs go
on giving numbers, but this is noted, and an error at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Protocol
from weakref import WeakKeyDictionary, WeakSet

from ...locks import Lock
from ...traced import Scope
from ...tracing import FROZEN, THREADS, Recorder, tracing
from .explained import explained
from .following import follow, forget, leave
from .spent import spending


class Entered(Protocol):
    """What is called through an entry, see call/callable.py."""

    _entry: int


class Gate(Protocol):
    """Another way to numbers of live parameters, which is watched while a function is compiled."""

    def shut(self) -> None:
        """A function is compiled."""

    def open(self) -> None:
        """None is."""


_lock = Lock()
_threads: list[int] = []  # those that compile a function, each as often as it does
_entries: WeakKeyDictionary[Entered, int] = WeakKeyDictionary()
_gates: WeakSet[Gate] = WeakSet()


def set_entry(kernel: Entered, entry: int, *, live: bool) -> None:
    """Let calls run this entry, or Python if it is 0.

    live   whether the kernel reads live parameters
    """
    with _lock:
        if live and entry:
            _entries[kernel] = entry
        else:
            _entries.pop(kernel, None)
        kernel._entry = 0 if live and _threads else entry


def add_gate(gate: Gate) -> None:
    """Watch it, for as long as it lives."""
    with _lock:
        _gates.add(gate)
        if _threads:
            gate.shut()


@contextmanager
def compiling(scope: Scope, *, frozen: bool = False) -> Iterator[None]:
    """Inside, this thread calls a function to compile it.

    frozen   whether all Values and kernels that it reads are constants of it

    Raises TraceError for what NumPy says of Values; also at the end, if a part of the function gave
    a number that should not be a constant.
    """
    try:
        with spending(), reading(scope, frozen=frozen), scope.entered():
            yield
    except Exception as error:
        problem, scope.problem = scope.problem, None
        if type(error) is IndexError and problem is not None:  # NumPy's, of what it was refused
            raise problem from error
        clearer = explained(error, scope.name)
        if clearer is None:
            raise
        raise clearer from error
    if scope.problem is not None:
        raise scope.problem


@contextmanager
def reading(scope: Recorder, *, frozen: bool = False) -> Iterator[None]:
    """Inside, what this thread reads of Values and of kernels of live parameters is recorded."""
    thread = get_ident()
    if not frozen:
        _threads.append(thread)  # by no call of a Python function: the stack may be full
    try:
        if not frozen:
            _shut()
        with tracing(scope, frozen=frozen):
            yield
    finally:
        if not frozen:
            _threads.remove(thread)
            if not _threads:
                _open()
            forget(scope)


def is_compiling() -> Scope | None:
    """The scope of the function that this thread compiles."""
    scope = THREADS.get(get_ident()) if THREADS else None
    return scope if isinstance(scope, Scope) else None


def scope_here() -> Scope | None:
    """The same of a function whose Values and kernels are constants of it, too."""
    frozen = FROZEN.get(get_ident()) if FROZEN else None
    return frozen if isinstance(frozen, Scope) else is_compiling()


def _shut() -> None:
    with _lock:
        for kernel in list(_entries):
            kernel._entry = 0
        for gate in list(_gates):
            gate.shut()
        follow()


def _open() -> None:
    """Open the entries again, if no function is compiled."""
    with _lock:
        if not _threads:
            for kernel, entry in list(_entries.items()):
                kernel._entry = entry
            for gate in list(_gates):
                gate.open()
            leave()


def _forget_threads() -> None:
    """In a forked child: the other threads compile nothing there."""
    _threads[:] = [thread for thread in _threads if thread == get_ident()]
    if not _threads:
        _open()


if hasattr(os, "register_at_fork"):  # behind locks.py, which has let go of the lock
    os.register_at_fork(after_in_child=_forget_threads)
