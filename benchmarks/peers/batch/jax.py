"""JAX: jit of vmap of value_and_grad."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import batch
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared, statement
from benchmarks.peers.jax import versions

__all__ = ["CONTESTANTS", "columns", "versions"]

ARRAYS = SimpleNamespace(
    **{name: getattr(jnp, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tanh")},
    erf=jax.scipy.special.erf,
    relu=jax.nn.relu,
)


def columns(setting: dict[str, Any]) -> Prepared:
    """New arrays every time, waited for."""
    xs = [jnp.asarray(x) for x in columns_of(setting)]
    f = batch.PROGRAMS[setting["program"]](ARRAYS)
    every = tuple(range(len(xs)))
    compiled = jax.jit(jax.vmap(jax.value_and_grad(f, argnums=every)))
    clock = Clock()
    value, partials = jax.block_until_ready(compiled(*xs))
    phases = {"first": clock()}
    code, names = statement(xs)
    run = python_loop(f"wait({code})", wait=jax.block_until_ready, f=compiled, **names)
    return prepared(setting, [value, *partials], run, phases)


CONTESTANTS = {"columns": columns}
