"""Kernels as operators of JAX: docs/jax.md.

    from micrograd.jax import operator

An operator takes JAX's arrays and gives such, works under `jit`, `grad`, `vmap` and the rest, and
has derivatives of any order in both modes. XLA calls the compiled kernel by itself, without Python,
in the memory of its buffers.
"""

from __future__ import annotations

try:
    import jax  # noqa: F401
except ImportError as error:
    raise ImportError(
        "micrograd.jax needs JAX, which is not installed; it comes with the extra 'jax': "
        "pip install 'micrograd-mlir[jax]'"
    ) from error

from .operator import Operator, operator

__all__ = ["Operator", "operator"]
