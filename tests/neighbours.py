"""Random steps in which every element reads its neighbours, some of them more than once.

    python -m tests.neighbours SECONDS [FIRST_SEED]
    python -m tests.neighbours SECONDS FIRST_SEED compiled

Each is a function `f(z, w)` for a number of steps of a list `u`, or of a table, with what it was
before, `v`: as rings, with edges that stay, that are nothing, or that are mirrors; springs between
neighbours, whose forces are added to both; sweeps there and back; and sums over each step. What
reads an element does so in one order inside, and in others at the edges, so in strict programs the
derivatives of uses are to be added up by themselves. Loops should be found, however many the steps
are, strict too; what they compute is the trace's, and its derivatives are those of
`Value.backward`: strict ones in every bit. Run by itself it tells which grow with the steps; or it
compiles them.
"""

from __future__ import annotations

import sys
from random import Random

from .regular import floats
from .sized_programs import SizedPrograms

SIZES = (9, 13)
"""Steps that programs are compared at: their statements should be as many."""
COMPILED = (1, 2, 3, 5, 8)
"""Steps that they are compiled for."""

Lines = list[str]


def mixed(r: Random, own: str, left: str, right: str) -> str:
    """An element by itself and its neighbours, which are read in any order, and again."""
    flux = f"{left} * {left} - {own} * {own}"
    return r.choice(
        [
            f"{own} + 0.1 * ({left} - 2.0 * {own} + {right})",
            f"{own} - 0.1 * {own} * ({own} - {left}) + 0.05 * ({right} - 2.0 * {own} + {left})",
            f"{own} + 0.1 * sin({right} - {own}) + 0.2 * sin({left} - {own})",
            f"2.0 * {own} - v[i] + 0.1 * ({right} + {left} - 2.0 * {own})",
            f"0.5 * ({left} + {right}) + 0.1 * ({flux})",
            f"{own} + 0.1 * {right} * {left}",
            f"tanh({right} * h[0] + {own} * h[1] + {left} * h[1])",
            f"{own} - 0.2 * ({own} - {left}) * h[0]",
        ]
    )


def ring(r: Random) -> Lines:
    """A ring; its sides may be computed first."""
    new = mixed(r, "u[i]", "u[i - 1]", f"u[(i + {r.choice([1, 1, 1, 2])}) % n]")
    if r.random() < 0.3:
        flux = r.choice(["q[i]", "q[i] * q[i]"])
        return [
            "q = [0.5 * (u[i] + u[(i + 1) % n]) - 0.1 * (u[(i + 1) % n] ** 2 - u[i] ** 2)"
            " for i in range(n)]",
            f"u = [u[i] - 0.2 * ({flux} - q[i - 1]) for i in range(n)]",
        ]
    return [f"u, v = [{new} for i in range(n)], u"]


def line(r: Random) -> Lines:
    """A line with edges."""
    new = mixed(r, "u[i]", "u[i - 1]", "u[i + 1]")
    left, right = r.choice(
        [
            ("(u[i - 1] if i > 0 else 0.0)", "(u[i + 1] if i < n - 1 else 0.0)"),
            ("u[max(i - 1, 0)]", "u[min(i + 1, n - 1)]"),
        ]
    )
    every = mixed(r, "u[i]", left, right)
    return r.choice(
        [
            [f"u, v = [u[0], *[{new} for i in range(1, n - 1)], u[-1]], u"],
            ["q = list(u)", "for i in range(1, n - 1):", f"    q[i] = {new}", "u, v = q, u"],
            [f"u, v = [{every} for i in range(n)], u"],
        ]
    )


def springs(r: Random) -> Lines:
    """Forces between neighbours, which are added to both."""
    return [
        "q = [0.0] * n",
        "for i in range(n - 1):",
        f"    e = {r.choice(['h[0]', 'w[i]'])} * (u[i + 1] - u[i] - 1.0)",
        "    q[i] = q[i] + e",
        "    q[i + 1] = q[i + 1] - e",
        "for i in range(n):",
        "    v[i] = v[i] + 0.1 * q[i]",
        "    u[i] = u[i] + 0.1 * v[i]",
    ]


def sweeps(r: Random) -> Lines:
    """There and back, as for three diagonals."""
    return [
        "q = [u[0] * 0.5]",
        "for i in range(1, n):",
        "    q.append((u[i] + 0.2 * q[i - 1]) / 1.4)",
        *(["for i in range(n - 2, -1, -1):", "    q[i] = q[i] + 0.2 * q[i + 1]"]
          if r.random() < 0.7 else []),
        f"u = {r.choice(['q', '[b + 0.1 * c for b, c in zip(u, q)]'])}",
    ]  # fmt: skip


def total(r: Random) -> Lines:
    """A sum over a step, or its largest."""
    return r.choice(
        [
            ["e = e + sum(cos(u[(i + 1) % n] - u[i]) for i in range(n))".replace("cos", "sin")],
            ["e = e + sum(b * b for b in u)"],
            ["for b in u:", "    e = maximum(e, b)"],
            ["e = e + u[0] * u[n - 1]"],
        ]
    )


def table(r: Random) -> Lines:
    """A grid, as a torus or with edges that stay."""
    if r.random() < 0.5:
        new = "0.1 * (g[i - 1][j] + g[(i + 1) % m][j] + g[i][j - 1] + g[i][(j + 1) % m])"
        return [f"g = [[{new} + 0.5 * g[i][j] for j in range(m)] for i in range(m)]"]
    new = "0.2 * (g[i - 1][j] + g[i + 1][j] + g[i][j - 1] + g[i][j + 1]) + 0.1 * g[i][j]"
    return [
        "q = [list(row) for row in g]",
        "for i in range(1, m - 1):",
        "    for j in range(1, m - 1):",
        f"        q[i][j] = {new}",
        "g = q",
    ]


def source(seed: int, steps: int) -> str:
    """The text of a seed's function for so many steps."""
    r = Random(seed)
    n, m = r.choice([5, 6, 8, 9]), r.choice([4, 5])
    lines = r.choice([ring, ring, line, line, springs, sweeps, table])(r)
    if r.random() < 0.3:
        lines += r.choice([ring, line, sweeps])(r)
    if r.random() < 0.5:
        lines += total(r)
    begins = r.choice(["list(w[:n])", "list(w[:n])", "[0.1 * h[0] + b for b in w[:n]]"])
    out = r.choice(["sum(u)", "sum(b * b for b in u)", "u[0] + u[n // 2]"])
    grid = " + sum(sum(row) for row in g)" if any("g =" in line for line in lines) else ""
    return "\n".join(
        [
            "def f(z, w):",
            f"    n, m, e, h = {n}, {m}, 0.0, w[-2:]",
            f"    u, v = {begins}, list(w[:n])",
            "    g = [[w[m * i + j] for j in range(m)] for i in range(m)]",
            f"    for t in range({steps}):",
            *("        " + text for text in lines),
            f"    return e + {out}{grid} + z[0]",
        ]
    )


def numbers(seed: int, steps: int) -> tuple[list[float], list[float]]:
    """What it is called with."""
    return floats(steps, seed), floats(27, seed + 1)


PROGRAMS = SizedPrograms(source, numbers, SIZES, COMPILED)
statements, compiled = PROGRAMS.statements, PROGRAMS.compiled

if __name__ == "__main__":
    PROGRAMS.main(*sys.argv[1:])
