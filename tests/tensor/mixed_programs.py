"""Random functions of Tensors and Values: elements as Values, Tensors of Values, Values that are
arguments, closed over, or computed from such; and scalar functions called among them.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

import micrograd
from micrograd import Tensor, Value, jit, ops

ONE = ("tanh", "sin", "sigmoid", "relu", "exp", "softplus", "abs")


def scaled(a: Any, b: Any) -> Any:
    """A scalar function."""
    return a * micrograd.tanh(b) - b / 2.0


COMPILED = jit(scaled)


class Mixed:
    """A function of a Tensor, a Value and a list of two Values, which closes over others."""

    def __init__(self, seed: int) -> None:
        rng = Random(seed)
        numbers = np.random.default_rng(seed)
        self.seed = rng.getrandbits(32)
        self.shape = rng.choice([(), (2,), (3,), (2, 2), (1, 3)])
        self.steps = rng.randint(3, 9)
        self.dtype = rng.choice(["f64", "f64", "f32"])
        self.x = Tensor(numbers.normal(size=self.shape), self.dtype, requires_grad=True)
        self.p = Tensor(numbers.normal(size=(3,)), self.dtype, requires_grad=True)
        self.given = [Value(x) for x in numbers.normal(size=3)]
        self.closed = [Value(x) for x in numbers.normal(size=3)]
        self.inner = self.closed[0] * self.closed[1] + 0.5

    def __call__(self, x: Tensor, s: Value, rest: list[Any]) -> Any:
        rng = Random(self.seed)
        tensors: list[Any] = [x, self.p]
        values: list[Any] = [s, *rest, *self.closed, self.inner, 0.75]
        for _ in range(self.steps):
            self.step(rng, tensors, values)
        out = sum((t * t).mean() for t in tensors[-2:]) + values[-1] * 0.5
        return out + (values[-2] if rng.random() < 0.5 else 0.0)

    def step(self, rng: Random, tensors: list[Any], values: list[Any]) -> None:
        t, u = rng.choice(tensors), rng.choice(tensors)
        v, w = rng.choice(values), rng.choice(values)
        match rng.randrange(9):
            case 0:
                values += list(np.ravel(t.values()))[:3]
            case 1:
                tensors.append(Tensor.of_values([v, w, rng.choice(values)], self.dtype))
            case 2:
                tensors.append(Tensor.of_values([[v, 1.0], [w, v]], self.dtype).sum(0))
            case 3:
                op = rng.choice([ops.add, ops.sub, ops.mul, ops.maximum])
                tensors.append(op(*rng.sample([t, v], 2)))
            case 4:
                op = rng.choice([ops.add, ops.sub, ops.mul, ops.minimum])
                values.append(op(v, w) if v.__class__ is not float else op(w, v + 0.0 * values[0]))
            case 5:
                values.append(ops.OPS[rng.choice(ONE)](v * 0.5 + values[0] * 0.1))
            case 6:
                values.append(rng.choice([scaled, COMPILED])(v + 0.0 * values[0], w * values[0]))
            case 7:
                values.append(micrograd.where(v * values[0] < w, v, w * 2.0))
            case _:
                tensors.append((t.reshape(-1)[:1] * u).tanh() + values[0])

    def gradients(self, function: Any) -> tuple[float, list[Any]]:
        """The number, and the gradients of all leaves."""
        values = [*self.given, *self.closed]
        self.x.grad = self.p.grad = None
        for v in values:
            v.grad = 0
        out = function(self.x, self.given[0], self.given[1:])
        out.backward()
        found = [t.grad.numpy().copy() if t.grad is not None else 0.0 for t in (self.x, self.p)]
        return float(out.data if isinstance(out, Value) else out.item()), [
            *found,
            *(float(v.grad) for v in values),
        ]
