"""Random losses of samples that differ in length, trained compiled and by the interpreter.

python -m tests.ragged_losses SECONDS SEED
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from micrograd import Value, detach, fit, maximum, sigmoid, sin, take, tanh
from micrograd.optim import SGD, Adam
from micrograd.train import ragged_loop

from .by_values import BITS
from .targets import assumed

LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 40)
"""Around the widths of vectors."""

UNITS = (4, 7, 8, 9, 16)
"""Around the widths of vectors, and as many as samples that are computed together."""

ROWS = 5
"""Of tables."""

Loss = Callable[..., Value]


class Drawn:
    """A loss, its parameters and its data, and how it is trained."""

    def __init__(self, seed: int) -> None:
        self.bits = BITS[seed % len(BITS)]
        self.choose = choose = random.Random(seed)
        self.parameters: list[Value] = []
        self.strict = choose.random() < 0.4
        self.dtype = "f64" if self.strict or choose.random() < 0.6 else "f32"
        self.ragged = choose.choice([1, 1, 1, 2])
        self.alike = choose.random() < 0.5
        self.beside = choose.random() < 0.3
        self.integers = choose.random() < 0.4
        self.wide = seed % 3 == 2
        few = choose.sample(LENGTHS[:9] if self.wide else LENGTHS, choose.randint(1, 6))
        self.rows = choose.choice([8, 9, 17, 33] if self.wide else [*range(1, 10), 17, 33])
        lengths = [choose.choice(few) for _ in range(self.rows)]
        columns = []
        for _ in range(self.ragged):
            if not self.alike:
                lengths = [choose.choice(few) for _ in range(self.rows)]
            columns.append([[self._number() for _ in range(n)] for n in lengths])
        if self.beside:
            columns.append([choose.gauss(0, 1) for _ in range(self.rows)])
        self.data: Any = columns[0] if len(columns) == 1 else tuple(columns)
        self.columns = columns
        parts = [self._part() for _ in range(choose.choice([1, 1, 2]))]
        scale = self.parameter()

        def whole(*rows: Any) -> Value:
            found = [part(row) for part, row in zip(parts, rows * 2, strict=False) if _is_list(row)]
            value = sum(found[1:], found[0])
            return value + scale * rows[-1] if self.beside else value

        one, two, three = self.parameter(), self.parameter(), self.parameter()

        def loss(*rows: Any) -> Value:
            found = whole(*rows)
            return tanh(found * 0.1 - one) ** 2 + two * two * 0.1 + three * 0.0

        self.loss: Loss = (lambda xs: loss(xs)) if len(columns) == 1 else loss
        self.batch = choose.choice([8, 11, 16] if self.wide else [1, 1, 2, 5, 8, 11, 16])
        self.shuffle = False
        self.together = choose.random() < (0.9 if self.wide else 0.5)
        self.make = choose.choice([lambda p: SGD(p, lr=0.01), lambda p: Adam(p, lr=0.01)])

    def parameter(self) -> Value:
        """Another one."""
        self.parameters.append(Value(self.choose.uniform(-0.7, 0.7)))
        return self.parameters[-1]

    def _number(self) -> float | int:
        return self.choose.randrange(-3, ROWS) if self.integers else self.choose.gauss(0, 1)

    def _part(self) -> Callable[[Any], Value]:
        kinds = (self._recurrent, self._mean, self._attention, self._convolution, self._backwards)
        kinds = (self._units,) if self.wide else kinds
        part = self.choose.choice(kinds)()
        return self._looked_up(part) if self.integers else part

    def _looked_up(self, part: Callable[[Any], Value]) -> Callable[[Any], Value]:
        """Of numbers that integers stand for, and of what is next."""
        table = [[self.parameter() for _ in range(2)] for _ in range(ROWS)]
        picks = self.choose.random() < 0.6

        def whole(tokens: Any) -> Value:
            rows = [take(table, token) for token in tokens]
            found = part([a + 0.1 * b * k for k, (a, b) in enumerate(rows)])
            if not picks:
                return found
            terms = []
            for (a, b), token in zip(rows, tokens[1:], strict=False):
                scores = [sigmoid(a * w[0] + b * w[1]) for w in table]
                terms.append(take(scores, token))
            return found + sum(terms) if terms else found

        return whole

    def _bend(self) -> Callable[[Value], Value]:
        return self.choose.choice([tanh, sigmoid, sin, lambda v: v.relu(), lambda v: v * 0.5])

    def _recurrent(self) -> Callable[[Any], Value]:
        n, bend = self.choose.choice([1, 2, 3, 5]), self._bend()
        cell = [[self.parameter() for _ in range(n + 2)] for _ in range(n)]
        first = [self.parameter() for _ in range(n)]
        ends = self.choose.choice(["last", "all", "both", "mean"])

        def part(xs: Any) -> Value:
            state, terms = [p * 1.0 for p in first], []
            for x in xs:
                state = [
                    tanh(sum((w * h for w, h in zip(row, state, strict=False)), row[-1] * x))
                    for row in cell
                ]
                terms.append(bend(state[0] - x))
            if ends == "last":
                return state[-1]
            total = sum(terms) * (1 / len(terms)) if ends == "mean" else sum(terms)
            return total + state[-1] if ends == "both" else total

        return part

    def _mean(self) -> Callable[[Any], Value]:
        a, b, bend = self.parameter(), self.parameter(), self._bend()
        each = self.choose.random() < 0.5

        def part(xs: Any) -> Value:
            if not each:
                return bend(sum(a * x + b for x in xs) / len(xs))
            total, terms = a * 0.0, []
            for k, x in enumerate(xs):
                total = total + bend(b * x)
                terms.append((total / (k + 1.0) - x * a) ** 2)
            return sum(terms) / len(xs)

        return part

    def _attention(self) -> Callable[[Any], Value]:
        q, k, v, bend = self.parameter(), self.parameter(), self.parameter(), self._bend()
        causal = self.choose.random() < 0.7
        first = self.choose.choice([0, 0, 1])

        def part(xs: Any) -> Value:
            terms = []
            for t, x in enumerate(xs):
                seen = xs[: t + 1] if causal else xs
                logits = [(q * x) * (k * y) for y in seen]
                most = logits[0]
                for z in logits[1:]:
                    most = maximum(most, z)
                most = detach(most)
                weights = [(z - most).exp() for z in logits]
                total = sum(weights)
                terms.append(
                    bend(sum(w / total * (v * y) for w, y in zip(weights, seen, strict=True)))
                )
            rest = terms[first:] or terms
            return sum(rest) * (1 / len(rest))

        return part

    def _convolution(self) -> Callable[[Any], Value]:
        width = self.choose.choice([2, 3, 4])
        w, bend = [self.parameter() for _ in range(width)], self._bend()

        def part(xs: Any) -> Value:
            terms = [
                bend(sum(w[j] * xs[i + j] for j in range(width)))
                for i in range(len(xs) - width + 1)
            ] or [w[0] * xs[0]]
            return sum(terms)

        return part

    def _backwards(self) -> Callable[[Any], Value]:
        a, b, c = self.parameter(), self.parameter(), self.parameter()

        def part(xs: Any) -> Value:
            state, states = c * 1.0, []
            for x in reversed(xs):
                state = tanh(a * state + b * x)
                states.append(state)
            return sum(s * x for s, x in zip(reversed(states), xs, strict=True))

        return part

    def _units(self) -> Callable[[Any], Value]:
        """Sums over the positions, for each of several units, that read each other or do not."""
        n, bend, begin = self.choose.choice(UNITS), self._bend(), self.parameter()
        cell = [[self.parameter() for _ in range(4)] for _ in range(n)]
        carried = self.choose.random() < 0.6
        by_units = self.choose.random() < 0.5

        def at(row: list[Value], x: Any, state: list[Value], k: int) -> Value:
            a, b, c, d = row
            return tanh(a * x + b + (c * state[k] + d * state[k - 1]) * 0.5)

        def part(xs: Any) -> Value:
            state, states = [begin] * n, []
            for x in xs:
                found = [at(row, x, state, k) for k, row in enumerate(cell)]
                state = found if carried else state
                states.append(found)
            if by_units:
                sums = [sum(bend(h) for h in unit) for unit in zip(*states, strict=True)]
            else:
                sums = [begin * 0.0] * n
                for found in states:
                    sums = [total + bend(h) for total, h in zip(sums, found, strict=True)]
            terms = [(total - row[0]) ** 2 for total, row in zip(sums, cell, strict=True)]
            return sum(terms) * (1 / (n * len(xs)))

        return part

    # -- training --------------------------------------------------------------------------------

    def compiled(self, steps: int) -> tuple[list[float], list[float]]:
        """Losses, and the parameters behind them, by fit."""
        before = [p.data for p in self.parameters]
        many = 0 if self.together else ragged_loop.MANY
        with patch.object(ragged_loop, "MANY", many):
            history = fit(
                self.loss,
                self.make(self.parameters),
                data=self.data,
                steps=steps,
                batch_size=self.batch,
                shuffle=self.shuffle,
                dtype=self.dtype,
                strict=self.strict,
            )
        return history.losses.tolist(), self._back(before)

    def eager(self, steps: int) -> tuple[list[float], list[float]]:
        """The same, by Values."""
        before = [p.data for p in self.parameters]
        optimizer, losses = self.make(self.parameters), []
        in_epoch = -(-self.rows // min(self.batch, self.rows))
        for step in range(steps):
            first = step % in_epoch * self.batch
            rows = range(first, min(first + self.batch, self.rows))
            loss = sum(self.loss(*[c[i] for c in self.columns]) for i in rows) * (1 / len(rows))
            for p in self.parameters:
                p.grad = 0.0
            loss.backward()
            optimizer.step()
            losses.append(loss.data)
        return losses, self._back(before)

    def _back(self, numbers: list[float]) -> list[float]:
        found = [p.data for p in self.parameters]
        for p, x in zip(self.parameters, numbers, strict=True):
            p.data = x
        return found

    def check(self, steps: int) -> None:
        """That both agree."""
        with assumed(vector_bits=self.bits):
            found = self.compiled(steps)
        expected = self.eager(steps)
        for some, others in zip(found, expected, strict=True):
            if self.strict:
                assert some == others, (some, others)
            else:
                tolerance = 1e-9 if self.dtype == "f64" else 2e-3
                np.testing.assert_allclose(some, others, rtol=tolerance, atol=tolerance)


def _is_list(row: Any) -> bool:
    return isinstance(row, list)


def main(seconds: float, seed: int) -> None:
    """Try one after the other for so long."""
    began, tried = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        print(seed, end=" ", flush=True)
        Drawn(seed).check(12)
        seed, tried = seed + 1, tried + 1
    print(f"\n{tried} losses")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
