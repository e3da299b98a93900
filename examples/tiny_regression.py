"""Four points, a network of 41 parameters, 250 steps of gradient descent, compiled.

    python examples/tiny_regression.py

The loss is a Python function that closes over the model: its parameters are live, so the loop
below updates them in Python and the kernel sees the new numbers, without compiling again.
"""

from __future__ import annotations

import random
from typing import Any

from micrograd import jit
from micrograd.nn import MLP

XS = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
YS = [1.0, -1.0, -1.0, 1.0]


def main(steps: int = 250, seed: int = 1337) -> list[float]:
    """Train, print the loss now and then, and return the losses, one per step."""
    random.seed(seed)
    model = MLP(3, [4, 4, 1])
    parameters = model.parameters()

    def loss() -> Any:
        return sum((model(x) - y) ** 2 for x, y in zip(XS, YS, strict=True))

    step = jit(loss, wrt=parameters, dtype="f64").value_and_grad
    losses = []
    for k in range(steps):
        value, gradient = step()
        for p, dp in zip(parameters, gradient, strict=True):
            p.data -= 0.01 * dp
        losses.append(value)
        if k % 50 == 0 or k == steps - 1:
            print(f"step {k:3}  loss {value:.6f}")

    predict = jit(model, dtype="f64")
    print("predicted  " + "  ".join(f"{predict(x):+.3f}" for x in XS))
    print("wanted     " + "  ".join(f"{y:+.3f}" for y in YS))
    return losses


if __name__ == "__main__":
    main()
