"""Calls of kernels through their entry points: what they take, what they pass on, what they leave.

Every answer is compared with that of the general way, `Kernel.__call__`.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import gc
import inspect
import math
import pickle
import random
import re
import struct
import subprocess
import sys
import threading
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit
from micrograd.errors import KernelClosed, SignatureError
from micrograd.jit import Kernel
from micrograd.jit.call import callable as native_callable
from micrograd.jit.call import marshalling
from micrograd.jit.call.callable import LAYOUT, Layout, NativeCallable, Unexpected
from micrograd.jit.call.convention import Caller
from micrograd.jit.call.entry import ON_STACK

from ...cases import network

needs_entries = pytest.mark.skipif(
    not native_callable.available(), reason=f"no entry points: {native_callable.reason()}"
)


class Float(float):
    pass


class Int(int):
    pass


class List(list):  # type: ignore[type-arg]
    pass


class Floating:
    def __float__(self) -> float:
        return 3.5


def general(kernel: Any, *args: Any, **kwargs: Any) -> Any:
    """A call that no entry sees."""
    return Kernel.__call__(kernel, *args, **kwargs)


def same(x: Any, y: Any) -> bool:
    """Whether two results are of the same types and have the same bits."""
    if type(x) is not type(y):
        return False
    if isinstance(x, (list, tuple)):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, float):
        return struct.pack("d", x) == struct.pack("d", y)
    if isinstance(x, np.ndarray):
        return (x.shape, x.dtype, x.tobytes()) == (y.shape, y.dtype, y.tobytes())
    return bool(x == y)


@pytest.fixture
def general_calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows by every call that `Kernel.__call__` gets."""
    calls: list[Any] = []
    fits = Caller.fits

    def counted(self: Any, arguments: Any) -> bool:
        calls.append(arguments)
        return fits(self, arguments)

    monkeypatch.setattr(Caller, "fits", counted)
    return calls


NUMBERS = [
    *(0, 1, -1, 7, 2**15, 2**30 - 1, -(2**30) + 1, 2**30, -(2**30), 2**53, 2**53 + 1, -(2**53) - 1),
    *(2**60, 2**62 + 1, -(2**63), 2**64, 2**100, -(2**1000), 10**308),
    *(0.0, -0.0, 1.5, -2.25, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan),
]


# --- what an entry takes -------------------------------------------------------------------------


@needs_entries
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_every_float_and_int_arrives(dtype: str, general_calls: list[Any]) -> None:
    kernel = jit(lambda x, y: [x, y, x * y], dtype=dtype)
    kernel(0.0, 0.0)
    rng = random.Random(0)
    for x in NUMBERS:
        y = rng.choice(NUMBERS)
        general_calls.clear()
        found = kernel(x, y)
        assert not general_calls
        with np.errstate(over="ignore"):
            arrived = [float(np.dtype(kernel._options.dtype).type(float(v))) for v in (x, y)]
        assert same(found[:2], arrived)
        assert same(found, general(kernel, x, y))
        assert general_calls


@needs_entries
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 40])
@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_containers_of_any_length(kind: Any, n: int, dtype: str, general_calls: list[Any]) -> None:
    kernel = jit(lambda v, s: [s, *(x * s for x in v)], dtype=dtype)
    rng = random.Random(n)
    v = kind(rng.choice([rng.uniform(-5, 5), rng.randrange(-9, 9), 2**40]) for _ in range(n))
    for f in [kernel, jit(lambda v, s: s + sum(v), dtype=dtype).value_and_grad]:
        first = f(v, 2.0)
        general_calls.clear()
        assert same(f(v, 2), first)
        assert not general_calls
        assert same(general(f, v, 2.0), first)


