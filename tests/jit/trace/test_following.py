"""What a function does in other threads, and by ufuncs of kernels, while it is compiled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from micrograd import Value, eq, jit, where
from micrograd.errors import TraceError


def in_thread(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def in_timer(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    timer = threading.Timer(0.0, lambda: found.append(work()))
    timer.start()
    timer.join()
    return found[0]


def in_thread_of_thread(work: Callable[[], Any]) -> Any:
    return in_thread(lambda: in_thread(work))


def in_pool(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


OLD = ThreadPoolExecutor(1)


def in_old_pool(work: Callable[[], Any]) -> Any:
    (found,) = OLD.map(lambda _: work(), [None])
    return found


WAYS = [in_thread, in_timer, in_thread_of_thread, in_pool, in_old_pool]


@pytest.mark.parametrize("way", WAYS)
def test_what_other_threads_read_is_live(way: Callable[[Callable[[], Any]], Any]) -> None:
    OLD.submit(int).result()  # its thread is older than what is compiled
    w = Value(2.0)
    k = jit(lambda x: w * x)
    assert k(1.0) == 2.0  # compiled, and called by machine code

    for work in (lambda: k(3.0), lambda: 3.0 * w.data, lambda: k.value_and_grad(3.0)[0]):
        f = jit(lambda x, work=work: x * way(work), wrt=["x"])
        w.data = 2.0
        assert f(1.0) == 6.0
        w.data = 5.0
        assert f(1.0) == 15.0
        assert f.grad(1.0) == (15.0,)


def test_a_thread_that_stays_is_on_its_own_when_the_function_has_returned() -> None:
    w = Value(2.0)
    k = jit(lambda x: w * x)
    k(1.0)
    returned, found = threading.Event(), []

    def stays() -> None:
        returned.wait()
        found.extend([k(1.0), w.data])

    threads = []

    def f(x: Value) -> Value:
        threads.append(threading.Thread(target=stays))
        threads[0].start()
        return x + w

    assert jit(f)(1.0) == 3.0
    returned.set()
    threads[0].join()
    assert found == [2.0, 2.0]


def test_threads_that_nobody_compiles_in_get_numbers() -> None:
    w = Value(2.0)
    k = jit(lambda x: w * x)
    k(1.0)
    found = []
    begun, done = threading.Event(), threading.Event()

    def other() -> None:
        begun.wait()
        found.append(k(1.0) + w.data)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def f(x: Value) -> Value:
        begun.set()
        done.wait()
        return x

    jit(f)(1.0)
    thread.join()
    assert found == [4.0]


def test_calls_are_machine_code_again_after_a_recursion_without_end() -> None:
    w = Value(2.0)
    live = jit(lambda x: w * x)
    assert live(1.0) == 2.0
    kernels: list[Any] = []
    kernels.append(jit(lambda x: kernels[0](x) + 1.0))
    before = threading.Thread.start
    with pytest.raises(RecursionError):
        kernels[0](1.0)
    assert threading.Thread.start is before
    assert live._entry != 0


def test_threads_start_as_they_did() -> None:
    before = threading.Thread.start, ThreadPoolExecutor.submit
    inside = []

    def f(x: Value) -> Value:
        inside.append(threading.Thread.start)
        return x

    jit(f)(1.0)
    assert inside != [before[0]]
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before


@pytest.mark.parametrize("x", [3.0, np.ones(5), np.ones(3, dtype=np.float32)], ids=repr)
def test_a_ufunc_of_live_parameters_is_refused(x: Any) -> None:
    w = Value(2.0)
    k = jit(lambda x: w * x)
    ufunc = k.ufunc
    assert ufunc(1.0) == 2.0
    f = jit(lambda y: y * float(np.sum(ufunc(x))))
    with pytest.raises(TraceError, match=r"test_following.py:\d+: <lambda>.ufunc gives numbers"):
        f(1.0)
    with pytest.raises(TraceError, match="call the kernel itself"):
        jit(lambda y: y * in_thread(lambda: ufunc(1.0)))(1.0)
    assert ufunc(1.0) == 2.0
    assert jit(lambda y: y * k(1.0))(1.0) == 2.0


def test_a_ufunc_made_while_a_function_is_compiled_elsewhere_is_watched() -> None:
    w = Value(2.0)
    k = jit(lambda x: w * x)
    begun, done, found = threading.Event(), threading.Event(), []

    def make() -> None:
        begun.wait()
        found.append(k.ufunc)
        done.set()

    thread = threading.Thread(target=make)
    thread.start()

    def f(x: Value) -> Value:
        begun.set()
        done.wait()
        return x * float(found[0](1.0))

    with pytest.raises(TraceError, match="ufunc gives numbers"):
        jit(f)(1.0)
    thread.join()


def test_a_ufunc_that_reads_no_parameters_gives_constants() -> None:
    ufunc = jit(lambda x: x + 1.0).ufunc
    assert jit(lambda y: y * float(ufunc(2.0)))(2.0) == 6.0


# --- freeze=True -------------------------------------------------------------------------------


def test_a_frozen_function_is_frozen_while_another_is_compiled() -> None:
    w, u = Value(3.0), Value(1.0)
    frozen = jit(lambda x: w * x + w.data + (1.0 if w.data > 0 else 0.0), freeze=True)
    live = jit(lambda x: frozen(x) + u * frozen(1.0))
    assert live(1.0) == 14.0
    w.data, u.data = 10.0, 2.0
    assert frozen(1.0) == 7.0
    assert live(1.0) == 21.0
    assert jit(lambda x: frozen(x) + frozen(1.0))(1.0) == 14.0


def test_a_kernel_in_a_frozen_function_is_a_constant_while_another_is_compiled() -> None:
    w = Value(3.0)
    k = jit(lambda x: w * x)
    ufunc = k.ufunc
    frozen = jit(lambda x: x * k(1.0) + k(x) + float(ufunc(1.0)), freeze=True)
    assert jit(lambda x: frozen(x) + w)(1.0) == 12.0
    w.data = 10.0
    assert frozen(1.0) == 9.0


def test_a_live_function_is_live_while_a_frozen_one_is_compiled() -> None:
    w = Value(3.0)
    inner = jit(lambda x: w.data * x)
    frozen = jit(lambda x: inner(x) + inner(1.0), freeze=True)
    assert frozen(1.0) == 6.0
    w.data = 10.0
    assert inner(1.0) == 10.0
    assert frozen(1.0) == 6.0


def test_values_compare_by_number_in_a_frozen_function_too() -> None:
    v, w = Value(1.0), Value(1.0)

    def f(x: Value) -> Value:
        return where(v == w, x, -x) + where(v != w, 100.0, 0.0) + where(eq(v, w), 1.0, 0.0)

    assert jit(f, freeze=True)(2.0) == jit(f)(2.0) == 3.0
    with pytest.raises(TraceError, match="truth value"):
        jit(lambda x: x if v == w else -x, freeze=True)(2.0)
