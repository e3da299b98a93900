"""Random Python programs that are nests of loops: carried values, triangles, ragged rows, tables.

Each is the text of a function `f(x, y)` of two lists of numbers that gives a number. Its parts are
drawn one by one, in any order; each begins with what the parts before have left in `a`, `b` and
`h`. Sizes lie around where loops begin to be worth finding, and around vectors' widths.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

LENGTH = 40
"""Numbers in `x`, and in `y`."""
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 24)
NAMES = ("exp", "log", "sin", "tanh", "maximum", "minimum", "where")

ROW, COLUMN = "i", "j"

Part = Callable[[Random], list[str]]


def _squash(r: Random, text: str) -> str:
    """Something bounded that depends on `text`."""
    return r.choice([f"tanh({text})", f"({text}) / (1.0 + ({text}) * ({text}))", f"sin({text})"])


def _data(r: Random, *indices: str) -> str:
    """A number that is given, by an index, by a remainder, or always the same."""
    name = r.choice("xy")
    index = r.choice([*indices, *indices, str(r.randrange(LENGTH))])
    if r.random() < 0.25:
        index = f"({index} + {r.randrange(4)}) % {r.choice([2, 3, 5])}"
    elif index in indices and r.random() < 0.3:
        index = f"{index} + {r.randrange(8)}"
    return f"{name}[{index}]"


def recurrence(r: Random) -> list[str]:
    """One or two values that are carried through a loop."""
    n = r.choice(COUNTS)
    lines = [f"for i in range({n}):"]
    if r.random() < 0.5:
        lines.append(f"    a = {_squash(r, f'a * {_data(r, ROW)} + b')}")
    else:
        lines.append(f"    a, b = {_squash(r, f'b + {_data(r, ROW)}')}, 0.5 * a - b")
    if r.random() < 0.4:
        lines.append(f"    b = b + a * {_data(r, ROW)}")
    return lines


def step_of_vectors(r: Random) -> list[str]:
    """A vector that is carried through a loop, by a step over its elements."""
    n, m = r.choice(COUNTS), r.choice(COUNTS[:10])
    lines = [f"h = [{_data(r, COLUMN)} * b for j in range({m})]", f"for i in range({n}):"]
    inner = f"h[j] * {_data(r, COLUMN)} + {_data(r, ROW, COLUMN)}"
    kind = r.randrange(4)
    if kind == 0:
        lines.append(f"    h = [{_squash(r, inner)} for j in range({m})]")
    elif kind == 1:
        lines += [
            f"    g = [{_squash(r, inner)} for j in range({m})]",
            f"    h = [0.5 * h[j] + g[j] * {_data(r, COLUMN)} for j in range({m})]",
        ]
    elif kind == 2:
        lines.append(
            f"    h = [{_squash(r, f'sum(h[k] * x[(j + 2 * k) % {LENGTH}] for k in range({m}))')} "
            f"for j in range({m})]"
        )
    else:
        lines += [f"    for j in range({m}):", f"        h[j] = {_squash(r, inner + ' + a')}"]
        lines.append(f"        a = 0.25 * a + h[j] * {_data(r, COLUMN)}")
    return [*lines, "a = a + sum(h)"]


def triangle(r: Random) -> list[str]:
    """Rows of growing or shrinking length, summed, or each with a step."""
    n = r.choice(COUNTS[:11])
    bound = r.choice(["i", "i + 1", f"{n} - i", f"i, {n}"])
    kind = r.randrange(3)
    if kind == 0:
        return [
            f"for i in range({n}):",
            f"    for j in range({bound}):",
            f"        b = b + {_data(r, ROW, COLUMN)} * {_data(r, COLUMN)}",
        ]
    if kind == 1:
        return [
            f"rows = [sum({_data(r, COLUMN)} * {_data(r, ROW, COLUMN)} for j in range({bound}))"
            f" + 0.5 for i in range({n})]",
            f"a = {_squash(r, 'a + sum(v * v for v in rows)')}",
        ]
    return [
        f"t = [[0.0] * {n} for _ in range({n})]",
        f"for i in range({n}):",
        "    for j in range(i + 1):",
        f"        s = {_data(r, ROW, COLUMN)} + 2.0 * (i == j)",
        "        for k in range(j):",
        "            s = s - 0.1 * t[i][k] * t[j][k]",
        f"        t[i][j] = {_squash(r, 's')}",
        f"b = b + t[{n - 1}][{n - 1}] + t[{n - 1}][0]",
    ]


def ragged(r: Random) -> list[str]:
    """Rows of any length, one of which may be empty."""
    lengths = [r.choice([0, 1, 2, 3, 5, 8]) for _ in range(r.choice(COUNTS[:8]))]
    if r.random() < 0.3:
        lengths = [3] * len(lengths)
    return [
        f"for i, n in enumerate({lengths}):",
        "    s = a",
        "    for j in range(n):",
        f"        s = {_squash(r, f's * {_data(r, COLUMN)} + {_data(r, ROW, COLUMN)}')}",
        "    b = b + s",
    ]


def grid(r: Random) -> list[str]:
    """A table whose elements need their neighbours, as dynamic programming has it."""
    n, m = r.choice(COUNTS[:9]), r.choice(COUNTS[:9])
    best = r.choice(["minimum(d[i - 1][j], minimum(d[i][j - 1], d[i - 1][j - 1]))",
                     "0.5 * (d[i - 1][j] + d[i][j - 1])",
                     "maximum(d[i - 1][j - 1] + 0.1, d[i][j - 1])"])  # fmt: skip
    return [
        f"d = [[None] * {m + 1} for _ in range({n + 1})]",
        f"for i in range({n + 1}):",
        f"    d[i][0] = a + {r.choice(['0.0', '0.1 * i', 'x[i]'])}",
        f"for j in range(1, {m + 1}):",
        f"    d[0][j] = {r.choice(['b', 'y[j]', 'd[0][j - 1] + x[j]'])}",
        f"for i in range(1, {n + 1}):",
        f"    for j in range(1, {m + 1}):",
        f"        d[i][j] = {best} + (x[i] - y[j]) ** 2",
        f"a = {_squash(r, f'd[{n}][{m}]')}",
    ]


def extremes(r: Random) -> list[str]:
    """Chains of maxima, products, and a softmax of what there is."""
    n = r.choice(COUNTS)
    values = f"[{_data(r, ROW)} * a + 0.1 * i for i in range({n})]"
    kind = r.randrange(3)
    if kind == 0:
        return [
            f"v = {values}",
            "top = v[0]",
            "for e in v[1:]:",
            "    top = maximum(top, e)",
            "a = top + log(sum(exp(e - top) for e in v))",
        ]
    if kind == 1:
        return [f"for e in {values}:", "    b = b * (1.0 + 0.01 * e)"]
    return [f"for e in {values}:", f"    b = {r.choice(['minimum', 'maximum'])}(e, b)"]


def shuffled(r: Random) -> list[str]:
    """What is read in no order at all."""
    order = r.sample(range(LENGTH), r.choice([5, 12, 30]))
    return [f"for i, k in enumerate({order}):", f"    a = a + 0.1 * x[k] * {_data(r, ROW)}"]


PARTS: tuple[Part, ...] = (
    recurrence, step_of_vectors, triangle, ragged, grid, extremes, shuffled,
)  # fmt: skip


def source(seed: int, parts: tuple[Part, ...] = PARTS) -> str:
    """The text of a function; one seed gives one text."""
    r = Random(seed)
    lines = ["def f(x, y):", "    a, b = x[0], y[1]"]
    for _ in range(r.choice([1, 1, 2, 3])):
        some = r.choice(parts)(r)
        if r.random() < 0.15:  # the same again in a loop, which carries everything
            some = [f"for repeat in range({r.choice([2, 3, 4])}):", *("    " + s for s in some)]
        lines += ["    " + line for line in some]
    return "\n".join([*lines, "    return a + 0.5 * b"])


def function(text: str) -> Callable[..., object]:
    """The function of a text."""
    import micrograd

    names = {n: getattr(micrograd, n) for n in NAMES}
    exec(text, names)
    made: Callable[..., object] = names["f"]
    return made