RESULTS = [
    pytest.param(lambda x, y: x * y, (2.0, 3), id="number"),
    pytest.param(lambda x, y: (x * y,), (2.0, 3), id="tuple of one"),
    pytest.param(lambda x, y: [x * y, (x, [y, ()], []), y], (2.0, 3), id="nested"),
    pytest.param(
        lambda m, s: [[v * s for v in row] for row in m], ([[1, 2.0], [3.0, 4]], 5.0), id="matrix"
    ),
    pytest.param(
        lambda m, s: tuple(v * s for v, _ in m), ([(1, [2.0] * 9), (3.0, [])], 5.0), id="mixed"
    ),
    pytest.param(lambda x: [x * k for k in range(337)], (2.5,), id="many"),
    pytest.param(lambda x, y: np.array([x * y, x - y]), (2.0, 3), id="array"),
    pytest.param(lambda x: np.array([[x * k] for k in range(5000)]), (2.5,), id="large array"),
    pytest.param(
        lambda x, y: ([], [np.array([[x * y, x], [y, 1.0]])]), (2.0, 3), id="array in containers"
    ),
    pytest.param(lambda x, y: [np.array([x, y]), x * y], (2.0, 3), id="array and number"),
    pytest.param(lambda x, y: [x * y, (np.array([x, y]),)], (2.0, 3), id="number and array"),
    pytest.param(lambda x, y: [np.array([x]), np.array([y, x])], (2.0, 3), id="arrays"),
]


