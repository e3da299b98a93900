"""Vector math: every expansion against the op's own meaning, mpmath and itself at other widths."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest

import lowering
from lowering.bindings import context, ir
from micrograd import jit, ops
from micrograd.jit.emit.builder import Builder
from micrograd.jit.target import Target
from micrograd.jit.vectormath import EXPANSIONS
from micrograd.jit.vectormath.library import INLINED
from micrograd.jit.vectormath.numbers import Real
from micrograd.ops import OPS, Op

ROOT = Path(__file__).parents[3]
Array = npt.NDArray[Any]
WIDE = ("pow", "erf", "tan")
"""Ops that may be 2 ulp away; others 1."""
WITHOUT_EXPANSION: set[str] = set()
"""Ops of the C library that have no expansion."""


def load(name: str) -> ModuleType:
    """A script of docs/."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


accuracy = load("accuracy")

each_op = pytest.mark.parametrize("op", EXPANSIONS, ids=lambda op: op.name)
each_size = pytest.mark.parametrize("bits", [32, 64])


def same(x: Array, y: Array) -> Any:
    """Where two arrays have the same numbers, nan and the signs of zeros included."""
    return (np.isnan(x) & np.isnan(y)) | ((x == y) & (np.signbit(x) == np.signbit(y)))


# --- coverage -----------------------------------------------------------------------------------


def test_every_op_of_the_c_library_has_an_expansion() -> None:
    library = {op.name for op in OPS.values() if op.libm is not None}
    assert library - {op.name for op in EXPANSIONS} == WITHOUT_EXPANSION


def test_ops_that_stay_whole_have_an_expansion() -> None:
    assert {op for op in OPS.values() if op.whole} <= set(EXPANSIONS)


# --- accuracy -----------------------------------------------------------------------------------


@each_size
@each_op
def test_errors_are_within_the_bound(op: Op, bits: int) -> None:
    operands = accuracy.points(op, bits, 120, seed=bits)
    found = accuracy.largest(op, operands)
    k = int(np.argmax(found))
    assert found[k] <= (2.0 if op.name in WIDE else 1.0), [float(x[k]) for x in operands]


@each_op
def test_many_float32_are_within_the_bound(op: Op) -> None:
    operands = accuracy.points(op, 32, 3000, seed=1)
    found = accuracy.largest(op, operands, accuracy.errors_of_float32)
    k = int(np.argmax(found))
    assert found[k] <= (2.0 if op.name in WIDE else 1.0), [float(x[k]) for x in operands]


