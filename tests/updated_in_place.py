"""Random nests of loops that update lists and tables in place, as Python source.

    python -m tests.updated_in_place SECONDS [FIRST_SEED]
    python -m tests.updated_in_place SECONDS FIRST_SEED compiled

Each is a function `f(x, y)` for a size n: sweeps over a list, rows that are taken from others,
triangles, stencils, exchanges, in some order, forwards or backwards, so that what is read is as it
was in some iterations, and as it has become in others. Its loops should be found, whatever n is,
strict too; what they compute is the trace's, bit for bit, and its derivatives are those of
`Value.backward`. Run by itself it tells which programs grow with n; or it compiles them for vectors
of 128, 256 and 512 bits, and compares with the interpreter.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np

from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll.reroll import reroll, reroll_strictly
from micrograd.jit.target import Target

from .at_widths import check_widths
from .by_values import function
from .regular import Traced, equal, floats, traced

SIZES = (9, 12)
"""What programs are compared at: their statements should be as many."""
COMPILED = (7, 8, 9, 12)
"""What they are compiled at: around the numbers in a vector. Some take minutes to reroll at 16."""
GROWN = 1.1

Lines = list[str]


def mixed(r: Random, old: str, *others: str) -> str:
    """What an element becomes, of what it was and what others are."""
    a, b = (others * 2)[:2]
    return r.choice(
        [
            f"minimum({old}, {a} + {b})",
            f"maximum({old}, {a} - 0.1)",
            f"{old} + 0.1 * {a} * {b}",
            f"{old} - 0.2 * {a}",
            f"0.5 * {old} + 0.3 * {a}",
            f"0.5 * ({a} + {b})",
            f"tanh({old} + {a} * {b})",
            f"{old} * 0.5 - {a} / (1.0 + {b} * {b})",
            f"where({a} < {b}, {old}, 0.5 * {a})",
            f"{old} + 0.1 * ({a} - 2.0 * {old} + {b})",
        ]
    )


def along(r: Random, name: str, low: str, high: str) -> str:
    """A loop, in one of both directions."""
    span = f"range({low}, {high})"
    return f"for {name} in {f'reversed({span})' if r.random() < 0.2 else span}:"


def sweep(r: Random) -> Lines:
    """Over a list, whose neighbours have changed already, or not yet."""
    near = r.sample(["u[i - 1]", "u[i + 1]", "v[i]", "v[i - 1]", "u[0]"], 2)
    return [along(r, "i", "1", "n - 1"), f"    u[i] = {mixed(r, 'u[i]', *near)}"]


def pairs(r: Random) -> Lines:
    """Every element by every other, or by those before or behind it."""
    span = r.choice([("0", "n"), ("0", "i"), ("i + 1", "n")])
    other = r.choice(["u[j]", "u[j] * v[i]", "v[j]"])
    changed = r.choice(["u[i]", "u[i]", "u[j]"])
    apart = ["        if i == j:", "            continue"] if r.random() < 0.3 else []
    return [
        along(r, "i", "0", "n"),
        along(r, "j", *span).replace("for", "    for"),
        *apart,
        f"        {changed} = {mixed(r, changed, other, 'u[i]')}",
    ]


def sums(r: Random) -> Lines:
    """Every element by a sum over all, or all others, as in a sweep of Gauss and Seidel."""
    apart = " if i != j" if r.random() < 0.5 else ""
    return [
        along(r, "i", "0", "n"),
        f"    s = sum(d[i][j] * u[j] for j in range(n){apart})",
        f"    u[i] = {r.choice(['', '0.3 * u[i] + '])}(v[i] - s) / (4.0 + d[i][i])",
    ]


def exchanges(r: Random) -> Lines:
    """Neighbours, or an element and those behind it, in order."""
    a, b, loops = r.choice(
        [
            ("u[j]", "u[j + 1]", ["for i in range(n):", "    for j in range(n - 1 - i):"]),
            ("u[i]", "u[j]", ["for i in range(n):", "    for j in range(i + 1, n):"]),
            ("u[j]", "u[j + 1]", ["for i in range(n):", "    for j in range(i % 2, n - 1, 2):"]),
        ]
    )
    first, second = r.choice(
        [
            ("minimum(A, B)", "maximum(A, B)"),
            ("0.8 * A - 0.6 * B", "0.6 * A + 0.8 * B"),
            ("where(A < B, A, B)", "where(A < B, B, A)"),
        ]
    )
    text = f"{a}, {b} = {first}, {second}".replace("A", a).replace("B", b)
    return [*loops, f"        {text}"]


def paths(r: Random) -> Lines:
    """A table by its own rows and columns, one after the other, as in Floyd and Warshall."""
    rows, columns = (r.choice([("0", "n"), ("0", "n"), ("k + 1", "n"), ("0", "k")]) for _ in "ij")
    apart = r.choice([[], [], [], ["        if i == k:", "            continue"]])
    changed = mixed(r, "d[i][j]", "d[i][k]", "d[k][j]")
    return [
        "for k in range(n):",
        along(r, "i", *rows).replace("for", "    for"),
        *apart,
        along(r, "j", *columns).replace("for", "        for"),
        f"            d[i][j] = {changed}",
    ]


def elimination(r: Random) -> Lines:
    """Of what is below a diagonal, or of all; with a right side, and factors that are kept."""
    below, right = r.random() < 0.7, r.random() < 0.5
    kept = r.random() < 0.4
    return [
        "for k in range(n):",
        f"    for i in range({'k + 1' if below else '0'}, n):",
        *([] if below else ["        if i == k:", "            continue"]),
        "        q = d[i][k] / (3.0 + d[k][k] * d[k][k])",
        *(["        d[i][k] = q"] if kept else []),
        f"        for j in range(k{' + 1' if kept or r.random() < 0.5 else ''}, n):",
        "            d[i][j] = d[i][j] - q * d[k][j]",
        *(["        u[i] = u[i] - q * u[k]"] if right else []),
    ]


def stencil(r: Random) -> Lines:
    """A table by its neighbours."""
    places = ["d[i - 1][j]", "d[i][j - 1]", "d[i + 1][j]", "d[i][j + 1]", "d[i - 1][j - 1]", "u[i]"]
    return [
        along(r, "i", "1", "n - 1"),
        along(r, "j", "1", "n - 1").replace("for", "    for"),
        f"        d[i][j] = {mixed(r, 'd[i][j]', *r.sample(places, 2))}",
    ]


def rotations(r: Random) -> Lines:
    """Of two rows, or two columns, of a table."""
    u, v = r.choice([("d[p][k]", "d[q][k]"), ("d[k][p]", "d[k][q]")])
    angle = ["        c, s = 0.8, 0.6"]
    if r.random() < 0.4:
        angle = ["        c = d[q][q] / (2.0 + d[q][q] * d[q][q])", "        s = 0.1 * d[q][p]"]
    return [
        "for p in range(n):",
        f"    for q in range({r.choice(['p + 1, n', 'p'])}):",
        *angle,
        f"        for k in range({r.choice(['n', 'p, n', 'n'])}):",
        f"            {u}, {v} = c * {u} - s * {v}, s * {u} + c * {v}",
    ]


def rows(r: Random) -> Lines:
    """Rows made orthogonal to those before, or behind, and of length one."""
    span = r.choice(["range(i)", "range(i + 1, n)"])
    a, b = ("i", "j") if span == "range(i)" else ("j", "i")
    return [
        "for i in range(n):",
        f"    for j in {span}:",
        f"        s = sum(d[{a}][k] * d[{b}][k] for k in range(n))",
        "        for k in range(n):",
        f"            d[{a}][k] = d[{a}][k] - 0.2 * s * d[{b}][k]",
        "    s = sqrt(sum(e * e for e in d[i]) + 0.1)",
        "    for k in range(n):",
        "        d[i][k] = d[i][k] / s",
    ]


def prefixes(r: Random) -> Lines:
    """Sums of what comes before, once or again and again over a shrinking part."""
    if r.random() < 0.5:
        return ["for i in range(1, n):", f"    u[i] = u[i] + {r.choice(['', '0.5 * '])}u[i - 1]"]
    step = r.choice(["u[i] + u[i - 1] * v[k]", "(u[i] - u[i - 1]) / (v[i] + 2.0 + k)"])
    span = r.choice(["range(1, n - k)", "range(k + 1, n)", "reversed(range(k + 1, n))"])
    return ["for k in range(n):", f"    for i in {span}:", f"        u[i] = {step}"]


PARTS: tuple[Callable[[Random], Lines], ...] = (
    sweep, pairs, sums, exchanges, paths, paths, elimination, stencil, rotations, rows, prefixes,
)  # fmt: skip


def source(seed: int, n: int) -> str:
    """The text of a seed's function for a size."""
    r = Random(seed)
    lines: Lines = []
    for _ in range(r.choice([1, 1, 1, 2])):
        part = r.choice(PARTS)(r)
        if "for k" not in part[0] and "sqrt" not in str(part) and r.random() < 0.5:
            part = [f"for t in range({r.choice(['n', 'n', '3'])}):", *("    " + p for p in part)]
        lines += part
    out = r.choice(
        [
            "sum(u) + sum(sum(e) for e in d)",
            "u[n - 1] + d[0][n - 1] + d[n - 1][n - 1]",
            "sum(u) + sum(d[k][k] for k in range(n))",
            "sum(a * b for a, b in zip(u, v)) + d[n - 1][0]",
        ]
    )
    return "\n".join(
        [
            "def f(x, y):",
            f"    n = {n}",
            "    u, v = list(x[:n]), y",
            "    d = [[x[n + n * i + j] for j in range(n)] for i in range(n)]",
            *("    " + line for line in lines),
            f"    return {out}",
        ]
    )


