"""The numbers that weights begin with."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from ..checks import whole
from ..errors import ShapeError, kind
from ..tensor.core import Tensor

Random = np.random.Generator
Drawn = Callable[[Random, tuple[int, ...]], Any]


def generator(rng: Any) -> Random:
    """A generator: that which is given, one of a seed, or one that Python's `random` seeds."""
    if isinstance(rng, Random):
        return rng
    seed = random.getrandbits(64) if rng is None else whole("rng", rng, ShapeError, least=0)
    return np.random.default_rng(seed)


INITIAL: dict[str, Callable[[int, int], Drawn]] = {
    "normal": lambda inputs, outputs: _normal(math.sqrt(2.0 / outputs)),
    "kaiming": lambda inputs, outputs: _normal(math.sqrt(2.0 / inputs)),
    "xavier": lambda inputs, outputs: _normal(math.sqrt(2.0 / (inputs + outputs))),
    "uniform": lambda inputs, outputs: _uniform(1.0 / math.sqrt(inputs)),
    "zeros": lambda inputs, outputs: lambda rng, shape: np.zeros(shape),
}
"""By name, how weights of so many inputs and outputs are drawn. "normal" is pycrograd's, "kaiming"
He's for ReLU; "uniform" is PyTorch's default."""


def weights(
    shape: tuple[int, ...], inputs: int, outputs: int, init: Any, rng: Random, dtype: Any
) -> Tensor:
    """A parameter of this shape; `init` is a name, or a function of a generator and a shape."""
    if callable(init):
        draw: Drawn = init
    elif isinstance(init, str) and init in INITIAL:
        draw = INITIAL[init](inputs, outputs)
    else:
        raise ShapeError(
            f"init should be one of {', '.join(INITIAL)}, or a function of a generator and a "
            f"shape, got {kind(init)}"
        )
    made = Tensor(draw(rng, shape), dtype, requires_grad=True)
    if made.shape != shape:
        raise ShapeError(f"init should give numbers of shape {shape}, gave {made.shape}")
    return made


def _normal(deviation: float) -> Drawn:
    return lambda rng, shape: rng.standard_normal(shape) * deviation


def _uniform(most: float) -> Drawn:
    return lambda rng, shape: rng.uniform(-most, most, shape)