@needs_entries
@pytest.mark.parametrize(("f", "args"), RESULTS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_results_of_any_structure(f: Any, args: Any, dtype: str, general_calls: list[Any]) -> None:
    kernel = jit(f, dtype=dtype)
    first = kernel(*args)
    general_calls.clear()
    assert same(kernel(*args), first)
    assert not general_calls
    assert same(general(kernel, *args), first)


@needs_entries
def test_gradients_of_any_structure(general_calls: list[Any]) -> None:
    def f(m: Any, v: Any, s: Any) -> Any:
        return sum(x * y for row, y in zip(m, v, strict=True) for x in row) * s

    def of_array(x: np.ndarray) -> Any:
        return sum(a * a for a in x)

    args = ([[1.0, 2], (3.0, 4)], (5.0, 6), 7.0)
    for kernel in (jit(f).grad, jit(f).value_and_grad):
        first = kernel(*args)
        general_calls.clear()
        assert same(kernel(*args), first)
        assert not general_calls
    assert first == (7 * (15 + 42), ([[35.0] * 2, (42.0,) * 2], (21.0, 49.0), 57.0))
    kernel = jit(of_array).value_and_grad
    for k in range(3):
        x = np.array([1.0, 2.0, 3.0 + k])
        value, gradient = kernel(x)
        assert (value, gradient.tolist()) == (float(x @ x), (2 * x).tolist())
        assert [sys.getrefcount(x), sys.getrefcount(gradient)] == [2, 2]
        assert gradient.flags.owndata or k == 0
        assert gradient.flags.writeable
    assert not general_calls


@needs_entries
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_out_of_whole_results(dtype: str, general_calls: list[Any]) -> None:
    def f(x: np.ndarray, s: float) -> Any:
        return [a * b + s for a, b in zip(x, x[::-1], strict=True)]

    x = np.linspace(0.5, 2.0, 9).astype(dtype.replace("f", "float"))
    kernel = jit(f, dtype=dtype)
    expected = kernel(x, 1.0)
    out = np.empty_like(x)
    references = sys.getrefcount(out)
    general_calls.clear()
    assert kernel(x, 1.0, out=out) is out
    assert out.tolist() == expected
    assert sys.getrefcount(out) == references
    assert not general_calls
    assert kernel(x, 1.0) == expected  # and without out, a list as before
    fixed = out.copy()
    fixed.flags.writeable = False
    for wrong in (out[:-1], out[::2], fixed, out.reshape(3, 3), out.astype(np.int64), [0.0] * 9):
        with pytest.raises(SignatureError, match="out should be a writeable, contiguous"):
            kernel(x, 1.0, out=wrong)
    with pytest.raises(SignatureError, match="got 2 and other="):
        kernel(x, 1.0, other=out)
    assert kernel(x, 1.0, out=None) == expected
    named = jit(lambda x, out: [x * out, x + out], dtype=dtype)
    assert named(3.0, out=2.0) == named(3.0, 2.0) == [6.0, 5.0]


@pytest.mark.parametrize("seed", range(40))
def test_out_of_whole_results_may_overlap_arguments(seed: int) -> None:
    r = random.Random(seed)
    n, dtype = r.choice([2, 3, 5, 8, 17, 64]), r.choice(["f32", "f64"])

    def f(x: np.ndarray, y: np.ndarray) -> Any:
        return [x[i] * y[-1 - i] + x[-1 - i] for i in range(n)]

    kernel = jit(f, dtype=dtype, strict=r.random() < 0.5)
    if r.random() < 0.5:

        def total(x: np.ndarray, y: np.ndarray) -> Any:
            return sum(f(x, y))

        kernel = jit(total, dtype=dtype, wrt="x").grad
    memory = np.array([r.uniform(-1, 1) for _ in range(4 * n + 4)], dtype.replace("f", "float"))
    x, y, out = (memory[k : k + n] for k in r.choices(range(3 * n + 4), k=3))
    expected = np.empty_like(out)
    kernel(x.copy(), y.copy(), out=expected)
    before = memory.copy()
    for _ in range(2):  # the first call goes the general way
        memory[:] = before
        kernel(x, y, out=out)
        np.testing.assert_array_equal(out, expected)
        out[:] = 0.0
        mine = memory == 0.0
        np.testing.assert_array_equal(memory[~mine], before[~mine])


@needs_entries
def test_live_parameters_and_calls_without_arguments(general_calls: list[Any]) -> None:
    a, b = Value(4.0), Value(2.0)
    kernel = jit(a * b, wrt=[a, b], dtype="f64")
    assert kernel() == 8.0
    assert kernel(3.0, 5.0) == 15.0
    general_calls.clear()
    a.data = 10.0
    assert (kernel(), kernel(3.0, 6.0), kernel()) == (20.0, 18.0, 20.0)
    assert not general_calls


@needs_entries
def test_several_structures_of_one_kernel(general_calls: list[Any]) -> None:
    kernel = jit(lambda v: [x + 1 for x in v], dtype="f64")
    arguments: list[Any] = [[1.0] * n for n in range(1, 6)] + [(1.0,) * n for n in range(1, 6)]
    for v in arguments:
        kernel(v)
    general_calls.clear()
    for v in arguments:
        assert kernel(v) == [2.0] * len(v)
    assert not general_calls


@needs_entries
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_models_take_lists_tuples_and_arrays(dtype: str, general_calls: list[Any]) -> None:
    kernel = jit(network(3, 5, [4, 1]), dtype=dtype)
    x = np.random.default_rng(2).normal(size=5).astype(np.float32)
    kernel(list(map(float, x)))
    for f in (kernel, kernel.value_and_grad):
        expected = f(list(map(float, x)))
        general_calls.clear()
        read_only = x.copy()
        read_only.flags.writeable = False
        for given in (tuple(map(float, x)), x, x.astype(np.float64), read_only):
            assert same(f(given), expected)
        assert not general_calls
        for given in (np.repeat(x, 2)[::2], x.astype(">f8"), x.astype(np.float16).astype(">f4")):
            assert np.allclose(flat(f(given)), flat(expected), rtol=1e-2)
        assert len(general_calls) == 3
    assert len(kernel(np.stack([x] * 2))) == 2
    with pytest.raises(SignatureError, match="5 numbers, got 4"):
        kernel(x[:4])


def flat(result: Any) -> list[float]:
    """The numbers of a result in a row."""
    if isinstance(result, (list, tuple)):
        return [x for item in result for x in flat(item)]
    return [result]


# --- what it passes on ---------------------------------------------------------------------------

PASSED_ON = [
    pytest.param((True, 2.0), {}, 3.0, id="bool"),
    pytest.param((np.float32(1.5), 2.0), {}, 3.5, id="float32"),
    pytest.param((np.float64(1.5), np.int64(2)), {}, 3.5, id="float64"),
    pytest.param((Float(1.5), Int(2)), {}, 3.5, id="subclasses"),
    pytest.param((Floating(), 1), {}, 4.5, id="__float__"),
    pytest.param((Value(1.5), 2), {}, 3.5, id="Value"),
    pytest.param((1.5,), {}, 11.5, id="default"),
    pytest.param((1.5,), {"y": 2}, 3.5, id="keyword"),
    pytest.param((), {"y": 2, "x": 1.5}, 3.5, id="keywords"),
    pytest.param((np.array(1.5), 2), {}, 3.5, id="array of no dimensions"),
]


@needs_entries
@pytest.mark.parametrize(("args", "kwargs", "expected"), PASSED_ON)
def test_other_numbers_take_the_general_way(
    args: Any, kwargs: Any, expected: float, general_calls: list[Any]
) -> None:
    def f(x: Any, y: Any = 10.0) -> Any:
        return x + y

    kernel = jit(f, dtype="f64")
    kernel(1.0, 2.0)
    general_calls.clear()
    assert kernel(*args, **kwargs) == expected
    assert general_calls


@needs_entries
def test_subclasses_of_list_take_the_general_way(general_calls: list[Any]) -> None:
    kernel = jit(lambda v: sum(v), dtype="f64")
    kernel([1.0, 2.0])
    general_calls.clear()
    assert kernel(List([1.0, 2.0])) == 3.0
    assert kernel([Float(1.0), 2.0]) == 3.0
    assert len(general_calls) == 2


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1.0,), {}, r"f takes 2 arguments \(x, y\), got 1"),
        ((1.0, 2.0, 3.0), {}, r"f takes 2 arguments \(x, y\), got 3"),
        ((), {}, r"f takes 2 arguments \(x, y\), got 0"),
        ((1.0, 2.0), {"y": 3.0}, r"f takes 2 arguments \(x, y\), got 2 and y="),
        ((1.0,), {"z": 3.0}, r"f takes 2 arguments \(x, y\), got 1 and z="),
        (("1", 2.0), {}, "x should be a number, .*, got str '1'"),
        ((1.0, None), {}, "y should be a number, .*, got NoneType None"),
        ((1.0, 1j), {}, r"y should be a number, .*, got complex 1j"),
    ],
)
def test_mistakes_are_type_errors(args: Any, kwargs: Any, message: str) -> None:
    @jit(dtype="f64")
    def f(x: Any, y: Any) -> Any:
        return x + y

    f(1.0, 2.0)
    for _ in range(2):
        with pytest.raises(TypeError, match=message) as caught:
            f(*args, **kwargs)
        assert caught.type is SignatureError
    assert f(1, 2) == 3.0


