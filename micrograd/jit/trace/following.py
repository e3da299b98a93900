"""Threads that a function which is compiled gives work to: they record with it too.

Python does not say which thread started another. So while a function is compiled, in any thread,
`Thread.start` and `ThreadPoolExecutor.submit` are ours: what a thread that compiles gives away is
done as if it did that itself. What reaches a thread by other ways, such as a queue, is not known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from threading import get_ident
from typing import Any

from ...tracing import THREADS, Recorder, tracing

_start: Callable[..., Any] = threading.Thread.start
_submit: Callable[..., Any] = ThreadPoolExecutor.submit


@wraps(_start)
def _follow_start(thread: threading.Thread) -> None:
    recorder = THREADS.get(get_ident())
    if recorder is not None:
        thread.run = _part_of(recorder, thread.run)  # type: ignore[method-assign]
    _start(thread)


@wraps(_submit)
def _follow_submit(pool: Any, work: Any, /, *args: Any, **kwargs: Any) -> Any:
    recorder = THREADS.get(get_ident())
    return _submit(pool, _part_of(recorder, work) if recorder else work, *args, **kwargs)


def _part_of(recorder: Recorder, work: Callable[..., Any]) -> Callable[..., Any]:
    """The work, done in any thread, as part of the function that is compiled."""

    def part(*args: Any, **kwargs: Any) -> Any:
        if recorder.is_over:
            return work(*args, **kwargs)
        with tracing(recorder):
            if recorder.is_over:
                forget(recorder)  # which came before this thread was known
            return work(*args, **kwargs)

    return part


def follow() -> None:
    """From now on, until `leave`."""
    global _start, _submit
    if threading.Thread.start is not _follow_start:
        _start = threading.Thread.start
        threading.Thread.start = _follow_start  # type: ignore
    if ThreadPoolExecutor.submit is not _follow_submit:
        _submit = ThreadPoolExecutor.submit
        ThreadPoolExecutor.submit = _follow_submit  # type: ignore[method-assign]


def leave() -> None:
    """As it was; what others have wrapped around ours in between stays, and ours does nothing."""
    if threading.Thread.start is _follow_start:
        threading.Thread.start = _start  # type: ignore[method-assign]
    if ThreadPoolExecutor.submit is _follow_submit:
        ThreadPoolExecutor.submit = _submit  # type: ignore[method-assign]


def forget(recorder: Recorder) -> None:
    """The function is over: what threads that it has started do from now on is their own."""
    for thread, own in list(THREADS.items()):
        if own is recorder:
            THREADS.pop(thread, None)
