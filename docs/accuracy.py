"""Measure the errors of vector math: `python docs/accuracy.py` writes docs/math.md and its plot.

float64 is measured against mpmath, on points that are dense where functions change and near what
is hard: the ends of the pieces of a range reduction, zeros, poles, thresholds of overflow and
underflow. float32 functions of one argument are measured at every one of their 2**32 arguments,
against the float64 expansion. That takes half a minute for each; name ops to measure those only.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import mpmath
import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context, ir
from micrograd.jit.emit.builder import Builder
from micrograd.jit.target import Target
from micrograd.jit.vectormath import EXPANSIONS
from micrograd.jit.vectormath.numbers import Real
from micrograd.ops import OPS, Op

Array = npt.NDArray[Any]
PAGE = Path(__file__).parent / "math.md"
PLOT = Path(__file__).parent / "math.svg"
PRECISION = 160

EXACT: dict[str, Callable[..., Any]] = {
    "pow": mpmath.power,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}
"""The functions that mpmath has not under the name of the op."""

UNTABLED = ("exp", "tanh")
"""The ops that are computed in another way where no instruction looks up in registers."""


# --- compiled loops -------------------------------------------------------------------------


@functools.cache
def compiled(
    op: Op,
    bits: int,
    width: int,
    exact: bool = False,
    processor: lowering.Processor | None = None,
    looks_up: bool | None = None,
) -> Callable[..., Array]:
    """The op on arrays of numbers, `width` at a time, for this machine or another processor. With
    `exact`, as strict kernels have it; with `looks_up`, as on processors that do or do not.
    """
    cpu, features = (processor.cpu, processor.features) if processor else (None, None)
    arguments = ", ".join(f"%a{k}: !llvm.ptr" for k in range(op.arity + 1))
    with context(), ir.Location.unknown():
        module = ir.Module.create()
        function = ir.Operation.parse(f"llvm.func @loop({arguments}, %n: i64) {{ llvm.return }}")
        module.body.append(function)
        block = function.regions[0].blocks[0]
        block.operations[0].operation.erase()
        *columns, out, count = block.arguments
        target = Target.host(f"f{bits // 8}", strict=exact, processor=processor)
        b = Builder(module, target)
        b.begin(block)
        with b.loop(count) as row:
            first = b.integer_op("llvm.mul", row, b.integer(width))
            at = [b.element(a, first, b.element_type) for a in (*columns, out)]
            x = [b.load(a, b.vector(width), bits // 8) for a in at[:-1]]
            with looking_up(looks_up):
                b.store(b.apply(op, x), at[-1], bits // 8)
        b.build("llvm.return", [], [])
        module.operation.verify()
        native = lowering.compile(module, cpu=cpu, features=features)
    pointers = [ctypes.c_void_p] * (op.arity + 1)
    loop = ctypes.CFUNCTYPE(None, *pointers, ctypes.c_int64)(native.address("loop"))

    def run(*operands: Array) -> Array:
        assert native is not None  # it owns the code
        size = len(operands[0])
        filled = -size % width
        given = [np.pad(x, (0, filled), constant_values=1) if filled else x for x in operands]
        given = [np.ascontiguousarray(x, dtype=f"f{bits // 8}") for x in given]
        result = np.empty(size + filled, dtype=f"f{bits // 8}")
        loop(*(x.ctypes.data for x in (*given, result)), (size + filled) // width)
        return result[:size]

    return run


def ways_of(op: Op) -> tuple[bool | None, ...]:
    """What `looks_up` may be, for each way in which the op is computed."""
    return (True, False) if op.name in UNTABLED else (None,)


def looking_up(looks_up: bool | None) -> AbstractContextManager[object]:
    """In it expansions are as on processors that look up in registers or do not; None: as here."""
    if looks_up is None:
        return nullcontext()
    return mock.patch.object(Target, "looks_up", looks_up)


# --- points ---------------------------------------------------------------------------------


def points(op: Op, bits: int, count: int, seed: int = 0) -> list[Array]:
    """Operands, about 20 * `count` of them: dense, and at what may be hard."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        first = np.concatenate(list(_points(bits, count, rng)))
        if op.arity == 1:
            return [first]
        second = rng.permutation(first)
        if op is OPS["pow"]:  # so that the result is neither 0 nor infinite
            largest = math.log(float(np.finfo(first.dtype).max))
            aimed = rng.uniform(-1.08, 1.02, len(first)) * largest / np.log(np.abs(first))
            second = np.where(rng.random(len(first)) < 0.8, aimed.astype(first.dtype), second)
        return [first, second]


