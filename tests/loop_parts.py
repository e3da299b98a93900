"""More parts of random programs of loops (tests/loop_sources.py): what people write less often.

First and last iterations that differ, interleaved recurrences, states that turn around, orders by
permutation, tables filled from the end, substitutions, eliminations, trees of reductions.
"""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from random import Random

LENGTH = 40
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 24, 31, 33, 39)

ROW, COLUMN, INNER = "i", "j", "k"

Part = Callable[[Random], list[str]]


def _squash(r: Random, text: str) -> str:
    return r.choice(
        [f"tanh({text})", f"({text}) / (1.0 + abs({text}))", f"sin({text})", f"relu({text}) * 0.5"]
    )


def _data(r: Random, *indices: str) -> str:
    name = r.choice("xy")
    index = r.choice([*indices, *indices, str(r.randrange(LENGTH))])
    if r.random() < 0.3:
        index = f"({r.choice(['', '2 * ', '3 * '])}{index} + {r.randrange(9)}) % {LENGTH}"
    elif r.random() < 0.15:
        index = f"{LENGTH - 1} - ({index})"
    elif r.random() < 0.15:
        index = f"({index}) // 2"
    return f"{name}[{index}]"


def odd_ends(r: Random) -> list[str]:
    """A recurrence whose first, last or one other iteration is another one."""
    n = r.choice(COUNTS)
    when = r.choice(["i == 0", f"i == {n - 1}", f"i == {n // 2}", f"i in (0, {n - 1})", "i % 2",
                     "i % 3 == 1", f"i < {n // 2}"])  # fmt: skip
    constant = r.choice(["0.5", "2.0", "-1.0", "0.0", "1.0"])
    other = r.choice([
        [f"        a = a * {constant}"],
        ["        a, b = b, a"],
        [f"        a = a + {_data(r, ROW)}"],
        ["        continue"],
        [f"        b = b + {constant} * a"],
        [f"        for k in range({r.choice([1, 2, 5])}):", f"            b = b + 0.1 * {_data(r, INNER)}"],
    ])  # fmt: skip
    return [
        f"for i in range({n}):",
        f"    if {when}:",
        *other,
        f"    a = {_squash(r, f'a * {_data(r, ROW)} + b')}",
    ]


def one_constant(r: Random) -> list[str]:
    """A recurrence in which one constant differs in one step."""
    n = r.choice(COUNTS)
    at = r.randrange(n)
    constant = r.choice(["2.0", "0.0", "0.1"])
    text = f"a * ({constant} if i == {at} else 0.5) + {_data(r, ROW)}"
    return [f"for i in range({n}):", f"    a = {_squash(r, text)}"]


def interleaved(r: Random) -> list[str]:
    """Two recurrences in one loop, of different periods, which may or may not touch."""
    n = r.choice(COUNTS)
    k = r.choice([2, 3, 4])
    return [
        f"for i in range({n}):",
        f"    a = {_squash(r, f'0.7 * a + {_data(r, ROW)}')}",
        *([f"    if i % {k} == {r.randrange(k)}:", f"        b = {_squash(r, f'b - {_data(r, ROW)}')}"]
          if r.random() < 0.5 else [f"    b = {_squash(r, f'b * {_data(r, ROW)} + 0.2')}"]),
        *(["    b = b + 0.25 * a"] if r.random() < 0.3 else []),
    ]  # fmt: skip


def lagged(r: Random) -> list[str]:
    """A list in which each element needs some before it."""
    n = r.choice(COUNTS)
    lags = r.sample([1, 2, 3, 5, 7], r.choice([1, 2, 2, 3]))
    first = max(lags)
    start = ", ".join(r.choice(["a", "b", "0.5", "x[3]", "a * b"]) for _ in range(first))
    terms = " + ".join(f"{r.choice(['0.5', 'x[i % 40]', 'y[3]'])} * h[i - {k}]" for k in lags)
    use = r.choice(["a = a + h[-1]", "b = b + sum(h)", "a = a + 0.1 * sum(v * v for v in h)",
                    "a, b = h[-1], h[len(h) // 2]", "for v in h[::-1]:\n        a = 0.5 * a + v"])  # fmt: skip
    return [
        f"h = [{start}]",
        f"for i in range({first}, {first + n}):",
        f"    h.append({_squash(r, terms)})",
        *use.split("\n        ")[:1],
        *("    " + s for s in use.split("\n        ")[1:]),
    ]


def ring(r: Random) -> list[str]:
    """A state that turns around."""
    n, m = r.choice(COUNTS), r.choice([2, 3, 4, 5, 8])
    to = r.choice([f"(i + 1) % {m}", f"i % {m}", f"(i * i) % {m}", f"(2 * i) % {m}"])
    return [
        f"h = [x[k] * {r.choice(['a', '0.5', 'y[k]'])} for k in range({m})]",
        f"for i in range({n}):",
        f"    h[{to}] = {_squash(r, f'h[i % {m}] * {_data(r, ROW)} + h[(i + {r.randrange(1, m)}) % {m}]')}",
        r.choice(["a = a + sum(h)", "b = b + h[0] - h[-1]"]),
    ]


