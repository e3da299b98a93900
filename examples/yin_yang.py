"""Three classes, a tanh network, cross-entropy and AdamW: trained eagerly, then in a native loop.

Both see the same samples in the same order and take the same steps; the eager loop is micrograd's,
the native one is told the loss of one sample.

    python examples/yin_yang.py
"""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from micrograd import fit, jit, tanh
from micrograd.datasets import yin_yang
from micrograd.losses import cross_entropy
from micrograd.nn import Layer, Module
from micrograd.optim import AdamW

SAMPLES, STEPS = 100, 10


class Network(Module):
    """Two inputs, a hidden layer of 8 with tanh, and a logit for each of three classes."""

    def __init__(self) -> None:
        self.hidden = Layer(2, 8, nonlin=False)
        self.out = Layer(8, 3, nonlin=False)

    def __call__(self, x: Any) -> Any:
        return self.out([tanh(h) for h in self.hidden(x)])

    def parameters(self) -> list[Any]:
        return [*self.hidden.parameters(), *self.out.parameters()]


def make(seed: int = 42) -> tuple[Network, AdamW]:
    """A network with the weights of a seed, and its optimiser."""
    random.seed(seed)
    model = Network()
    return model, AdamW(model.parameters(), lr=0.1, weight_decay=1e-4)


def eager(steps: int, X: Any, y: Any) -> list[float]:
    """The losses of some steps over all samples, by the interpreter."""
    model, optimizer = make()
    losses = []
    for _ in range(steps):
        loss = sum(cross_entropy(model(x), k) for x, k in zip(X.tolist(), y.tolist(), strict=True))
        loss = loss * (1.0 / len(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return losses


def main(steps: int = STEPS) -> float:
    """Train both ways, then on; the accuracy on points that were not trained on."""
    X, y = yin_yang(SAMPLES)
    start = time.perf_counter()
    slow = eager(steps, X, y)
    print(f"{steps} steps, interpreted: {time.perf_counter() - start:.3f} s")

    model, optimizer = make()
    fast = fit(
        model,
        optimizer,
        data=(X, y),
        loss=cross_entropy,
        batch_size=SAMPLES,
        shuffle=False,
        steps=steps,
        dtype="f64",
    )
    print(f"{steps} steps, native:      {fast.seconds:.6f} s")
    apart = max(abs(a - b) / a for a, b in zip(slow, fast.losses.tolist(), strict=True))
    print(f"losses {slow[0]:.4f} ... {slow[-1]:.4f}, largest relative difference {apart:.1e}")

    history = fit(model, optimizer, data=yin_yang(1000, seed=1), loss=cross_entropy, epochs=30)
    unseen, classes = yin_yang(1000, seed=2)
    accuracy = float(np.mean(np.argmax(jit(model)(unseen), axis=1) == classes))
    print(f"{history.steps} more steps: {history.seconds:.4f} s, accuracy {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()