@each_size
@each_op
def test_special_values_are_those_of_the_op(op: Op, bits: int) -> None:
    operands = accuracy.special(op, bits)
    wanted = np.array([op.eval(*x) for x in zip(*(x.tolist() for x in operands), strict=True)])
    for way in accuracy.ways_of(op):
        got = accuracy.compiled(op, bits, 512 // bits, looks_up=way)(*operands)
        with np.errstate(all="ignore"):
            wanted = wanted.astype(got.dtype)
            # beyond what is exact by C's rules, a result may be an ulp or two from that of `eval`
            close = np.abs(got - wanted) <= 3 * np.spacing(np.abs(wanted))
        close &= np.isfinite(wanted) & (wanted != 0.0) & (np.signbit(got) == np.signbit(wanted))
        bad = ~(same(got, wanted) | close)
        assert not bad.any(), [x[bad] for x in (*operands, got, wanted)]


@each_size
@each_op
@pytest.mark.parametrize("width", [1, 2, 4, 32])
def test_every_width_gives_the_same_bits(op: Op, bits: int, width: int) -> None:
    operands = accuracy.points(op, bits, 40, seed=2)
    if width == 1 and op.libm is not None:
        found = only_lane(op, bits)(*operands)
    else:
        found = accuracy.compiled(op, bits, width)(*operands)
    assert same(found, accuracy.compiled(op, bits, 512 // bits)(*operands)).all()


@each_size
@pytest.mark.parametrize("width", [1, 2, 3, 8, 32])
@pytest.mark.parametrize("op", [OPS[name] for name in accuracy.UNTABLED], ids=lambda op: op.name)
def test_without_tables_every_width_gives_the_same_bits(op: Op, bits: int, width: int) -> None:
    operands = accuracy.points(op, bits, 40, seed=4)
    wanted = accuracy.compiled(op, bits, 512 // bits, looks_up=False)(*operands)
    with accuracy.looking_up(False):
        run = only_lane(op, bits) if width == 1 else accuracy.compiled.__wrapped__(op, bits, width)
    assert same(run(*operands), wanted).all()


def only_lane(op: Op, bits: int) -> Callable[..., Array]:
    """The expansion of scalars, where kernels call the C library."""
    scalar = ops.Op(op.name, op.formula, op.arity, op.eval, op.vjp, op.label)
    with mock.patch.dict(EXPANSIONS, {scalar: EXPANSIONS[op]}):
        run: Callable[..., Array] = accuracy.compiled(scalar, bits, 1)
    return run


@each_size
@each_op
def test_without_avx512_the_bits_are_the_same(op: Op, bits: int) -> None:
    operands = accuracy.points(op, bits, 40, seed=3)
    narrow = processor(256)
    for way in accuracy.ways_of(op):
        expected = accuracy.compiled(op, bits, 512 // bits, looks_up=way)(*operands)
        run = accuracy.compiled(op, bits, 256 // bits, processor=narrow, looks_up=way)
        assert same(run(*operands), expected).all()


@each_op
def test_the_page_states_errors_that_are_there(op: Op) -> None:
    rows = accuracy.rows(accuracy.PAGE.read_text(encoding="utf-8"))
    cells = [cell.strip(" `") for cell in rows[op.name].split("|")[2:6]]
    for bits, stated, at in ((32, cells[0], cells[1]), (64, cells[2], cells[3])):
        operands = [np.array([float(x)], dtype=f"f{bits // 8}") for x in at.split(",")]
        (error,) = accuracy.largest(op, operands)
        assert error == pytest.approx(float(stated), abs=0.001)
        assert error <= (2.0 if op.name in WIDE else 1.0)


def test_a_wrong_coefficient_is_seen() -> None:
    operands = accuracy.points(ops.exp, 64, 20)
    with mock.patch.dict(EXPANSIONS, {ops.exp: lambda x: EXPANSIONS[ops.tanh](x) * (1 + 2**-50)}):
        got = accuracy.compiled.__wrapped__(ops.exp, 64, 8)(*operands)
    assert accuracy.errors(ops.tanh, got, operands).max() > 2.0


def test_coefficients_are_those_of_the_script() -> None:
    fit = load("fit")
    assert fit.FILE.read_text(encoding="utf-8") == fit.text()


@each_size
@each_op
def test_constants_that_are_loaded_are_the_same(op: Op, bits: int) -> None:
    operands = [*accuracy.points(op, bits, 40, seed=5)]
    uncached, found = accuracy.compiled.__wrapped__, []
    for loads in (True, False):
        with mock.patch.object(Target, "loads_constants", loads):
            found.append(uncached(op, bits, 256 // bits)(*operands))
    assert same(*found).all()


@pytest.mark.parametrize(("loads", "lanes", "loaded"), [(1, 4, 1), (1, 2, 0), (0, 4, 0), (1, 8, 1)])
def test_constants_of_wide_vectors_are_loaded(loads: int, lanes: int, loaded: int) -> None:
    with mock.patch.object(Target, "loads_constants", bool(loads)):
        assert ("externally_initialized" in module_of(ops.exp, 1, lanes)) == bool(loaded)


# --- the arithmetic -----------------------------------------------------------------------------


def processor(vector_bits: int) -> lowering.Processor:
    """This machine, with registers of at most so many bits; else the test is skipped."""
    here = lowering.processor()
    if vector_bits > here.vector_bits:
        pytest.skip("this machine has no such registers")
    if vector_bits == here.vector_bits:
        return here
    found = lowering.processor(features="-avx512f")
    assert found.vector_bits == vector_bits
    return found


def apply(
    f: Callable[..., Real], *operands: Array, processor: lowering.Processor | None = None
) -> Array:
    """What a function of the arithmetic gives for vectors of the operands' size."""
    bits = operands[0].dtype.itemsize * 8
    op = ops.Op("probe", "", len(operands), max, (None,) * len(operands), "probe", libm="probe")
    with mock.patch.dict(EXPANSIONS, {op: f}):
        uncached = accuracy.compiled.__wrapped__
        run = uncached(op, bits, len(operands[0]), processor=processor)
    result: Array = run(*operands)
    return result


@each_size
@pytest.mark.parametrize("width", [2, 3, 4, 6, 8, 32])
@pytest.mark.parametrize("count", [8, 16, 32])
@pytest.mark.parametrize("vector_bits", [256, 512])
def test_lookup(bits: int, width: int, count: int, vector_bits: int) -> None:
    x = np.arange(-3, width - 3).astype(f"f{bits // 8}")
    tables = [[k * k + 0.5 + n * 10_000 for k in range(count)] for n in range(3)]
    found = processor(vector_bits)
    for columns, n in ((1, 0), (2, 0), (2, 1), (3, 2)):

        def looked_up(x: Real, some: list[list[float]] = tables[:columns], n: int = n) -> Real:
            return x.nearest()[1].lookup(*some)[n]

        got = apply(looked_up, x, processor=found)
        assert got.tolist() == [tables[n][int(k) % count] for k in x]


@each_size
def test_scale(bits: int) -> None:
    real = np.dtype(f"f{bits // 8}")
    info = np.finfo(real)
    x = np.array([1.0, -1.5, 1.75, 0.0, np.inf, np.nan, 1.1, 1.3], dtype=real)
    for n in (0.0, 3.5, -2.25, info.maxexp, info.minexp - 10, 2 * info.minexp, -0.01):
        got = apply(Real.scale, x, np.full(8, n, dtype=real))
        with np.errstate(all="ignore"):
            wanted = np.ldexp(x, math.floor(n)).astype(real)
        if n < 2 * info.minexp + 1:  # where every number below 4 becomes 0, of no certain sign
            got, wanted, x = abs(got[:4]), abs(wanted[:4]), x[:4]
        assert same(got, wanted).all(), n


@each_size
def test_scale_where_numbers_vanish(bits: int) -> None:
    real = np.dtype(f"f{bits // 8}")
    info = np.finfo(real)
    least = round(math.log2(info.smallest_subnormal))
    x = np.array(
        [1.0, 0.51, 1.5, 1.99, 2.5, 3.0, np.nextafter(real.type(4.0), real.type(0.0)), 0.0],
        dtype=real,
    )
    for n in range(least - 8, least + 8):
        got = apply(Real.scale, x, np.full(8, n + 0.5, dtype=real))
        with np.errstate(all="ignore"):
            assert (got == np.ldexp(x, n).astype(real)).all(), n


@each_size
@pytest.mark.parametrize("vector_bits", [256, 512])
def test_split(bits: int, vector_bits: int) -> None:
    found = processor(vector_bits)
    tiny = np.finfo(f"f{bits // 8}").smallest_subnormal
    x = np.array([1.0, 0.3, 6.0, 7 * tiny, -0.0, np.inf, -2.0, np.nan], dtype=f"f{bits // 8}")
    m, e = (apply(lambda x, part=part: x.split()[part], x, processor=found) for part in (0, 1))
    assert (np.ldexp(m[:4], e[:4].astype(int)) == x[:4]).all()
    assert ((m[:6] >= 1.0) & (m[:6] < 2.0)).all()
    assert e[4:6].tolist() == [-np.inf, np.inf]
    assert np.isnan(m[6])
    assert np.isnan(m[7] * e[7])


@each_size
def test_nearest_is_its_own_inverse(bits: int) -> None:
    x = np.array([0.5, 1.5, -0.5, -2.5, 1000.2, -1e5, 0.0, 3.49], dtype=f"f{bits // 8}")
    assert apply(lambda x: x.nearest()[0], x).tolist() == np.rint(x).tolist()
    assert apply(lambda x: x.nearest()[1].to_real(), x).tolist() == np.rint(x).tolist()


@each_size
def test_masks_and_integers(bits: int) -> None:
    x = np.array([1.0, -1.0, np.nan, 4.0, -0.0, np.inf, 7.0, 2.0], dtype=f"f{bits // 8}")
    assert apply(lambda x: (~(x < 3.0)).select(1.0 * abs(x), 0.0), x)[:2].tolist() == [0.0, 0.0]
    assert apply(lambda x: x.is_nan().select(x.constant(5.0), x), x)[2] == 5.0
    sign = apply(lambda x: (x.as_integer() < 0).select(x.constant(1.0), 0.0), x)
    assert sign[[0, 1, 4]].tolist() == [0.0, 1.0, 1.0]
    half = apply(lambda x: (x.nearest()[1] >> 1).to_real(), x)
    assert half[[0, 1, 3, 6]].tolist() == [0.0, -1.0, 2.0, 3.0]


# --- where kernels use it -----------------------------------------------------------------------


def module_of(op: Op, calls: int, lanes: int = 8) -> str:
    """A module that applies the op so many times in turn."""
    vector = f"vector<{lanes}xf64>"
    with context(), ir.Location.unknown():
        module = ir.Module.create()
        function = ir.Operation.parse(
            f"llvm.func @f(%x: {vector}) -> {vector} {{ llvm.return %x : {vector} }}"
        )
        module.body.append(function)
        block = function.regions[0].blocks[0]
        block.operations[0].operation.erase()
        b = Builder(module, Target.host())
        b.begin(block)
        b.vector(lanes)
        x = block.arguments[0]
        for _ in range(calls):
            x = b.apply(op, [x])
        b.build("llvm.return", [], [x])
        module.operation.verify()
        return str(module)


def test_few_calls_are_inlined_and_many_are_not() -> None:
    assert "always_inline" in module_of(ops.tanh, 2)
    many = module_of(ops.tanh, INLINED)
    assert "always_inline" not in many
    assert "no_inline" in many
    assert many.count("llvm.func internal @tanh.8xf64") == 1


def test_a_long_expansion_that_is_called_once_is_inlined() -> None:
    with mock.patch("micrograd.jit.vectormath.library.INLINED", 1):
        assert "always_inline" in module_of(ops.tanh, 1)
        assert "always_inline" not in module_of(ops.tanh, 2)


def test_loops_use_the_expansion_and_strict_kernels_the_library() -> None:
    def total(xs: list[Any]) -> Any:
        return sum(((x * 0.5).exp() for x in xs), 0.0)

    numbers = [0.1 * k for k in range(100)]
    fast, strict = (jit(total, dtype="f64", strict=s) for s in (False, True))
    assert fast(numbers) == pytest.approx(strict(numbers), rel=1e-14)
    assert "@exp." in str(fast)
    assert "@exp(" in str(strict)
    assert "@exp." not in str(strict)


def test_a_scalar_calls_the_library() -> None:
    kernel = jit(lambda x: x.exp(), dtype="f64")
    assert kernel(1.0) == pytest.approx(math.e)
    assert "@exp(" in str(kernel)


@pytest.mark.parametrize("op", [ops.sigmoid, ops.softplus], ids=lambda op: op.name)
def test_ops_without_a_library_function_are_whole_as_scalars_too(op: Op) -> None:
    fast, strict = (jit(lambda x: op(x), dtype="f64", strict=s) for s in (False, True))
    assert fast(0.3) == pytest.approx(strict(0.3), rel=1e-15)
    assert f"@{op.name}." in str(fast)
    assert f"@{op.name}." not in str(strict)
