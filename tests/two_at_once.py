"""Random recurrences of one form, two or three of which run in turn, as Python source.

    python -m tests.two_at_once SECONDS [FIRST_SEED]
    python -m tests.two_at_once SECONDS FIRST_SEED compiled

Each is a function `f(z, w)` for a number of steps: sweeps of a tridiagonal system with several
right sides, filters beside each other, points of which each coordinate moves alike; forwards, or
there and back. A step is the same ops again, with other operands, so a step may be taken for
several. Loops should be found, however many the steps are, strict too; what they compute is the
trace's, and its derivatives are those of `Value.backward`. Run by itself it tells which grow with
the steps; or it compiles them.
"""

from __future__ import annotations

import sys
from random import Random

from .regular import floats
from .sized_programs import SizedPrograms

SIZES = (40, 60)
"""Steps that programs are compared at: their statements should be as many."""
COMPILED = (1, 2, 3, 5, 8)
"""Steps that they are compiled for."""
FORMS = (
    "({x} - {w} * {a}) / ({w} * {w} + 2.0)",
    "tanh({w} * {a} + {x})",
    "{x} - {a} * {w}",
    "{a} + 0.1 * ({x} - {a})",
    "{a} * {w} + {x} * {a}",
    "{a} - 0.1 * sin({a}) * {w}",
)
"""What becomes of a, by x of the step and a weight w."""


def source(seed: int, steps: int) -> str:
    """The text of a seed's function for so many steps."""
    r = Random(seed)
    names = ["a", "b", "c"][: r.choice([2, 2, 2, 3])]
    form, shared = r.choice(FORMS), r.random() < 0.5
    weight = r.choice(["w[t % 5]", "w[t]", "w[0]"])
    lines, after = [], []
    if r.random() < 0.3:
        lines.append(f"g = {weight} * w[1] + 1.0")
        weight = "g"
    for k, name in enumerate(names):
        old = name if shared or not k else names[r.choice([k, k, k - 1])]
        lines.append(f"{name} = {form.format(a=old, x=f'z[{len(names)} * t + {k}]', w=weight)}")
    kept = r.random() < 0.5
    if kept:
        lines.append(f"q.append(({', '.join(names)},))")
        after = [
            f"for t in range({steps - 1}, -1, -1):",
            *(f"    {n} = {form.format(a=n, x=f'q[t][{k}]', w='w[t]')}"
              for k, n in enumerate(names)),
        ]  # fmt: skip
    if r.random() < 0.3:
        lines.append(f"e = e + {names[0]} * {names[-1]}")
    begins = r.choice(
        ["0.0, 0.0, 0.0", "w[0], w[1], w[2]", "w[0] * w[1], w[1] * w[2], w[2] * w[0]"]
    )
    return "\n".join(
        [
            "def f(z, w):",
            f"    a, b, c = {begins}",
            "    q, e = [], 0.0",
            f"    for t in range({steps}):",
            *("        " + line for line in lines),
            *("    " + line for line in after),
            f"    return e + {' + '.join(f'{n} * {n}' for n in names)} + z[0]",
        ]
    )


def numbers(seed: int, steps: int) -> tuple[list[float], list[float]]:
    """What it is called with."""
    return floats(3 * steps, seed), floats(max(5, steps), seed + 1)


PROGRAMS = SizedPrograms(source, numbers, SIZES, COMPILED)
statements, compiled = PROGRAMS.statements, PROGRAMS.compiled

if __name__ == "__main__":
    PROGRAMS.main(*sys.argv[1:])
