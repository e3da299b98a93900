"""What the usual cases do at once is what the primitives that they record say: evaluated again by
the table, every node of the graph has the same numbers; and nothing changes if none is recorded.
For longer: `python -m tests.tensor.test_shortcuts SECONDS SEED`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Tensor
from micrograd.errors import MicrogradError
from micrograd.ops import OPS
from micrograd.tensor import concat, einsum, no_grad, pad, stack

BLOCKS, CALLS = 4, 150
SHAPES = [(), (1,), (3,), (2, 3), (3, 3), (1, 3), (3, 1), (2, 3, 4), (2, 1, 3), (0, 3), (1, 1)]
ONE = [op for op in OPS.values() if op.arity == 1 and op.emittable]
TWO = [op for op in OPS.values() if op.arity == 2 and op.emittable]
REDUCED = ("sum", "prod", "max", "min", "mean", "var", "std", "logsumexp")
ALONG = ("softmax", "log_softmax", "argmax", "argmin")
VIEWS: list[Callable[[Any], Any]] = [
    lambda x: x.T,
    lambda x: x.mT,
    lambda x: x.flatten(),
    lambda x: x.squeeze(),
    lambda x: x.squeeze(0),
    lambda x: x.expand_dims(0),
    lambda x: x.expand_dims((0, -1)),
    lambda x: x.swapaxes(0, -1),
    lambda x: x.transpose(-1, 0),
    lambda x: x.moveaxis(0, -1),
    lambda x: x.reshape(-1, 3),
    lambda x: x.reshape((1, -1)),
    lambda x: x.flip(0),
    lambda x: x.astype("f64"),
    lambda x: x.astype("f32"),
    lambda x: x.clip(-0.5, 0.5),
    lambda x: pad(x, 1, 2.0),
    lambda x: x.split(3)[1],
    lambda x: x.broadcast_to(2, *x.shape),
]
PAIRS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x @ y,
    lambda x, y: x.outer(y),
    lambda x, y: concat([x, y]),
    lambda x, y: concat([x, y], axis=-1),
    lambda x, y: stack([x, y], axis=1),
    lambda x, y: einsum("ij,jk->ki", x, y),
    lambda x, y: einsum("ij,kj->i", x, y),
    lambda x, y: einsum("i,j->ji", x, y),
    lambda x, y: einsum("ii,i", x, y),
    lambda x, y: micrograd.where(x > 0.0, x, y),
    lambda x, y: micrograd.where(x > y, 1.0, y),
    lambda x, y: micrograd.where(y < 0, x, 0.0),
]


def drawn(rng: Random) -> Any:
    """A Tensor that mostly requires a gradient."""
    numbers = np.random.default_rng(rng.getrandbits(32)).normal(size=rng.choice(SHAPES))
    numbers = np.where(rng.random() < 0.1, np.round(numbers), numbers)
    if rng.random() < 0.1 and numbers.size:
        numbers.flat[0] = rng.choice([np.inf, -np.inf, np.nan, -0.0])
    dtype = rng.choice(["f32", "f32", "f64"])
    return Tensor(numbers, dtype, requires_grad=rng.random() < 0.8)


def other_operand(rng: Random) -> Any:
    y = drawn(rng)
    kind = rng.randrange(8)
    if kind < 2:
        return y.numpy() if kind else y.numpy().astype(np.float64)
    return y if kind < 5 else [rng.choice([2, 0, -3]), rng.choice([0.5, -0.0]), 2][kind - 5]


def index(rng: Random, x: Any) -> Any:
    """A part or several, in range or not."""

    def part(n: int) -> Any:
        places = np.array([rng.randint(-n - 1, n) for _ in range(rng.choice([1, 2]))])
        start = rng.choice([None, -2, 0, 1, 5])
        return rng.choice(
            [
                *(rng.randint(-n - 1, n), None, ...),
                *(slice(start, None, rng.choice([None, 1, 2, -1])), slice(None), slice(1, 1)),
                *(places, Tensor(places), [0, 0], rng.choice([x.numpy() > 0, x > 0])),
            ]
        )

    parts = tuple(part(n) for n in (*x.shape, 2)[: rng.randint(0, 3)])
    return parts[0] if len(parts) == 1 and rng.random() < 0.7 else parts


def call(rng: Random) -> tuple[str, Callable[[], Any]]:
    """Something that is computed, and what it is called."""
    x, y = drawn(rng), other_operand(rng)
    kind = rng.randrange(8)
    if kind == 0:
        op = rng.choice(ONE)
        return op.name, lambda: op(x)
    if kind < 3:
        op = rng.choice(TWO)
        pair = (x, y) if rng.random() < 0.6 else (y, x)
        if op.operator is not None and op.ufunc is not None and rng.random() < 0.3:
            return f"np.{op.ufunc}", lambda: getattr(np, op.ufunc)(*pair)
        return op.name, lambda: op(*pair)
    if kind == 3:
        name, axis = rng.choice(REDUCED), rng.choice([None, 0, 1, -1, (0, 1), (), True, 3])
        how = rng.choice([{}, {"keepdims": True}, {"keepdims": False}])
        return f"{name} {axis} {how}", lambda: getattr(x, name)(axis, **how)
    if kind == 4:
        name, axis = rng.choice(ALONG), rng.choice([0, -1, 1])
        return f"{name} {axis}", lambda: getattr(x, name)(axis)
    if kind == 5:
        k = rng.randrange(len(VIEWS))
        return f"view {k}", lambda: VIEWS[k](x)
    if kind == 6:
        k, z = rng.randrange(len(PAIRS)), drawn(rng)
        return f"pair {k}", lambda: PAIRS[k](x, z)
    at = index(rng, x)
    if rng.random() < 0.3 and not isinstance(at, tuple):
        return f"take {at}", lambda: x.take(at, rng.choice([None, 0]))
    return f"x[{at}]", lambda: x[at]


def same(found: Any, expected: Any, said: str) -> None:
    assert found.dtype == expected.dtype, said
    assert found.shape == expected.shape, said
    assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f"), said


def attempt(compute: Callable[[], Any]) -> tuple[Any, str]:
    """What comes back, or the error."""
    try:
        return compute(), ""
    except (MicrogradError, IndexError) as error:
        return None, f"{type(error).__name__}: {error}"


def check(rng: Random) -> bool:
    """One call; whether it gave something."""
    seed = rng.getrandbits(32)
    said, compute = call(Random(seed))
    said = f"{said}, seed {seed}"
    out, error = attempt(compute)
    compute = call(Random(seed))[1]
    with no_grad():
        unrecorded, same_error = attempt(compute)
    assert error == same_error, said
    if error:
        return False
    same(unrecorded.numpy(), out.numpy(), said)
    assert unrecorded._primitive is None, said
    waiting = [out]
    while waiting:
        v = waiting.pop()
        if v.__class__ is not Tensor or v._primitive is None:
            continue
        arrays = [x if x.__class__ is float else x._data for x in v._operands]
        with np.errstate(all="ignore"):
            again = v._primitive.eval(*arrays, **v._parameters)
        same(np.asarray(again, v.dtype), v._data, said)
        shapes = [() if x.__class__ is float else x.shape for x in v._operands]
        assert v._primitive.shape(*shapes, **v._parameters) == v.shape, said
        for x in v._operands:
            assert x.__class__ is float or x._serial < v._serial, said
        waiting += v._operands
    return True


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_usual_cases_are_what_the_primitives_say(block: int) -> None:
    rng = Random(block)
    assert sum(check(rng) for _ in range(CALLS)) > CALLS / 2


if __name__ == "__main__":
    end, rng, tried, gave = time.time() + float(sys.argv[1]), Random(int(sys.argv[2])), 0, 0
    while time.time() < end:
        tried, gave = tried + 1, gave + check(rng)
    print(f"{tried} calls, {gave} gave something")
