"""Calls with a few points through the entry for arrays, against the general way."""

from __future__ import annotations

import dataclasses
import gc
import re
import sys
import threading
from typing import Any

import numpy as np
import pytest

import lowering
from micrograd import Value, jit, tanh
from micrograd.errors import KernelClosed, SignatureError
from micrograd.jit import Kernel
from micrograd.jit.call import callable as native_callable
from micrograd.jit.call.ndarrays import ARRAY, ArrayLayout

pytestmark = pytest.mark.skipif(
    not native_callable.available(), reason=f"no entry points: {native_callable.reason()}"
)


class Sub(np.ndarray):  # type: ignore[type-arg]
    pass


def f(x: Any, y: Any) -> Any:
    return tanh(x) * y - x / y


def general(kernel: Any, *args: Any, **kwargs: Any) -> Any:
    """A call that no entry sees."""
    return Kernel.__call__(kernel, *args, **kwargs)


@pytest.fixture
def general_calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows by every call with arrays that goes the general way."""
    calls: list[Any] = []
    structured = Kernel._call_structured

    def counted(self: Any, *args: Any) -> Any:
        calls.append(args)
        return structured(self, *args)

    monkeypatch.setattr(Kernel, "_call_structured", counted)
    return calls


def columns(n: int, dtype: Any, count: int = 2) -> list[Any]:
    rng = np.random.default_rng(n)
    return [rng.uniform(0.5, 2.0, n).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("wanted", ["value", "grad", "value_and_grad"])
def test_any_number_of_points(dtype: Any, wanted: str, general_calls: list[Any]) -> None:
    kernel = jit(f, dtype=dtype)
    kernel = kernel if wanted == "value" else getattr(kernel, wanted)
    leaves = {"value": 1, "grad": 2, "value_and_grad": 3}[wanted]
    kernel(*columns(1, dtype))
    lanes = lowering.vector_bits() // np.dtype(dtype).itemsize // 8
    for n in range(1, 3 * lanes + 2):
        args = columns(n, dtype)
        shape = (n,) if leaves == 1 else (leaves, n)
        expected = np.stack(np.broadcast_arrays(*np.atleast_1d(flat(general(kernel, *args)))))
        guarded = np.full(leaves * n + 2, -7.0, dtype)
        out = guarded[1:-1].reshape(shape)
        general_calls.clear()
        assert kernel(*args, out=out) is out
        assert not general_calls
        np.testing.assert_array_equal(out.reshape(-1), expected.reshape(-1))
        assert guarded[0] == guarded[-1] == -7.0
        found = kernel(*args)
        assert bool(general_calls) == (leaves > 1)
        np.testing.assert_array_equal(np.ravel(flat(found)), expected.reshape(-1))
        if leaves == 1:
            assert (found.dtype, found.shape, found.flags.owndata) == (dtype, (n,), True)


def flat(result: Any) -> Any:
    """The arrays of a result in a row."""
    if isinstance(result, tuple):
        return [x for item in result for x in flat(item)]
    return [result]


X, Y = np.linspace(0.5, 2.0, 12), np.linspace(1.0, 3.0, 12)
READ_ONLY = np.empty(6)
READ_ONLY.flags.writeable = False
PASSED_ON: list[Any] = [
    pytest.param((X[:6], Y[:6].astype(np.float32)), {}, id="another dtype"),
    pytest.param((X[:6], Y[:6].astype(">f8")), {}, id="another byte order"),
    pytest.param((X[:6], np.arange(1, 7)), {}, id="integers"),
    pytest.param((X[::2], Y[:6]), {}, id="strided"),
    pytest.param((X[5::-1], Y[:6]), {}, id="backwards"),
    pytest.param((X.reshape(3, 4), Y.reshape(3, 4)), {}, id="two dimensions"),
    pytest.param((X[:6], Y[:1]), {}, id="broadcast"),
    pytest.param((X[:6], 2.0), {}, id="with a number"),
    pytest.param((X[:6], np.float64(2.0)), {}, id="with a number of NumPy's"),
    pytest.param((X[:6], np.array(2.0)), {}, id="with an array of no dimensions"),
    pytest.param((X[:6].view(Sub), Y[:6]), {}, id="subclass"),
    pytest.param((X[:0], Y[:0]), {}, id="empty"),
    pytest.param((X[:6],), {"y": Y[:6]}, id="keyword"),
    pytest.param((X[:6], Y[:6]), {"out": np.empty(6, np.float32)}, id="out of another dtype"),
    pytest.param((X[:6], Y[:6]), {"out": np.empty(12)[::2]}, id="strided out"),
    pytest.param((X[:6], Y[:6]), {"out": (np.empty(6),)}, id="out in a tuple"),
    pytest.param((X[:6], Y[:6]), {"out": None}, id="out=None"),
    pytest.param((X[:6], Y[:6]), {"where": X[:6] < 9}, id="where"),
    pytest.param((X[:6], Y[:6]), {"dtype": "f32"}, id="dtype"),
    pytest.param((np.tile(X, 200_000), np.tile(Y, 200_000)), {}, id="many points"),
    pytest.param((np.frombuffer(b"\1" * 65, np.uint8)[1:].view(np.float64), Y[:8]), {}, id="odd"),
]


@pytest.mark.parametrize(("args", "kwargs"), PASSED_ON)
def test_other_arrays_take_the_general_way(
    args: Any, kwargs: Any, general_calls: list[Any]
) -> None:
    kernel = jit(f, dtype="f64")
    kernel(X, Y)
    general_calls.clear()
    with np.errstate(all="ignore"):
        found = kernel(*args, **kwargs)
        assert general_calls
        x, y = (np.asarray(v, dtype=np.float64) for v in (*args, *kwargs.values())[:2])
        if "out" in kwargs or "where" in kwargs or "dtype" in kwargs:
            x, y = args
        np.testing.assert_allclose(found, np.tanh(x) * y - x / y, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("args", "out", "message"),
    [
        ((X[:6], Y[:6]), READ_ONLY, "out should be a writeable array of shape .*read-only"),
        ((X[:6], Y[:6]), np.empty(5), r"out should be a writeable array of shape \(6,\), got .*5"),
        ((X[:6], Y[:6]), np.empty(7), r"out should be a writeable array of shape \(6,\), got .*7"),
        ((X[:6], Y[:6]), [0.0] * 6, r"out should be a writeable array of shape \(6,\), got list"),
        ((X[:6], Y[:5]), np.empty(6), r"the shapes of the arguments, .* do not broadcast"),
        ((X[:6],), np.empty(6), r"f takes 2 arguments \(x, y\), got 1"),
        ((X[:6], Y[:6].astype(object)), None, "y should hold real numbers, got an array of object"),
    ],
)
def test_mistakes(args: Any, out: Any, message: str) -> None:
    kernel = jit(f, dtype="f64")
    kernel(X, Y)
    for _ in range(2):
        with pytest.raises(SignatureError, match=message):
            kernel(*args, out=out)


@pytest.mark.parametrize("shift", range(-9, 10))
@pytest.mark.parametrize("wanted", ["value", "value_and_grad"])
def test_overlapping_out(shift: int, wanted: str) -> None:
    kernel = jit(f, dtype="f64")
    kernel = kernel if wanted == "value" else kernel.value_and_grad
    leaves = 1 if wanted == "value" else 3
    n = 5
    buffer = np.linspace(1.0, 2.0, 9 + leaves * n + 9)
    x, y = buffer[9 : 9 + n], np.linspace(1.0, 3.0, n)
    expected = np.array(flat(general(kernel, x.copy(), y)))
    kernel(x, y)
    flat_out = buffer[9 + shift : 9 + shift + leaves * n]
    out = flat_out if leaves == 1 else flat_out.reshape(leaves, n)
    kernel(x, y, out=out)
    np.testing.assert_array_equal(out.reshape(-1), expected.reshape(-1))


def test_references_are_given_back() -> None:
    kernel = jit(f, dtype="f64")
    gradient = kernel.value_and_grad
    x, y = columns(8, np.float64)
    out, rows = np.empty(8), np.empty((3, 8))
    kernel(x, y), gradient(x, y)
    held = [x, y, out, rows, kernel, gradient, x.dtype, np.ndarray]

    def counts() -> list[int]:
        return [sys.getrefcount(v) for v in held]

    gc.collect()  # what other tests left holds np.ndarray, and would go meanwhile
    before = counts()
    for _ in range(1000):
        assert kernel(x, y, out=out) is out
        assert gradient(x, y, out=rows) is rows
        references = sys.getrefcount(kernel(x, y))
        assert references == 1
    gc.collect()
    after = counts()
    assert after[:-2] == before[:-2]
    assert all(abs(a - b) < 50 for a, b in zip(after, before, strict=True))


def test_numbers_and_arrays_by_turns(general_calls: list[Any]) -> None:
    weight = Value(2.0)
    kernel = jit(lambda x: x * weight, dtype="f64")
    assert kernel(np.ones(3)).tolist() == [2.0] * 3
    assert kernel(1.0) == 2.0
    general_calls.clear()
    weight.data = 5.0
    assert kernel(np.ones(3)).tolist() == [5.0] * 3
    assert kernel(3.0) == 15.0
    assert not general_calls


def test_closed() -> None:
    kernel = jit(f, dtype="f64")
    for _ in range(2):
        kernel(X, Y)
    kernel.close()
    with pytest.raises(KernelClosed, match="was closed"):
        kernel(X, Y)


def test_threads_begin_at_once() -> None:
    kernel = jit(f, dtype="f64")
    expected = np.tanh(X) * Y - X / Y
    wrong: list[Any] = []

    def call() -> None:
        for _ in range(300):
            found = kernel(X, Y)
            if not np.allclose(found, expected, rtol=1e-12):
                wrong.append(found)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("field", [x.name for x in dataclasses.fields(ArrayLayout)])
def test_a_layout_that_is_not_numpys_is_noticed(field: str) -> None:
    assert ARRAY.holds()
    assert not dataclasses.replace(ARRAY, **{field: getattr(ARRAY, field) ^ 8}).holds()


@pytest.mark.parametrize("result", [lambda x, y: x * y, lambda x, y: [x * y]], ids=["one", "list"])
@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_one_result_goes_where_a_row_is_too(result: Any, n: int, general_calls: list[Any]) -> None:
    kernel = jit(result)
    args = columns(n, np.float64)
    kernel(*columns(3, np.float64))
    for shape in [(n,), (1, n), (2, n), (n, 1), (1, n + 1), (1, 1, n), (1, n, 1)]:
        expected, out = np.full(shape, -7.0), np.full(shape, -7.0)
        try:
            general(kernel, *args, out=expected)
        except SignatureError as refused:
            with pytest.raises(SignatureError, match=re.escape(str(refused))):
                kernel(*args, out=out)
            np.testing.assert_array_equal(out, expected)
            continue
        general_calls.clear()
        assert kernel(*args, out=out) is out
        assert bool(general_calls) == (shape not in [(n,), (1, n)])
        np.testing.assert_array_equal(out, expected)
