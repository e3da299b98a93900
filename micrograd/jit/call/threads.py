"""Threads for work that is divided by points: how many, and running on them.

Machine code runs without Python's lock, so Python threads are enough. One pool serves the whole
process; the calling thread takes a part itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress

from ...checks import whole
from ...errors import SignatureError
from ...locks import Lock, importing

SPLIT_WORK = 4_000_000
"""Operations that are worth a thread of their own: about 0.2 ms, several times what it costs to
hand them over."""

MOST_THREADS = 2**16 - 1

_lock = Lock()
_pool: ThreadPoolExecutor | None = None
_size = 0
_default: int | None = None


def cores() -> int:
    """The processors that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def get_threads() -> int:
    """How many threads a kernel uses at most, where nothing else is said."""
    return _default or cores()


def set_threads(n: int | None) -> None:
    """Let kernels use at most `n` threads by default; None: one for every processor.

    Calls with arrays are divided among threads by the work that there is, so small ones stay on
    the caller's. `jit(..., threads=n)` sets it for one kernel.

    Raises SignatureError unless `n` is a positive whole number or None.

    >>> set_threads(1)
    >>> get_threads()
    1
    >>> set_threads(None)
    """
    global _default
    _default = checked(n)


def checked(n: int | None) -> int | None:
    """`n` if it says how many threads; else SignatureError."""
    return None if n is None else whole("threads", n, SignatureError, most=MOST_THREADS)


def worthwhile(work: float, threads: int | None) -> int:
    """Into how many parts work is divided.

    work   operations in all
    """
    if work < 2 * SPLIT_WORK:
        return 1
    return max(1, min(threads or get_threads(), int(work // SPLIT_WORK)))


def run(jobs: Sequence[Callable[[], None]]) -> None:
    """Run all jobs, the first in this thread; raises what the first of them that failed raised."""
    if len(jobs) == 1:
        jobs[0]()
        return
    with importing:
        from ..emit.interrupts import helping
    pool = _executor(len(jobs) - 1)
    futures: list[Future[None]] = [pool.submit(helping(job)) for job in jobs[1:]]
    failures: list[BaseException | None] = []
    try:
        jobs[0]()
    except BaseException as error:
        failures.append(error)
    for future in futures:
        # they use the caller's arrays: it must not go on before they have ended, come what may
        while not future.done():
            try:
                wait([future])
            except BaseException as error:
                failures.append(error)
        failures.append(future.exception())
    for failure in failures:
        if failure is not None:
            raise failure


@contextmanager
def helped(help: Callable[[], None], helpers: int) -> Iterator[None]:
    """With so many threads of the pool that run `help`, as far as they have time.

    What is done inside must not need them, and end them: nobody waits for them.
    """
    futures: list[Future[None]] = []
    try:
        with suppress(RuntimeError):  # the interpreter ends, or the system has no thread left
            pool = _executor(helpers)
            for _ in range(helpers):
                futures.append(pool.submit(help))
        yield
    finally:
        for future in futures:
            future.cancel()  # unless it has begun


def _executor(size: int) -> ThreadPoolExecutor:
    """A pool of at least so many threads."""
    global _pool, _size
    with _lock:
        if _pool is None or _size < size:
            if _pool is not None:
                _pool.shutdown(wait=False)
            _pool, _size = ThreadPoolExecutor(size, thread_name_prefix="micrograd"), size
        return _pool


def _forget_pool() -> None:
    """In a forked child the threads of the pool do not exist."""
    global _pool, _size
    _pool, _size = None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
