"""Fit the polynomials of erf: `python docs/fit_erf.py`.

Writes micrograd/jit/vectormath/erf_coefficients.py. STEP of float64 was found by trying random
numbers in the range that lets the last of 16 intervals end where erf rounds to 1: erf of its
multiples is nearly a number of the format, so the constant terms lose little in rounding.
"""

from __future__ import annotations

from typing import Any

import mpmath
from fit import FILE, PRECISION, rounded
from mpmath import mpf

STEP = {32: 0.25, 64: 0.38238543489138355}
LARGEST = {32: 4.0, 64: 5.925}
"""From here on erf rounds to 1; the last interval ends here."""
TERMS = {32: 7, 64: 13}
COLUMNS = 3
"""Numbers in a line."""


def interval(i: int, bits: int) -> list[Any]:
    """The coefficients of erf(i * step + t) in t, |t| <= step/2; for i = 0 of erf(t) - t."""
    step = STEP[bits]
    centre, edge = mpf(i) * step, mpf(step) / 2 * (1 + mpf(2) ** -20)
    value = mpmath.erf(centre)
    slope = 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-(centre**2))

    def rest(t: Any) -> Any:
        if abs(t) < mpf(2) ** (-PRECISION // 3):
            return -centre * slope
        return (mpmath.erf(centre + t) - value - slope * t) / t**2

    low = mpf(2) ** -40 if i == 0 else -edge
    high = LARGEST[bits] - centre if i == 15 else edge
    fitted = mpmath.chebyfit(rest, [low, high], TERMS[bits] - 2, asc=True)
    return [value, slope - (i == 0), *fitted]


def lines_of(numbers: list[float]) -> list[str]:
    """A list of numbers, some in a line."""
    cells = [repr(x) for x in numbers]
    rows = [", ".join(cells[k : k + COLUMNS]) for k in range(0, len(cells), COLUMNS)]
    return ["        [", *(f"            {row}," for row in rows), "        ],"]


def text() -> str:
    """The module of coefficients."""
    lines = ['"""Coefficients of erf, by width of the numbers.', ""]
    lines += ["Written by docs/fit_erf.py, which says how they are found.", '"""', ""]
    lines += [f"STEP = {STEP!r}", '"""The distance of the centres of the intervals."""', ""]
    lines += [f"LARGEST = {LARGEST!r}", '"""From here on erf rounds to 1."""', ""]
    lines += ["# fmt: off", "ERF = {"]
    with mpmath.workprec(PRECISION):
        for bits in TERMS:
            rows = [interval(i, bits) for i in range(16)]
            lines.append(f"    {bits}: [")
            for column in zip(*rows, strict=True):
                lines += lines_of([float(rounded(x, bits)) for x in column])
            lines.append("    ],")
    lines += [
        "}",
        '"""[k][i]: the coefficient of t**k in erf(i * STEP + t), less t for i = 0"""',
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.with_name("erf_coefficients.py").write_text(text(), encoding="utf-8")
