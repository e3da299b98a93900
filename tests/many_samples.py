"""Random sums over samples, each with triangles, maxima or recurrences inside, as Python source.

    python -m tests.many_samples SECONDS [FIRST_SEED]

Mixtures and such: data of each sample beside parameters of a few components, triangles of factors,
sums, maxima or recurrences over the components. Compiled for vectors of 128, 256 and 512 bits in
both dtypes, with all samples side by side wherever that is legal, more or fewer of them at a time,
and compared with `Value.backward`; the program with one loop over samples is interpreted, too.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule import abreast
from micrograd.jit.schedule import side_by_side as module

from .by_values import BITS, arguments, campaign, compared, interpreted, same

SAMPLES = (16, 19, 23, 32, 33, 40, 47, 64, 67)
"""Around multiples of what vectors hold."""


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    n, k, d = r.choice(SAMPLES), r.choice([1, 2, 3]), r.choice([6, 7, 9])
    inner = r.choice(["range(i)", "range(i + 1)", f"range(i, {d})", f"range({d} - i)"])
    factor = r.choice([f"y[{d} * i + j]", "y[i * (i + 1) // 2 + j]", "y[i + j]"])
    centred = r.choice(["c[n][i] - x[{d} * k + i]", "c[n][i] * x[i]", "sin(c[n][i] + x[{d} * k])"])
    square = r.choice(["z * z", "tanh(z)", "exp(-z * z)", "z"])
    return "\n".join(
        [
            "def f(x, y):",
            f"    c = [[0.01 * ((7 * n + 3 * i) % 41) for i in range({d})] for n in range({n})]",
            "    total = 0.0",
            f"    for n in range({n}):",
            "        terms = []",
            f"        for k in range({k}):",
            f"            a = [{centred.format(d=d)} for i in range({d})]",
            "            s = x[k]",
            f"            for i in range({d}):",
            f"                z = a[i] * exp(y[90 + {d} * k + i])",
            f"                for j in {inner}:",
            f"                    z = z + {factor} * a[j]",
            f"                s = s - 0.5 * {square}",
            "            terms.append(s)",
            *_combined(r),
            f"    return total + sum(x[i] * x[i] for i in range({d}))",
        ]
    )


def _combined(r: Random) -> list[str]:
    """What a sample adds to the total."""
    most = ["        m = terms[0]", "        for t in terms[1:]:", "            m = maximum(m, t)"]
    return r.choice(
        [
            [*most, "        total = total + m + log(sum(exp(t - m) for t in terms))"],
            [*most, "        total = total + m * x[0]"],
            [
                "        h = c[n][0]",
                "        for t in terms:",
                "            h = tanh(0.5 * h + t)",
                "        total = total + h",
            ],
            ["        total = total + log(sum(exp(0.2 * t) for t in terms))"],
        ]
    )


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether samples lie side by side, for each width and dtype.

    Raises AssertionError if a number is not what it should be.
    """
    x, y = map(np.nan_to_num, arguments(seed))
    room = Random(seed).choice([64, 512, abreast.ABREAST_NUMBERS])
    with (
        mock.patch.object(module, "GAIN", 100.0),
        mock.patch.object(abreast, "ABREAST_NUMBERS", room),
    ):
        # float32 rounds to 6e-8, some hundred times
        kernels = compared(source(seed), seed, bits, (x, y), narrow=1e-4)
        found = ["the same for each" in k.stages()["schedule"] for k in kernels]
    _interpreted(kernels[-1]._shown.transformed, kernels[-1]._options.target, x, y)
    return found


def _interpreted(program: Program, target: Any, x: Any, y: Any) -> None:
    for count in SAMPLES:
        found = module.gathered(program, count, target)
        if found is not None:
            once = verify(found[0], "gathered")
            same(interpreted(once, x, y), interpreted(program, x, y), f"interpreted\n{program}")


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "side by side", float(sys.argv[1]), first)
