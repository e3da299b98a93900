"""Layers of Tensors, which `micrograd.nn` has too: `from micrograd.nn import Linear, Sequential`.

Input: Tensors, a batch first. Output: Tensors. Weights are drawn from a generator of NumPy: that of
`rng=`, a seed or a generator; by default one that Python's `random` seeds, so that `random.seed`
fixes all networks, those of scalars too.

>>> from micrograd import Tensor
>>> model = Sequential(Linear(2, 16, rng=0), ReLU(), Linear(16, 1, rng=1))
>>> model
Sequential(
  (0): Linear(2, 16)
  (1): ReLU()
  (2): Linear(16, 1)
)
>>> model(Tensor([[1.0, 2.0]])).shape
(1, 1)
>>> [name for name, _ in model.named_parameters()]
['0.weight', '0.bias', '2.weight', '2.bias']
"""

from .activations import (
    GELU,
    Activation,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .dropout import Dropout
from .linear import Conv1d, Conv2d, Embedding, Linear
from .models import NETWORKS, network, perceptron
from .norms import LayerNorm, RMSNorm
from .sequential import AvgPool, Flatten, MaxPool, Sequential

__all__ = [
    "GELU",
    "NETWORKS",
    "Activation",
    "AvgPool",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "network",
    "perceptron",
]


def __dir__() -> list[str]:
    return sorted(__all__)
