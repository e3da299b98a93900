"""Random functions of a row of data, summed: compiled, against the same on Values, row by row.

python -m tests.row_functions SECONDS [FIRST_SEED]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np

import micrograd as mg
from micrograd import Value, total
from micrograd.jit.kernels import row_layout

from .by_values import BITS
from .targets import assumed

SIZES = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 130)
MOST_PRODUCTS = 20
"""Rows up to which the second derivatives of functions with sums in them are compared."""
ABOUT_BLOCKS = (975, 976, 977, 1000, 1953)


def _elementwise(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    found = y * w[0]
    for k, (one, two) in enumerate(steps):
        a, b = w[k % len(w)], x[k % len(x)]
        found = found + two(one(a * b) * found, a + b)
    return found


def _network(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    one = steps[0][0]
    units = len(w) // (len(x) + 2) or 1
    hidden = [
        one(sum(w[(j * len(x) + k) % len(w)] * v for k, v in enumerate(x)) + w[-1])
        for j in range(units)
    ]
    return (sum(h * w[j % len(w)] for j, h in enumerate(hidden)) - y) ** 2


def _mixture(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    terms = [-sum((v - m) ** 2 for v in x) * 0.5 + y * m for m in w]
    largest = mg.maximum(*terms) if len(terms) > 1 else terms[0]
    return mg.log(sum(mg.exp(t - largest) for t in terms)) + largest


def _nearest(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    terms = [sum((v - m) ** 2 for v in x) + y for m in w]
    return mg.minimum(*terms) if len(terms) > 1 else terms[0]


def _choice(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    slope = sum(a * b for a, b in zip(w, x, strict=False))
    return mg.where(slope > y, slope * w[0], mg.exp(-slope * slope))


def _polynomial(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    power, found = 1.0, -y
    for a in w:
        found = found + a * power
        power = power * x[0]
    return found * found


def _recurrence(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    state = y
    for _ in range(12):
        state = mg.tanh(state * w[0] + x[0]) + w[-1] * x[-1]
    return state * state


def _triangle(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    found = y
    for i in range(len(w)):
        for j in range(i + 1):
            found = found + w[i] * w[j] * x[j % len(x)]
    return found


def _unused(w: Any, x: Any, y: Any, steps: Sequence[Any]) -> Any:
    return w[0] * w[0]


KINDS: tuple[Callable[..., Any], ...] = (
    _elementwise,
    _network,
    _mixture,
    _nearest,
    _choice,
    _polynomial,
    _recurrence,
    _triangle,
    _unused,
)
ONE = (mg.tanh, mg.sin, mg.exp, abs, mg.relu, lambda x: x * 0.5, lambda x: -x)
TWO = (
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b,
    mg.maximum,
    mg.minimum,
    lambda a, b: mg.where(a > b, a, b * 0.5),
)


def check(seed: int) -> None:
    """Draw a function, data and how it is compiled; compare the sums and their derivatives.

    For every second one, rows that are known lie in columns wherever they can.
    """
    always = seed // len(BITS) % 2
    with (
        assumed(vector_bits=BITS[seed % len(BITS)]),
        mock.patch.object(row_layout, "GAIN", 0.0 if always else row_layout.GAIN),
    ):
        _check(seed)


def _check(seed: int) -> None:
    rng = random.Random(seed)
    numbers = np.random.default_rng(seed)
    made = rng.choice(KINDS)
    steps = [(rng.choice(ONE), rng.choice(TWO)) for _ in range(rng.randint(1, 5))]
    n, m = rng.choice((1, 2, 3, 5, 9, 17)), rng.choice((1, 2, 4, 9))
    many = rng.random() < 0.1
    rows = rng.choice(ABOUT_BLOCKS if many else SIZES)
    strict = rng.random() < 0.4
    dtype = "f64" if strict or rng.random() < 0.6 else "f32"
    w = (numbers.normal(size=n) * 0.5).tolist()
    data_x = numbers.normal(size=(rows, m)).astype(np.float32).astype(np.float64)
    data_y = numbers.normal(size=rows).astype(np.float32).astype(np.float64)

    def f(w: Any, x: Any, y: Any) -> Any:
        return made(w, x, y, steps)

    options: dict[str, Any] = {"strict": strict, "dtype": dtype, "threads": rng.choice((1, 2))}
    at_once = rng.random() < 0.5
    kernel = total(f, data_x, data_y, **options) if at_once else None
    kernel = kernel or total(f, rows=("x", "y"), **options)
    behind = () if at_once else (_lie(data_x, rng), _lie(data_y, rng))
    told = f"seed {seed}: {made.__name__}, {rows} rows of {m}, {n} parameters, {options}"

    leaves = [Value(v) for v in w]
    whole = sum(f(leaves, x, y) for x, y in zip(data_x.tolist(), data_y.tolist(), strict=True))
    expected, partials = 0.0, [0.0] * n
    if isinstance(whole, Value):
        whole.backward()
        expected, partials = whole.data, [float(v.grad) for v in leaves]
    value, found = kernel.value_and_grad(w, *behind)
    scale = 1.0 + abs(expected) + float(np.abs(partials).sum())
    close = 0.0 if strict else (2e-4 if dtype == "f32" else 1e-11) * scale
    assert _agree([value], [expected], close), f"{told}: {value} is not {expected}"
    assert _agree(found, partials, close), f"{told}: {found} is not {partials}"
    assert _agree([kernel(w, *behind)], [expected], close), told
    assert _agree(kernel.grad(w, *behind), partials, close), told
    if not many and dtype == "f64":
        _check_products(kernel, f, w, data_x, data_y, behind, told)
    _check_inside(f, w, data_x, data_y, rng, {"strict": strict, "dtype": dtype}, told)


def _check_products(
    kernel: Any, f: Any, w: list[float], x: Any, y: Any, behind: Any, told: str
) -> None:
    """The Hessian and its product, and the derivative along a direction, against those of rows."""
    along = np.random.default_rng(len(w)).normal(size=len(w)).tolist()
    expected = np.zeros(len(w))
    each = mg.jit(f, wrt="w").hvp
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        expected = expected + np.array(each(w, a, b, along))
    close = 1e-9 * (1.0 + np.abs(expected).sum())
    found = kernel.hvp(w, *behind, along)
    assert _agree(found, expected, close), f"{told}: {found} is not {expected}"
    product = np.array(kernel.hessian(w, *behind)).reshape(len(w), len(w)) @ along
    assert _agree(product, expected, close * 10), f"{told}: {product} is not {expected}"
    slope = np.dot(kernel.grad(w, *behind), along)
    _, tangent = kernel.jvp(w, *behind, along)
    assert _agree([tangent], [slope], 1e-10 * (1.0 + np.abs(slope))), told


def _check_inside(
    f: Any, w: list[float], x: Any, y: Any, rng: random.Random, options: Any, told: str
) -> None:
    """The sum as a part of a compiled function, of arguments or of numbers that are known."""
    known, at_once = rng.random() < 0.3, rng.random() < 0.5
    told = f"inside, {known=}, {at_once=}, {told}"

    def of_sum(w: Any, s: Any) -> Any:
        return s * s * 0.01 + s * w[0] + w[-1]

    def whole(w: Any, x: Any, y: Any) -> Any:
        sums = total(f, x, y)(w) if at_once else total(f, rows=("x", "y"))(w, x, y)
        return of_sum(w, sums)

    def of_arguments(w: list[float], x: np.ndarray, y: np.ndarray) -> Any:
        return whole(w, x, y)

    behind = () if known else (x, y)
    function: Any = (lambda w: whole(w, x, y)) if known else of_arguments
    kernel = mg.jit(function, wrt="w", **options)
    leaves = [Value(v) for v in w]
    rows = list(zip(x.tolist(), y.tolist(), strict=True))
    sums = [f(leaves, a, b) for a, b in rows]
    added = sum(sums)
    number = added.data if isinstance(added, Value) else added
    expected = of_sum(leaves, added)
    expected.backward()
    partials = [float(v.grad) for v in leaves]
    value, found = kernel.value_and_grad(w, *behind)
    scale = 1.0 + abs(expected.data) + float(np.abs(partials).sum())
    close = (2e-4 if options["dtype"] == "f32" else 1e-11) * scale * (1.0 + abs(number))
    assert _agree([value], [expected.data], close), f"{told}: {value} is not {expected.data}"
    assert _agree(found, partials, close), f"{told}: {found} is not {partials}"
    assert _agree([kernel(w, *behind)], [expected.data], close), told
    if len(x) > MOST_PRODUCTS or options["dtype"] == "f32":
        return
    along = np.random.default_rng(len(x)).normal(size=len(w))
    product = np.array(kernel.hvp(w, *behind, along.tolist()))
    assert _agree(product, _product(f, w, rows, along), close * 100), f"{told}: {product}"
    square = np.array(kernel.hessian(w, *behind)).reshape(len(w), len(w))
    assert _agree(square @ along, product, close * 100), told
    if not known:
        _check_rows(of_arguments, f, w, x, y, options, close, told)


def _product(f: Any, w: list[float], rows: Any, along: Any) -> Any:
    """The Hessian of the whole times a direction, by the chain rule, of those of rows."""
    each = mg.jit(f, wrt="w")
    whole, slope, curved = 0.0, np.zeros(len(w)), np.zeros(len(w))
    for a, b in rows:
        number, partials = each.value_and_grad(w, a, b)
        whole, slope = whole + number, slope + np.array(partials)
        curved = curved + np.array(each.hvp(w, a, b, along.tolist()))
    found = (0.02 * whole + w[0]) * curved + 0.02 * slope * (slope @ along)
    found[0] += slope @ along
    return found + slope * along[0]


def _check_rows(
    function: Any, f: Any, w: list[float], x: Any, y: Any, options: Any, close: float, told: str
) -> None:
    """The gradient by the rows themselves."""
    found = mg.jit(function, wrt="x", **options).grad(w, x, y)
    whole = mg.jit(f, wrt=None, **options)
    rows = list(zip(x.tolist(), y.tolist(), strict=True))
    outer = 0.02 * sum(whole(w, a, b) for a, b in rows) + w[0]
    expected = [[outer * d for d in whole.grad(w, a, b)[1]] for a, b in rows]
    assert _agree(found, np.reshape(expected, x.shape), close), f"{told}: rows"


def _lie(x: Any, rng: random.Random) -> Any:
    """The same numbers, as they may lie: a list, every other row, columns first, another type."""
    how = rng.randrange(5)
    if how == 0 and len(x):
        return x.tolist()
    if how == 1:
        return np.repeat(x, 2, axis=0)[::2]
    if how == 2:
        return np.asfortranarray(x)
    return x.astype(np.float32) if how == 3 else x


def _agree(found: Any, expected: Any, close: float) -> bool:
    return bool(np.allclose(found, expected, rtol=0.0, atol=close, equal_nan=True))


def main(seconds: float, first: int) -> None:
    """Try seeds from the first on, for so long."""
    end, seed = time.monotonic() + seconds, first
    while time.monotonic() < end:
        check(seed)
        seed += 1
    print(f"{seed - first} sums agree")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
