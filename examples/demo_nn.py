"""momograd's demo of the networks: a neuron, a layer, and an MLP that learns four points.

    python examples/demo_nn.py

It is trained step by step, as micrograd does it, and once more as one native loop.
"""

from __future__ import annotations

import random
from typing import Any

from micrograd import Value, fit
from micrograd.nn import MLP, Layer, Neuron
from micrograd.optim import SGD

XS = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
YS = [1.0, -1.0, -1.0, 1.0]
RATE = 0.01


def squared_error(model: MLP) -> Value:
    """The sum of the squared errors over the four points."""
    loss = Value(0.0, "loss")
    for x, y in zip(XS, YS, strict=True):
        loss += (model(x) - y) ** 2
    return loss


def make_model(seed: int) -> MLP:
    """Three inputs, two hidden layers of 4, one output."""
    random.seed(seed)
    return MLP(3, [4, 4, 1])


def eager(model: MLP, epochs: int) -> list[float]:
    """Train by the interpreter; the loss of every epoch."""
    losses = []
    for epoch in range(epochs):
        loss = squared_error(model)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        losses.append(loss.data)
        if epoch % 10 == 0 or epoch == epochs - 1:
            print(f"epoch {epoch:3}  loss {loss.data:.6f}")
    return losses


def main(epochs: int = 100, seed: int = 1337) -> Any:
    """Show all three, and train; the losses of both trainings."""
    random.seed(seed)
    print("A neuron:", Neuron(3)(XS[0]))
    print("A layer:", *Layer(3, 5)(XS[0]), sep="\n  ")

    print("\nAn MLP, trained by the interpreter:")
    model = make_model(seed)
    losses = eager(model, epochs)

    print("\nIn one native loop:")
    model = make_model(seed)
    optimizer = SGD(model.parameters(), lr=RATE)
    native = fit(squared_error(model), optimizer, steps=epochs, dtype="f64").losses.tolist()
    apart = max(abs(a - b) / a for a, b in zip(losses, native, strict=True))
    print(f"epoch {epochs - 1:3}  loss {native[-1]:.6f}, largest relative difference {apart:.0e}")

    print("\nPredictions:")
    for x, y in zip(XS, YS, strict=True):
        print(f"{model(x).data:+.4f} (wanted: {y:+.0f})")
    return losses, native


if __name__ == "__main__":
    main()
