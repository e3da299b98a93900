"""Random chains of maxima and minima over long lists, as Python source: `def f(x, y)`.

    python -m tests.maxima SECONDS [FIRST_SEED]

Numbers rise, fall, come again, are nan or infinite; what is read is the last of a chain, or all.
Each is compiled for vectors of 128, 256 and 512 bits, and compared with `Value.backward`.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import numpy as np

from micrograd.jit.schedule.repeat import Repeat

from .by_values import BITS, campaign, compared

COUNTS = (256, 257, 300, 319, 320, 321, 383, 384, 500, 700)


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    n = r.choice(COUNTS)
    op = r.choice(["maximum", "minimum"])
    element = r.choice(
        ["x[i]", "x[i]", "x[i] * y[3]", "x[i] + y[i]", f"x[{n} - 1 - i]", "tanh(x[i])"]
    )
    top = r.choice([f"{op}(top, {element})", f"{op}({element}, top)"])
    start = r.choice(["x[0]", "y[0]", "0.25"])
    # where that is nan or infinite, nothing flows through the maximum of a log-sum-exp
    times = "2.0 * " if seed % 7 in (4, 5) else ""
    ends = ["top", f"{times}top + log(sum(exp(v - top) for v in x))", "top * top", "sum(tops)"]
    both = "sum(v * w for v, w in zip(tops, y))"
    use = r.choice([*ends, both, "top + tops[len(tops) // 2]", "tops[63] * top + tops[95]"])
    return "\n".join(
        [
            "def f(x, y):",
            f"    top, tops = {start}, []",
            f"    for i in range({r.choice(['0', '1'])}, {n}):",
            f"        top = {top}",
            *(["        tops.append(top)"] if "tops" in use else []),
            f"    return x[1] * y[1] + {use}",
        ]
    )


def numbers(seed: int) -> tuple[Any, Any]:
    """What it is called with."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 1, (2, max(COUNTS)))
    kind = seed % 7
    if kind == 1:
        x = np.sort(x)
    elif kind == 2:
        x = np.sort(x)[::-1].copy()
    elif kind == 3:
        x = np.round(4 * x) / 4  # many ties
    elif kind == 4:
        x[rng.integers(0, len(x), 2)] = np.nan
    elif kind == 5:
        x[rng.integers(0, len(x), 3)] = [np.inf, -np.inf, 0.0]
    elif kind == 6:
        x = np.where(x < 0, -0.0, 0.0)
    return x, y


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether a program passes over blocks, at each width.

    Raises AssertionError if a number is not what it should be.
    """
    found = []
    with np.errstate(all="ignore"):
        for k in compared(source(seed), seed, bits, numbers(seed)):
            steps = k._shown.code.schedule.steps
            found.append(any(isinstance(x, Repeat) and x.condition is not None for x in steps))
    return found


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "in blocks", float(sys.argv[1]), first)
