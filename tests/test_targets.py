"""Code for processors that have less than this one: shorter vectors, no fused arithmetic.

It runs here, as this machine has all that they have.
"""

from __future__ import annotations

import math
import random
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import lowering
from micrograd import Value, jit, ops
from micrograd.jit.call.arguments import dtype_of
from micrograd.jit.kernels.kernel import Kernel
from micrograd.jit.options import Options
from micrograd.jit.target import Target
from micrograd.jit.trace.source import FunctionSource
from micrograd.jit.wanted import Wanted
from micrograd.ops import Op
from micrograd.train.sample_loss import BlockLoss, sample_loss

from . import targets
from .jit.vectormath.test_vectormath import WIDE, accuracy, apply, each_op, each_size, same

LOOKED_UP = {"exp", "tanh"}
"""What is computed of a table in registers where there is an instruction for that."""

each_target = pytest.mark.parametrize("target", targets.TARGETS)


def processor(target: str) -> lowering.Processor:
    """That processor; the test is skipped where its code does not run."""
    found = targets.processor(target)
    if found is None:
        pytest.skip("this machine does not run its code")
    return found


def compiled(op: Op, bits: int, target: str) -> Any:
    found = processor(target)
    return accuracy.compiled(op, bits, found.vector_bits // bits, processor=found)


def kernel(function: Any, dtype: str, target: str, *, strict: bool = False) -> Kernel:
    """A kernel for that processor."""
    options = Options.on(Target.host(dtype_of(dtype), strict=strict, processor=processor(target)))
    return Kernel(FunctionSource(function, None, freeze=False), options, Wanted.VALUE)


def test_they_differ() -> None:
    found = {name: processor(name) for name in targets.TARGETS}
    assert [found[name].vector_bits for name in ("sse2", "avx", "avx2")] == [128, 256, 256]
    assert [found[name].has_fma for name in ("sse2", "avx", "avx2")] == [False, False, True]
    assert found["this"] == lowering.processor()


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
    """But for what AVX-512 looks up in registers, and others compute in another way."""
    if op.name in LOOKED_UP and lowering.processor().vector_bits == 512:
        pytest.skip(f"{op.name} looks numbers up here")
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
    return apply(lambda x, y, z: x.fma(y, z), *operands, processor=processor("sse2"))


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
    compiled = kernel(total, dtype, target)
    found = [compiled(v, w), *compiled.grad(v, w)]
    hvp = compiled.hvp(v, w, w, v)
    rows = np.array([v, w]).T  # two points
    mapped = compiled(list(rows), w)
    assert kernel(total, "f64", target, strict=True).grad(v, w) == expected.grad(v, w)
    wanted = [expected(v, w), *expected.grad(v, w)]
    assert found[0] == pytest.approx(wanted[0], rel=tolerance)
    for got, exact in zip(
        [*found[1:], *hvp], [*wanted[1:], *expected.hvp(v, w, w, v)], strict=True
    ):
        assert got == pytest.approx(exact, rel=tolerance, abs=tolerance)
    assert mapped == pytest.approx([expected(v, w), expected(w, w)], rel=tolerance)


def test_no_instruction_is_left_that_the_processor_has_not() -> None:
    compiled = kernel(total, "f64", "sse2")
    rng = random.Random(1)
    compiled(*([rng.uniform(-1, 1) for _ in range(24)] for _ in "vw"))
    compiled([np.ones(40)] * 24, [1.0] * 24)
    stages = compiled.stages()
    for of in ("", "arrays_"):
        assert "llvm.fma." not in stages[f"{of}llvm_ir"]
        assert not re.search(r"\bv?f(n?m)(add|sub)|[yz]mm\d", stages[f"{of}assembly"])


@pytest.mark.parametrize("target", ["sse2", "avx2"])
def test_losses_of_samples_are_for_the_processor(target: str) -> None:
    w = [Value(0.1 * k) for k in range(3)]
    options = Options.on(Target.host(processor=processor(target)))

    def loss(x: Any, y: Any) -> Any:
        return (ops.tanh(w[0] * x[0] + w[1] * x[1] + w[2]) - y) ** 2

    found = sample_loss(loss, [(2,), ()], w, options)
    assert isinstance(found, BlockLoss)
    assert found.multiple == processor(target).vector_bits // 64
    text = found.code.native.assembly
    assert ("ymm" in text, "vfm" in text) == ((False, False) if target == "sse2" else (True, True))
