"""Arrays of JAX as arguments of kernels that are no operators."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd import jit

from .. import held_arrays

jnp = pytest.importorskip("jax.numpy")

kernel = jit(lambda x, y: x * y + 1.0, dtype="f64")


def test_jax_arrays_are_arrays() -> None:
    x = jnp.arange(12).reshape(3, 4)
    expected = kernel(np.arange(12.0).reshape(3, 4), 2.0)
    np.testing.assert_array_equal(kernel(x, 2.0), expected)
    np.testing.assert_array_equal(kernel(x.astype("float32"), 2.0), expected)
    assert kernel(x[1, 2], 2.0) == expected[1, 2]


@pytest.mark.parametrize("seed", range(20))
def test_arrays_in_containers_are_arrays(seed: int) -> None:
    held_arrays.check(seed, lambda rng, x: jnp.asarray(x, rng.choice([None, "float32"])))
