"""microgpt: a GPT over single characters, as scalar code, position by position.

The model is A. Karpathy's microgpt: lists of Values, dot products as sums, nothing in it an array.
`GPT.loss` is the loss of one document, `GPT.position` the logits of what comes next.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import reduce
from typing import Any

from micrograd import Value, exp, log, maximum

Row = Sequence[Any]
Matrix = Sequence[Row]


def linear(x: Row, w: Matrix) -> list[Any]:
    """w x."""
    return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in w]


def softmax(logits: Row) -> list[Any]:
    """exp of each over the sum of exp; their maximum, a plain number, is subtracted before."""
    top = reduce(maximum, logits).data
    exps = [exp(logit - top) for logit in logits]
    total = sum(exps)
    return [e / total for e in exps]


def rmsnorm(x: Row) -> list[Any]:
    """x over the root of the mean of its squares."""
    mean = sum(xi * xi for xi in x) / len(x)
    scale = (mean + 1e-5) ** -0.5
    return [xi * scale for xi in x]


class GPT:
    """One layer of attention and a multilayer perceptron.

    characters   how many tokens there are, without the one that begins and ends a document
    """

    def __init__(
        self, characters: int, width: int = 16, heads: int = 4, positions: int = 16
    ) -> None:
        def matrix(rows: int, columns: int) -> list[list[Value]]:
            return [[Value(random.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

        self.heads, self.positions, self.end = heads, positions, characters
        tokens = characters + 1
        self.tokens = matrix(tokens, width)
        self.places = matrix(positions, width)
        self.output = matrix(tokens, width)
        self.query, self.key, self.value, self.projection = (matrix(width, width) for _ in range(4))
        self.wide = matrix(4 * width, width)
        self.narrow = matrix(width, 4 * width)

    def parameters(self) -> list[Value]:
        """All numbers that are learned, in the order in which they were drawn."""
        matrices = [self.tokens, self.places, self.output, self.query, self.key]
        matrices += [self.value, self.projection, self.wide, self.narrow]
        return [p for matrix in matrices for row in matrix for p in row]

    def position(self, token: Any, place: Any, keys: list[Row], values: list[Row]) -> list[Any]:
        """The logits of the token behind this one. Its key and value are put to those before."""
        x = [t + p for t, p in zip(self.tokens[token], self.places[place], strict=True)]
        x = rmsnorm(x)
        residual, x = x, rmsnorm(x)
        q = linear(x, self.query)
        keys.append(linear(x, self.key))
        values.append(linear(x, self.value))
        size = len(q) // self.heads
        attended: list[Any] = []
        for head in range(0, len(q), size):
            here = range(head, head + size)
            logits = [sum(q[j] * k[j] for j in here) / size**0.5 for k in keys]
            weights = softmax(logits)
            attended += [
                sum(weight * v[j] for weight, v in zip(weights, values, strict=True)) for j in here
            ]
        x = linear(attended, self.projection)
        residual = x = [a + b for a, b in zip(x, residual, strict=True)]
        x = linear(rmsnorm(x), self.wide)
        x = linear([xi.relu() for xi in x], self.narrow)
        x = [a + b for a, b in zip(x, residual, strict=True)]
        return linear(x, self.output)

    def loss(self, document: Sequence[Any]) -> Any:
        """The mean of -log p of each token but the first, given those before."""
        keys: list[Row] = []
        values: list[Row] = []
        losses = []
        for place in range(min(self.positions, len(document) - 1)):
            probabilities = softmax(self.position(document[place], place, keys, values))
            losses.append(-log(probabilities[document[place + 1]]))
        return (1 / len(losses)) * sum(losses)
