"""Losses of samples with triangles inside: what each number says of all before it."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, fit, maximum
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.over_samples import over_samples
from micrograd.optim import SGD


def attention(seed: int, width: int) -> tuple[list[Value], Any]:
    """The parameters and the loss of a row: a softmax of those so far weighs them."""
    rng = np.random.default_rng(seed)
    w = [Value(x) for x in rng.normal(size=width)]
    b = [Value(x) for x in rng.normal(size=width)]

    def loss(x: list[Any]) -> Any:
        keys: list[list[Any]] = []
        total = 0.0
        for t in range(len(x) - 1):
            keys.append([x[t] * w[j] + b[j] for j in range(width)])
            scores = [sum(x[t] * k[j] for j in range(width)) for k in keys]
            top = reduce(maximum, scores).data
            powers = [exp(s - top) for s in scores]
            norm = sum(powers)
            out = [
                sum(p / norm * k[j] for p, k in zip(powers, keys, strict=True))
                for j in range(width)
            ]
            total = total + (sum(o * bj for o, bj in zip(out, b, strict=True)) - x[t + 1]) ** 2
        return total

    return [*w, *b], loss


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("length", "width", "rows"), [(8, 4, 3), (9, 3, 33), (20, 8, 2)])
def test_a_step_is_the_interpreters(length: int, width: int, rows: int, strict: bool) -> None:
    x = np.random.default_rng(length).normal(size=(rows, length)) * 0.5
    parameters, loss = attention(1, width)
    before = np.array([p.data for p in parameters])
    mean = sum(loss(list(map(float, row))) for row in x) * (1.0 / rows)
    mean.backward()
    gradient = np.array([p.grad for p in parameters])
    history = fit(
        loss,
        SGD(parameters, lr=1.0),
        data=(x,),
        batch_size=rows,
        steps=1,
        dtype="f64",
        strict=strict,
    )
    assert history.losses[0] == pytest.approx(mean.data, rel=1e-12)
    after = np.array([p.data for p in parameters])
    assert after == pytest.approx(before - gradient, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("length", [24, 120])
def test_large_samples_are_done_one_by_one(length: int) -> None:
    program = parse(f"""
        input x[{length}]
        temp s[{length}]
        output out[1]

        s[i] = 0.0  for i < {length}
        s[i] += mul(x[j], x[i])  for i < {length}, j < i + 1
        out = 0.0
        out += s[i]  for i < {length}
    """)
    block = over_samples(verify(program))
    assert (block is None) == (length == 120)
    if block is not None:
        assert "k < j + 1" in str(verify(block))