@pytest.mark.parametrize("huge", [10**309, -(10**400), 2**1024])
def test_an_int_that_no_float_holds(huge: int) -> None:
    kernel = jit(lambda x, v: x + sum(v), dtype="f64")
    kernel(1.0, [2.0] * 9)
    for args in [(huge, [2.0] * 9), (1, [2.0] * 8 + [huge])]:
        with pytest.raises(OverflowError, match=r"lambda.*: int too large to convert to float"):
            kernel(*args)
    assert kernel(1, [2.0] * 9) == 19.0


def test_a_number_that_raises() -> None:
    class Broken:
        def __float__(self) -> float:
            raise ZeroDivisionError("broken")

    kernel = jit(lambda v, x: sum(v) * x, dtype="f64")
    kernel([1.0, 2.0], 3.0)
    with pytest.raises(ZeroDivisionError, match="broken"):
        kernel([1.0, Broken()], 3.0)


# --- what it leaves ------------------------------------------------------------------------------


def counts(objects: Any) -> list[int]:
    """The references to objects, but to None, which other threads take and give back."""
    return [sys.getrefcount(x) for x in objects if x is not None]


BAD = [1.25, 3003, 2**70, 10**400, "no", None, Float(2.0), np.float64(2.5), np.arange(3.0)]


@pytest.mark.parametrize("bad", BAD, ids=lambda x: type(x).__name__ + str(x)[:4])
def test_references_are_given_back(bad: Any) -> None:
    kernel = jit(lambda x, v, w: (x + v[0] * w[1], [v[1], x]), dtype="f64")
    x, v, w = 1.5, [2.5, 3.5], (4.5, 5.5)
    kernel(x, v, w)
    held = [x, v, w, bad, kernel, *v, *w]
    for args in [(x, v, w), (bad, v, w), (x, [2.5, bad], w), (x, v, (bad, 1.5)), (x, v), (x,) * 4]:
        seen = []
        for _ in range(20):
            for kwargs in ({}, {"w": args[-1]}):
                with contextlib.suppress(TypeError, OverflowError):
                    kernel(*args[: 3 - len(kwargs)], **kwargs)
            seen.append(counts([*held, *args]))
        assert seen[1:] == seen[:1] * 19


