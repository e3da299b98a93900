"""Threads that make the same things, and wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from micrograd import jit
from micrograd.once import Once

TIMEOUT = 60.0


def _in_threads(*functions: Callable[[], Any]) -> list[Any]:
    """What functions give that run at once."""
    found: list[Any] = [None] * len(functions)

    def run(k: int) -> None:
        found[k] = functions[k]()

    threads = [threading.Thread(target=run, args=(k,), daemon=True) for k in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive(), "threads wait for each other"
    return found


def test_functions_that_call_each_other_are_compiled_by_two_threads() -> None:
    both = threading.Barrier(2)
    depth = threading.local()

    def deeper(other: Any, x: Any) -> Any:
        """The other function, the first two times that a thread comes here."""
        depth.n = getattr(depth, "n", 0) + 1
        if depth.n == 1:
            both.wait(TIMEOUT)
        return other(x) if depth.n < 3 else x

    f: Any = jit(lambda x: 2.0 * deeper(g, x))
    g: Any = jit(lambda x: deeper(f, x) + 1.0)
    first, second = _in_threads(lambda: f(1.0), lambda: g(1.0))
    assert isinstance(first, float)
    assert isinstance(second, float)


def test_threads_wait_for_what_another_one_makes() -> None:
    once, made = Once(), dict[str, list[int]]()
    begun, calls = threading.Event(), list[int]()

    def make() -> list[int]:
        calls.append(1)
        begun.set()
        threading.Event().wait(0.05)
        return made.setdefault("key", [1])

    def later() -> Any:
        begun.wait(TIMEOUT)
        return once.make("key", lambda: made.get("key"), make)

    first, *others = _in_threads(
        lambda: once.make("key", lambda: made.get("key"), make), later, later, later
    )
    assert len(calls) == 1
    assert all(x is first for x in others)


def test_what_fails_is_made_by_the_next() -> None:
    once, made = Once(), dict[str, int]()

    def fail() -> int:
        raise ValueError

    for _ in range(2):
        try:
            once.make("key", lambda: made.get("key"), fail)
        except ValueError:
            continue
        raise AssertionError
    assert once.make("key", lambda: made.get("key"), lambda: 3) == 3