def made(seed: int, n: int) -> Traced:
    """The trace of it."""
    return traced(function(source(seed, n)), *numbers(seed, n))


def numbers(seed: int, n: int) -> tuple[list[float], list[float]]:
    """What it is called with."""
    return floats(n + n * n, seed), floats(n, seed + 1)


def compiled(seed: int, n: int, *, strict: bool = False) -> None:
    """Raises AssertionError if its value and gradient, in vectors of some width, are others than
    the interpreter's.
    """
    text = source(seed, n)
    check_widths(function(text), numbers(seed, n), strict=strict, what=f"seed {seed}\n{text}")


def checked(t: Traced, text: str, *, strict: bool = False) -> int:
    """How many statements the program of a trace has. Raises AssertionError if it is not what the
    trace is.

    strict   and its derivatives are compared bit for bit, too
    """
    program = verify((reroll_strictly if strict else reroll)(t.graph), "reroll")
    values = interpret(program, t.given)["out"].tolist()
    assert equal(values, interpret_graph(t.graph, t.given)) or not strict, text
    expected = np.array([t.outputs[0].data, *t.partials()])
    target = Target.host(strict=strict)
    back = verify(gradient(program, ("out", 0), t.wrt, target=target), "differentiate")
    partials = interpret(back, t.given)["grad"]
    found = np.array([*values, *partials])
    if strict:
        assert np.array_equal(found, expected, equal_nan=True), text
    else:
        scale = max(1.0, float(np.nanmax(np.abs(expected))))
        assert np.allclose(
            found / scale, expected / scale, rtol=1e-9, atol=1e-12, equal_nan=True
        ), text
    return len(program.statements)


def statements(seed: int, n: int, *, strict: bool = False) -> int:
    """The same of a seed's program for a size."""
    return checked(made(seed, n), source(seed, n), strict=strict)


def grows(seed: int, *, strict: bool = False) -> tuple[int, ...]:
    """Statements at all sizes, if they grow; else nothing."""
    counts = tuple(statements(seed, n, strict=strict) for n in SIZES)
    return counts if max(counts) > GROWN * min(counts) + 2 else ()


def main(seconds: float, seed: int, what: str = "") -> None:
    """One program after the other, strict and not."""
    end, seen = time.monotonic() + seconds, Counter[str]()
    while time.monotonic() < end:
        if what:
            compiled(seed, COMPILED[seed % len(COMPILED)], strict=seed % 4 == 3)
            seen[what] += 1
            seed += 1
            continue
        for strict in (False, True):
            began = time.process_time()
            counts = grows(seed, strict=strict)
            seen["strict" if strict else "default"] += 1
            if counts:
                seen["strict ones that grow" if strict else "that grow"] += 1
                took = time.process_time() - began
                print(f"seed {seed}{', strict' if strict else ''}: {counts} in {took:.1f} s")
        seed += 1
    print(f"{dict(seen)}, before seed {seed}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, *sys.argv[3:])
