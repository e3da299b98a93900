"""Random steps that add up something by the way, as Python source: paths, filters, chains.

    python -m tests.running_totals SECONDS [FIRST_SEED]
    python -m tests.running_totals SECONDS FIRST_SEED compiled

Each is a function `f(z, w)` for a number of steps, which carries a number `s` or a list `u`, and
adds to a total `e`, or to several, in the middle of a step, before it or behind it, or in a loop
inside. What is added is used in the step as well, so the order of its uses is that of steps: strict
programs cannot add it up in a loop of its own. Loops should be found, however many the steps are,
strict too; what they compute is the trace's, and its derivatives are those of `Value.backward`:
strict ones in every bit. Run by itself it tells which grow with the steps; or it compiles them.
"""

from __future__ import annotations

import sys
from random import Random

from .regular import floats
from .sized_programs import SizedPrograms

SIZES = (20, 28)
"""Steps that programs are compared at: their statements should be as many."""
COMPILED = (1, 2, 3, 5, 8)
"""Steps that they are compiled for."""

Lines = list[str]


def number(r: Random) -> tuple[Lines, str]:
    """A step of a number, and what of it is added up."""
    step = r.choice(
        [
            ["s = s * exp((0.05 - 0.5 * w[1] * w[1]) * 0.01 + w[1] * 0.1 * z[t])"],
            ["q = sqrt(0.1 + s * s)", "s = s + 0.1 * (w[1] - s) + 0.2 * q * z[t]"],
            ["s = w[0] * w[0] + 0.1 * z[t] * z[t] + 0.5 * s"],
            ["q = z[t] - w[2] * s", "s = s + w[1] * q"],
            ["s = tanh(w[0] * s + w[1] * z[t] + w[2])"],
            ["s = 0.9 * s * w[3] + z[t]"],
        ]
    )
    read = ["s", "s * s", "s * z[t]", "log(1.0 + s * s)"]
    return step, r.choice([*read, "q", "q * q / (1.0 + s * s)"] if "q" in step[0] else read)


def vector(r: Random) -> tuple[Lines, str]:
    """A step of a list, and what of it is added up."""
    mixed = "sum(u[j] * w[n * i + j] for j in range(n))"
    step = r.choice(
        [
            [f"u = [{mixed} * z[t] for i in range(n)]", "q = sum(u)",
             "u = [b / (2.0 + q * q) for b in u]"],
            [f"u = [tanh({mixed} + z[t]) for i in range(n)]", "q = u[0] * u[n - 1]"],
            ["q = sum(b * b for b in u)", "u = [b - 0.1 * q * w[i] for i, b in enumerate(u)]"],
            ["q = 0.1 * z[t]", "for i in range(n):", "    q = q * 0.5 + u[i] * w[i]",
             "    u[i] = q"],
        ]
    )  # fmt: skip
    return step, r.choice(["q", "q * q", "u[0]", "sum(u)", "u[n - 1] * z[t]"])


def source(seed: int, steps: int) -> str:
    """The text of a seed's function for so many steps."""
    r = Random(seed)
    step, added = r.choice([number, number, vector])(r)
    total = r.choice(["e = e + {}", "e = e + {}", "e += 0.5 * ({})", "e = e - {}",
                      "e = maximum(e, {})"]).format(added)  # fmt: skip
    lines = [*step, total] if "q" in added or r.random() < 0.5 else [total, *step]
    if r.random() < 0.3:
        lines.append(r.choice(["g = g + z[t] * w[2]", f"g = g + {added.replace('q', 's')}"]))
    if r.random() < 0.3:  # several paths
        lines = ["    " + line for line in lines]
        begin = ["for k in range(3):", "    s, u = w[0] + 0.1 * k, list(w[:n])"]
        head = "    for t in range(k * steps, (k + 1) * steps):"
        lines = [*begin, head, *["    " + line for line in lines]]
    else:
        lines = ["for t in range(steps):", *["    " + line for line in lines]]
    out = r.choice(["e", "e / 7.0 + s", "e * e + u[0]", "maximum(e - w[2], 0.0)", "e * g"])
    return "\n".join(
        [
            "def f(z, w):",
            f"    n, steps, e, g = {r.choice([3, 4])}, {steps}, {r.choice(['0.0', 'w[3]'])}, 0.0",
            f"    s, u = {r.choice(['w[0]', 'w[0] + 2.0', '0.0'])}, list(w[:n])",
            *["    " + line for line in lines],
            f"    return {out} + 0.1 * g + w[0]",
        ]
    )


def numbers(seed: int, steps: int) -> tuple[list[float], list[float]]:
    """What it is called with."""
    return floats(3 * steps, seed), floats(16, seed + 1)


PROGRAMS = SizedPrograms(source, numbers, SIZES, COMPILED)
statements, compiled = PROGRAMS.statements, PROGRAMS.compiled

if __name__ == "__main__":
    PROGRAMS.main(*sys.argv[1:])
