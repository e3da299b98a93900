"""Programs of loops whose values are used in several places, so that cotangents have an order.

Each of `FAMILIES` is a function of a size, which says the program of that size and how many numbers
it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd import exp, log, maximum, minimum, tanh

Function = Callable[..., Any]
Family = Callable[[int], tuple[Function, tuple[int, ...]]]


def used_twice(n: int) -> tuple[Function, tuple[int, ...]]:
    """A list that each step reads twice, which begins with an argument, and is added up."""

    def f(x: Any) -> Any:
        v = [x[0]]
        for i in range(1, n):
            v.append(tanh(minimum(v[i - 1] * x[i], v[i - 1] + 2.0)))
        return sum(v)

    return f, (n,)


def from_the_data(n: int) -> tuple[Function, tuple[int, ...]]:
    """A state that begins with what the first step reads, too."""

    def f(x: Any) -> Any:
        s, total = x[0], 0.0
        for e in x:
            s = tanh(s * e + 0.5 * s)
            total = total + s * s
        return total + s

    return f, (n,)


def factor(n: int) -> tuple[Function, tuple[int, ...]]:
    """The logarithm of the determinant of a symmetric matrix, by its triangular factor."""

    def f(a: Any) -> Any:
        low: list[list[Any]] = []
        for i in range(n):
            row: list[Any] = []
            for j in range(i):
                t = 0.1 * a[i * n + j]
                for k in range(j):
                    t = t - row[k] * low[j][k]
                row.append(t / low[j][j])
            t = a[i * n + i] + float(n)
            for k in range(i):
                t = t - row[k] * row[k]
            low.append([*row, t**0.5])
        return sum([log(low[i][i]) for i in range(n)]) * 2.0

    return f, (n * n,)


def warped(n: int) -> tuple[Function, tuple[int, ...]]:
    """A recurrence in two dimensions whose first row and column are others."""

    def low(a: Any, b: Any, c: Any) -> Any:
        least = minimum(a, minimum(b, c))
        return least - log(exp(least - a) + exp(least - b) + exp(least - c))

    def f(x: Any, y: Any) -> Any:
        d: list[list[Any]] = [[None] * n for _ in range(n + 2)]
        for i in range(n + 2):
            for j in range(n):
                cost = (x[i] - y[j]) ** 2
                if i and j:
                    cost = cost + low(d[i - 1][j - 1], d[i - 1][j], d[i][j - 1])
                elif i or j:
                    cost = cost + (d[i - 1][j] if i else d[i][j - 1])
                d[i][j] = cost
        return d[-1][-1]

    return f, (n + 2, n)


def edits(n: int) -> tuple[Function, tuple[int, ...]]:
    """A distance of two strings of other lengths, in one row that is written over."""

    def f(x: Any, y: Any) -> Any:
        row = [0.3 * j for j in range(n + 1)]
        for i in range(n + 3):
            corner, row[0] = row[0], row[0] + 0.3
            for j in range(n):
                best = minimum(row[j] + 0.3, row[j + 1] + 0.4)
                corner, row[j + 1] = row[j + 1], minimum(best, corner + tanh(x[i] - y[j]))
        return row[-1] + 0.1 * row[n // 2]

    return f, (n + 3, n)


def attending(n: int) -> tuple[Function, tuple[int, ...]]:
    """Weights of growing number of all that came before, three numbers each."""

    def f(x: Any, w: Any) -> Any:
        keys: list[list[Any]] = []
        out: Any = 0.0
        for t in range(n):
            here = x[3 * t : 3 * t + 3]
            keys.append([sum(w[3 * i + j] * here[j] for j in range(3)) for i in range(3)])
            scores = [sum(a * b for a, b in zip(here, key, strict=True)) for key in keys]
            top = scores[0]
            for s in scores[1:]:
                top = maximum(top, s)
            e = [exp(s - top) for s in scores]
            norm = sum(e)
            for j in range(3):
                mixed = sum(a / norm * key[j] for a, key in zip(e, keys, strict=True))
                out = out + mixed * mixed
        return out

    return f, (3 * n, 9)


def edged(n: int) -> tuple[Function, tuple[int, ...]]:
    """A table whose edges are data that its inside reads, too, by columns."""

    def f(x: Any, y: Any) -> Any:
        d: list[list[Any]] = [[None] * n for _ in range(n + 1)]
        for i in range(n + 1):
            d[i][0] = x[i]
        for j in range(1, n):
            d[0][j] = y[j]
            for i in range(1, n + 1):
                best = maximum(d[i - 1][j] - 0.1, d[i][j - 1] - 0.1)
                d[i][j] = maximum(d[i - 1][j - 1] + x[i] * y[j], best)
        return sum(d[-1])

    return f, (n + 1, n)


def one_edge(n: int) -> tuple[Function, tuple[int, ...]]:
    """A table whose rows begin with one value, that is used elsewhere, too."""

    def f(x: Any, y: Any) -> Any:
        start = x[0] * y[0]
        row = [start * y[j] for j in range(n)]
        for i in range(n + 2):
            new = [start]
            for j in range(1, n):
                new.append(tanh(row[j - 1] * x[i] + new[j - 1] * y[j] + row[j]))
            row = new
        return sum(row) * x[0] + start

    return f, (n + 2, n)


FAMILIES: tuple[Family, ...] = (
    used_twice, from_the_data, factor, warped, edits, attending, edged, one_edge,
)  # fmt: skip
