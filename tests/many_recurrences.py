"""Random sums over samples with long recurrences in each, as Python source.

    python -m tests.many_recurrences SECONDS [FIRST_SEED]

Polynomials by powers or by Horner, filters and the like: each sample goes through shared
coefficients in order, one step or two at once, forwards or backwards, and sums some of them up.
Compiled for vectors of 128, 256 and 512 bits in both dtypes, as it stands and with all samples side
by side wherever that is legal, and compared with `Value.backward`.
"""

from __future__ import annotations

import sys
from random import Random
from unittest import mock

import numpy as np

from micrograd.jit.schedule import side_by_side as module

from .by_values import BITS, arguments, campaign, compared

SAMPLES = (8, 16, 17, 19, 20, 23, 28, 31, 32, 33, 48, 60, 63, 64, 65, 127, 128)
"""Around multiples of the vectors that run at once; some divide the number of coefficients."""
COEFFICIENTS = (14, 16, 17, 24, 32, 33)


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    n, m = r.choice(SAMPLES), r.choice(COEFFICIENTS)
    along = r.choice([f"range({m})", f"range({m - 1}, -1, -1)"])
    step = r.choice(
        [
            ["left = left - x[j] * power", "power = power * t"],
            ["left = left * t + x[j]"],
            ["left = left * t + x[j]", "power = power + 0.1 * left * y[j]"],
            ["power = power * t", "left = left + x[j] * power * y[j]"],
            ["left, power = 0.5 * left + x[j] * t, 0.5 * left - 0.3 * power"],
            ["power = maximum(power * t, x[j])", "left = left + power * x[j]"],
        ]
    )
    rows = ["y[k] * 0.9", "y[117 - k] * 0.9", "x[k] * y[k + 1]"] if n < 118 else []
    t = r.choice(
        [
            *rows,
            "-0.9 + 0.013 * k",
            "0.01 * ((7 * k) % 97)",
            "y[k % 60] * 0.9",
            "y[2 * k % 120] * 0.9",
            "x[k // 2] * y[k % 113 + 1]",
        ]
    )
    end = r.choice(["left * left", "left * power", "tanh(left) + power", "left * y[k % 5]"])
    return "\n".join(
        [
            "def f(x, y):",
            "    total = 0.0",
            f"    for k in range({n}):",
            f"        t = {t}",
            f"        left, power = {r.choice(['0.5', '0.01 * k', 'y[0]'])}, 1.0",
            f"        for j in {along}:",
            *(f"            {line}" for line in step),
            f"        total = total + {end}",
            "    return total",
        ]
    )


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether samples lie side by side, for each width and dtype.

    Raises AssertionError if a number is not what it should be.
    """
    given = arguments(seed)
    x, y = map(np.nan_to_num, given)
    found = []
    for gain in (module.GAIN, 100.0):
        with mock.patch.object(module, "GAIN", gain):
            # float32 rounds to 6e-8, some hundred times
            kernels = compared(source(seed), seed, bits, (x, y), narrow=1e-4)
            found += ["the same for each" in k.stages()["schedule"] for k in kernels]
    return found


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "side by side", float(sys.argv[1]), first)