def scans(r: Random) -> list[str]:
    """Prefixes of sums, maxima or products, and what is made of all of them."""
    n = r.choice(COUNTS)
    step = r.choice(["s + e", "maximum(s, e)", "minimum(s, e)", "s * (1.0 + 0.05 * e)",
                     "s - e", "where(s > e, s, e * 0.9)"])  # fmt: skip
    use = r.choice(["a = a + 0.1 * sum(p)", "b = b + p[-1]",
                    "a = a + 0.1 * sum(u * v for u, v in zip(p, p[1:]))",
                    "b = b + sum(p[i] * x[i] for i in range(len(p)))",
                    "a = a + sum(tanh(u) for u in reversed(p))"])  # fmt: skip
    return [
        f"s, p = {r.choice(['a', 'b', 'x[5]', '0.0', '1.0'])}, []",
        f"for e in {r.choice(['x', 'y'])}[{r.choice(['', '1', '3'])}:{n}{r.choice(['', '', ':2'])}]:",
        f"    s = {step}",
        "    p.append(s)",
        *([] if use.startswith("b = b + p[-1]") else [use]),
        "b = b + 0.5 * s",
    ]


def substitution(r: Random) -> list[str]:
    """A triangular system, from either end, or a tridiagonal one."""
    n = r.choice(COUNTS[:11])
    kind = r.randrange(4)
    if kind == 0:
        return [
            "z = []",
            f"for i in range({n}):",
            f"    z.append(({_data(r, ROW)} - sum(0.3 * x[(i + 2 * j) % 40] * z[j] for j in range(i)))"
            f" / (2.0 + y[i] * y[i]))",
            "a = a + sum(z)",
        ]
    if kind == 1:
        return [
            f"z = [0.0] * {n}",
            f"for i in range({n - 1}, -1, -1):",
            f"    s = {_data(r, ROW)}",
            f"    for j in range(i + 1, {n}):",
            f"        s = s - 0.3 * {_data(r, ROW, COLUMN)} * z[j]",
            "    z[i] = s / (2.0 + y[i] * y[i])",
            "b = b + z[0]",
        ]
    if kind == 2:  # forward and back
        return [
            "c, d = [0.3 * x[0]], [y[0]]",
            f"for i in range(1, {n}):",
            "    m = 2.0 - 0.3 * x[i] * c[i - 1]",
            "    c.append(0.3 * y[i] / m)",
            "    d.append((x[i] - 0.3 * d[i - 1]) / m)",
            "z = [d[-1]]",
            f"for i in reversed(range({n - 1})):",
            "    z.append(d[i] - c[i] * z[-1])",
            "a = a + sum(z)" if r.random() < 0.5 else "a = a + z[-1]",
        ]
    m = min(n, 8)  # elimination
    return [
        f"t = [[0.2 * x[(i + 3 * j) % 40] + (2.0 + y[i] ** 2) * (i == j) for j in range({m})] for i in range({m})]",
        f"for k in range({m}):",
        f"    for i in range(k + 1, {m}):",
        "        q = t[i][k] / t[k][k]",
        f"        for j in range(k{r.choice(['', ' + 1'])}, {m}):",
        "            t[i][j] = t[i][j] - q * t[k][j]",
        "    a = a + log(t[k][k] * t[k][k] + 0.1)"
        if r.random() < 0.5
        else "    b = b + 0.1 * t[k][k]",
    ]


def trees(r: Random) -> list[str]:
    """Reductions by halves, and butterflies."""
    m = r.choice([1, 2, 3, 4, 5])
    n = 2**m
    op = r.choice(["u + v", "maximum(u, v)", "u * v * 0.5", "u - v", "log(exp(u) + exp(v))"])
    if r.random() < 0.5:
        return [
            f"v = [{_data(r, ROW)} * a for i in range({n})]",
            "while len(v) > 1:",
            f"    v = [{op} for u, v in zip(v[::2], v[1::2])]"
            if r.random() < 0.5
            else f"    v = [{op} for u, v in zip(v[: len(v) // 2], v[len(v) // 2 :])]",
            "a = tanh(v[0])",
        ]
    return [
        f"v = [{_data(r, ROW)} for i in range({n})]",
        "s = 1",
        f"while s < {n}:",
        f"    for i in range(0, {n}, 2 * s):",
        "        for j in range(i, i + s):",
        "            v[j], v[j + s] = v[j] + 0.5 * v[j + s], v[j] - 0.5 * v[j + s]",
        "    s *= 2",
        "b = b + v[0] * v[-1] + " + r.choice(["v[1]", "0.1 * sum(v)", "x[0]"]),
    ]


def bit_reversed(r: Random) -> list[str]:
    """A recurrence in an order of bits, or strided."""
    m = r.choice([2, 3, 4, 5])
    index = r.choice(
        [f"int(format(i, '0{m}b')[::-1], 2)", f"(5 * i) % {2**m}", f"i ^ {r.randrange(1, 2**m)}"]
    )
    return [
        f"for i in range({2**m}):",
        f"    k = {index}",
        r.choice([f"    a = {_squash(r, 'a + x[k] * y[i]')}", "    b = b + x[k] * x[i]"]),
    ]


