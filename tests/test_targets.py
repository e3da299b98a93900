"""Code for processors that have less than this one: shorter vectors, no fused arithmetic.

Features are only ever taken away from those of this machine, so that the code runs here.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import pytest

import lowering
from lowering import backend
from micrograd import jit, ops
from micrograd.ops import Op

from .jit.vectormath.test_vectormath import WIDE, accuracy, apply, each_op, each_size, same

TARGETS = {
    "sse2": (128, r"avx|fma|f16c|xop|vaes|vpclmulqdq|sse3|sse4|ssse3|bmi"),
    "avx": (256, r"avx2|avx512|fma|xop"),
    "avx2": (256, r"avx512"),
    "this": (0, r"^$"),
}
"""The width of vectors, and the features that a processor has not."""

each_target = pytest.mark.parametrize("target", TARGETS)


@contextmanager
def compiling_for(target: str) -> Iterator[None]:
    """Everything that is compiled inside is for that processor."""
    bits, missing = TARGETS[target]
    handle, cpu, features, triple, layout = backend._host()
    if not triple.startswith("x86_64"):
        pytest.skip("these are processors of another kind")
    if bits > lowering.vector_bits():
        pytest.skip("this machine has no such registers")
    given = [re.sub(r"^\+", "-", f) if re.search(missing, f) else f for f in features.split(",")]
    host = (handle, cpu if not bits else "x86-64", ",".join(given), triple, layout)
    backend._machine.cache_clear()
    try:
        with mock.patch.object(backend, "_host", return_value=host):
            assert lowering.vector_bits() == bits or not bits
            yield
    finally:
        backend._machine.cache_clear()


def compiled(op: Op, bits: int, target: str) -> Any:
    width = (TARGETS[target][0] or lowering.vector_bits()) // bits
    with compiling_for(target):
        return accuracy.compiled.__wrapped__(op, bits, width)


# --- vector math --------------------------------------------------------------------------------


@each_target
@each_size
@each_op
def test_errors_are_within_the_bound_everywhere(op: Op, bits: int, target: str) -> None:
    operands = accuracy.points(op, bits, 60, seed=bits + 1)
    got = compiled(op, bits, target)(*operands)
    found = accuracy.errors(op, got, operands)
    k = int(np.argmax(found))
    assert found[k] <= (2.0 if op.name in WIDE else 1.0), [float(x[k]) for x in operands]


@each_op
@pytest.mark.parametrize("target", ["sse2", "avx"])
def test_many_float32_are_within_the_bound_everywhere(op: Op, target: str) -> None:
    operands = accuracy.points(op, 32, 2000, seed=6)
    got = compiled(op, 32, target)(*operands)
    found = accuracy.errors_of_float32(op, got, operands)
    k = int(np.argmax(found))
    assert found[k] <= (2.0 if op.name in WIDE else 1.0), [float(x[k]) for x in operands]


@each_target
@each_size
@each_op
def test_special_values_are_those_of_the_op_everywhere(op: Op, bits: int, target: str) -> None:
    operands = accuracy.special(op, bits)
    got = compiled(op, bits, target)(*operands)
    wanted = np.array([op.eval(*x) for x in zip(*(x.tolist() for x in operands), strict=True)])
    with np.errstate(all="ignore"):
        wanted = wanted.astype(got.dtype)
        # beyond what is exact by C's rules, a result may be an ulp or two from that of `eval`
        close = np.abs(got - wanted) <= 3 * np.spacing(np.abs(wanted))
    close &= np.isfinite(wanted) & (wanted != 0.0) & (np.signbit(got) == np.signbit(wanted))
    bad = ~(same(got, wanted) | close)
    assert not bad.any(), [x[bad] for x in (*operands, got, wanted)]


@each_size
@each_op
def test_processors_that_fuse_give_the_same_bits(op: Op, bits: int) -> None:
    operands = accuracy.points(op, bits, 40, seed=3)
    expected = compiled(op, bits, "this")(*operands)
    assert same(compiled(op, bits, "avx2")(*operands), expected).all()


@each_size
@each_op
def test_processors_that_do_not_fuse_give_the_same_bits(op: Op, bits: int) -> None:
    operands = accuracy.points(op, bits, 40, seed=3)
    expected = compiled(op, bits, "avx")(*operands)
    assert same(compiled(op, bits, "sse2")(*operands), expected).all()


# --- products and sums without fused arithmetic ---------------------------------------------------


def fused(*operands: Any) -> Any:
    with compiling_for("sse2"):
        return apply(lambda x, y, z: x.fma(y, z), *operands)


@each_size
def test_a_product_and_a_sum_are_rounded_as_if_once(bits: int) -> None:
    rng = np.random.default_rng(0)
    real = np.dtype(f"f{bits // 8}")
    n, digits = 400, np.finfo(real).nmant + 1
    x, y = (np.ldexp(rng.uniform(1, 2, n), rng.integers(-20, 20, n)).astype(real) for _ in "xy")
    near = -(x * y)
    z = np.where(rng.random(n) < 0.5, near, near * (1 + rng.uniform(-1e-3, 1e-3, n))).astype(real)
    z[:100] = rng.uniform(-1, 1, 100)
    for a, b, c, got in zip(*(v.tolist() for v in (x, y, z, fused(x, y, z))), strict=True):
        exact = Fraction(a) * Fraction(b) + Fraction(c)
        if not exact:
            assert got == 0.0
            continue
        ulp = Fraction(2) ** (math.frexp(float(exact))[1] - digits)
        # of two roundings, the first to twice the places
        assert abs(Fraction(got) - exact) <= ulp * (Fraction(1, 2) + Fraction(1, 2**20))


@each_size
def test_infinite_products_and_sums(bits: int) -> None:
    real = np.dtype(f"f{bits // 8}")
    large = 2.0 ** (np.finfo(real).maxexp - 4)  # so large that it has no halves
    values = [0.0, -0.0, 1.0, -2.0, 3.0, math.inf, -math.inf, math.nan, large]
    grid = np.meshgrid(*[np.array(values, dtype=real)] * 3)
    x, y, z = (g.reshape(-1) for g in grid)
    kept = ~((x == large) & (y == large))
    x, y, z = x[kept], y[kept], z[kept]
    with np.errstate(all="ignore"):
        wanted = x * y + z  # exact for these numbers
    got = fused(x, y, z)
    assert same(got, wanted).all(), [v[~same(got, wanted)] for v in (x, y, z, got, wanted)]


# --- kernels --------------------------------------------------------------------------------------


def total(v: Any, w: Any) -> Any:
    """Sums over lanes, products with weights and vector math, in several loops."""
    hidden = [ops.tanh(sum(w[k] * v[k] for k in range(j, j + 5)) + w[j]) for j in range(18)]
    smooth = [ops.softplus(h * x) - ops.sigmoid(h) for h, x in zip(hidden, v, strict=False)]
    return sum(smooth) * 0.25 + sum(ops.atan2(a, b + 2.0) for a, b in zip(hidden, w, strict=False))


@each_target
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_kernels_are_right_everywhere(dtype: str, target: str) -> None:
    rng = random.Random(1)
    v, w = ([rng.uniform(-1, 1) for _ in range(24)] for _ in "vw")
    expected = jit(total, dtype="f64", strict=True)
    tolerance = 1e-13 if dtype == "f64" else 1e-5
    with compiling_for(target):
        kernel = jit(total, dtype=dtype)
        found = [kernel(v, w), *kernel.grad(v, w)]
        hvp = kernel.hvp(v, w, w, v)
        rows = np.array([v, w]).T  # two points
        mapped = kernel(list(rows), w)
        strict = jit(total, dtype="f64", strict=True)
        assert strict.grad(v, w) == expected.grad(v, w)
    wanted = [expected(v, w), *expected.grad(v, w)]
    assert found[0] == pytest.approx(wanted[0], rel=tolerance)
    for got, exact in zip(
        [*found[1:], *hvp], [*wanted[1:], *expected.hvp(v, w, w, v)], strict=True
    ):
        assert got == pytest.approx(exact, rel=tolerance, abs=tolerance)
    assert mapped == pytest.approx([expected(v, w), expected(w, w)], rel=tolerance)


def test_no_instruction_is_left_that_the_processor_has_not() -> None:
    with compiling_for("sse2"):
        kernel = jit(total, dtype="f64")
        rng = random.Random(1)
        kernel(*([rng.uniform(-1, 1) for _ in range(24)] for _ in "vw"))
        stages = kernel.stages()
        llvm_ir, assembly = stages["llvm_ir"], stages["assembly"]
    assert "llvm.fma." not in llvm_ir
    assert not re.search(r"\bv?f(n?m)(add|sub)|[yz]mm\d", assembly)
