"""Parts of random programs of loops (tests/loop_sources.py): triangles in all spellings, rows of any
lengths, tables with edges of their own, windows, and recurrences that skip, alternate and interleave.
"""
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from random import Random

COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17)
Part = Callable[[Random], list[str]]
STEPS = ("tanh({})", "({}) / (1.0 + ({}) * ({}))", "sin({})", "0.5 * ({})", "minimum({}, 1.5)")


def _step(r: Random, text: str) -> str:
    return r.choice(STEPS).replace("{}", text)


def _lengths(r: Random) -> list[int]:
    n = r.choice([1, 2, 3, 4, 6, 9])
    kind = r.randrange(4)
    if kind == 0:
        return [r.choice([1, 2, 3, 5, 8])] * n
    lengths = [r.randrange(1 if kind == 1 else 0, 9) for _ in range(n)]
    if kind == 3:
        lengths[r.randrange(n)] = 0
    return lengths


def skipping(r: Random) -> list[str]:
    """Steps that are left out, or another one, by their number or from some on."""
    n = r.choice(COUNTS)
    when = r.choice(
        [
            "i % 2",
            "i % 3 == 1",
            "i % 5 in (1, 3)",
            f"i > {n // 2}",
            "i * i % 7 == 2",
            f"i == {n - 1}",
        ]
    )
    other = r.choice([["        continue"], ["        break"], ["        b = b + 0.3 * a", "        continue"],
                      ["        a, b = b, a"], [f"        a = a * {r.choice(['0.5', 'y[i]'])}"]])  # fmt: skip
    text = f"a * x[i % {r.choice([2, 3, 7, 40])}] + b"
    return [f"for i in range({n}):", f"    if {when}:", *other, f"    a = {_step(r, text)}"]


def alternating(r: Random) -> list[str]:
    """Two recurrences that take turns, or read each other some steps back."""
    n, lag = r.choice(COUNTS), r.choice([1, 2, 3])
    text = f"u[-1] * x[i] + {r.choice(['v[-1]', 'y[i % 3]', f'v[-min({lag}, len(v))]', '0.25'])}"
    back = r.choice(["u[-1] + v[-1]", "0.7 * v[-1] - y[i]", f"u[-min({lag}, len(u))] * v[-1]"])
    ends = r.choice(["a = a + u[-1] * v[-1]", "a = a + sum(u)", "b = b + sum(p * q for p, q in zip(u, v))",
                     "a = a + sum(p * q for p, q in zip(u, reversed(v)))", "b = b + sum(u[::2]) - sum(v[1::3])"])  # fmt: skip
    first, second = f"u.append({_step(r, text)})", f"v.append({_step(r, back)})"
    if r.random() < 0.3:
        body = ["    if i % 2:", f"        {first}", "    else:", f"        {second}"]
    else:
        body = [f"    {first}", f"    {second}"]
    return ["u, v = [a], [b * y[2]]", f"for i in range({n}):", *body, ends]


