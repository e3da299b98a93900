"""Random functions as operators, against PyTorch's own: values, gradients and second derivatives.

python -m tests.torch.random_operators SECONDS SEED
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

import micrograd
from micrograd import jit
from micrograd.torch import operator

from .. import held_operators
from ..random_functions import random_function


def arguments(rng: random.Random, arity: int) -> list[torch.Tensor]:
    """Tensors that broadcast, of any strides, some of which need a gradient."""
    shape = [rng.choice([0, 1, 2, 3, 9]) for _ in range(rng.randint(0, 3))]
    dtype = rng.choice([torch.float32, torch.float64])
    found = []
    for _ in range(arity):
        own = [n if rng.random() < 0.8 else 1 for n in shape[rng.randint(0, len(shape)) :]]
        x = torch.randn([2 * n for n in own], dtype=dtype)[(slice(None, None, 2),) * len(own)]
        if rng.random() < 0.3:
            x = torch.randn(own[::-1], dtype=dtype).permute(tuple(range(len(own)))[::-1])
        found.append(x.detach().requires_grad_(rng.random() < 0.7))
    return found


def derivatives(f: Callable[..., Any], given: list[torch.Tensor], weights: list[Any]) -> list[Any]:
    """The results, their weighted gradient, and the gradient of a sum over that."""
    results = f(*given)
    results = list(results) if isinstance(results, tuple) else [results]
    asked = [x for x in given if x.requires_grad]
    found: list[Any] = list(results)
    if asked:
        total = sum((r * w).sum() for r, w in zip(results, weights, strict=True))
        total = total + 0.0 * sum(x.detach().sum() * 0.0 + (x * 0.0).sum() for x in asked)
        first = torch.autograd.grad(
            total, asked, create_graph=True, allow_unused=True, materialize_grads=True
        )
        found += first
        again = sum((g * (k + 1.0)).sin().sum() for k, g in enumerate(first))
        if again.requires_grad:
            found += torch.autograd.grad(again, asked, allow_unused=True, materialize_grads=True)
        else:
            found += [torch.zeros_like(x) for x in asked]
    return found


def check(seed: int) -> None:
    """One function, at one set of arguments."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    arity, results = rng.randint(1, 3), rng.randint(1, 3)
    of, given = random_function(rng, arity, results), arguments(rng, arity)
    f = jit(of(micrograd), strict=rng.random() < 0.3)
    shape = torch.broadcast_shapes(*(x.shape for x in given))
    weights = [torch.randn(shape, dtype=given[0].dtype) for _ in range(results)]

    def native(*args: torch.Tensor) -> Any:
        return of(torch)(*torch.broadcast_tensors(*args))

    with rng.choice([nullcontext, torch.overrides.BaseTorchFunctionMode])():  # which sees the op
        found = derivatives(operator(f), given, weights)
    pairs = zip(found, derivatives(native, given, weights), strict=True)
    for k, (ours, theirs) in enumerate(pairs):
        rtol = 1e-3 if ours.dtype is torch.float32 else 1e-8
        where = f"seed {seed}, number {k}"
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol, msg=lambda m, w=where: w + m)


def check_lists(seed: int) -> None:
    """A function of lists, at one set of arguments."""

    def array(x: np.ndarray[Any, Any]) -> torch.Tensor:
        return torch.from_numpy(x.copy()).requires_grad_()

    def gradient(f: Any, args: tuple[Any, ...]) -> list[Any]:
        asked = held_operators.arrays(args)
        return list(torch.autograd.grad(f(*args).sum(), asked)) if asked else []

    held_operators.check(seed, operator, array, gradient)


def main(seconds: float, seed: int) -> None:
    """As many as there is time for."""
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        check(seed + count)
        check_lists(seed + count)
        count += 1
    print(f"{count} functions")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
