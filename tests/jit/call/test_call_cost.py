"""How much Python a call runs that goes the general way; time itself is measured by benchmarks."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import jit
from micrograd.jit.call.quiet import ThreadState, quiet
from micrograd.nn import MLP

SQUARE, ROW = np.arange(9.0).reshape(3, 3), np.arange(8.0)
product = jit(lambda x, y: x * y + x)
single = jit(lambda x, y: x * y + x, dtype="f32")
model = jit(MLP(3, [4, 2]))


def functions(call: Callable[[], Any]) -> list[str]:
    """The functions written in Python that the call runs, itself not counted."""
    call()
    call()
    names = []

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return names[1:]


CALLS: dict[str, tuple[Callable[[], Any], int]] = {
    "arrays of two dimensions": (lambda: product(SQUARE, SQUARE), 8),
    "an array and a number": (lambda: product(ROW, 2.0), 8),
    "converted arrays": (lambda: single(SQUARE, SQUARE), 10),
    "out": (lambda: product(SQUARE, SQUARE, out=np.empty((3, 3))), 9),
    "numbers by name": (lambda: product(1.0, y=2.0), 8),
    "NumPy's numbers": (lambda: product(np.float32(1.0), 2.0), 12),
    "derivatives": (lambda: product.value_and_grad(SQUARE, SQUARE), 20),
    "rows of a model": (lambda: model(SQUARE), 14),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_runs_few_functions(name: str) -> None:
    call, most = CALLS[name]
    ran = functions(call)
    assert len(ran) <= most, ran
    assert "__enter__" not in ran  # of np.errstate, which takes 0.9 us


@pytest.mark.parametrize("name", ["float", "list", "array", "strided array", "out"])
def test_what_is_converted_neither_warns_nor_raises(name: str) -> None:
    large, f = 1e300, jit(lambda x, y: x + y, dtype="f32")

    def whole(x: list) -> Any:  # type: ignore[type-arg]
        return x[0] + x[1]

    calls: dict[str, Callable[[], Any]] = {
        "float": lambda: f(np.ones(3, np.float32), large),
        "list": lambda: jit(whole, dtype="f32")([large, np.ones(3)]),
        "array": lambda: f(np.full(3, large), np.ones(3)),
        "strided array": lambda: f(np.full((3, 3), large)[:, 1], 1e-300),
        "out": lambda: jit(lambda x, y: x + y)(
            np.full(3, large), 0.0, out=np.empty(3, dtype=np.float32)
        ),
    }
    before = np.geterr()
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        assert (calls[name]() == np.inf).all()
    assert np.geterr() == before


def test_rows_of_a_model_lie_in_a_row() -> None:
    found = model(SQUARE)
    assert found.shape == (3, 2)
    assert found.flags.c_contiguous
    assert found.dtype == np.float32
    assert np.allclose(found[1], model(list(SQUARE[1])), rtol=1e-5)


def test_numpy_1_is_silent_too() -> None:
    """Its error state is of a thread."""
    large = np.full(3, 1e300)
    with np.errstate(all="raise"):
        with pytest.raises(FloatingPointError):
            large.astype(np.float32)
        assert (ThreadState().run(large.astype, np.float32) == np.inf).all()
        assert (quiet().run(large.astype, dtype=np.float32) == np.inf).all()
