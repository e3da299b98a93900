"""The workloads as plain Python: the programs that several contestants share.

Nothing but the standard library, as every contestant's interpreter imports it. The functions take
whatever numbers they are given: floats, Values of ours or of PyPI's micrograd, symbols of CasADi.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Sequence
from typing import Any

MOONS = (2, (16, 16, 1))
W7 = (10, (30, 20, 10, 1))
W7_SEED = 10


def readme(a: Any, b: Any) -> Any:
    """The expression of micrograd's README.

    >>> round(readme(-4.0, 2.0), 4)
    24.7041
    """
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


def relu(x: Any) -> Any:
    """Rectify a float, or anything with a method of that name."""
    return (0.0 if x < 0 else x) if isinstance(x, float) else x.relu()


def parameters_of(nin: int, nouts: Sequence[int], seed: int | None = None) -> list[float]:
    """The numbers of `MLP(nin, nouts)` in the order of `parameters()`, as micrograd draws them."""
    if seed is not None:
        random.seed(seed)
    numbers = []
    for n, outs in zip((nin, *nouts), nouts, strict=False):
        for _ in range(outs):
            numbers += [random.uniform(-1, 1) for _ in range(n)] + [0.0]
    return numbers


def w7_input() -> list[int]:
    """The ten inputs of W7, drawn after its parameters."""
    parameters_of(*W7, seed=W7_SEED)
    return random.sample(range(-100, 100), 10)


def moons_loss(
    model: Callable[[Any], Any], value: Callable[[float], Any], points: Any, labels: Any
) -> Any:
    """The loss of micrograd's demo, written as there: hinge, mean, and a penalty on the weights."""
    inputs = [list(map(value, point)) for point in points]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(labels, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    alpha = 1e-4
    return data_loss + alpha * sum(p * p for p in model.parameters())  # type: ignore[attr-defined]


# -- irregular: a random DAG --------------------------------------------------------------------

INPUTS = 100
ADD, MUL, RELU, TANH = range(4)


class Dag:
    """A random DAG: node k < INPUTS is an input, the others are ops on earlier nodes.

    window   how far back an op reads, if it does not read all: then seven in ten ops read the one
             before them, so that the DAG is deep, three in ten are tanh, so that it is finite, and
             two in ten read an input, so that it does not end in zeros
    ops, left, right   one entry per op; `right` is read by ADD and MUL only
    sinks              the nodes that nothing reads; the result is their sum
    """

    def __init__(self, n: int, window: int = 0, seed: int = 1) -> None:
        rng = random.Random(seed)
        draw = rng.random
        self.inputs = [rng.uniform(-1, 1) for _ in range(INPUTS)]
        self.ops = array("b")
        self.left = array("i")
        self.right = array("i")
        used = bytearray(INPUTS + n)
        for k in range(INPUTS, INPUTS + n):
            u = draw()
            if window:
                op = TANH if u < 0.3 else ADD if u < 0.6 else MUL if u < 0.9 else RELU
                i, j = (k - 1 - int(draw() * min(k, window)) for _ in range(2))
                i = k - 1 if draw() < 0.7 else i
                j = int(draw() * INPUTS) if draw() < 0.2 else j
            else:
                op = TANH if u < 0.1 else ADD if u < 0.4 else MUL if u < 0.7 else RELU
                i, j = int(draw() * k), int(draw() * k)
            self.ops.append(op)
            self.left.append(i)
            self.right.append(j)
            used[i] = 1
            if op < RELU:
                used[j] = 1
        self.sinks = [k for k in range(INPUTS + n) if not used[k]]

    def build(self, inputs: Sequence[Any], tanh: Callable[[Any], Any]) -> Any:
        """The sum of the sinks, computed with numbers of any kind that has `relu`."""
        nodes = list(inputs)
        append = nodes.append
        for op, i, j in zip(self.ops, self.left, self.right, strict=True):
            if op == ADD:
                append(nodes[i] + nodes[j])
            elif op == MUL:
                append(nodes[i] * nodes[j])
            elif op == RELU:
                append(nodes[i].relu())
            else:
                append(tanh(nodes[i]))
        total = nodes[self.sinks[0]]
        for k in self.sinks[1:]:
            total = total + nodes[k]
        return total

    def reference(self) -> list[float]:
        """The sum and its partial derivatives for the inputs, in float64, by hand."""
        x = list(self.inputs)
        for op, i, j in zip(self.ops, self.left, self.right, strict=True):
            if op == ADD:
                x.append(x[i] + x[j])
            elif op == MUL:
                x.append(x[i] * x[j])
            elif op == RELU:
                x.append(0.0 if x[i] < 0 else x[i])
            else:
                x.append(math.tanh(x[i]))
        ct = [0.0] * len(x)
        for k in self.sinks:
            ct[k] = 1.0
        for k in range(len(x) - 1, INPUTS - 1, -1):
            op, i, j, c = self.ops[k - INPUTS], self.left[k - INPUTS], self.right[k - INPUTS], ct[k]
            if op == ADD:
                ct[i] += c
                ct[j] += c
            elif op == MUL:
                ct[i] += c * x[j]
                ct[j] += c * x[i]
            elif op == RELU:
                ct[i] += c if x[i] > 0 else 0.0
            else:
                ct[i] += c * (1.0 - x[k] * x[k])
        return [math.fsum(x[k] for k in self.sinks), *ct[:INPUTS]]


# -- chain and recurrence -----------------------------------------------------------------------


def chain(x: Any, n: int) -> Any:
    """`n` dependent ops: a contraction and a shift in turn, so that it neither dies nor grows."""
    y = x
    for k in range(n):
        y = y * 0.999 if k % 2 == 0 else y + 0.001
    return y


def chain_reference(x: float, n: int) -> list[float]:
    """The value and the derivative of `chain`."""
    return [chain(x, n), 0.999 ** ((n + 1) // 2)]


STEP = 0.001


def pendulum(angle: Any, speed: Any, steps: int, sin: Callable[[Any], Any]) -> Any:
    """The angle after explicit Euler steps of a pendulum."""
    for _ in range(steps):
        angle, speed = angle + STEP * speed, speed - STEP * sin(angle)
    return angle


def pendulum_reference(angle: float, speed: float, steps: int) -> list[float]:
    """The final angle and its derivatives for the initial angle and speed: tangents, by hand."""
    x, v = angle, speed
    xs, vs = [1.0, 0.0], [0.0, 1.0]
    for _ in range(steps):
        slope = math.cos(x)
        new_xs = [dx + STEP * dv for dx, dv in zip(xs, vs, strict=True)]
        vs = [dv - STEP * slope * dx for dx, dv in zip(xs, vs, strict=True)]
        x, v, xs = x + STEP * v, v - STEP * math.sin(x), new_xs
    return [x, *xs]