def windows(r: Random) -> list[str]:
    """Sums, maxima or products of windows, strided, dilated, or around the end."""
    width, stride, dilation = r.choice([1, 2, 3, 5]), r.choice([1, 1, 2, 3]), r.choice([1, 1, 2])
    n = max(1, min(r.choice(COUNTS), (39 - (width - 1) * dilation) // stride))
    index = f"{stride} * i + {dilation} * k"
    if r.random() < 0.4:
        index = f"({index} + {r.randrange(40)}) % {r.choice([40, n + 3])}"
    element = f"x[{index}]{r.choice(['', ' * y[k]', ' * y[i]'])}"
    kind = r.randrange(4)
    if kind == 0:
        made = [f"w = [sum({element} for k in range({width})) for i in range({n})]"]
    else:
        op = ["maximum(s, e)", "s * (1.0 + 0.1 * e)", "minimum(s, e) + 0.1 * e"][kind - 1]
        made = ["w = []", f"for i in range({n}):", "    s = y[i]", f"    for k in range({width}):",
                f"        e = {element}", f"        s = {op}", "    w.append(s)"]  # fmt: skip
    use = r.choice(["a = a + 0.1 * sum(w)", "b = b + sum(p * q for p, q in zip(w, w[::-1])) * 0.1",
                    "for e in w:\n    a = tanh(a + e)", "b = b * 0.5 + w[len(w) // 2]"])  # fmt: skip
    return [*made, *use.split("\n")]


def spelled_triangle(r: Random) -> list[str]:
    """A triangle, of rows below, above, from the end, by `while`, or of a list that grows."""
    n = r.choice(COUNTS[:11])
    if r.random() < 0.25:
        rows = ["    j = 0", f"    while j {r.choice(['<', '<='])} i:"]
        end = ["        j += 1"]
    else:
        rows = [
            f"    for j in {r.choice(['range(i)', 'range(i + 1)', f'range(i, {n})', f'range({n} - i)', 'reversed(range(i))', f'range(i + 1, {n})', 'range(0, i, 2)', f'range({n} - 1, i, -1)', 'range(min(i, 3))', 'range(max(0, i - 3), i)'])}:"
        ]
        end = []
    kind = r.randrange(6)
    element = r.choice(
        [
            "x[j] * y[i]",
            "x[(i + j) % 40]",
            "x[i] - y[j]",
            "x[j]",
            "exp(x[j] - 1.0)",
            "x[i * (i + 1) // 2 % 40 + 0 * j]",
        ]
    )
    begin = r.choice(["0.0", "y[i]", "a", "1.0"])
    if kind == 0:
        return [f"for i in range({n}):", f"    s = {begin}", *rows, f"        s = s + 0.1 * {element}", *end,
                r.choice(["    a = a + 0.1 * s * s", "    b = tanh(b + s)"])]  # fmt: skip
    if kind == 1:
        return ["t = []", f"for i in range({n}):", f"    s = {begin}", *rows, f"        s = maximum(s, {element})", *end,
                "    t.append(s)", "a = a + 0.1 * sum(t)"]  # fmt: skip
    if kind == 2:
        return [f"z = [0.0] * {n}", f"for i in range({n}):", f"    s = {begin}", *rows,
                f"        s = s - 0.2 * {element} * z[j if j < i else i - 1]", *end,
                "    z[i] = s / (2.0 + y[i] * y[i])", "a = a + sum(z)"]  # fmt: skip
    if kind == 3:
        return [
            f"for i in range({n}):",
            *rows,
            f"        a = {_step(r, f'a * 0.9 + {element}')}",
            *end,
        ]
    if kind == 4:  # softmax of a list that grows
        return ["keys = []", f"for i in range({n}):", "    keys.append(x[i] * y[i])",
                "    e = [exp(k * 0.5) for k in keys]", "    norm = sum(e)",
                r.choice(["    a = a + 0.1 * sum(p / norm * k for p, k in zip(e, keys))", "    b = tanh(b + e[-1] / norm)"])]  # fmt: skip
    return [f"d = [x[i] for i in range({n})]", f"for i in range(1, {n}):",  # divided differences, Neville, Casteljau
            r.choice([f"    for j in range({n} - i):", f"    for j in range({n} - 1, i - 1, -1):"]),
            "        d[j] = 0.6 * d[j] + 0.4 * y[i] * d[j - 1 if j else 0]",
            r.choice(["    a = a + 0.1 * d[0]", f"b = b + d[{n - 1}]"])]  # fmt: skip


def ragged_rows(r: Random) -> list[str]:
    """Sequences of different lengths: sums, recurrences, softmaxes and tables of each."""
    lengths = _lengths(r)
    firsts = [sum(lengths[:k]) % 40 for k in range(len(lengths))]
    order = r.choice(["", "[::-1]"])
    head = [
        f"rows = [[x[(s + k) % 40] for k in range(m)] for s, m in zip({firsts}, {lengths})]",
        f"for row in rows{order}:",
    ]
    kind = r.randrange(6)
    if kind == 0:
        return [*head, "    s = 0.0", "    for e in row:", f"        s = {_step(r, 's * 0.5 + e * y[3]')}",
                r.choice(["    a = a + s", "    b = b * 0.5 + s * a"])]  # fmt: skip
    if kind == 1:
        return [
            *head,
            "    norm = 1.0 + sum(exp(e) for e in row)",
            "    a = a + 0.1 * sum(exp(e) / norm for e in row)",
        ]
    if kind == 2:
        return [
            *head,
            "    top = -2.0",
            "    for e in row:",
            "        top = maximum(top, e)",
            "    b = b + 0.1 * top",
        ]
    if kind == 3:
        return [
            *head,
            "    for i in range(len(row)):",
            "        for j in range(i):",
            "            a = a + 0.01 * row[i] * row[j]",
        ]
    if kind == 4:
        return [*head, "    h = [0.0, 0.0]", "    for e in row:",
                "        h = [tanh(0.5 * h[0] + e), tanh(h[1] - e * y[1])]", "    a = a + h[0] * h[1]"]  # fmt: skip
    return [*head, "    for e in row:", f"        a = {_step(r, 'a + e')}", "    b = b + a"]


def table(r: Random) -> list[str]:
    """A table of dynamic programming with edges of their own, of unequal sides."""
    m, n = r.choice(COUNTS[1:10]), r.choice(COUNTS[1:10])
    edge = r.choice(
        [("0.2 * i", "0.3 * j"), ("0.0", "0.0"), ("x[i]", "y[j]"), ("a", "b"), ("x[i] * a", "0.5")]
    )
    best = r.choice(["minimum", "maximum"])
    step = r.choice([
        f"{best}(d[i - 1][j - 1] + (x[i] - y[j]) ** 2, {best}(d[i - 1][j] + 0.3, d[i][j - 1] + 0.4))",
        f"{best}(d[i - 1][j], d[i][j - 1]) * 0.9 + x[i] * y[j]",
        "0.3 * (d[i - 1][j - 1] + d[i - 1][j] + d[i][j - 1]) + x[i] - y[j]",
        "maximum(0.0, maximum(d[i - 1][j - 1] + x[i] * y[j], maximum(d[i - 1][j] - 0.1, d[i][j - 1] - 0.1)))",
        "tanh(d[i - 1][j] * x[i] + d[i][j - 1] * y[j])",
        f"where(x[i] > y[j], d[i - 1][j - 1] + 0.5, {best}(d[i - 1][j], d[i][j - 1]))",
    ])  # fmt: skip
    end = r.choice(["a = a + d[-1][-1]", "b = b + sum(d[-1]) * 0.1", "a = a + 0.1 * sum(row[-1] for row in d)",
                    "top = 0.0\nfor row in d:\n    for e in row:\n        top = maximum(top, e)\nb = b + top"])  # fmt: skip
    spelling = r.randrange(4)
    if spelling == 0:
        made = [f"d = [[None] * {n} for _ in range({m})]", f"for i in range({m}):", f"    for j in range({n}):",
                f"        d[i][j] = ({step}) if i and j else ({edge[0]} if j == 0 else {edge[1]})"]  # fmt: skip
    elif spelling == 1:
        made = [f"d = [[{edge[1]} for j in range({n})]]", f"for i in range(1, {m}):", f"    d.append([{edge[0]}])",
                f"    for j in range(1, {n}):", f"        d[i].append({step})"]  # fmt: skip
    elif spelling == 2:  # column by column
        made = [f"d = [[None] * {n} for _ in range({m})]", f"for i in range({m}):", f"    d[i][0] = {edge[0]}",
                f"for j in range(1, {n}):", f"    d[0][j] = {edge[1]}", f"    for i in range(1, {m}):",
                f"        d[i][j] = {step}"]  # fmt: skip
    else:  # along diagonals
        made = [f"d = [[{edge[0]} if j == 0 else {edge[1]} for j in range({n})] for i in range({m})]",
                f"for k in range(2, {m + n - 1}):", f"    for i in range(max(1, k - {n - 1}), min({m}, k)):",
                "        j = k - i", f"        d[i][j] = {step}"]  # fmt: skip
    return [*made, *end.split("\n")]


def seam(r: Random) -> list[str]:
    """The least path through a grid, neighbours of the row above, its ends apart."""
    m, n = r.choice(COUNTS[:9]), r.choice(COUNTS[2:9])
    best = r.choice(["minimum", "maximum"])
    least = r.choice([
        f"{best}(row[j], {best}(row[max(0, j - 1)], row[min({n - 1}, j + 1)]))",
        f"({best}({best}(row[j - 1], row[j]), row[j + 1]) if 0 < j < {n - 1} else row[j] + 0.1)",
        f"{best}(row[j], row[(j + 1) % {n}])",
        f"0.5 * row[j] + 0.25 * (row[j - 1] + row[(j + 1) % {n}])",
    ])  # fmt: skip
    return [f"row = [x[j] * a for j in range({n})]", f"for i in range({m}):",
            f"    row = [x[(i + 2 * j) % 40] + {least} for j in range({n})]",
            *r.choice(["a = a + sum(row) * 0.1", "s = row[0]\nfor e in row[1:]:\n    s = minimum(s, e)\nb = b + s"]).split("\n")]  # fmt: skip


def in_place(r: Random) -> list[str]:
    """Sweeps over a list or a grid that is written over as it is read."""
    n, m = r.choice(COUNTS[2:]), r.choice(COUNTS[:6])
    way = r.choice([f"range(1, {n - 1})", f"range({n - 2}, 0, -1)", f"range(1, {n - 1}, 2)"])
    return [f"g = [x[j] + 0.0 for j in range({n})]", f"for s in range({m}):", f"    for j in {way}:",
            f"        g[j] = {_step(r, '0.4 * g[j - 1] + 0.3 * g[j + 1] + 0.2 * y[j]')}",
            r.choice(["a = a + 0.1 * sum(g)", "b = b + g[1] * g[-1]"])]  # fmt: skip


def prefixes(r: Random) -> list[str]:
    """Running sums, maxima and products, and what reads one of them some steps back."""
    n, w = r.choice(COUNTS), r.choice([1, 2, 3])
    run = r.choice(
        [
            "p[-1] + x[i]",
            "maximum(p[-1], x[i])",
            "p[-1] * (1.0 + 0.1 * x[i])",
            "p[-1] - x[i] * y[i]",
        ]
    )
    use = r.choice([f"a = a + 0.1 * sum(p[k + {w}] - p[k] for k in range(len(p) - {w}))",
                    "a = a + 0.1 * sum(tanh(e) * p[-1] for e in p)",
                    "for i, e in enumerate(p):\n    if i % 2 == 0:\n        b = b + 0.1 * e",
                    "b = b + 0.1 * sum(p[k] * p[-1 - k] for k in range(len(p)))"])  # fmt: skip
    return [
        f"p = [{r.choice(['0.0', 'a', 'x[3]', 'y[0] * b'])}]",
        f"for i in range({n}):",
        f"    p.append({run})",
        *use.split("\n"),
    ]


def of_loops(r: Random) -> list[str]:
    """Loops in a loop, one after the other, one of which may have one iteration."""
    n, p, q = r.choice(COUNTS[:8]), r.choice([1, 1, 2, 3, 5]), r.choice([1, 2, 4])
    return [f"h = [x[k] * 0.5 for k in range({p})]", f"for i in range({n}):", f"    for j in range({p}):",
            f"        h[j] = {_step(r, 'h[j] + a * x[(i + j) % 40]')}", f"    for k in range({q}):",
            f"        a = {_step(r, f'a * y[k] + h[k % {p}]')}",
            *r.choice([["    b = b + 0.1 * a * h[0]"], ["    a, b = b, a + h[-1]"], []])]  # fmt: skip


TABLES: tuple[Part, ...] = (
    skipping, alternating, windows, spelled_triangle, spelled_triangle, ragged_rows, table, table, seam,
    in_place, prefixes, of_loops,
)  # fmt: skip
