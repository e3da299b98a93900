"""Fit the polynomials and compute the tables of vector math: `python docs/fit.py`.

Writes micrograd/jit/vectormath/coefficients.py. A polynomial interpolates its function in the
Chebyshev nodes of its interval, which is minimax up to a fraction of a bit; a table is what its
formula says, rounded once. mpmath computes with 1000 bits, so the numbers are the same everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mpmath
from mpmath import mpf

FILE = Path(__file__).parent.parent / "micrograd" / "jit" / "vectormath" / "coefficients.py"
PRECISION = 1000

Function = Callable[[Any], Any]


def series(f: Function, at_zero: float) -> Function:
    """f, with its limit at 0."""
    return lambda x: f(x) if x else mpf(at_zero)


def of_square(f: Function) -> Function:
    """f(t), where f is an even function written in x and t = x**2."""
    return lambda t: f(mpmath.sqrt(t))


def polynomials() -> dict[str, tuple[str, Function, Any, Any, dict[int, int]]]:
    """name -> formula, function, interval, and the number of terms in float32 and float64."""
    ln2, expm1, log1p = mpmath.log(2), mpmath.expm1, mpmath.log1p
    sinh, cosh = mpmath.sinh, mpmath.cosh
    step = ln2 / 32
    wide = 3 * step
    e = series(lambda r: (expm1(r) - r) / r**2, 0.5)
    s = series(of_square(lambda r: (sinh(r) - r) / r**3), 1 / mpf(6))
    c = series(of_square(lambda r: (cosh(r) - 1) / r**2), 0.5)
    t = series(of_square(lambda r: (mpmath.tanh(r) - r) / r**3), -1 / mpf(3))
    h = series(lambda r: (r + expm1(-2 * r) / 2) / r**2, 1.0)
    log = series(lambda r: (log1p(r) - r) / r**2, -0.5)
    cubic = series(lambda r: (log1p(r) - r + r**2 / 2) / r**3, 1 / mpf(3))
    below, above = -35 / mpf(1024), 1 / mpf(32)
    long = mpmath.log(mpf(3) / 4), mpmath.log(mpf(3) / 2)
    fine = -ln2 / 4, ln2 / 4
    least, most = mpf("-0.0298"), mpf("0.0318")
    return {
        "EXP": ("(e**r - 1 - r) / r**2 for |r| <= ln(2)/32", e, -step, step, {32: 3, 64: 6}),
        "EXP_SHORT": ("the same with fewer terms", e, -step, step, {32: 2, 64: 5}),
        "EXP_WIDE": ("the same for |r| <= 3 ln(2)/32", e, -wide, wide, {32: 4, 64: 8}),
        "EXP_LONG": ("the same for ln(3/4) <= r <= ln(3/2)", e, *long, {32: 5, 64: 10}),
        "HALF_EXP": ("(r - (1 - e**-2r) / 2) / r**2, |r| <= ln(2)/4", h, *fine, {32: 6, 64: 10}),
        "SINH": ("(sinh r - r) / r**3 in r**2, |r| <= 3 ln(2)/32", s, 0, wide**2, {32: 2, 64: 4}),
        "COSH": ("(cosh r - 1) / r**2 in r**2, |r| <= 3 ln(2)/32", c, 0, wide**2, {32: 2, 64: 4}),
        "TANH": ("(tanh x - x) / x**3 in x**2, to 0.032", t, 0, mpf("0.032") ** 2, {32: 2, 64: 4}),
        "LOG": ("(ln(1 + r) - r) / r**2, -35/1024 <= r <= 1/32", log, below, above, {32: 5, 64: 9}),
        "LOG_SHORT": ("as LOG for -0.0298 <= r <= 0.0318", log, least, most, {32: 4, 64: 8}),
        "LOG_CUBIC": ("(ln(1+r) - r + r**2/2) / r**3, alike", cubic, below, above, {32: 4, 64: 9}),
    }  # fmt: skip


def tables() -> dict[str, tuple[str, Callable[[int], Sequence[Any]]]]:
    """name -> formula, and its entries for a number of bits."""

    def powers(bits: int) -> list[Any]:
        return [mpmath.power(2, mpf(j) / 16) for j in range(16)]

    def tails(bits: int) -> list[Any]:
        return [x / rounded(x, bits) - 1 for x in powers(bits)]

    def reciprocals(bits: int) -> list[Any]:
        return [mpf(1), *(short_reciprocal(1 + mpf(i) / 16) for i in range(1, 16))]

    def logs(bits: int) -> list[Any]:
        return [-mpmath.log(rounded(x, bits)) for x in reciprocals(bits)]

    def high(bits: int) -> list[Any]:
        return [on_grid(x, bits) for x in logs(bits)]

    def low(bits: int) -> list[Any]:
        return [x - on_grid(x, bits) for x in logs(bits)]

    def accurate(bits: int) -> list[Any]:
        # near 1 where most is lost: the last so that z/c - 1 is less than 1/128 there
        centres = [1 + mpf(i) / 16 + mpf("0.0006") for i in range(1, 15)]
        centres.append(mpf("1.9693") / mpf("1.0077"))
        return [mpf(1), *(accurate_reciprocal(c, bits) for c in centres)]

    def less(bits: int) -> list[Any]:
        ln2 = on_grid(mpmath.log(2), bits)
        return [on_grid(-mpmath.log(x), bits) - ln2 for x in accurate(bits)]

    def ln2(bits: int) -> list[Any]:
        return [on_grid(mpmath.log(2), bits), mpmath.log(2) - on_grid(mpmath.log(2), bits)]

    def ln2_rounded(bits: int) -> list[Any]:
        x = mpmath.log(2)
        return [rounded(x, bits), x - rounded(x, bits)]

    return {
        "POWERS": ("2**(j/16)", powers),
        "POWER_TAILS": ("how much 2**(j/16) exceeds its entry in POWERS, relatively", tails),
        "LN2_ROUNDED": ("ln 2, and the rest", ln2_rounded),
        "RECIPROCALS": ("1 / (1 + i/16), to so few places that z/c - 1 is exact", reciprocals),
        "LOGS": ("-ln of the entries of RECIPROCALS, to multiples of 2**-42 (2**-16)", high),
        "LOG_TAILS": ("the rest", low),
        "LOG_RECIPROCALS": (
            "about 1 / (1 + i/16), with an ln near a multiple of 2**-42 (2**-16)",
            accurate,
        ),
        "LOGS_LESS": ("-ln of the entries of LOG_RECIPROCALS, less ln 2, to such multiples", less),
        "LN2": ("ln 2 to a multiple of 2**-42 (2**-16), and the rest", ln2),
    }


def rounded(x: Any, bits: int) -> Any:
    """x as the nearest float64 or float32."""
    digits = 53 if bits == 64 else 24
    with mpmath.workprec(digits):
        return +x


def short_reciprocal(c: Any) -> Any:
    """1/c to 5 or 6 places, so that z/c - 1 is as exact as z, for |z - c| <= 1/32, and small."""
    found = []
    for scale in (32, 64):
        for n in range(scale // 2, scale):
            largest = max(abs(z * n / scale - 1) for z in (c - mpf(1) / 32, c + mpf(1) / 32))
            if largest <= mpf(2) / scale:
                found.append((largest, mpf(n) / scale))
    return min(found)[1]


@functools.cache
def accurate_reciprocal(c: Any, bits: int) -> Any:
    """About 1/c, with so small a difference between its ln and a multiple as `on_grid` that it is
    not worth a table. Source: S. Gal, An Accurate Elementary Mathematical Library, 1991.
    """
    scale = 2 ** (42 if bits == 64 else 16)
    middle = mpmath.nint(mpmath.log(c) * scale)
    found = []
    count = 1024 if bits == 64 else 160
    with mpmath.workprec(120):
        for n in range(-count, count + 1):
            exact = mpmath.exp(-(middle + n) / scale)
            x = rounded(exact, bits)
            found.append((abs(x / exact - 1), x))
    return min(found)[1]


def on_grid(x: Any, bits: int) -> Any:
    """x to so few places that its sum with an integer multiple of ln 2, cut alike, is exact."""
    scale = 2 ** (42 if bits == 64 else 16)
    return mpmath.nint(x * scale) / scale


def literals(numbers: Sequence[Any], bits: int) -> str:
    """The numbers as Python floats, exactly, one in a line."""
    return "".join(f"        {float(rounded(x, bits))!r},\n" for x in numbers)


def text() -> str:
    """The module of coefficients."""
    lines = ['"""Coefficients and tables of vector math, by width of the numbers.', ""]
    lines += ["Written by docs/fit.py, which says how they are found.", '"""', ""]
    with mpmath.workprec(PRECISION):
        for name, (formula, f, low, high, terms) in polynomials().items():
            lines.append(f"{name} = {{")
            for bits, n in terms.items():
                fitted = mpmath.chebyfit(f, [low, high], n, asc=True)
                lines.append(f"    {bits}: [\n{literals(fitted, bits)}    ],")
            lines += ["}", f'"""{formula}"""', ""]
        for name, (formula, entries) in tables().items():
            lines.append(f"{name} = {{")
            for bits in (32, 64):
                lines.append(f"    {bits}: [\n{literals(entries(bits), bits)}    ],")
            lines += ["}", f'"""{formula}"""', ""]
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
