"""Random programs that add to elements of lists step by step, as Python source: `def f(x, y)`.

    python -m tests.updates SECONDS [FIRST_SEED]

Columns of matrices, whole, triangular or packed, one after the other; products of polynomials;
elimination; of all of which something is read in between sometimes. Each is compiled for vectors of
128, 256 and 512 bits, and compared with `Value.backward`.
"""

from __future__ import annotations

import sys
from random import Random

from micrograd.jit.passes.accumulators import accumulated
from micrograd.jit.reroll.reroll import reroll

from .by_values import BITS, campaign, compared

SIZES = (3, 5, 8, 9, 12, 13, 16, 20)


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    kind = r.choice([_packed, _packed, _packed, _packed, _columns, _polynomials, _elimination])
    body = kind(r)
    if r.random() < 0.3:  # the same for several
        lists = r.choice([2, 3, 5])
        body = [f"for c in range({lists}):", *(f"    {line}" for line in body)]
    else:
        body = ["c = 0", *body]
    return "\n".join(
        ["def f(x, y):", "    out = x[0]", *(f"    {s}" for s in body), "    return out"]
    )


def _packed(r: Random) -> list[str]:
    """Triangles by columns, one behind the other, times vectors."""
    m, points, lists = r.choice([4, 5, 6, 7, 9]), r.choice([2, 3, 5, 8, 12]), r.choice([1, 2, 3])
    size = m * (m - 1) // 2
    start = r.choice(["z[j]", "x[j] * z[j]", "0.0", "y[j + c]"])
    span, use = r.choice(
        [(f"range(i + 1, {m})", "q[j]"), (f"range({m} - i - 1)", "q[j]"),
         (f"range(i + 1, {m})", "q[j - i]"), (f"range({m} - i - 1)", "q[i + j]")]
    )  # fmt: skip
    term = r.choice(["x[at] * z[i]", "x[at] * z[j]", "tanh(x[at] + z[i])", "x[119 - at] * z[i]"])
    step = r.choice([f"{use} + {term}", f"{use} - {term}", f"{term} + {use}"])
    if r.random() < 0.15:
        step = r.choice([f"0.5 * {use} + {term}", f"{use} + {term} * q[0]"])
    between = ["            out = out + 0.1 * q[1]"] if r.random() < 0.1 else []
    return [
        f"for p in range({points}):",
        f"    for b in range({lists}):",
        f"        z = [y[{m} * p + j] - x[b + j] for j in range({m})]",
        f"        q, at = [{start} for j in range({m})], b * {size}",
        f"        for i in range({m}):",
        f"            for j in {span}:",
        f"                {use} = {step}",
        "                at += 1",
        *between,
        f"        out = out + {r.choice(['sum(v * v for v in q)', 'sum(tanh(v) for v in q)'])}",
    ]


def _columns(r: Random) -> list[str]:
    n, m = r.choice(SIZES), r.choice(SIZES)
    start = r.choice(["0.0", "y[j]", "x[j] * y[j + c]", "x[c]"])
    spans = ["range({0})", "range(i + 1, {0})", "range(min(i, {0}))", "range({0} - 1, -1, -1)"]
    span = r.choice([*spans, "range(i % 2, {0})", "range(1, {0}, 2)"]).format(m)
    numbers = ["x[at % 40]", "x[(i + 2 * j) % 40]", f"x[({m} * i + j + c) % 40]", "tanh(x[j])"]
    number = r.choice(numbers)
    step = r.choice([f"q[j] + {number} * y[i]", f"q[j] - {number} * y[i + c]", f"{number} + q[j]",
                     f"0.5 * q[j] + {number}", f"q[j] + {number} * q[0]"])  # fmt: skip
    between = [f"    out = out + 0.1 * q[{r.randrange(m)}]"] if r.random() < 0.2 else []
    use = r.choice(["sum(v * v for v in q)", "q[-1]", "sum(tanh(v) for v in q)"])
    return [
        f"q, at = [{start} for j in range({m})], 0",
        f"for i in range({n}):",
        f"    for j in {span}:",
        f"        q[j] = {step}",
        "        at += 1",
        *between,
        f"out = out + 0.2 * {use}",
    ]


def _polynomials(r: Random) -> list[str]:
    n, m = r.choice(SIZES), r.choice(SIZES)
    inner = r.choice([f"range({m})", f"range({m})", "range(i + 1)"])
    return [
        f"q = [{r.choice(['0.0', 'y[k]'])} for k in range({n + max(n, m)})]",
        f"for i in range({n}):",
        f"    for j in {inner}:",
        f"        q[i + j] = q[i + j] + x[i] * y[j{r.choice(['', ' + c'])}]",
        f"out = out + {r.choice(['sum(tanh(v) for v in q)', 'q[-1] + q[1]', 'sum(q)'])}",
    ]


def _elimination(r: Random) -> list[str]:
    n = r.choice(SIZES[:6])
    found = r.choice(["log(t[k][k] ** 2)", "t[k][-1]", "tanh(t[-1][k])"])
    return [
        f"t = [[0.1 * x[(i + 3 * j + c) % 40] for j in range({n})] for i in range({n})]",
        f"for i in range({n}):",
        "    t[i][i] = t[i][i] + 3.0 + y[i] ** 2",
        f"for k in range({n}):",
        f"    for i in range(k + 1, {n}):",
        "        w = t[i][k] / t[k][k]",
        f"        for j in range({r.choice(['k + 1', 'k + 1', 'k', '0'])}, {n}):",
        "            t[i][j] = t[i][j] - w * t[k][j]",
        f"out = out + sum({found} for k in range({n}))",
    ]


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether a program has sums in place of versions.

    Raises AssertionError if a number is not what it should be.
    """
    (k, *_) = compared(source(seed), seed, bits)
    found = reroll(k._shown.graph)
    return [accumulated(found) is not found]


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "in place", float(sys.argv[1]), first)
