"""Random steps of vectors and matrices in time, as Python source: filters, rods, networks.

    python -m tests.states_in_steps SECONDS [FIRST_SEED]
    python -m tests.states_in_steps SECONDS FIRST_SEED compiled

Each is a function `f(z, w)` for a number of steps, which carries a vector `m`, a matrix `p`, a list
`u` with edges and what it was before, `v`, from step to step, by a few parts in some order. Parts
touch the diagonal alone, all but it, or all but the edges; what is carried on begins as numbers
or as inputs. Loops should be found, however many the steps are, strict too; what they compute is
the trace's, and its derivatives are those of `Value.backward`. Run by itself it tells which grow
with the steps; or it compiles them, in f64, strict and not, and in f32.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from random import Random

from .regular import floats
from .sized_programs import SizedPrograms

SIZES = (9, 13)
"""Steps that programs are compared at: their statements should be as many."""
COMPILED = (1, 2, 3, 5, 8, 9)
"""Steps that they are compiled for."""

Lines = list[str]


def means(r: Random) -> Lines:
    """A product of a matrix and the vector."""
    return r.choice(
        [
            ["m = [sum(a[i][k] * m[k] for k in range(d)) for i in range(d)]"],
            ["m = [sum(b * c for b, c in zip(row, m)) for row in a]"],
            ["q = []", "for row in a:", "    s = 0.1 * z[t]", "    for b, e in zip(row, m):",
             "        s += b * e", "    q.append(tanh(s))", "m = q"],
        ]
    )  # fmt: skip


def spread(r: Random) -> Lines:
    """A product of matrices on both sides, or on one; in place, or not."""
    left = ["g = [[sum(a[i][k] * p[k][j] for k in range(d)) for j in range(d)] for i in range(d)]"]
    right = "sum(g[i][k] * a[j][k] for k in range(d))"
    if r.random() < 0.4:
        return [*left, f"p = [[{right} for j in range(d)] for i in range(d)]"]
    return [*left, "for i in range(d):", "    for j in range(d):", f"        p[i][j] = {right}"]


def diagonal(r: Random) -> Lines:
    """What is added to the diagonal, or beside it."""
    return r.choice(
        [
            ["for i in range(d):", "    p[i][i] = p[i][i] + 0.1"],
            ["for i in range(d):", "    p[i][i] += h[i] * h[i]"],
            ["p = [[p[i][j] + (0.2 if i == j else 0.0) for j in range(d)] for i in range(d)]"],
            ["for i in range(d):", "    for j in range(d):", "        if i != j:",
             "            p[i][j] = 0.9 * p[i][j]"],
            ["for i in range(d):", "    for j in range(i):",
             "        p[i][j] = 0.5 * (p[i][j] + p[j][i])", "        p[j][i] = p[i][j]"],
        ]
    )  # fmt: skip


def gain(r: Random) -> Lines:
    """An observation of the vector, which corrects both."""
    seen = r.choice(
        [
            ["e = [p[i][0] for i in range(d)]", "s = p[0][0] + 0.5", "y = z[t] - m[0]"],
            ["e = [sum(b * c for b, c in zip(row, h)) for row in p]",
             "s = 0.5 + sum(b * b for b in e)",
             "y = z[t] - sum(b * c for b, c in zip(h, m))"],
        ]
    )  # fmt: skip
    rest = r.choice(
        [
            ["p = [[p[i][j] - k[i] * e[j] for j in range(d)] for i in range(d)]"],
            ["for i in range(d):", "    for j in range(d):",
             "        p[i][j] = p[i][j] - k[i] * p[0][j]"],
            ["for i in range(d):", "    for j in range(d):",
             "        p[i][j] = p[i][j] * (1.0 - k[i] * h[j])"],
        ]
    )  # fmt: skip
    return [
        *seen,
        "k = [b / s for b in e]",
        r.choice(["m = [b + c * y for b, c in zip(m, k)]", "for i in range(d):; m[i] += k[i] * y"]),
        *rest,
        "total = total + log(s * s) + y * y / s",
    ]


def rod(r: Random) -> Lines:
    """A list by its neighbours: its ends stay, are nothing, or are neighbours themselves."""
    near = "0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1])"
    made = r.choice([f"u[i] + {near}", f"2.0 * u[i] - v[i] + {near}", f"tanh({near} + h[0])"])
    ring = made.replace("u[i + 1]", f"u[(i + {r.choice([1, 1, 2])}) % n]")
    behind = made.replace(" + u[i + 1]", "")
    inner = f"[{made} for i in range(1, n - 1)]"
    return r.choice(
        [
            [f"u, v = [u[0], *{inner}, u[-1]], u"],
            ["q = [0.0] * n", "for i in range(1, n - 1):", f"    q[i] = {made}", "u, v = q, u"],
            [f"u, v = [{ring} for i in range(n)], u"],
            [f"u, v = [{behind} for i in range(n)], u"],
            ["q = list(u)", "for i in range(1, n - 1):", f"    q[i] = {made}", "v, u = u, q"],
        ]
    )


def descent(r: Random) -> Lines:
    """A step of a network of one hidden layer, whose weights are the matrix and the list."""
    return [
        "o = [tanh(sum(p[i][j] * m[j] for j in range(d))) for i in range(d)]",
        "e = sum(h[i] * o[i] for i in range(d)) - z[t]",
        "total = total + e * e",
        "for i in range(d):",
        "    for j in range(d):",
        "        p[i][j] = p[i][j] - 0.1 * e * h[i] * (1.0 - o[i] * o[i]) * m[j]",
        *(["h = [h[i] - 0.1 * e * o[i] for i in range(d)]"] if r.random() < 0.5 else []),
    ]


def bodies(r: Random) -> Lines:
    """What moves under the forces of all others, of pairs once or twice."""
    if r.random() < 0.6:
        skipped = ["        if i == j:", "            continue"]
        other, more = "range(d)", []
    else:
        skipped, other = [], "range(i + 1, d)"
        more = ["        q[j] = q[j] - h[i] * s * e"]
    return [
        "q = [0.0] * d",
        "for i in range(d):",
        f"    for j in {other}:",
        *skipped,
        "        s = m[j] - m[i]",
        "        e = (s * s + 0.1) ** -1.5",
        "        q[i] = q[i] + h[j] * s * e",
        *more,
        "c = [c[i] + 0.01 * q[i] for i in range(d)]",
        "m = [m[i] + 0.01 * c[i] for i in range(d)]",
    ]


def gains(r: Random) -> Lines:
    """A step of the Riccati equation, for one control."""
    diagonal = r.choice(["", " + (1.0 if i == j else 0.0)"])
    return [
        "e = [sum(p[i][j] * h[j] for j in range(d)) for i in range(d)]",
        "s = 1.0 + sum(b * c for b, c in zip(h, e)) ** 2",
        "g = [[sum(p[i][k] * a[k][j] for k in range(d)) for j in range(d)] for i in range(d)]",
        "k = [sum(e[l] * a[l][j] for l in range(d)) / s for j in range(d)]",
        "q = [sum(a[l][i] * e[l] for l in range(d)) for i in range(d)]",
        "p = [[sum(a[l][i] * g[l][j] for l in range(d)) - q[i] * k[j]"
        f"{diagonal} for j in range(d)] for i in range(d)]",
    ]


def stages(r: Random) -> Lines:
    """A step of a differential equation of the vector, by a method of two or of four stages."""
    slope = r.choice(
        ["tanh(sum(b * c for b, c in zip(row, q)))", "sum(b * c for b, c in zip(row, q))"]
    )
    own = [f"k.append([{slope} for row in a])"]
    if r.random() < 0.3:
        return ["q, k = m, []", *own, "q = [b + 0.1 * c for b, c in zip(m, k[0])]", *own,
                "m = [b + 0.05 * (c + e) for b, c, e in zip(m, *k)]"]  # fmt: skip
    last = r.choice(["m[i] + 0.1 / 6 * ({})", "m[i] + ({}) * 0.02"])
    last = last.format("k[0][i] + 2.0 * k[1][i] + 2.0 * k[2][i] + k[3][i]")
    return ["q, k = m, []", "for s in (0.05, 0.05, 0.1):", *["    " + line for line in own],
            "    q = [b + s * c for b, c in zip(m, k[-1])]", *own,
            f"m = [{last} for i in range(d)]"]  # fmt: skip


PARTS: tuple[Callable[[Random], Lines], ...] = (
    means, spread, diagonal, gain, gain, rod, descent, bodies, gains, stages
)  # fmt: skip


def source(seed: int, steps: int) -> str:
    """The text of a seed's function for so many steps."""
    r = Random(seed)
    d, n = r.choice([2, 3, 3, 4]), r.choice([4, 6, 9])
    parts = [part for _ in range(r.choice([1, 2, 2, 3])) for part in r.choice(PARTS)(r)]
    lines = [line for part in parts for line in part.replace(":; ", ":\n    ").split("\n")]
    begins = r.choice(["[0.0] * d", "list(w[:d])", "[z[0]] * d"])
    first = r.choice(["1.0 if i == j else 0.0", "w[d * i + j]", "w[i] if i == j else 0.5"])
    out = r.choice(["total", "sum(m)", "sum(p[i][i] for i in range(d))", "m[0] + p[0][d - 1]"])
    rods = "+ sum(u)" if any("u" in line.split("[")[0] for line in lines) else ""
    return "\n".join(
        [
            "def f(z, w):",
            f"    d, n, steps, total = {d}, {n}, {steps}, 0.0",
            "    a = [[w[d + d * i + j] for j in range(d)] for i in range(d)]",
            "    h, u = w[-d:], list(w[:n])",
            "    v = u",
            f"    m, c = {begins}, [0.1] * d",
            f"    p = [[{first} for j in range(d)] for i in range(d)]",
            "    for t in range(steps):",
            *("        " + line for line in lines),
            f"    return total + {out} {rods} + w[0]",
        ]
    )


def numbers(seed: int, steps: int) -> tuple[list[float], list[float]]:
    """What it is called with."""
    return floats(steps, seed), floats(24, seed + 1)


PROGRAMS = SizedPrograms(source, numbers, SIZES, COMPILED)
statements, compiled = PROGRAMS.statements, PROGRAMS.compiled

if __name__ == "__main__":
    PROGRAMS.main(*sys.argv[1:])
