"""Random steps that have no loops inside, or such as are hard to tell, as Python source.

    python -m tests.irregular_steps SECONDS [FIRST_SEED]
    python -m tests.irregular_steps SECONDS FIRST_SEED compiled

Each is a function `f(z, w)` for a number of steps: assignments of any expressions to a few numbers,
which read what was before, or before that; bodies that act on each other, pair by pair, in place or
not; sweeps there and back over a line, or points of two colours. What is right for the
iterations inside is often wrong by one at their ends, so the loop over the steps is all that there
is. It should be found, however many the steps are, strict too; what is computed is the trace's, and
its derivatives are those of `Value.backward`: strict ones in every bit. Run by itself it tells
which grow with the steps; or it compiles them.
"""

from __future__ import annotations

import sys
from random import Random

from .regular import floats
from .sized_programs import SizedPrograms

SIZES = (12, 17)
"""Steps that programs are compared at: their statements should be as many."""
COMPILED = (1, 2, 3, 5, 8)
"""Steps that they are compiled for."""

Lines = list[str]


def assignments(r: Random) -> Lines:
    """Any expressions of a few numbers; some are kept for the next step."""
    names = [f"v[{k}]" for k in range(r.choice([2, 3, 5]))]
    lines = ["o = list(v)"] if r.random() < 0.4 else []
    old = ["o[0]", "o[1]"] if lines else []

    def some() -> str:
        return r.choice([*names, *names, *old, f"w[{r.randrange(8)}]", "z[t]", "0.5", "1.5"])

    for k in range(r.choice([4, 8, 14])):
        form = r.choice(
            ["{} + {}", "{} - {}", "{} * {}", "tanh({} + {})", "sin({}) * {}", "{} / (2.0 + {})",
             "maximum({}, {})", "{} - 0.1 * {}"]
        )  # fmt: skip
        target = r.choice(names) if r.random() < 0.6 else f"q{k}"
        lines.append(f"{target} = {form.format(some(), some())}")
        if target not in names:
            old.append(target)
    return [*lines, f"{names[0]} = tanh({names[0]})", f"{names[1]} = tanh({names[1]}) + 0.1 * z[t]"]


def bodies(r: Random) -> Lines:
    """Pairs that act on each other, in place, or on all before they move."""
    if r.random() < 0.5:
        pull = [
            "    for j in range(i + 1, n):",
            "        s = u[i] - u[j]",
            "        q = 0.01 / (s * s + 0.1)",
            "        v[i] = v[i] - s * w[j] * q",
            "        v[j] = v[j] + s * w[i] * q",
        ]
        return ["for i in range(n):", *pull, "for i in range(n):", "    u[i] = u[i] + 0.01 * v[i]"]
    return [
        "a = [sum(w[j] * (u[j] - u[i]) for j in range(n) if j != i) for i in range(n)]",
        *r.choice(
            [
                ["for i in range(n):", "    v[i] = v[i] + 0.1 * a[i]",
                 "    u[i] = u[i] + 0.1 * v[i]"],
                ["u = [b + 0.1 * c + 0.005 * e for b, c, e in zip(u, v, a)]",
                 "g = [sum(w[j] * (u[j] - u[i]) for j in range(n) if j != i) for i in range(n)]",
                 "v = [b + 0.05 * (c + e) for b, c, e in zip(v, a, g)]"],
            ]
        ),
    ]  # fmt: skip


def sweeps(r: Random) -> Lines:
    """Three diagonals, there and back, of what neighbours say; edges are nothing."""
    left, right = "(u[i - 1] if i else 0.0)", "(u[i + 1] if i < n - 1 else 0.0)"
    return [
        f"d = [u[i] + 0.1 * ({left} - 2.0 * u[i] + {right}) for i in range(n)]",
        "p, q = [-0.1 / 1.2], [d[0] / 1.2]",
        "for i in range(1, n):",
        "    m = 1.2 + 0.1 * p[i - 1]",
        f"    p.append(-0.1 / m{r.choice(['', ' * w[0]'])})",
        "    q.append((d[i] + 0.1 * q[i - 1]) / m)",
        "u = [0.0] * n",
        "u[-1] = q[-1]",
        "for i in range(n - 2, -1, -1):",
        "    u[i] = q[i] - p[i] * u[i + 1]",
    ]


def turning(r: Random) -> Lines:
    """Points of two colours on a ring, one colour after the other; or two sums of one form, whose
    factors are others, so that what is one step is like several.
    """
    if r.random() < 0.5:
        new = r.choice(["0.5 * (u[i - 1] + u[(i + 1) % n])", "0.3 * (u[i - 1] + u[i])"])
        return [
            f"u = u if t else list(w[:{r.choice([6, 8, 10])}])",
            "n = len(u)",
            "for c in (0, 1):",
            "    for i in range(c, n, 2):",
            f"        u[i] = {new} + 0.1 * z[t]",
        ]
    factors = r.choice([("0.1", "0.005"), ("0.1", "0.2"), ("z[t]", "0.1")])
    return [
        "a = [tanh(b) for b in u]",
        f"v = [v[i] + {factors[1]} * a[i] for i in range(n)] + v[n:]",
        f"u = [u[i] + {factors[0]} * v[i] + {factors[1]} * a[i] for i in range(n)]",
    ]


def source(seed: int, steps: int) -> str:
    """The text of a seed's function for so many steps."""
    r = Random(seed)
    n = r.choice([3, 4, 5])
    lines = r.choice([assignments, assignments, bodies, sweeps, turning])(r)
    if r.random() < 0.3:
        lines.append(r.choice(["e = e + v[0] * u[0]", "e = e + sum(u)", "e = maximum(e, v[1])"]))
    out = r.choice(["sum(u) + sum(v)", "v[0] * v[1] + u[0]", "sum(b * b for b in u) + v[0]"])
    return "\n".join(
        [
            "def f(z, w):",
            f"    n, e, v, u = {n}, {r.choice(['0.0', 'w[2]'])}, list(w[:5]), list(w[5:{5 + n}])",
            f"    for t in range({steps}):",
            *("        " + text for text in lines),
            f"    return e + {out} + w[0]",
        ]
    )


def numbers(seed: int, steps: int) -> tuple[list[float], list[float]]:
    """What it is called with."""
    return floats(steps, seed), floats(10, seed + 1)


PROGRAMS = SizedPrograms(source, numbers, SIZES, COMPILED)
statements, compiled = PROGRAMS.statements, PROGRAMS.compiled

if __name__ == "__main__":
    PROGRAMS.main(*sys.argv[1:])