def _points(bits: int, count: int, rng: np.random.Generator) -> Iterator[Array]:
    """Families of numbers."""
    real = np.dtype(f"f{bits // 8}")
    largest = math.log(float(np.finfo(real).max))
    smallest = math.log(float(np.finfo(real).smallest_subnormal))
    yield rng.integers(0, 2**bits, count, dtype=f"u{bits // 8}").view(real)
    for low, high in ((-1, 1), (-0.1, 0.1), (-10, 10), (0.5, 2), (smallest, largest)):
        yield rng.uniform(low, high, 2 * count).astype(real)
    for low, high in ((largest * 0.99, largest * 1.01), (smallest * 1.02, smallest * 0.95)):
        yield rng.uniform(low, high, count // 2).astype(real)
        yield -rng.uniform(low, high, count // 2).astype(real)
    sizes = rng.uniform(-70, 12, 2 * count)
    yield (np.exp2(sizes) * rng.choice([-1, 1], 2 * count)).astype(real)
    near_one = np.exp2(rng.uniform(-60, -1, count)) * rng.choice([-1, 1], count)
    yield (1 + near_one).astype(real)
    yield -(1 + near_one).astype(real)
    # the ends and the middles of the pieces of exp and log, and the zeros of sin and cos
    k = np.arange(-count // 4, count // 4)
    for unit in (math.log(2) / 32, math.pi / 4):
        there = (k * unit).astype(real)
        yield from (there, np.nextafter(there, real.type(np.inf)))
    sixteenths = (1 + np.arange(0, 64) / 64) * np.exp2(rng.integers(-3, 4, 64))
    for direction in (-np.inf, np.inf):
        yield np.nextafter(sixteenths.astype(real), real.type(direction))
    multiples = np.floor(np.exp2(rng.uniform(10, 60, count)))
    yield (multiples * (math.pi / 2)).astype(real)


SPECIAL = [
    0.0,
    1e-310,
    1e-44,
    1e-30,
    0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    4.0,
    100.0,
    1e10,
    1e30,
    1e300,
    math.inf,
]
SPECIAL += [2.0**24 - 1, 2.0**24, 2.0**53 - 1, 2.0**53]


def special(op: Op, bits: int) -> list[Array]:
    """Operands whose results are exact, or nearly: every choice of signed special values."""
    finite = np.finfo(f"f{bits // 8}")
    values = [*SPECIAL, float(finite.max), float(finite.tiny), float(finite.smallest_subnormal)]
    values = [*values, *(-x for x in values), math.nan]
    with np.errstate(all="ignore"):
        columns = np.array(list(itertools.product(values, repeat=op.arity))).T
        return list(columns.astype(f"f{bits // 8}"))


# --- errors ---------------------------------------------------------------------------------


@functools.cache
def _exact(op: Op, places: int, lowest: int, *xs: float) -> tuple[Any, Any]:
    """The number that an op gives, or None if it is no finite one, and its ulp: so many places are
    stored of it, and nothing below a power of two.
    """
    exact = EXACT.get(op.name) or getattr(mpmath, op.name)
    value = exact(*map(mpmath.mpf, xs))
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
        return None, None
    return value, mpmath.ldexp(1, max(mpmath.frexp(value)[1] - places, lowest))


def errors(op: Op, got: Array, operands: list[Array]) -> Array:
    """How far results are from the exact ones, in ulps of these; infinite where a nan, an
    infinity or a sign is wrong.
    """
    places, lowest, top = (53, -1074, 1024) if got.dtype == np.float64 else (24, -149, 128)
    with mpmath.workprec(PRECISION):
        overflow = mpmath.ldexp(2 - mpmath.ldexp(1, -places), top - 1)
        found = []
        for y, *xs in zip(got.tolist(), *(x.tolist() for x in operands), strict=True):
            if not all(map(math.isfinite, xs)) or 0.0 in xs:
                found.append(0.0)  # special: compared with `eval`
                continue
            value, ulp = _exact(op, places, lowest, *xs)
            if value is None:
                found.append(0.0 if math.isnan(y) or math.isinf(y) else math.inf)
            elif abs(value) >= overflow:
                found.append(0.0 if y == math.copysign(math.inf, value) else math.inf)
            elif math.isnan(y) or y * mpmath.sign(value) < 0:
                found.append(math.inf)
            else:
                there = mpmath.ldexp(mpmath.sign(y), top) if math.isinf(y) else y
                found.append(float(abs(there - value) / ulp))
    return np.array(found)


def errors_of_float32(op: Op, got: Array, operands: list[Array]) -> Array:
    """The same for many float32 numbers: against the C library in float64."""
    with np.errstate(all="ignore"):
        exact = compiled(op, 64, 8, exact=True)(*(x.astype(np.float64) for x in operands))
        nearest = exact.astype(np.float32)
        exponent = (exact.view(np.int64) & 0x7FF0_0000_0000_0000).view(np.float64)
        ulp = np.maximum(exponent * 2.0**-23, 2.0**-149)
        error: Array = np.abs(got.astype(np.float64) - exact) / ulp
        alike = (got == nearest) | (np.isnan(got) & np.isnan(nearest))
        wrong = np.signbit(got) != np.signbit(nearest)
        outside = ~np.isfinite(nearest) | (nearest == 0.0)
        error[outside] = np.where(alike[outside], 0.0, np.inf)
        # beside the threshold of overflow either is right
        error[outside & np.isfinite(exact) & (np.abs(got) == np.finfo(np.float32).max)] = 0.5
        error[wrong & ~np.isnan(nearest)] = np.inf
    return error


def error_of(op: Op) -> Callable[[Real], Real]:
    """The error of an op of one float32 number, in arithmetic: against its float64 expansion."""

    def error(x: Real) -> Real:
        got, exact = EXPANSIONS[op](x), EXPANSIONS[op](x.convert(64))
        nearest = exact.convert(32)
        exponent = (exact.as_integer() & (0x7FF << 52)).as_real()
        ulp = exact.constant(2.0**-149).maximum(exponent * 2.0**-23)
        found = (abs(got.convert(64) - exact) / ulp).convert(32)
        alike = got.as_integer().equals(nearest.as_integer()) | (got.is_nan() & nearest.is_nan())
        usual = (abs(nearest) < math.inf) & (abs(nearest) > 0.0)
        usual = usual & got.copysign(nearest).equals(got)
        return alike.select(usual.select(found, 0.0), usual.select(found, math.inf))

    return error


# --- the page -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """The largest error of an op."""

    ulps: float
    at: tuple[float, ...]
    points: int


def worst(error: Array, operands: list[Array]) -> Measured:
    """The largest of the errors."""
    k = int(np.argmax(error))
    return Measured(float(error[k]), tuple(float(x[k]) for x in operands), len(error))


def measure(op: Op, bits: int, count: int) -> Measured:
    """The largest error found on points."""
    operands = points(op, bits, count)
    return worst(largest(op, operands, errors if bits == 64 else errors_of_float32), operands)


def largest(op: Op, operands: list[Array], found: Callable[..., Array] = errors) -> Array:
    """The errors in the way of computing it in which they are largest."""
    bits = operands[0].dtype.itemsize * 8
    runs = [compiled(op, bits, 512 // bits, looks_up=way) for way in ways_of(op)]
    worst_of: Array = np.max([found(op, run(*operands), operands) for run in runs], axis=0)
    return worst_of


def compiled_error(op: Op) -> Callable[..., Array]:
    """The error of an op of one float32 number, on arrays."""
    runs = []
    for way in ways_of(op):
        probe = Op("error", "", 1, max, (None,), "error")
        with mock.patch.dict(EXPANSIONS, {probe: error_of(op)}):
            runs.append(compiled(probe, 32, 16, looks_up=way))
    return lambda x: np.max([run(x) for run in runs], axis=0)


def measure_all(op: Op) -> Measured:
    """The largest error on all float32 numbers, of an op of one."""
    run = compiled_error(op)
    step = 1 << 15  # what fits the cache
    found = []
    for first in range(0, 1 << 32, step):
        x = np.arange(first, first + step, dtype=np.uint32).view(np.float32)
        found.append(worst(run(x), [x]))
    largest = max(found, key=lambda m: m.ulps)
    return Measured(largest.ulps, largest.at, 1 << 32)


def row(op: Op, single: Measured, double: Measured) -> str:
    """A line of the table."""
    module = inspect.getmodule(EXPANSIONS[op])
    assert module is not None
    source = f"[{module.__name__.rpartition('.')[2]}](../micrograd/jit/vectormath/"
    source += f"{module.__name__.rpartition('.')[2]}.py)"
    cells = [f"`{op.name}`"]
    for m, digits in ((single, 9), (double, 17)):
        cells += [f"{m.ulps:.3f}", "`" + ", ".join(f"{x:.{digits}g}" for x in m.at) + "`"]
    cells.append("all" if single.points == 1 << 32 else f"{single.points:,}")
    return f"| {' | '.join([*cells, f'{double.points:,}', source])} |"


def rows(text: str) -> dict[str, str]:
    """The lines of the table in a page, by op."""
    return {m[1]: m[0] for m in re.finditer(r"^\| `(\w+)` \|.*$", text, re.MULTILINE)}


def plot(count: int) -> None:
    """Draw the largest errors along the arguments, for every op of one argument."""
    import matplotlib.pyplot as plt

    unary = [op for op in EXPANSIONS if op.arity == 1]
    columns = 4
    lines = -(-len(unary) // columns)
    plt.rcParams["svg.hashsalt"] = "math"
    figure, axes = plt.subplots(lines, columns, figsize=(12, 1.9 * lines), layout="constrained")
    for axis, op in itertools.zip_longest(axes.flat, unary):
        axis.set_axis_off() if op is None else draw(axis, op, count)
    figure.supylabel("largest error, ulp")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    figure.savefig(PLOT, metadata={"Date": None})


def draw(axis: Any, op: Op, count: int) -> None:
    """The largest errors of one op in bins of its arguments."""
    edges = np.linspace(*RANGES.get(op.name, (-4.0, 4.0)), 121)
    rng = np.random.default_rng(0)
    for bits, colour, points in ((32, "tab:orange", 100 * count), (64, "tab:blue", 4 * count)):
        x = rng.uniform(edges[0], edges[-1], points).astype(f"f{bits // 8}")
        error = compiled_error(op)(x) if bits == 32 else largest(op, [x])
        place = np.clip(np.digitize(x, edges) - 1, 0, len(edges) - 2)
        highest = np.zeros(len(edges) - 1)
        np.maximum.at(highest, place, error)
        axis.stairs(highest, edges, color=colour, lw=0.8, label=f"float{bits}")
    axis.axhline(0.5, color="grey", lw=0.5)
    axis.set(title=op.name, ylim=(0, max(1.05, axis.dataLim.y1)), xlim=(edges[0], edges[-1]))


RANGES = {
    "log": (0.0, 4.0),
    "log1p": (-1.0, 3.0),
    "asin": (-1.0, 1.0),
    "acos": (-1.0, 1.0),
    "erf": (-6.0, 6.0),
    "sin": (-10.0, 10.0),
    "cos": (-10.0, 10.0),
    "tan": (-10.0, 10.0),
}
"""Where an op is drawn."""


def main() -> None:
    """Measure, and write the lines of the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ops", nargs="*", help="measure these; all unless given")
    parser.add_argument("--quick", action="store_true", help="take samples of float32 too")
    parser.add_argument("--count", type=int, default=8000, help="points of a family")
    arguments = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    table = rows(text)
    for op in [OPS[name] for name in arguments.ops] or list(EXPANSIONS):
        every = op.arity == 1 and not arguments.quick
        single = measure_all(op) if every else measure(op, 32, arguments.count * 10)
        table[op.name] = row(op, single, measure(op, 64, arguments.count))
        print(table[op.name], flush=True)
    ordered = "\n".join(table[op.name] for op in EXPANSIONS if op.name in table)
    begin, end = "<!-- errors: begin -->", "<!-- errors: end -->"
    head = text[: text.index(begin)] + begin + "\n\n" + HEAD
    PAGE.write_text(head + ordered + "\n\n" + text[text.index(end) :], encoding="utf-8")
    plot(arguments.count)


HEAD = """\
| op | float32, ulp | at | float64, ulp | at | points, float32 | points, float64 | how |
|---|---|---|---|---|---|---|---|
"""

if __name__ == "__main__":
    main()
