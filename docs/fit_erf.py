"""Fit the polynomials of erf: `python docs/fit_erf.py`.

Writes micrograd/jit/vectormath/erf_coefficients.py. STEP was found by trying random numbers in the
range that lets the last of 16 intervals end where erf rounds to 1: erf of its multiples is nearly
a number of the format, so the constant terms lose little in rounding.
"""

from __future__ import annotations

from typing import Any

import mpmath
from fit import FILE, PRECISION, rounded
from mpmath import mpf

STEP = {32: 0.2537766993045807, 64: 0.38238543489138355}
TERMS = {32: 7, 64: 13}


def interval(i: int, step: float, terms: int) -> list[Any]:
    """The coefficients of erf(i * step + t) in t, |t| <= step/2; for i = 0 of erf(t) - t."""
    centre, edge = mpf(i) * step, mpf(step) / 2 * (1 + mpf(2) ** -20)
    value = mpmath.erf(centre)
    slope = 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-(centre**2))

    def rest(t: Any) -> Any:
        if not t:
            return -centre * slope
        return (mpmath.erf(centre + t) - value - slope * t) / t**2

    low = mpf(2) ** -40 if i == 0 else -edge
    fitted = mpmath.chebyfit(rest, [low, edge], terms - 2, asc=True)
    return [value, slope - (i == 0), *fitted]


def text() -> str:
    """The module of coefficients."""
    lines = ['"""Coefficients of erf, by width of the numbers.', ""]
    lines += ["Written by docs/fit_erf.py, which says how they are found.", '"""', ""]
    lines += [f"STEP = {STEP!r}", '"""The distance of the centres of the intervals."""', ""]
    lines += ["ERF = {"]
    with mpmath.workprec(PRECISION):
        for bits, terms in TERMS.items():
            rows = [interval(i, STEP[bits], terms) for i in range(16)]
            lines.append(f"    {bits}: [")
            for column in zip(*rows, strict=True):
                entries = ",\n            ".join(repr(float(rounded(x, bits))) for x in column)
                lines.append(f"        [\n            {entries},\n        ],")
            lines.append("    ],")
    lines += [
        "}",
        '"""[k][i]: the coefficient of t**k in erf(i * STEP + t), less t for i = 0"""',
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.with_name("erf_coefficients.py").write_text(text(), encoding="utf-8")
