"""Kernels that read parameters, called with plain numbers in a function that is being compiled."""

from __future__ import annotations

import copy
import functools
import random
import threading
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, jit, where
from micrograd.errors import KernelClosed, TraceError
from micrograd.nn import MLP
from micrograd.optim import SGD


def scaled(w: Value) -> Any:
    """A kernel that is closed over a parameter, of every structure of arguments."""
    k = jit(lambda x: w * w * x if isinstance(x, Value) else sum(w * w * v for v in x))
    k(2.0)  # compiled: machine code answers such calls from now on
    k([1.0, 2.0])
    k(np.array([1.0, 2.0]))
    k.grad(2.0)
    return k


def whole(w: Value) -> Any:
    def f(x: np.ndarray) -> Any:
        return (w * w * x).sum()

    k = jit(f)
    k(np.array([1.0, 2.0]))
    return k


@pytest.mark.parametrize(
    ("make", "call", "factor"),
    [
        (scaled, lambda k: k(2.0), 2.0),
        (scaled, lambda k: k(2), 2.0),
        (scaled, lambda k: k(np.float32(2.0)), 2.0),
        (scaled, lambda k: k(x=2.0), 2.0),
        (scaled, lambda k: k(2.0, dtype="f32"), 2.0),
        (scaled, lambda k: k([1.0, 2.0]), 3.0),
        (scaled, lambda k: k((1.0, 2.0)), 3.0),
        (scaled, lambda k: k(np.array([1.0, 2.0])).sum(), 3.0),
        (scaled, lambda k: sum(k(np.array([1.0, 2.0]))), 3.0),
        (scaled, lambda k: sum(map(k, [1.0, 2.0])), 3.0),
        (scaled, lambda k: k.grad(2.0), 1.0),
        (scaled, lambda k: sum(k.grad([1.0, 2.0])), 2.0),
        (scaled, lambda k: sum(k.value_and_grad(2.0)), 3.0),
        (scaled, lambda k: k.jvp(2.0, 3.0)[1], 3.0),
        (scaled, lambda k: k.vjp(2.0, 3.0)[1], 3.0),
        (scaled, lambda k: k.jacobian(2.0), 1.0),
        (scaled, lambda k: jit(k)(2.0), 2.0),
        (scaled, lambda k: functools.partial(k, 2.0)(), 2.0),
        (scaled, lambda k: copy.copy(k)(2.0), 2.0),
        (whole, lambda k: k(np.array([1.0, 2.0])), 3.0),
        (whole, lambda k: k.grad(np.array([1.0, 2.0])).sum(), 2.0),
        (lambda w: jit(lambda: w * w), lambda k: k(), 1.0),
        (lambda w: jit(w * w, wrt=[w], dtype="f64"), lambda k: k(), 1.0),
        (lambda w: jit(w * w * w, wrt=w, dtype="f64"), lambda k: k.grad(), 3.0),
        (lambda w: jit(jit(lambda x: w * w * x)), lambda k: k(2.0), 2.0),
    ],
)
def test_kernels_called_with_numbers_in_a_function_read_live_parameters(
    make: Any, call: Any, factor: float
) -> None:
    """A number of theirs would be a constant of the function, whatever becomes of the parameter."""
    w = Value(3.0)
    k = make(w)
    f = jit(lambda x: x * call(k), dtype="f64")
    by_parameter = jit(lambda x: x * call(k), wrt=[w], dtype="f64")
    frozen = jit(lambda x: x * call(k), freeze=True, dtype="f64")
    for number in (3.0, 5.0):
        w.data = number
        assert f(7.0) == 7.0 * factor * number**2
        assert f.grad(7.0) == factor * number**2
        assert by_parameter.grad(7.0) == (14.0 * factor * number,)
        assert frozen(7.0) == 7.0 * factor * 9.0


def test_models_called_with_numbers_in_a_function() -> None:
    random.seed(4)
    model = MLP(1, [2, 1])
    k = jit(model, dtype="f64")
    k([0.5])
    f = jit(lambda x: x * k([0.5]) + sum(k(np.array([[0.5], [1.0]]))))
    plain: Any = jit(lambda x: x * model([0.5]) + model([0.5]) + model([1.0]))
    for _ in range(2):
        assert f(2.0) == pytest.approx(plain(2.0), rel=1e-14)
        for p in model.parameters():
            p.data += 0.25


def test_kernels_called_with_numbers_in_a_loss() -> None:
    w = Value(1.0)
    k = jit(lambda x: w * x)
    k(2.0)
    data = [np.array([1.0, 2.0, 3.0]), np.array([4.0, 8.0, 12.0])]
    fit(lambda x, y: (k(2.0) * x - y) ** 2, SGD([w], 0.05), data=data, epochs=50, batch_size=3)
    assert w.data == pytest.approx(2.0, rel=1e-3)
    fit(
        lambda x, y: 0.0 * w + (x - x) * y,
        SGD([w], 0.1),
        data=data,
        epochs=50,
        batch_size=3,
        regularization=lambda: (k(2.0) - 3.0) ** 2,
    )
    assert w.data == pytest.approx(1.5, rel=1e-3)


def test_what_decides_by_a_parameter_is_an_error_in_a_function() -> None:
    """The decision would be of the number at that time."""
    w, c = Value(3.0), Value(3.0)
    k = jit(lambda x: w * x)
    for decide in (
        lambda x: x if k(2.0) > 1.0 else 2.0 * x,
        lambda x: x if w > 1.0 else 2.0 * x,
        lambda x: x if w else 2.0 * x,
        lambda x: x if w == 3.0 else 2.0 * x,
        lambda x: x if w == c else 2.0 * x,
        lambda x: max(w, c) * x,
    ):
        with pytest.raises(TraceError, match="a traced value has no truth value") as caught:
            jit(decide)(1.0)
        assert str(caught.value).startswith(f"{__file__}:{decide.__code__.co_firstlineno}: ")
    assert jit(lambda x: where(w == c, x, 2.0 * x))(1.0) == 1.0  # compared by their numbers
    assert jit(lambda x: where(w != c, x, 2.0 * x))(1.0) == 2.0
    assert w != c
    with pytest.raises(TraceError, match=r"\.ufunc gives numbers, which would be constants"):
        jit(lambda x: x * k.ufunc(2.0))(1.0)


def test_entries_open_again_after_a_function_was_compiled() -> None:
    """What machine code answers is shut for others, other threads too, only as long as it must."""
    w = Value(3.0)
    k, plain = jit(lambda x: w * x), jit(lambda x: 3.0 * x)
    k(1.0), plain(1.0)
    entries = k._entry, plain._entry
    seen: list[Any] = []

    def other() -> None:
        seen.append((k(2.0), k._entry, plain._entry))

    def f(x: Any) -> Any:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return x * k(2.0) * plain(2.0)

    def fails(x: Any) -> Any:
        raise ValueError("not now")

    assert jit(f)(1.0) == 36.0
    assert seen == [(6.0, 0, entries[1])]
    with pytest.raises(ValueError, match="not now"):
        jit(fails)(1.0)
    assert (k._entry, plain._entry) == entries
    assert jit(lambda x: x if k.close() is None else 0.0)(2.0) == 2.0  # while it is shut
    assert k._entry == 0
    with pytest.raises(KernelClosed):
        k(1.0)
