"""Random losses of one sample: block by block and sample by sample, as the interpreter has them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

from micrograd import Value, fit, maximum, sigmoid, sin, tanh, where
from micrograd.errors import CheckError
from micrograd.jit.call.check import MOST_SECONDS, Checker, seconds_to_interpret
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.options import Options
from micrograd.jit.passes.over_samples import SIZE, over_samples
from micrograd.jit.reroll.reroll import reroll
from micrograd.jit.target import Target
from micrograd.optim import SGD
from micrograd.train.check_loss import check_loss
from micrograd.train.sample_loss import BlockLoss, sample_loss
from micrograd.train.sample_trace import trace_sample

from ..guarded import guarded, needs_guards

FEATURES = 3


def random_loss(seed: int) -> tuple[list[Value], Callable[[Any, Any], Value]]:
    """Parameters, and a loss that is a random network of layers and single operations."""
    choose = random.Random(seed)
    sizes = [
        FEATURES,
        *(choose.choice([1, 2, 3, 5, 8, 16, 17]) for _ in range(choose.randint(0, 3))),
    ]
    parameters: list[Value] = []

    def parameter() -> Value:
        parameters.append(Value(choose.uniform(-1, 1)))
        return parameters[-1]

    layers = [
        [[parameter() for _ in range(a)] + [parameter()] for _ in range(b)]
        for a, b in itertools.pairwise(sizes)
    ]
    extra = [parameter() for _ in range(3)]
    bends = [
        choose.choice([tanh, sigmoid, sin, lambda v: v.relu(), lambda v: v * v]) for _ in layers
    ]
    plan = [
        (choose.choice("+-*mwt"), choose.random(), choose.random())
        for _ in range(choose.randint(1, 25))
    ]

    def loss(x: Any, y: Any) -> Value:
        values = list(x)
        for layer, bend in zip(layers, bends, strict=True):
            values = [
                bend(sum((w * v for w, v in zip(row, values, strict=False)), row[-1]))
                for row in layer
            ]
        pool = [*values, y, *extra]
        for op, first, second in plan:
            a, b = pool[int(first * len(pool))], pool[int(second * len(pool))]
            match op:
                case "+":
                    c = a + b
                case "-":
                    c = a - b * 0.5
                case "*":
                    c = a * tanh(b)
                case "m":
                    c = maximum(a, b)
                case "w":
                    c = where(a > b, a * 0.5, b)
                case _:
                    c = tanh(a) + extra[0] * 0.25
            pool.append(c)
        return sum(tanh(v) for v in pool[-4:]) + extra[1] * extra[1] + sum(values) * 0.125

    return parameters, loss


def expected(seed: int, X: Any, y: Any) -> tuple[float, list[float]]:
    """The mean loss and its gradient, interpreted."""
    parameters, loss = random_loss(seed)
    losses = [loss(list(map(float, row)), float(v)) for row, v in zip(X, y, strict=True)]
    total = sum(losses) * (1.0 / len(losses)) + 0.01 * sum(p * p for p in parameters)
    total.backward()
    return total.data, [p.grad for p in parameters]


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("strict", [False, True])
def test_random_losses(seed: int, strict: bool) -> None:
    rng = np.random.default_rng(seed)
    n = [1, 2, 7, 16, 33][seed % 5]
    X, y = rng.normal(size=(n, FEATURES)), rng.normal(size=n)
    parameters, loss = random_loss(seed)
    before = np.array([p.data for p in parameters])
    history = fit(
        loss,
        SGD(parameters, lr=1.0),
        data=(X, y),
        batch_size=n,
        steps=1,
        regularization=lambda: 0.01 * sum(p * p for p in parameters),
        dtype="f64",
        strict=strict,
    )
    value, gradient = expected(seed, X, y)
    after = np.array([p.data for p in parameters])
    if strict:
        assert history.losses[0] == value
        assert after.tolist() == (before - 1.0 * np.array(gradient)).tolist()
    assert history.losses[0] == pytest.approx(value, rel=1e-10, abs=1e-12)
    assert after == pytest.approx(before - np.array(gradient), rel=1e-9, abs=1e-11)


@needs_guards
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("seed", range(24))
def test_nothing_outside_the_data_is_touched(seed: int, dtype: str) -> None:
    """Blocks that are read where they lie begin and end at guarded pages."""
    rng = np.random.default_rng(seed)
    sizes = [(48, True), (33, True), (1, True), (16, False), (976, True), (979, True)]
    parameters, loss = random_loss(seed)  # compiled once for all of them
    for n, at_end in sizes if seed < 4 else sizes[:1]:
        kind = np.float32 if dtype == "f32" else np.float64
        X, y = rng.normal(size=(n, FEATURES)).astype(kind), rng.normal(size=n).astype(kind)
        data = tuple(guarded(a, at_end=at_end) for a in (X, y))
        history = fit(loss, SGD(parameters), data=data, batch_size=n, steps=2, dtype=dtype)
        assert np.isfinite(history.losses).all()


@pytest.mark.parametrize("seed", [2, 6, 8, 15])
def test_the_program_of_a_block_is_the_weighted_sum_of_its_samples(seed: int) -> None:
    parameters, loss = random_loss(seed)
    found = trace_sample(loss, [(FEATURES,), ()], parameters, extra := parameters[-1] * 2.0)
    program = verify(reroll(found.graph), "reroll")
    block = over_samples(program)
    assert block is not None
    many, size = verify(block, "over_samples"), SIZE
    rng = np.random.default_rng(seed)
    weights = np.zeros(size)
    chosen = [0, 1, 5, size - 1]
    weights[chosen] = [0.5, 0.25, -1.0, 2.0]
    given = {a.name: rng.normal(size=a.size) for a in many.with_role(Role.INPUT)}
    given |= {f"p{k}": store.array for k, store in enumerate(found.stores)}
    given |= {"weights": weights, "share": 3.0, "count": size}
    total = 3.0 * extra.data
    for k in chosen:
        one = {
            name: x.reshape(size, -1)[k] if name.startswith("x") else x for name, x in given.items()
        }
        total += weights[k] * interpret(program, one)["out"][0]
    assert interpret(many, given)["out"] == pytest.approx([total], rel=1e-12)
    # loops run over so many samples, and others do not count
    for count in (0, 1, 6):
        expected = 3.0 * extra.data
        for k in [k for k in chosen if k < count]:
            one = {n: x.reshape(size, -1)[k] if n.startswith("x") else x for n, x in given.items()}
            expected += weights[k] * interpret(program, one)["out"][0]
        found_now = interpret(many, given | {"count": count})["out"]
        assert found_now == pytest.approx([expected], rel=1e-12)
    with pytest.raises(ValueError, match=f"count should be from 0 to {size}, got {size + 1}"):
        interpret(many, given | {"count": size + 1})


def test_a_loop_as_long_as_a_block_is_not_taken_for_one_over_samples() -> None:
    n = 976
    w = [Value(k / n) for k in range(n)]
    x = np.random.default_rng(0).normal(size=(10, 3))

    def loss(x: Any) -> Value:
        return (sum(p * p for p in w) * 0.01 + sum(p * x[0] for p in w[:5]) - x[1] * x[2]) ** 2

    options = Options.on(Target.host())
    assert isinstance(sample_loss(loss, [(3,)], w, options), BlockLoss)  # and not one by one
    before = np.array([p.data for p in w])
    fit(loss, SGD(w, lr=1.0), data=x, batch_size=10, steps=1, dtype="f64")
    inner = 0.01 * before @ before + x[:, 0] * before[:5].sum() - x[:, 1] * x[:, 2]
    gradient = np.mean(2 * inner) * 0.02 * before
    gradient[:5] += np.mean(2 * inner * x[:, 0])
    assert [p.data for p in w] == pytest.approx(before - gradient, rel=1e-10)


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_code_for_any_number_of_samples_is_what_its_program_means(bits: int, dtype: str) -> None:
    """Value and gradient at counts around a vector, a pass and a block, as interpreted."""
    rng = np.random.default_rng(bits)
    for seed in range(8):
        parameters, loss = random_loss(seed)
        options = Options.on(Target.host(dtype, vector_bits=bits))
        compiled = sample_loss(loss, [(FEATURES,), ()], parameters, options)
        assert isinstance(compiled, BlockLoss)
        assert seconds_to_interpret(compiled.program) <= MOST_SECONDS  # else nothing is compared
        for n in (1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, SIZE - 1, SIZE):
            kind = np.dtype(dtype)
            X, y = rng.normal(size=(n, FEATURES)).astype(kind), rng.normal(size=n).astype(kind)
            check_loss(compiled, (X, y), n)


def test_a_count_that_is_too_small_is_noticed() -> None:
    """The test of the test: a sample fewer than the interpreter takes."""
    parameters, loss = random_loss(0)
    compiled = sample_loss(loss, [(FEATURES,), ()], parameters, Options.on(Target.host()))
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(SIZE, FEATURES)), rng.normal(size=SIZE)
    with mock.patch.object(Checker, "compare", autospec=True) as compare:
        check_loss(compiled, (X, y), SIZE)
    checker, columns, found, extents = compare.call_args.args
    with pytest.raises(CheckError):
        checker.compare(columns, found, {name: n - 1 for name, n in extents.items()})


@pytest.mark.parametrize("seed", range(6))
def test_blocks_of_samples_add_up(seed: int) -> None:
    """More samples than a block has, the last block a small one."""
    rng = np.random.default_rng(seed)
    few = 5
    X, y = rng.normal(size=(few, FEATURES)), rng.normal(size=few)
    times = 400 + 3 * seed
    parameters, loss = random_loss(seed)
    before = np.array([p.data for p in parameters])
    history = fit(
        loss,
        SGD(parameters, lr=1.0),
        data=(np.tile(X, (times, 1)), np.tile(y, times)),
        batch_size=few * times,
        steps=1,
        regularization=lambda: 0.01 * sum(p * p for p in parameters),
        dtype="f64",
    )
    value, gradient = expected(seed, X, y)
    assert history.losses[0] == pytest.approx(value, rel=1e-9)
    after = np.array([p.data for p in parameters])
    assert after == pytest.approx(before - np.array(gradient), rel=1e-8, abs=1e-10)
