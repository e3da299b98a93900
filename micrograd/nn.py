"""Small neural networks of scalar Values: Module, Neuron, Layer, MLP.

Constructors, printed forms, parameter order and the order of random draws are micrograd's, so a
seeded program gives micrograd's numbers.

>>> import random
>>> random.seed(1)
>>> MLP(2, [3, 1])
MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(3)]]
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from .checks import flag, whole
from .engine import Value
from .errors import ShapeError, kind


class Module:
    """Anything with parameters."""

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for p in self.parameters():
            p.grad = 0

    def parameters(self) -> list[Value]:
        """The trainable Values, always in the same order."""
        return []


class Neuron(Module):
    """`relu(w . x + b)`, or `w . x + b` when `nonlin` is false; weights uniform in (-1, 1)."""

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        nin = whole("nin", nin, ShapeError)
        nonlin = flag("nonlin", nonlin, ShapeError)
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    @property
    def nin(self) -> int:
        """How many inputs it takes."""
        return len(self.w)

    def __call__(self, x: Sequence[Any]) -> Any:
        w = self.w
        if not hasattr(x, "__len__"):
            raise ShapeError(f"{self!r} takes a list of {len(w)} inputs, got {kind(x)}")
        if len(x) != len(w):
            raise ShapeError(f"{self!r} takes {len(w)} inputs, got {len(x)}")
        bias: Any = self.b
        act = sum((wi * xi for wi, xi in zip(w, x, strict=True)), bias)
        return act.relu() if self.nonlin else act

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons side by side; one neuron gives its output bare, more give a list."""

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        nout = whole("nout", nout, ShapeError)
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    @property
    def nin(self) -> int:
        """How many inputs it takes."""
        return self.neurons[0].nin

    def __call__(self, x: Sequence[Any]) -> Any:
        out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        return [p for n in self.neurons for p in n.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(n) for n in self.neurons)}]"


class MLP(Module):
    """Layers in a row: ReLU between them, the last one linear."""

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        nin = whole("nin", nin, ShapeError)
        if not isinstance(nouts, Sequence | np.ndarray) or isinstance(nouts, str) or not len(nouts):
            raise ShapeError(
                f"nouts should be a list with the size of every layer, such as [16, 1], got "
                f"{kind(nouts)}"
            )
        nouts = [whole(f"nouts[{k}]", n, ShapeError) for k, n in enumerate(nouts)]
        sizes = [nin, *nouts]
        last = len(nouts) - 1
        self.layers = [Layer(sizes[i], sizes[i + 1], nonlin=i != last) for i in range(len(nouts))]

    @property
    def nin(self) -> int:
        """How many inputs it takes."""
        return self.layers[0].nin

    def __call__(self, x: Sequence[Any]) -> Any:
        first, *others = self.layers
        out = first(x)
        for layer in others:
            out = layer(out if isinstance(out, list) else [out])
        return out

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"
