"""NumPy: matrix products into arrays made before, the gradient written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import Prepared
from benchmarks.peers.networks import Array, batches, images, squares, timed, weights
from benchmarks.peers.numpy import versions

__all__ = ["CONTESTANTS", "Network", "digits", "versions"]


class Network:
    """The layers, and arrays for what is computed between them, for batches of one size.

    step(x, y) descends, and gives the loss before.
    """

    def __init__(self, parameters: list[Array], batch: int, rate: float, products: Array) -> None:
        self.layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        dtype = parameters[0].dtype
        self.outputs = [np.empty((batch, w.shape[1]), dtype) for w, _ in self.layers]
        self.cotangents = [np.empty_like(h) for h in self.outputs]
        self.gates = [np.empty(h.shape, np.bool_) for h in self.outputs]
        self.products = [products[: w.size].reshape(w.shape) for w, _ in self.layers]
        self.rows, self.scale = np.arange(batch), dtype.type(rate / batch)

    def step(self, x: Array, y: Array) -> float:
        """Forward, backward and update."""
        h = x
        for k, ((w, b), out) in enumerate(zip(self.layers, self.outputs, strict=True)):
            np.matmul(h, w, out=out)
            out += b
            if k + 1 < len(self.layers):
                np.maximum(out, 0, out=out)
            h = out
        h -= h.max(1, keepdims=True)
        right = h[self.rows, y]
        ct = self.cotangents[-1]
        np.exp(h, out=ct)
        sums = ct.sum(1, keepdims=True)
        loss = (np.log(sums).sum() - right.sum()) / len(h)
        ct *= self.scale / sums
        ct[self.rows, y] -= self.scale  # the rate is in the cotangent, for it is linear
        for k in range(len(self.layers) - 1, -1, -1):
            w, b = self.layers[k]
            before, product = self.outputs[k - 1] if k else x, self.products[k]
            if k:
                behind = self.cotangents[k - 1]
                np.matmul(ct, w.T, out=behind)
                np.greater(before, 0, out=self.gates[k - 1])
                behind *= self.gates[k - 1]
            if len(x) > 1:
                np.matmul(before.T, ct, out=product)
            else:
                np.multiply(before.T, ct, out=product)
            w -= product
            b -= ct.sum(0)
            if k:
                ct = behind
        return float(loss)


def train(setting: dict[str, Any], start: list[Array], x: Array, y: Array) -> Any:
    """A function that trains such parameters in place, and gives the losses."""
    pieces = list(batches(setting))
    steps = [(x[s], y[s]) for s in pieces]
    products = np.empty(max(w.size for w in start), start[0].dtype)

    def trained(parameters: list[Array]) -> list[float]:
        networks = {
            n: Network(parameters, n, setting["rate"], products) for n in {len(x) for x, _ in steps}
        }
        return [networks[len(x)].step(x, y) for _ in range(setting["epochs"]) for x, y in steps]

    return trained


def digits(setting: dict[str, Any]) -> Prepared:
    """A call per operation and step."""
    start, (x, y) = weights(setting), images(setting)
    trained = train(setting, start, x, y)
    parameters = [w.copy() for w in start]
    losses = trained(parameters)

    def again() -> list[Array]:
        for p, w in zip(parameters, start, strict=True):
            p[...] = w
        return parameters

    return Prepared([*losses, squares(parameters)], timed(again, trained))


CONTESTANTS = {"digits": digits}
