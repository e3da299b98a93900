"""Random functions as operators, against JAX's own: values, derivatives, plain and mapped.

python -m tests.jax.random_operators SECONDS SEED
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import micrograd
from micrograd import jit
from micrograd.jax import operator

from .. import held_operators
from ..random_functions import random_function


def check(seed: int) -> None:
    """One function, at one set of arguments."""
    with jax.enable_x64(True):
        _check(seed)


def _check(seed: int) -> None:
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    arity, results = rng.randint(1, 3), rng.randint(1, 3)
    of = random_function(rng, arity, results)
    shape = [rng.choice([0, 1, 2, 3, 9, 33]) for _ in range(rng.randint(0, 3))]
    dtype = rng.choice([np.float32, np.float64])
    given = []
    for _ in range(arity):
        own = [n if rng.random() < 0.8 else 1 for n in shape[rng.randint(0, len(shape)) :]]
        given.append(jnp.asarray(numbers.normal(size=own), dtype))
    ours, theirs = operator(jit(of(micrograd), strict=rng.random() < 0.3)), of(jnp)
    which = tuple(sorted(rng.sample(range(arity), rng.randint(1, arity))))
    how = rng.choice(["value", "grad", "jit", "vmap", "jvp", "second", "forward"])

    def native(*args: Any) -> Any:
        return theirs(*jnp.broadcast_arrays(*args))

    found, expected = (_derived(f, given, which, how) for f in (ours, native))
    tolerance = 1e-3 if dtype is np.float32 else 1e-8
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype), (seed, how)
        np.testing.assert_allclose(x, y, tolerance, tolerance, err_msg=f"seed {seed}, {how}")


def _derived(f: Any, given: list[Any], which: tuple[int, ...], how: str) -> Any:
    def total(*args: Any) -> Any:
        return sum((jnp.sin(x) * (k + 1)).sum() for k, x in enumerate(jax.tree.leaves(f(*args))))

    match how:
        case "value":
            return f(*given)
        case "jit":
            return jax.jit(jax.value_and_grad(total, which))(*given)
        case "vmap":
            stacked = [jnp.stack([x, x + 0.5], -1) for x in given]
            axes = [-1 if k in which else None for k in range(len(given))]
            args = [s if a is not None else x for s, x, a in zip(stacked, given, axes, strict=True)]
            return jax.vmap(jax.value_and_grad(total, which), axes)(*args)
        case "jvp":
            return jax.jvp(f, given, [jnp.cos(x) for x in given])
        case "second":
            return jax.grad(lambda *a: sum(g.sum() for g in jax.grad(total, which)(*a)), which)(
                *given
            )
        case "forward":
            return jax.jvp(jax.grad(total, which), given, [jnp.cos(x) for x in given])
    return jax.grad(total, which)(*given)


def check_lists(seed: int) -> None:
    """A function of lists, at one set of arguments."""

    def gradient(f: Any, args: tuple[Any, ...]) -> list[Any]:
        partials = jax.grad(lambda args: f(*args).sum())(args)
        pairs = zip(jax.tree.leaves(partials), jax.tree.leaves(args), strict=True)
        return [g for g, x in pairs if isinstance(x, jax.Array)]

    with jax.enable_x64(True):
        held_operators.check(seed, operator, jnp.asarray, gradient)


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
