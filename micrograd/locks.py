"""Locks that a forked child can use: it has none of the threads that might have held them. And
properties without one.

`importing` is held by functions that import modules, and by `late`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from lowering.late import BEGAN as BEGAN
from lowering.late import importing as importing
from lowering.late import late as late

T = TypeVar("T")

_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


class Lock:
    """A reentrant lock; in a forked child it is free, unless the thread that forked holds it.

    What a lock guards is changed at its end only, by one assignment, so a child that was forked in
    between sees it unchanged.
    """

    __slots__ = ("__weakref__", "_depth", "_lock", "_owner")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owner = self._depth = 0
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, *error: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = 0
        self._lock.release()

    def forget(self) -> None:
        """Be free, unless this thread holds it."""
        if self._owner != threading.get_ident():
            self._lock = threading.RLock()
            self._owner = self._depth = 0


def _forget_threads() -> None:
    for lock in list(_locks):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


class lazy_property(Generic[T]):
    """A property that is computed when it is first asked for, and kept. Threads that ask at once
    may all compute it; they get the same.

    That of functools holds a lock for all instances of a class before Python 3.12: threads wait for
    each other, and a child that was forked meanwhile waits for ever.

    >>> class Circle:
    ...     @lazy_property
    ...     def area(self):
    ...         return [3.14]
    >>> circle = Circle()
    >>> circle.area is circle.area
    True
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy_property[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        return instance.__dict__.setdefault(self._name, self._compute(instance))