def knapsack(r: Random) -> list[str]:
    """A table of one row that is written over, from the end or from the beginning."""
    n, m, w = r.choice(COUNTS[:8]), r.choice(COUNTS[1:11]), r.choice([1, 2, 3])
    order = r.choice([f"range({m} - 1, {w} - 1, -1)", f"range({w}, {m})"])
    best = r.choice(["maximum(d[j], d[j - W] + x[i])", "d[j] + 0.2 * d[j - W] * x[i]",
                     "where(d[j] < d[j - W], d[j] + 0.1, d[j - W] * y[i])"]).replace("W", str(w))  # fmt: skip
    return [
        f"d = [{r.choice(['0.0', 'a', 'x[j]'])} for j in range({m})]",
        f"for i in range({n}):",
        f"    for j in {order}:",
        f"        d[j] = {best}",
        "a = a + 0.2 * d[-1]",
    ]


def attention(r: Random) -> list[str]:
    """A softmax over all before, carried or not, or online."""
    n = r.choice(COUNTS[:10])
    if r.random() < 0.4:
        return [
            "m, s, o = x[0], 1.0, y[0]",
            f"for i in range(1, {n}):",
            "    k = maximum(m, x[i] * a)",
            "    s = s * exp(m - k) + exp(x[i] * a - k)",
            "    o = o * exp(m - k) + exp(x[i] * a - k) * y[i]",
            "    m = k",
            "b = b + o / s",
        ]
    start = r.choice(["1", "0"])
    return [
        "keys = [a]",
        f"for i in range({n}):",
        f"    p = [exp({_data(r, ROW)} * keys[j] * 0.3) for j in range({start}, len(keys))] or [1.0]",
        "    z = sum(p)",
        "    o = sum(q * keys[j] for j, q in enumerate(p)) / z",
        f"    keys.append({_squash(r, f'o + {_data(r, ROW)}')})",
        "a = keys[-1]",
    ]


def matrices(r: Random) -> list[str]:
    """A matrix that is carried: powers, or updates of rank one."""
    n, m = r.choice(COUNTS[:7]), r.choice([1, 2, 3, 4])
    update = r.choice([
        f"    t = [[0.4 * sum(t[i][k] * w[k][j] for k in range({m})) for j in range({m})] for i in range({m})]",
        f"    t = [[t[i][j] + 0.1 * x[i + s] * y[j + s] for j in range({m})] for i in range({m})]",
        f"    t = [[0.5 * (t[i][j] + t[j][i]) * x[s] for j in range({m})] for i in range({m})]",
        f"    t = [[tanh(sum(w[i][k] * t[k][j] for k in range({m}))) for i in range({m})] for j in range({m})]",
    ])  # fmt: skip
    return [
        f"w = [[x[{m} * i + j] for j in range({m})] for i in range({m})]",
        f"t = [[{r.choice(['1.0 * (i == j)', 'y[i + j]', 'a'])} for j in range({m})] for i in range({m})]",
        f"for s in range({n}):",
        update,
        r.choice(
            [f"a = a + sum(t[i][i] for i in range({m}))", f"b = b + sum(t[0]) - t[{m - 1}][0]"]
        ),
    ]


def layers(r: Random) -> list[str]:
    """Vectors of changing length, each made of the one before."""
    n = r.choice([2, 3, 4, 6])
    grow = r.choice(["len(h) + 1", "len(h)", "max(1, len(h) - 1)", "min(9, 2 * len(h))"])
    return [
        f"h = [x[k] for k in range({r.choice([1, 2, 4, 5])})]",
        f"for l in range({n}):",
        f"    h = [{_squash(r, 'sum(y[(l + 2 * j + 3 * k) % 40] * v for k, v in enumerate(h)) + a')} for j in range({grow})]",
        "b = b + sum(h)",
    ]


def nested(r: Random) -> list[str]:
    """A recurrence in a recurrence: the inner one begins with what the outer one carries."""
    n, m = r.choice(COUNTS[:9]), r.choice(COUNTS[:8])
    inner_bound = r.choice([str(m), str(m), "i + 1", f"{n} - i", "i % 3", "1 + (i * i) % 4"])
    start = r.choice(["a", "b", f"{_data(r, ROW)}", "a * 0.5 + b"])
    lines = [
        f"for i in range({n}):",
        f"    u = {start}",
        f"    for j in range({inner_bound}):",
        f"        u = {_squash(r, f'u * {_data(r, ROW, COLUMN)} + {_data(r, COLUMN)}')}",
    ]
    if r.random() < 0.4:
        lines.append(f"        b = b + 0.1 * u * {_data(r, COLUMN)}")
    lines.append(
        r.choice(
            [
                "    a = 0.5 * a + u",
                "    a, b = u, a",
                "    b = tanh(b + u)",
                "    a = maximum(a, u)",
            ]
        )
    )
    return lines


MORE: tuple[Part, ...] = (
    odd_ends, one_constant, interleaved, lagged, ring, scans, substitution, trees, bit_reversed,
    knapsack, attention, matrices, layers, nested,
)  # fmt: skip