@needs_entries
def test_results_belong_to_the_caller_alone() -> None:
    kernel = jit(lambda x, y: [x * y, (x, [y] * 12)], dtype="f64")
    for _ in range(2):
        result = kernel(1.5, 2.5)
    containers = (result, result[1], result[1][1])
    found = [sys.getrefcount(c[k]) for c in containers for k in range(len(c))]
    assert found == [2, 3, 2, 3] + [2] * 12  # two of them are in `containers` as well


def few(x: Any, y: Any) -> Any:
    return [x * y, (x, [y, [x + y, x - y]], [x * k for k in range(12)]), y]


def many_parts(x: Any, y: Any) -> Any:
    return [[x * y], [([x + k], [y, (x, y)]) for k in range(30)], y]


def many_numbers(x: Any, y: Any) -> Any:
    return [x * y, [x + float(k) for k in range(ON_STACK)]]


def arrays(x: Any, y: Any) -> Any:
    return [x * y, np.array([[x, y, x - y]] * 2), (np.array([x] * 3), y)]


def array_in_containers(x: Any, y: Any) -> Any:
    return ([], [(np.array([[x, y, x - y]] * 2),)])


@needs_entries
@pytest.mark.parametrize("f", [few, many_parts, many_numbers, arrays, array_in_containers])
def test_nothing_is_left_behind_where_memory_ends(f: Any, general_calls: list[Any]) -> None:
    capi = pytest.importorskip("_testcapi")
    kernel = jit(f, dtype="f64")
    expected = kernel(1.5, 2.5)
    text = repr(expected)
    rng = random.Random(0)
    # the first of so many allocations fails: those of a few hundred results are all the same
    most = {arrays: 8, array_in_containers: 4}.get(f, 30)

    def attempts() -> int:
        """How many of sixty calls fail, each at another allocation of its own."""
        failed = 0
        held: list[Any] = []
        for k in range(60):
            held.append([rng.random() for _ in range(200)])  # else freed floats are taken again
            capi.set_nomemory(k % most, k % most + 1)
            try:
                found = kernel(1.5, 2.5)
            except MemoryError:
                failed += 1
                found = expected
            finally:
                capi.remove_mem_hooks()
            if repr(found) != text:
                raise AssertionError(found)
            held.append(found)
        return failed

    for round in range(12 if f is not many_numbers else 4):
        failed = attempts()
        assert failed > 20
        gc.collect()
        if round == 1:
            before = sys.getallocatedblocks()
    assert sys.getallocatedblocks() - before < 100


@needs_entries
def test_references_in_nested_lists_are_given_back(general_calls: list[Any]) -> None:
    """Structures that are walked through by a table, on the stack and on the heap."""
    for n in (30, ON_STACK):
        kernel = jit(lambda v: [[v[0][0], v[0][1]], [(x, y) for x, y in v]], dtype="f64")
        rows = [[1.5 + k, 2.5 + k] for k in range(n)]
        assert kernel(rows) == [rows[0], list(map(tuple, rows))]
        general_calls.clear()
        held = [rows, *rows[0], *rows[-1]]
        for bad in (None, [1.0], [1.0, "x"], (1.0, 2.0), 5.0):
            seen = []
            for _ in range(10):
                assert kernel(rows)[1][-1] == tuple(rows[-1])
                with contextlib.suppress(TypeError, ValueError):
                    kernel([*rows[:-1], bad])
                seen.append(counts(held))
            assert seen[1:] == seen[:1] * 9
        found = kernel(rows)
        assert [sys.getrefcount(found[k]) for k in range(2)] == [2, 2]
        assert [sys.getrefcount(found[1][k]) for k in range(n)] == [2] * n
        assert gc.is_tracked(found[1])


def test_large_calls_leave_no_memory_behind() -> None:
    def f(v: list, a: np.ndarray) -> Any:  # type: ignore[type-arg]
        return (sum(v) + a.sum()) * a

    kernel = jit(f, dtype="f64")
    v, a = [1.0] * ON_STACK, np.ones((10, 10))
    expected = kernel(v, a)
    bad = [*v[:-1], "no"]

    def calls(n: int) -> int:
        for _ in range(n):
            assert kernel(v, a)[3, 3] == expected[3, 3]
            with contextlib.suppress(SignatureError):
                kernel(bad, a)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = calls(20)
        assert calls(50) - before < 2_000
    finally:
        tracemalloc.stop()


