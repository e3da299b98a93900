"""Ctrl-C, and whichever signals Python raises errors for, are heard in long loops."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from micrograd import jit, sin, while_loop


class Stop(Exception):
    """Raised by a handler."""


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """A block in which a signal comes, once."""

    def stop(*_: Any) -> None:
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def turning(x: Any) -> Any:
    """Some thousand sines, in loops of which none is long."""

    def turn(x: Any, body: Callable[[Any], Any]) -> Any:
        def step(state: Any) -> Any:
            return body(state[0]), state[1] + 1.0

        return while_loop(lambda s: s[1] < 20.0, step, (x, 0.0), limit=20)[0]

    return turn(x, lambda a: turn(a, lambda b: turn(b, lambda c: sin(c) + x)))


@pytest.mark.parametrize("threads", [1, 2])
def test_long_calls_end(threads: int) -> None:
    kernel = jit(turning, threads=threads)
    x = np.linspace(0.1, 0.9, 300_000)
    kernel(x[:2])
    out = np.full_like(x, 7.0)
    with pytest.raises(Stop), stopped_after(0.05):
        kernel(x, out=out)
    assert (out == 7.0).any()  # so it did not go on to the end
    again = kernel(x[:100])
    assert np.isfinite(again).all()
    assert again[3] == pytest.approx(kernel(float(x[3])))


def test_a_handler_that_goes_on() -> None:
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        x = np.linspace(0.1, 0.9, 4_000)
        kernel = jit(turning)
        found = kernel(x)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert heard == [1]
    assert np.isfinite(found).all()


def test_what_cannot_be_kept_comes_behind_the_call() -> None:
    """Python keeps few calls for its loop; others may have taken all places."""
    x = np.linspace(0.1, 0.9, 4_000)
    kernel = jit(turning)
    expected = kernel(x)
    done = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0)
    places = []

    def fill() -> None:
        time.sleep(0.02)
        places.append(ctypes.pythonapi.Py_AddPendingCall(done, None))
        while not places[-1]:
            places.append(ctypes.pythonapi.Py_AddPendingCall(done, None))
        signal.raise_signal(signal.SIGINT)

    def call() -> None:
        filling.start()
        np.testing.assert_array_equal(kernel(x), expected)
        filling.join()
        time.sleep(0.01)  # so that Python's loop looks for signals

    # a handler in Python would run Python's loop, which makes the calls that are kept
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    filling = threading.Thread(target=fill)
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        filling.join()
        signal.signal(signal.SIGINT, before)
    np.testing.assert_array_equal(kernel(x), expected)
