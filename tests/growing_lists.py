"""Random programs over lists that get shorter or longer from step to step, as Python source.

    python -m tests.growing_lists SECONDS [FIRST_SEED]
    python -m tests.growing_lists SECONDS FIRST_SEED compiled

Each is a function `f(x, y)` for a size `n`: pyramids, as trees of prices and de Casteljau's
curves, in place or not, to their tips or not; recursions over all that was before, as Levinson's
and Gram and Schmidt's; softmaxes over all keys so far. Loops should be found, however large they
are, strict too; what they compute is the trace's, and its derivatives are those of
`Value.backward`. Run by itself it tells which grow with the size; or it compiles them, in f64,
strict and not, and in f32.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from random import Random

from .regular import floats
from .sized_programs import SizedPrograms

SIZES = (10, 14)
"""Sizes that programs are compared at: their statements should be as many."""
COMPILED = (1, 2, 3, 5, 8, 9, 12)
"""Sizes that they are compiled for."""

Lines = list[str]


def pyramid(r: Random) -> Lines:
    """Rows of which each is made of neighbours in the one before."""
    width = r.choice([1, 1, 1, 2])
    terms = ["p * v[{0}]", "(1.0 - p) * v[{0} + 1]", "0.1 * v[{0} + 2]"][: width + 1]
    r.shuffle(terms)
    row = r.choice(["q * ({})", "{}", "exp(-0.1 * x[0]) * ({})", "0.9 * tanh({})"])
    row = row.format(" + ".join(terms)).format("j")
    early = r.random() < 0.3
    if early:
        row = f"maximum({row}, {r.choice(['x[0] - s[j]', '0.3 * s[j]', 's[j + 1] - x[0]'])})"
    first = r.choice(
        [
            ["v = list(y)"],
            ["v = [maximum(x[0] - b, 0.0) for b in y]"],
            ["v, c = [], x[0]", "for j in range(m):", "    v.append(maximum(1.0 - c, 0.0))",
             "    c = c * x[1]"],
            ["v = [x[1] * x[2] ** j + y[j] for j in range(m)]"],
        ]
    )  # fmt: skip
    tip = r.choice(["1", "1", "1", "3"])
    rows = f"range(m - {width}, {tip} - 1, {-width})"
    moved = r.choice([[], ["    s = [b * q for b in s]"]]) if early else []
    if r.random() < 0.5:
        steps = [f"for i in {rows}:", *moved, "    for j in range(i):", f"        v[j] = {row}"]
    else:
        steps = [f"for i in {rows}:", *moved, f"    v = [{row} for j in range(i)]"]
    return [f"m = {width} * n + 1", "p, q = x[1], x[2]", "y = list(y[:m])", "s = list(y)", *first,
            *steps, f"total = {r.choice(['v[0]', 'sum(v)', 'v[0] * v[0]'])}"]  # fmt: skip


def predictors(r: Random) -> Lines:
    """Levinson's and Durbin's recursion."""
    made = r.choice(
        [
            ["    a = [1.0] + [a[j] + k * a[i - j] for j in range(1, i)] + [k]"],
            ["    b = a + [0.0]", "    a = [c + k * e for c, e in zip(b, reversed(b))]"],
            ["    b = list(a)", "    for j in range(1, i):", "        a[j] = b[j] + k * b[i - j]",
             "    a.append(k)"],
        ]
    )  # fmt: skip
    rest = r.choice(["e * (1.0 - k * k)", "e - 0.1 * k * k"])
    return ["a, e = [1.0], y[0] + 3.0 * n", "for i in range(1, n):",
            "    k = -sum(a[j] * y[i - j] for j in range(i)) / e", *made, f"    e = {rest}",
            f"total = {r.choice(['e', 'sum(a)', 'e + a[-1]'])}"]  # fmt: skip


def orthogonal(r: Random) -> Lines:
    """Gram's and Schmidt's process, classical or modified."""
    of = r.choice(["w", "v"])
    length = r.choice(["3", "4", "n"])
    done = r.choice(["b / s", "b * (1.0 / s)"])
    return [f"m, total, found = {length}, 0.0, []", "for i in range(n):",
            "    v = [y[m * i + j] for j in range(m)]",
            "    w = list(v)", "    for q in found:",
            f"        c = sum(b * e for b, e in zip(q, {of}))",
            "        w = [b - 0.3 * c * e for b, e in zip(w, q)]",
            "    s = sqrt(sum(b * b for b in w) + 0.1)", f"    found.append([{done} for b in w])",
            "    total = total + sum(found[-1]) * (i + 1.0)"]  # fmt: skip


def attention(r: Random) -> Lines:
    """Softmaxes over the keys of all steps so far."""
    least = r.random() < 0.4
    shift = ["    top = reduce(maximum, s)"] if least else []
    state = r.choice(["x[j] * y[3 * t + j]", "x[j] * y[3 * t + j] + 0.5 * h[j]"])
    return ["d, total, keys, values, h = 3, 0.0, [], [], [0.1, 0.2, 0.3]", "for t in range(n):",
            f"    u = [{state} for j in range(d)]",
            "    keys.append([x[j] * b for j, b in enumerate(u)])",
            "    values.append([tanh(b) for b in u])",
            "    s = [sum(b * c for b, c in zip(u, key)) for key in keys]", *shift,
            f"    e = [exp(b{' - top' if least else ''}) for b in s]", "    c = sum(e)",
            "    h = [sum(e[i] * values[i][j] for i in range(len(e))) / c for j in range(d)]",
            "    total = total + sum(b * b for b in h)"]  # fmt: skip


KINDS: tuple[Callable[[Random], Lines], ...] = (
    pyramid, pyramid, pyramid, predictors, orthogonal, attention
)  # fmt: skip


def source(seed: int, n: int) -> str:
    """The text of a seed's function for a size."""
    r = Random(seed)
    lines = r.choice(KINDS)(r)
    body = "\n".join(["    " + line for line in lines])
    head = f"from functools import reduce\n\ndef f(x, y):\n    n = {n}"
    return f"{head}\n{body}\n    return total + 0.1 * x[0]"


def numbers(seed: int, n: int) -> tuple[list[float], list[float]]:
    """What it is called with."""
    return floats(3, seed), floats(max(8, 4 * n, n * n), seed + 1)


PROGRAMS = SizedPrograms(source, numbers, SIZES, COMPILED)
statements, compiled = PROGRAMS.statements, PROGRAMS.compiled

if __name__ == "__main__":
    PROGRAMS.main(*sys.argv[1:])