def test_a_million_calls_leave_no_memory_behind() -> None:
    kernel = jit(lambda x, v: x * v[0] + v[1], dtype="f64").value_and_grad
    v, bad = [3.0, 2**60], [3.0, "no"]
    kernel(2.0, v)

    def calls(n: int) -> int:
        """The bytes that are allocated after so many calls."""
        for _ in range(n):
            kernel(2.5, v)
        for _ in range(n // 1000):
            with pytest.raises(SignatureError):
                kernel(2.5, bad)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = calls(1000)
        blocks = sys.getallocatedblocks()
        assert calls(1_000_000) - before < 20_000
        assert sys.getallocatedblocks() - blocks < 2_000
    finally:
        tracemalloc.stop()


def test_threads_call_while_others_compile() -> None:
    kernel = jit(lambda v, s: s * sum(v), dtype="f64")
    kernel([1.0], 1.0)
    wrong: list[Any] = []

    def call(seed: int) -> None:
        rng = random.Random(seed)
        for k in range(3000):
            n = 1 + rng.randrange(1 + k // 600)
            s = rng.randrange(100)
            if kernel([1.0] * n, s) != n * s:
                wrong.append((n, s))

    threads = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_entries
def test_a_long_call_lets_other_threads_run(general_calls: list[Any]) -> None:
    kernel = jit(network(1, 64, [400, 400, 1]), dtype="f64")
    inputs = [[float(k + j) for j in range(64)] for k in range(4)]
    expected = [kernel(x) for x in inputs]
    assert "PyEval_SaveThread" in kernel._shown.native.llvm_ir
    assert "PyEval_SaveThread" not in jit(plus_one)._shown.native.llvm_ir
    general_calls.clear()
    found: dict[int, list[float]] = {}

    def call(k: int) -> None:
        found[k] = [kernel(inputs[k]) for _ in range(50)]

    threads = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: [expected[k]] * 50 for k in range(4)}
    assert not general_calls


def plus_one(x: float) -> float:
    return x + 1


# --- kernels as objects --------------------------------------------------------------------------


def test_closed_kernels_say_so() -> None:
    kernel = jit(lambda x: x + 1, dtype="f64")
    kernel(1.0)
    derived = kernel.value_and_grad
    derived(1.0)
    kernel.close()
    for closed in (kernel, derived):
        with pytest.raises(KernelClosed, match="was closed"):
            closed(1.0)


def test_whoever_holds_a_kernel_can_call_it() -> None:
    kernel = jit(lambda x, y: x - y, dtype="f64")
    kernel(1.0, 1.0)
    held = [
        functools.partial(kernel, 5.0),
        kernel.__call__,
        functools.partial(kernel, y=1.0, x=3.0),
    ]
    alive = weakref.ref(kernel)
    del kernel
    gc.collect()
    assert (held[0](2.0), held[1](7.0, 3.0), held[2]()) == (3.0, 4.0, 2.0)
    assert list(map(held[0], [1, 2.0, 3])) == [4.0, 3.0, 2.0]
    held.clear()
    gc.collect()
    assert alive() is None


def test_a_kernel_drops_itself_during_a_call() -> None:
    kernels = [jit(lambda x: x * 2, dtype="f64")]
    kernels[0](1.0)

    class Dropping:
        def __float__(self) -> float:
            kernels.clear()
            gc.collect()
            return 4.0

    assert kernels[0](Dropping()) == 8.0


def test_wrapping_copying_and_pickling() -> None:
    @jit(dtype="f64")
    def double(x: float) -> float:
        """Twice x."""
        return x * 2

    assert double(1.0) == 2.0
    assert (double.__name__, double.__doc__) == ("double", "Twice x.")
    assert str(inspect.signature(double)) == "(x: 'float') -> 'float'"
    assert repr(double) == "<kernel double(x) -> float64>"
    assert callable(double)
    assert isinstance(double, NativeCallable)
    twin = copy.copy(double)
    assert (twin(3.0), twin(x=4), double(5.0)) == (6.0, 8.0, 10.0)
    with pytest.raises(pickle.PicklingError, match=r"double cannot be pickled: no other process"):
        pickle.dumps(double)


def test_a_kernel_is_called_while_the_process_ends() -> None:
    script = """
import sys
import numpy as np
from micrograd import jit

class Last:
    def __init__(self):
        self.f, self.out = jit(lambda x, y: (x * y, x + y), dtype="f64"), np.empty((2, 3))
        self()

    def __call__(self):
        for _ in range(2):
            self.f(self.out[0], self.out[1])
        return self.f(2, 3.5), self.f(x=1, y=2)

    def __del__(self, write=sys.stdout.write):
        write(repr(self()))

last = Last()
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.stdout, ran.returncode) == ("((7.0, 5.5), (2.0, 3.0))", 0), ran.stderr


def test_subclasses_of_kernel_are_called_in_python() -> None:
    class Counting(Kernel):
        calls = 0

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return super().__call__(*args, **kwargs)

    plain = jit(lambda x: x + 1, dtype="f64")
    kernel = Counting(plain._source, plain._options, plain._wanted)
    assert [kernel(k) for k in range(3)] == [1.0, 2.0, 3.0]
    assert kernel.calls == 3


def test_the_entry_is_not_shown() -> None:
    kernel = jit(lambda x: x + 1, dtype="f64")
    kernel(1.0)
    assert "entry" not in str(kernel)
    assert kernel.stages()["mlir"] == str(kernel)


# --- other interpreters --------------------------------------------------------------------------


@needs_entries
@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Layout)])
def test_a_layout_that_is_not_this_interpreters_is_noticed(field: str) -> None:
    wrong = not LAYOUT.int_tagged if field == "int_tagged" else getattr(LAYOUT, field) ^ 8
    with pytest.raises(Unexpected, match="is not where CPython up to"):
        dataclasses.replace(LAYOUT, **{field: wrong}).check()


@pytest.mark.parametrize(
    ("what", "value", "reason"),
    [
        ("sys.implementation.name", "other", "this is other, not CPython"),
        ("sys.version_info", (3, 99, 0), "CPython 3.99 is newer than 3.14"),
        ("sysconfig.get_config_var", lambda name: 1, "this CPython has no GIL"),
        ("sys.byteorder", "big", "this is not a 64-bit little-endian release build of CPython"),
    ],
)
def test_an_unknown_interpreter_is_noticed(
    what: str, value: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what, value)
    with pytest.raises(Unexpected, match=re.escape(reason)):
        native_callable.check_interpreter()


def test_elsewhere_calls_go_through_ctypes() -> None:
    reason = "this CPython has no GIL"
    script = """
import inspect, sys, sysconfig
import lowering, lowering.bindings, numpy
lowering.vector_bits()
sysconfig.get_config_var = lambda name: 1
from micrograd.jit.call import callable as native_callable
from micrograd.jit.call import marshalling
assert not native_callable.available()
from micrograd import jit
kernel = jit(lambda x, v: x * v[0] + v[1], dtype="f64")
for _ in range(3):
    assert kernel(2.0, [3, 4.0]) == 10.0
    assert kernel.value_and_grad(2.0, [3, 4.0]) == (10.0, (3.0, [2.0, 1.0]))
print(native_callable.reason())
print("calls: through ctypes, since " + native_callable.reason() in kernel.explain())
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == (reason + "\nTrue\n", "")


@needs_entries
def test_kernels_of_numbers_need_little_shared_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(dtype: np.dtype[Any]) -> Any:
        raise AssertionError("compiled for a kernel of numbers")

    for name in ("_arrays", "_walk"):
        monkeypatch.setattr(marshalling, name, refused)
    assert jit(lambda x: [x * k for k in range(3)])(2.0) == [0.0, 2.0, 4.0]
    monkeypatch.setattr(marshalling, "_rows", refused)
    assert jit(lambda x, y: x * y)(2.0, 3.0) == 6.0
    with pytest.raises(AssertionError, match="of numbers"):
        jit(lambda x: [x * k for k in range(100)])(2.0)


@needs_entries
def test_what_is_compiled_when_it_is_referred_to() -> None:
    for made, names in (
        (marshalling._rows, marshalling.ROWS),
        (marshalling._arrays, marshalling.ARRAYS),
    ):
        assert set(made(np.dtype(np.float64)).symbols) == set(names)
    walk = set(marshalling._walk(np.dtype(np.float64)).symbols)
    assert walk >= set(marshalling.WALK)
    others = {*marshalling.ROWS, *marshalling.ARRAYS, marshalling.CALL_GENERAL}
    assert walk.isdisjoint(others)
