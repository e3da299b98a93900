"""Fit the polynomials of the trigonometric functions: `python docs/fit_trigonometric.py`.

Writes micrograd/jit/vectormath/trigonometric_coefficients.py, as docs/fit.py does its own.
"""

from __future__ import annotations

from typing import Any

import mpmath
from fit import FILE, PRECISION, Function, literals, of_square, rounded, series
from mpmath import mpf


def polynomials() -> dict[str, tuple[str, Function, Any, dict[int, int]]]:
    """name -> formula, function on [0, end], and by width end and the number of terms."""
    sin, cos, atan, asin = mpmath.sin, mpmath.cos, mpmath.atan, mpmath.asin
    third = 1 / mpf(3)
    ninth, fourth = (dict.fromkeys((32, 64), x) for x in (third**2, mpf(1) / 4))
    # a little beyond pi/4: the multiple of pi/2 that is subtracted is not always the nearest
    quarter = {bits: (mpmath.pi / 4 * (1 + mpf(2) ** -n)) ** 2 for bits, n in ((32, 5), (64, 9))}
    of_sin = series(of_square(lambda r: (sin(r) - r) / r**3), -1 / mpf(6))
    of_cos = series(of_square(lambda r: (cos(r) - 1 + r**2 / 2) / r**4), 1 / mpf(24))
    of_atan = series(of_square(lambda t: (atan(t) - t) / t**3), -third)
    of_asin = series(of_square(lambda s: (asin(s) - s) / s**3), 1 / mpf(6))
    return {
        "SIN": ("(sin r - r) / r**3 in r**2, |r| <= pi/4", of_sin, quarter, {32: 3, 64: 6}),
        "COS": (
            "(cos r - 1 + r**2 / 2) / r**4 in r**2, |r| <= pi/4", of_cos, quarter, {32: 3, 64: 6}
        ),
        "ATAN": ("(atan t - t) / t**3 in t**2, |t| <= 1/3", of_atan, ninth, {32: 4, 64: 10}),
        "ASIN": ("(asin s - s) / s**3 in s**2, |s| <= 1/2", of_asin, fourth, {32: 5, 64: 13}),
    }  # fmt: skip


def parts(x: Any, count: int, bits: int) -> list[Any]:
    """x as a sum of numbers of the format, each the nearest to what is left."""
    found = []
    for _ in range(count):
        found.append(rounded(x, bits))
        x -= found[-1]
    return found


def angles(bits: int) -> list[list[Any]]:
    """Where the point lies from which an angle is counted, in two parts."""
    half, pi = mpmath.atan(mpf(1) / 2), mpmath.pi
    # by bits of the index: 1 counted from the slope 1/2, 2 from the y axis, 4 x is negative
    entries = [0, half, pi / 2, pi / 2 - half, pi, pi - half, pi / 2, pi / 2 + half] * 2
    return [list(column) for column in zip(*(parts(mpf(x), 2, bits) for x in entries), strict=True)]


def turns() -> dict[int, list[Any]]:
    """By part: 2/pi 2**(32 j - 52) modulo 4, for every j."""
    with mpmath.workprec(2 * PRECISION):
        turns = [mpmath.fmod(2 / mpmath.pi * mpf(2) ** (32 * j - 52), 4) for j in range(32)]
        rows = [parts(turn, 4, 64) for turn in turns]
    return {part: [row[part] for row in rows] for part in range(4)}


def table(name: str, formula: str, columns: dict[int, list[Any]]) -> list[str]:
    """The lines of one table."""
    rows = [
        f"    {key}: [\n{literals(numbers, 32 if key == 32 else 64)}    ],"
        for key, numbers in columns.items()
    ]
    return [f"{name} = {{", *rows, "}", f'"""{formula}"""', ""]


def text() -> str:
    """The module of coefficients."""
    lines = ['"""Coefficients of the trigonometric functions, by width of the numbers.', ""]
    lines += ["Written by docs/fit_trigonometric.py, which says how they are found.", '"""', ""]
    with mpmath.workprec(PRECISION):
        for name, (formula, f, end, terms) in polynomials().items():
            fits = {
                bits: mpmath.chebyfit(f, [0, end[bits]], n, asc=True) for bits, n in terms.items()
            }
            lines += table(name, formula, fits)
        half_pi = {bits: parts(mpmath.pi / 2, 2, bits) for bits in (32, 64)}
        lines += table("HALF_PI", "pi/2 as a sum", half_pi)
        for k, name in enumerate(("ANGLES", "ANGLE_TAILS")):
            formula = "the rest" if k else "angles from which atan2 counts, by index"
            lines += table(name, formula, {bits: angles(bits)[k] for bits in (32, 64)})
        formula = "part n of 2/pi 2**(32 j - 52) modulo 4, in float64: [n][j]"
        lines += table("TURNS", formula, turns())
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.with_name("trigonometric_coefficients.py").write_text(text(), encoding="utf-8")
