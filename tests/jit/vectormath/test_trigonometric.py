"""The hard arguments of sin, cos, tan, their inverses and erf."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import mpmath
import numpy as np
import numpy.typing as npt
import pytest

from micrograd import ops
from micrograd.jit.vectormath import trigonometric
from micrograd.jit.vectormath.erf_coefficients import STEP
from micrograd.jit.vectormath.inverse_trigonometric import FAR
from micrograd.jit.vectormath.trigonometric import CLOSE
from micrograd.ops import Op

from .test_vectormath import accuracy, load, same

Array = npt.NDArray[Any]

periodic = pytest.mark.parametrize("op", [ops.sin, ops.cos, ops.tan], ids=lambda op: op.name)
each_size = pytest.mark.parametrize("bits", [32, 64])


def beside(x: Array) -> Array:
    """The numbers, those next to them, and all of these negated."""
    zero, infinity = x.dtype.type(0.0), x.dtype.type(np.inf)
    with np.errstate(over="ignore", under="ignore"):
        near = np.concatenate([x, np.nextafter(x, zero), np.nextafter(x, infinity)])
    return np.concatenate([near, -near])


def run(op: Op, *operands: Array) -> Array:
    """The op on vectors of 512 bits."""
    bits = operands[0].dtype.itemsize * 8
    result: Array = accuracy.compiled(op, bits, 512 // bits)(*operands)
    return result


def check(op: Op, bound: float, *operands: Array) -> None:
    """No result is farther than the bound from the exact one, in ulps."""
    found = accuracy.errors(op, run(op, *operands), list(operands))
    k = int(np.argmax(found))
    assert found[k] <= bound, (found[k], [float(x[k]) for x in operands])


def bound(op: Op) -> float:
    """What is promised."""
    return 2.0 if op in (ops.tan, ops.erf) else 1.0


@each_size
@periodic
def test_beside_multiples_of_a_quarter_turn(op: Op, bits: int) -> None:
    most = 16 if bits == 32 else 39
    k = np.unique(np.exp2(np.random.default_rng(0).uniform(0, most, 150)).astype(np.int64))
    with mpmath.workprec(200):
        there = np.array([float(n * mpmath.pi / 2) for n in k.tolist()], dtype=f"f{bits // 8}")
    check(op, bound(op), beside(there))


HARD = [
    6381956970095103.0 * 2.0**797,  # nearest of all to a multiple of pi/2
    5319372648326541.0 * 2.0**1,
    6411027962775774.0 * 2.0**-48,
    float.fromhex("0x1.6ac5b262ca1ffp+849"),
    1e22,
    2.0**120,
    2.0**1023,
    1.7976931348623157e308,
]


@periodic
def test_arguments_that_hide_near_zeros(op: Op) -> None:
    check(op, bound(op), beside(np.array(HARD)))
    single = np.array([16367173.0 * 2.0**72, 3.4028235e38, 2.0**100, 1.5e10], dtype=np.float32)
    check(op, bound(op), beside(single))


@periodic
def test_the_nearest_of_all_to_a_zero(op: Op) -> None:
    cosine = -4.687165924254627611122582801963884e-19
    (got,) = run(op, np.array(HARD[:1]))
    assert got == {ops.sin: 1.0, ops.cos: cosine, ops.tan: 1.0 / cosine}[op]


@each_size
@periodic
def test_where_the_other_reduction_takes_over(op: Op, bits: int) -> None:
    k = np.exp2(np.random.default_rng(5).uniform(0, CLOSE[bits] - 2, 60)).astype(np.int64)
    with mpmath.workprec(200):
        near = [1 + mpmath.mpf(n) / 8 / 2 ** CLOSE[bits] for n in (-9, -8, -7, 7, 8, 9)]
        there = [float(n * mpmath.pi / 2 * x) for n in k.tolist() for x in near]
    check(op, bound(op), beside(np.array(there, dtype=f"f{bits // 8}")))


@each_size
@periodic
def test_huge_arguments(op: Op, bits: int) -> None:
    largest = float(np.log2(np.finfo(f"f{bits // 8}").max))
    sizes = np.random.default_rng(1).uniform(10, largest, 400)
    check(op, bound(op), np.exp2(sizes).astype(f"f{bits // 8}"))


@each_size
@periodic
def test_a_huge_argument_leaves_its_neighbours_alone(op: Op, bits: int) -> None:
    x = np.random.default_rng(2).uniform(-9, 9, 512 // bits).astype(f"f{bits // 8}")
    alone = run(op, x)
    for lane in range(len(x)):
        mixed = x.copy()
        mixed[lane] = 1e30
        expected = alone.copy()
        expected[lane] = run(op, np.full_like(x, 1e30))[0]
        assert same(run(op, mixed), expected).all()


@periodic
def test_a_wrong_digit_of_pi_is_seen(op: Op) -> None:
    turns = {n: list(part) for n, part in trigonometric.TURNS.items()}
    turns[2] = [x * (1 + 2.0**-20) for x in turns[2]]
    with mock.patch.object(trigonometric, "TURNS", turns):
        got = accuracy.compiled.__wrapped__(op, 64, 8)(np.array(HARD))
    assert accuracy.errors(op, got, [np.array(HARD)]).max() > 2.0


@each_size
def test_erf_where_its_pieces_meet_and_where_it_ends(bits: int) -> None:
    real = np.dtype(f"f{bits // 8}")
    ends = STEP[bits] * np.arange(0.5, 16.0)
    tail = 5.92 if bits == 64 else 3.92
    rest = [np.linspace(0.85 * tail, 1.05 * tail, 60), np.exp2(np.linspace(-1000, 0, 60))]
    with np.errstate(under="ignore"):
        x = np.concatenate([ends, *rest]).astype(real)
    check(ops.erf, bound(ops.erf), beside(x))
    assert (run(ops.erf, np.array([1.02 * tail, 100.0, np.inf], dtype=real)) == 1.0).all()


@each_size
@pytest.mark.parametrize("op", [ops.asin, ops.acos], ids=lambda op: op.name)
def test_beside_the_thresholds_of_asin(op: Op, bits: int) -> None:
    x = np.array([0.5, 0.25, 0.75, 2.0**-30, 0.1], dtype=f"f{bits // 8}")
    one = np.array([1.0], dtype=x.dtype)
    inside = np.concatenate([beside(x), np.nextafter(one, x.dtype.type(0.0)), one, -one])
    check(op, 1.0, inside)
    assert np.isnan(run(op, np.nextafter(one, x.dtype.type(2.0)))).all()


@each_size
def test_beside_the_thresholds_of_atan(bits: int) -> None:
    x = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 1e-20, 1e20, 2.0**60], dtype=f"f{bits // 8}")
    check(ops.atan, 1.0, beside(x))


@each_size
def test_atan2_does_not_depend_on_the_scale(bits: int) -> None:
    real = np.dtype(f"f{bits // 8}")
    rng = np.random.default_rng(3)
    # few digits, so that they fit into denormal numbers
    y, x = (rng.integers(-(2**10), 2**10, (2, 64)) + 0.5).astype(real)
    here = run(ops.atan2, y, x)
    check(ops.atan2, 1.0, y, x)
    low, high = np.finfo(real).minexp - np.finfo(real).nmant + 1, np.finfo(real).maxexp - 11
    for exponent in (low, low + 5, low // 2, high // 2, high, int(math.log2(FAR[bits]))):
        assert same(here, run(ops.atan2, np.ldexp(y, exponent), np.ldexp(x, exponent))).all()


@each_size
def test_atan2_of_very_different_sizes(bits: int) -> None:
    real = np.dtype(f"f{bits // 8}")
    least = float(np.log2(float(np.finfo(real).smallest_subnormal)))
    rng = np.random.default_rng(4)
    y, x = np.exp2(rng.uniform(least, -least - 50, (2, 400)))
    signs = rng.choice([-1, 1], (2, 400))
    with np.errstate(over="ignore", under="ignore"):
        check(ops.atan2, 1.0, (signs[0] * y).astype(real), (signs[1] * x).astype(real))


@pytest.mark.parametrize("name", ["erf", "trigonometric"])
def test_coefficients_are_those_of_the_script(name: str) -> None:
    fit = load("fit")
    file = fit.FILE.with_name(f"{name}_coefficients.py")
    assert file.read_text(encoding="utf-8") == load(f"fit_{name}").text()
