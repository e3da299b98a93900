"""Random functions that subtract maxima before they exponentiate, as Python source: `def f(x, y)`.

    python -m tests.shifted SECONDS [FIRST_SEED]

Of many the result is the same whatever is subtracted, as of a log-sum-exp or a softmax; of others
it looks as if it were. Each is compiled for vectors of 128, 256 and 512 bits and for float32, and
compared with `Value.backward`.
"""

from __future__ import annotations

import sys
from random import Random

from .by_values import BITS, campaign, compared

EXPONENTS = [
    "v - top", "v - top", "v - top", "2.0 * (v - top)", "(v - top) / 4.0", "v * y[1] - top",
    "0.5 * v - 0.5 * top", "-(top - v)", "top - v", "v - 2.0 * top", "(v - top) * y[2]",
    "v - top - top + top", "v + 0.25 - top",
]  # fmt: skip
RESULTS = [
    "top + log(s)", "top + log(s)", "log(s) + top", "log(s) - top", "top + 2.0 * log(s)",
    "2.0 * top + log(s * s)", "top + 0.5 * log(s)", "top + 4.0 * log(s)", "top - log(1.0 / s)",
    "(top + log(s)) * y[i]", "sum(e * w for e, w in zip(es, y)) / s",
    "sum(e * w for e, w in zip(es, y))", "sum((e / s) * w for e, w in zip(es, y))",
    "sum((e / s) ** 2.0 for e in es)", "es[0] / es[-1]", "es[0] * es[-1] / (s * s)",
    "es[0] / (s * s)",
    "exp(top) * s", "s", "s + 1.0", "log(s + 1.0) + top", "top", "top * top + log(s)",
    "maximum(top + log(s), y[3])", "log(s) + tops[i - 1]", "tanh(top + log(s))", "log(es[0]) + top",
    "log(s) + log(exp(top))", "sqrt(s) / es[0]", "-log(es[0] / s)", "top + log(s) - vs[0]",
]  # fmt: skip
TOPS = [
    "maximum(*vs)", "chain(maximum, vs)", "chain(maximum, vs[::-1])", "minimum(*vs)",
    "chain(maximum, vs[1:])", "maximum(vs[0], y[0])", "maximum(y[0], chain(maximum, vs))",
]  # fmt: skip
TOTALS = ["sum(found)", "sum(found) * y[5]", "sum(k * w for k, w in zip(found, y))", "found[-1]"]


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    rows, count = r.choice([(1, 1), (1, 7), (1, 40), (3, 5), (4, 3), (8, 8), (13, 2), (40, 3)])
    element = r.choice([f"x[(i * {count} + j) % 120]", "x[j] * y[i]", "x[j] + y[i]"])
    start = r.choice(["", "0.0, ", "-0.0, "])
    total = r.choice([f"sum(es{', ' + start.strip(', ') if start else ''})", "chain(add, es)"])
    return "\n".join(
        [
            "def add(a, b):",
            "    return a + b",
            "def chain(op, items):",
            "    result = items[0] if items else 0.125",
            "    for item in items[1:]:",
            "        result = op(result, item)",
            "    return result",
            "def f(x, y):",
            "    tops, found = [], []",
            f"    for i in range({rows}):",
            f"        vs = [{element} for j in range({count})]",
            f"        top = {r.choice(TOPS)}",
            "        tops.append(top)",
            f"        es = [exp({r.choice(EXPONENTS)}) for v in vs]",
            f"        s = {total}",
            f"        found.append({r.choice(RESULTS)})",
            f"    return x[1] * y[1] + {r.choice(TOTALS)}",
        ]
    )


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether maxima are detached, at each width.

    Raises AssertionError if a number is not what it should be.
    """
    kernels = compared(source(seed), 10 * seed + 1, bits, narrow=1e-4)
    return ["detach(" in str(k.stages()["passes"]) for k in kernels]


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "detached", float(sys.argv[1]), first)
