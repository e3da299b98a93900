"""lstm: a network of LSTM layers whose weights are diagonal, over the characters of a text."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from micrograd import exp, jit, log, tanh

from . import Prepared


def sigmoid(x: Any) -> Any:
    """As the suite has it: of large negative numbers, 1 over infinity."""
    return 1.0 / (1.0 + exp(-x))


def layer(weights: Any, biases: Any, hidden: Any, cell: Any, given: Any) -> tuple[Any, Any]:
    """The hidden numbers and the cells of a layer after one more character."""
    n = len(hidden)
    hiddens, cells = [], []
    for i in range(n):
        forget = sigmoid(given[i] * weights[i] + biases[i])
        ingate = sigmoid(hidden[i] * weights[n + i] + biases[n + i])
        outgate = sigmoid(given[i] * weights[2 * n + i] + biases[2 * n + i])
        change = tanh(hidden[i] * weights[3 * n + i] + biases[3 * n + i])
        cells.append(cell[i] * forget + ingate * change)
        hiddens.append(outgate * tanh(cells[i]))
    return hiddens, cells


def loss(main: np.ndarray, extra: np.ndarray, state: np.ndarray, sequence: np.ndarray) -> Any:
    """How badly the next character is foretold, on average."""
    layers = len(state) // 2
    hidden = [state[2 * k] for k in range(layers)]
    cell = [state[2 * k + 1] for k in range(layers)]
    total: Any = 0.0
    for now, then in pairwise(sequence):
        given: Any = [a * b for a, b in zip(now, extra[0], strict=True)]
        for k in range(layers):
            hidden[k], cell[k] = layer(main[2 * k], main[2 * k + 1], hidden[k], cell[k], given)
            given = hidden[k]
        out = [a * b + c for a, b, c in zip(given, extra[1], extra[2], strict=True)]
        norm = log(sum(exp(v) for v in out) + 2.0)
        total = total + sum(a * (b - norm) for a, b in zip(then, out, strict=True))
    return -total / (len(sequence[0]) * (len(sequence) - 1))


_loss = jit(loss, wrt=["main", "extra"])


def arguments(given: dict[str, Any]) -> list[np.ndarray]:
    """The parameters, the state before, and the characters, a number for each bit."""
    names = ("main_params", "extra_params", "state", "sequence")
    return [np.array(given[name]) for name in names]


def objective(given: dict[str, Any]) -> Prepared:
    """The value."""
    return partial(_loss, *arguments(given)), float


def jacobian(given: dict[str, Any]) -> Prepared:
    """Its gradient by all parameters, in a row."""
    run = partial(_loss.grad, *arguments(given))
    return run, lambda partials: np.concatenate([np.ravel(p) for p in partials])
