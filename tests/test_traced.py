"""Traced values: what they refuse, in and after the function that is compiled."""

from __future__ import annotations

import copy
import functools
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, grad, jit, where
from micrograd.errors import SignatureError, TraceError
from micrograd.nn import MLP
from micrograd.optim import SGD

HERE = Path(__file__)


# --- after the trace --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x * 2.0,
        lambda x: 2.0 - x,
        lambda x: Value(2.0) * x,
        lambda x: x.tanh(),
        lambda x: micrograd.exp(x),
        lambda x: np.sin(x),
        lambda x: np.array([x, x]).sum(),
        lambda x: where(True, x, 0.0),
        lambda x: x == 2.0,
        lambda x: x < Value(2.0),
        lambda x: x.data,
        lambda x: 1.0 if x else 0.0,
        lambda x: float(x),
        lambda x: f"{x:.2f}",
        lambda x: {x: 1.0},
        lambda x: jit(lambda y: y * y)(x),
        lambda x: jit(lambda y: x * y)(1.0),
        lambda x: copy.deepcopy(x),
        lambda x: MLP(1, [2])([x]),
    ],
)
def test_traced_value_that_is_used_after_its_trace(use: Any) -> None:
    """It would be recorded, to no end: neither a number nor an error would come of it."""
    kept: list[Any] = []

    def square(x: Any) -> Any:
        kept.append(x * 3.0)
        return x * x

    for kernel in (jit(square), jit(square, freeze=True), jit(square).grad):
        kernel(1.0)
        with pytest.raises(TraceError, match="when square was compiled, and escaped") as caught:
            use(kept.pop())
        assert str(caught.value).startswith(f"{HERE}:{use.__code__.co_firstlineno}: ")


def test_traced_values_of_a_loss_that_are_used_after_its_trace() -> None:
    w, kept = Value(1.0), []

    def loss(x: Any) -> Any:
        kept.append(w * x)
        return (w * x - 1.0) ** 2

    micrograd.fit(loss, SGD([w], 0.1), data=[np.array([1.0, 2.0])], epochs=1, batch_size=1)
    with pytest.raises(TraceError, match="when the loss of one sample was compiled, and escaped"):
        kept[0] * 2.0


def test_a_cache_that_keeps_traced_values_by_another_key() -> None:
    """What a function that is compiled leaves in an attribute is not there for the next."""

    class Layer:
        last: Any = None

        def __call__(self, x: Any) -> Any:
            if self.last is None:
                self.last = x * x
            return self.last + x

    layer = Layer()
    kernel = jit(lambda x: layer(x))
    assert (kernel(3.0), kernel(4.0)) == (12.0, 20.0)
    with pytest.raises(TraceError, match="was compiled, and escaped from it"):
        layer(Value(2.0))


# --- look-ups by hash -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "look_up",
    [
        lambda x: {0.0: 1.0, 1.0: 2.0}.get(x, 9.0) * x,
        lambda x: {0.0: 1.0, 1.0: 2.0}[x] * x,
        lambda x: x if x in {1.0, 2.0} else 0.0,
        lambda x: x if x in frozenset([1.0]) else 0.0,
        lambda x: x * len({x, 1.0}),
        lambda x: x * len(dict.fromkeys([x, x])),
        lambda x: x * len(set(map(lambda k: x * k, (1.0, 1.0)))),
        lambda x: x * Counter([x])[x],
        lambda x: x * hash(x),
        lambda x: x * hash((x, 1.0)),
        lambda x: doubled(x),
        lambda x: statistics.mode([x, x]),
        lambda x: x * len({x.data, 1.0}),
    ],
)
def test_traced_value_has_no_hash(look_up: Any) -> None:
    """Look-ups by hash would go by identity, and silently find nothing."""
    with pytest.raises(TraceError, match="a traced value has no hash") as caught:
        jit(look_up)(1.0)
    assert str(caught.value).startswith(f"{HERE}:{look_up.__code__.co_firstlineno}: ")
    assert "micrograd.where(x == a, b, c)" in str(caught.value)
    assert "id(x)" in str(caught.value)


@functools.lru_cache
def doubled(x: Any) -> Any:
    """A function that remembers what it was given."""
    return x * 2.0


def test_hashes_that_remain() -> None:
    w = Value(3.0)
    assert {w: 1.0}[w] == 1.0
    assert Value(3.0) not in {3.0, w}
    assert jit(lambda x: {w: 2.0}[w] * {id(x): x}[id(x)])(5.0) == 10.0


def test_a_function_made_inside_reads_values_around() -> None:
    assert jit(lambda x: grad(lambda y: x * y * y)(2.0))(3.0) == 12.0
    assert jit(lambda x: grad(lambda y, x: x * y * y, wrt="y")(2.0, x))(3.0) == 12.0
    kept: list[Any] = []

    def inside(x: Any) -> Any:
        kept.append(jit(lambda y: x * y))
        return kept[-1](2.0)

    assert jit(inside).value_and_grad(3.0) == (6.0, 2.0)
    with pytest.raises(TraceError, match="escaped from it"):
        kept[-1](2.0)  # which is no part of that function any more
    with pytest.raises(SignatureError, match=r"being compiled around .*pass it as an argument"):
        jit(lambda x: x * len(jit(lambda y: x * y).stages()["graph"]))(1.0)
