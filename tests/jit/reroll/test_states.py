"""Vectors, matrices and rods that are carried from step to step, and touched in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import log, sqrt, tanh
from micrograd.jit.reroll.domains import domain_of, parts_of
from micrograd.jit.reroll.statics import Level

from ...regular import floats, traced
from ...states_in_steps import compiled, statements
from ...updated_in_place import checked
from .test_loops import found

Function = Callable[..., Any]


def kalman_filter(steps: int, d: int) -> tuple[Function, tuple[int, ...]]:
    """With what the model adds to the diagonal of the covariance."""

    def f(z: Any, w: Any) -> Any:
        a = [[w[d * i + j] for j in range(d)] for i in range(d)]
        m, total = [0.0] * d, 0.0
        p = [[1.0 * (i == j) for j in range(d)] for i in range(d)]
        for t in range(steps):
            m = [sum(a[i][k] * m[k] for k in range(d)) for i in range(d)]
            g = [[sum(a[i][k] * p[k][j] for k in range(d)) for j in range(d)] for i in range(d)]
            p = [[sum(g[i][k] * a[j][k] for k in range(d)) for j in range(d)] for i in range(d)]
            for i in range(d):
                p[i][i] = p[i][i] + 0.1
            s = p[0][0] + 0.5
            y = z[t] - m[0]
            gain = [p[i][0] / s for i in range(d)]
            m = [m[i] + gain[i] * y for i in range(d)]
            p = [[p[i][j] - gain[i] * p[0][j] for j in range(d)] for i in range(d)]
            total = total + log(s) + y * y / s
        return total

    return f, (steps, d * d)


def filter_in_place(steps: int, d: int) -> tuple[Function, tuple[int, ...]]:
    """The same, where covariance and mean are corrected element by element."""

    def f(z: Any, w: Any) -> Any:
        a = [[w[d * i + j] for j in range(d)] for i in range(d)]
        m, total = [z[0]] * d, 0.0
        p = [[1.0 * (i == j) for j in range(d)] for i in range(d)]
        for t in range(steps):
            g = [[sum(a[i][k] * p[k][j] for k in range(d)) for j in range(d)] for i in range(d)]
            for i in range(d):
                for j in range(d):
                    p[i][j] = sum(g[i][k] * a[j][k] for k in range(d)) + 0.1 * (i == j)
            s, y = p[0][0] + 0.5, z[t] - m[0]
            gain = [p[i][0] / s for i in range(d)]
            for i in range(d):
                m[i] = m[i] + gain[i] * y
                for j in range(d):
                    p[i][j] = p[i][j] - gain[i] * p[0][j]
            total = total + log(s) + y * y / s
        return total

    return f, (steps, d * d)


def products(steps: int, d: int) -> tuple[Function, tuple[int, ...]]:
    """Of one body, one after the other: a matrix times a vector, and times a matrix."""

    def f(z: Any, w: Any) -> Any:
        a = [[w[d * i + j] for j in range(d)] for i in range(d)]
        m = list(z)
        p = [[z[i] if i == j else 0.5 for j in range(d)] for i in range(d)]
        for _ in range(steps):
            m = [sum(a[i][k] * m[k] for k in range(d)) for i in range(d)]
            g = [[sum(a[i][k] * p[k][j] for k in range(d)) for j in range(d)] for i in range(d)]
            p = [[sum(g[i][k] * a[j][k] for k in range(d)) for j in range(d)] for i in range(d)]
        return sum(m) + sum(p[i][i] for i in range(d))

    return f, (d, d * d)


def controlled(steps: int, d: int) -> tuple[Function, tuple[int, ...]]:
    """The costs of steps back in time: the Riccati equation for one control."""

    def f(w: Any) -> Any:
        a, b = [w[d * i : d * i + d] for i in range(d)], w[d * d :]
        p = [[1.0 * (i == j) for j in range(d)] for i in range(d)]
        for _ in range(steps):
            e = [sum(x * y for x, y in zip(row, b, strict=True)) for row in p]
            s = 1.0 + sum(x * y for x, y in zip(e, b, strict=True))
            g = [[sum(p[i][k] * a[k][j] for k in range(d)) for j in range(d)] for i in range(d)]
            gain = [sum(e[k] * a[k][j] for k in range(d)) / s for j in range(d)]
            q = [sum(a[k][i] * e[k] for k in range(d)) for i in range(d)]
            p = [
                [
                    sum(a[k][i] * g[k][j] for k in range(d)) - q[i] * gain[j] + 1.0 * (i == j)
                    for j in range(d)
                ]
                for i in range(d)
            ]
        return sum(p[i][i] for i in range(d))

    return f, (d * d + d,)


def heated(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """A rod, whose ends stay as they are, made anew in each step."""

    def f(x: Any) -> Any:
        u = list(x)
        for _ in range(steps):
            inner = [u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1]) for i in range(1, n - 1)]
            u = [u[0], *inner, u[-1]]
        return sum(e * e for e in u)

    return f, (n,)


def waves(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """On a string, whose ends do not move: of two steps before."""

    def f(x: Any) -> Any:
        u, v = list(x), list(x)
        for _ in range(steps):
            q = [0.0] * n
            for i in range(1, n - 1):
                q[i] = 2.0 * u[i] - v[i] + 0.3 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
            v, u = u, q
        return sum(e * e for e in u)

    return f, (n,)


def bodies(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """That attract each other, in space, by the leapfrog method."""
    axes = range(3)

    def forces(p: Any, m: Any) -> Any:
        found = [[0.0] * 3 for _ in range(n)]
        for i in range(n):
            for j in range(n):
                if i == j:
                    continue
                apart = [p[j][k] - p[i][k] for k in axes]
                square = sum(e * e for e in apart) + 0.01
                force = m[j] / (square * sqrt(square))
                for k in axes:
                    found[i][k] += force * apart[k]
        return found

    def f(x: Any, y: Any, m: Any) -> Any:
        p, v = ([[z[3 * i + k] for k in axes] for i in range(n)] for z in (x, y))
        a = forces(p, m)
        for _ in range(steps):
            v = [[v[i][k] + 0.005 * a[i][k] for k in axes] for i in range(n)]
            p = [[p[i][k] + 0.01 * v[i][k] for k in axes] for i in range(n)]
            a = forces(p, m)
            v = [[v[i][k] + 0.005 * a[i][k] for k in axes] for i in range(n)]
        return sum(sum(e * e for e in row) for row in p)

    return f, (3 * n, 3 * n, n)


def in_pairs(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """Bodies whose forces are computed once for both, by Euler's method."""

    def f(z: Any, m: Any) -> Any:
        x, y, u, v = (list(z[n * k : n * k + n]) for k in range(4))
        for _ in range(steps):
            a, b = [0.0] * n, [0.0] * n
            for i in range(n):
                for j in range(i + 1, n):
                    p, q = x[j] - x[i], y[j] - y[i]
                    r = (p * p + q * q + 0.1) ** -1.5
                    a[i] += m[j] * p * r
                    b[i] += m[j] * q * r
                    a[j] -= m[i] * p * r
                    b[j] -= m[i] * q * r
            u = [e + 0.01 * g for e, g in zip(u, a, strict=True)]
            v = [e + 0.01 * g for e, g in zip(v, b, strict=True)]
            x = [e + 0.01 * g for e, g in zip(x, u, strict=True)]
            y = [e + 0.01 * g for e, g in zip(y, v, strict=True)]
        return sum(x) + sum(y)

    return f, (4 * n, n)


def in_stages(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """Bodies by the method of Runge and Kutta: forces at four places a step, x beside y."""

    def forces(p: Any, m: Any) -> Any:
        found = []
        for i in range(n):
            a = b = 0.0
            for j in range(n):
                if j != i:
                    x, y = p[2 * j] - p[2 * i], p[2 * j + 1] - p[2 * i + 1]
                    r = (x * x + y * y + 0.1) ** -1.5
                    a, b = a + m[j] * x * r, b + m[j] * y * r
            found += [a, b]
        return found

    def moved(p: Any, h: float, v: Any) -> Any:
        return [a + h * b for a, b in zip(p, v, strict=True)]

    def f(z: Any, m: Any) -> Any:
        p, v, h = list(z[: 2 * n]), list(z[2 * n :]), 0.01
        for _ in range(steps):
            v1, a1 = v, forces(p, m)
            v2, a2 = moved(v, 0.5 * h, a1), forces(moved(p, 0.5 * h, v1), m)
            v3, a3 = moved(v, 0.5 * h, a2), forces(moved(p, 0.5 * h, v2), m)
            v4, a4 = moved(v, h, a3), forces(moved(p, h, v3), m)
            every = zip(p, v1, v2, v3, v4, strict=True)
            p = [e + h / 6 * (a + 2.0 * b + 2.0 * c + d) for e, a, b, c, d in every]
            every = zip(v, a1, a2, a3, a4, strict=True)
            v = [e + h / 6 * (a + 2.0 * b + 2.0 * c + d) for e, a, b, c, d in every]
        return sum(e * e for e in p)

    return f, (4 * n, n)


def heated_ring(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """A rod whose ends are neighbours."""

    def f(x: Any) -> Any:
        u = list(x)
        for _ in range(steps):
            u = [u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[(i + 1) % n]) for i in range(n)]
        return sum(e * e for e in u)

    return f, (n,)


def carried_round(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """What a ring hands on to the next element: one operand alone breaks, twice in a row."""

    def f(x: Any) -> Any:
        u = list(x)
        for _ in range(steps):
            u = [u[i] - 0.3 * (u[i] - u[i - 1]) for i in range(n)]
        return sum(e * e for e in u)

    return f, (n,)


def turned(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """A body that turns, in three dimensions or more."""

    def f(x: Any) -> Any:
        w = list(x)
        for _ in range(steps):
            w = [w[i] + 0.1 * (i + 1.0) * w[(i + 1) % n] * w[(i + 2) % n] for i in range(n)]
        return sum(e * e for e in w)

    return f, (n,)


def in_four_stages(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """A system of differential equations, by the method of Runge and Kutta."""

    def f(a: Any, y: Any) -> Any:
        def slope(y: Any) -> list[Any]:
            return [tanh(sum(a[n * i + j] * y[j] for j in range(n))) for i in range(n)]

        for _ in range(steps):
            k = slope(y)
            b = slope([p + 0.05 * q for p, q in zip(y, k, strict=True)])
            m = slope([p + 0.05 * q for p, q in zip(y, b, strict=True)])
            o = slope([p + 0.1 * q for p, q in zip(y, m, strict=True)])
            y = [y[i] + 0.1 / 6 * (k[i] + 2 * b[i] + 2 * m[i] + o[i]) for i in range(n)]
        return sum(e * e for e in y)

    return f, (n * n, n)


def heated_torus(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """A plate whose edges are neighbours: a ring of rings."""

    def f(x: Any) -> Any:
        u = [list(x[n * i : n * i + n]) for i in range(n)]
        for _ in range(steps):
            u = [
                [
                    u[i][j]
                    + 0.1 * (u[i - 1][j] + u[(i + 1) % n][j] + u[i][j - 1] + u[i][(j + 1) % n])
                    for j in range(n)
                ]
                for i in range(n)
            ]
        return sum(map(sum, u))

    return f, (n * n,)


def weather(steps: int, n: int) -> tuple[Function, tuple[int, ...]]:
    """What moves round a ring by two neighbours before and one behind, as in Lorenz' model."""

    def f(x: Any, z: Any) -> Any:
        u = list(x)
        for t in range(steps):
            made = [(u[(i + 1) % n] - u[i - 2]) * u[i - 1] - u[i] + z[t] for i in range(n)]
            u = [e + 0.01 * d for e, d in zip(u, made, strict=True)]
        return sum(e * e for e in u)

    return f, (n, steps)


@pytest.mark.parametrize(
    ("make", "size", "most"),
    [
        (kalman_filter, 2, 60),
        (kalman_filter, 3, 45),
        (products, 2, 45),
        (products, 3, 60),
        (controlled, 4, 40),
        (heated, 10, 10),
        (waves, 10, 14),
        (bodies, 4, 60),
        (in_pairs, 4, 85),
        (in_stages, 4, 115),
        (heated_ring, 4, 10),
        (heated_ring, 17, 10),
        (carried_round, 4, 10),
        (carried_round, 17, 10),
        (heated_torus, 5, 20),
        (turned, 3, 10),
        (turned, 5, 10),
        (weather, 8, 15),
    ],
)
def test_programs_are_as_long_for_any_steps(make: Callable[..., Any], size: int, most: int) -> None:
    counts = []
    for steps in (7, 10):
        f, lengths = make(steps, size)
        counts.append(len(found(traced(f, *map(floats, lengths))).statements))
    assert counts[1] <= counts[0] <= most


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (filter_in_place, 45),
        (products, 50),
        (in_four_stages, 45),
        (heated_torus, 26),
        (heated_ring, 20),
        (carried_round, 20),
        (turned, 20),
        (weather, 20),
    ],
)
def test_strict_programs_are_as_long_for_any_steps(make: Callable[..., Any], most: int) -> None:
    """What is read of several places, by each of a loop that it does not depend on, is copied
    once, and so it is written there at once.
    """
    counts = set()
    for steps in (7, 10):
        f, lengths = make(steps, 3)
        counts.add(checked(traced(f, *map(floats, lengths)), make.__name__, strict=True))
    assert len(counts) == 1
    assert max(counts) <= most


@pytest.mark.parametrize("seed", [4])
def test_random_steps(seed: int) -> None:
    """Whatever is found is the trace's own, strict to the last bit."""
    statements(seed, 7)
    statements(seed, 7, strict=True)


@pytest.mark.parametrize(
    ("seed", "steps", "strict", "dtype"),
    [(1, 5, False, "f64"), (3, 3, True, "f64"), (6, 4, False, "f32")],
)
def test_random_steps_compiled(seed: int, steps: int, strict: bool, dtype: str) -> None:
    compiled(seed, steps, strict=strict, dtype=dtype)


def test_points_come_apart_into_loops() -> None:
    """An edge beside a first iteration, what is beside a diagonal, and what is in no order."""
    points = np.array([[i, j] for i in range(5) for j in range(5)])
    rows = Level((), np.zeros((1, 0), dtype=np.int64), np.array([5]))
    columns = Level((rows,), np.arange(5)[:, None], np.full(5, 5))
    i, j = points.T

    def sizes(some: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int] | None:
        parts = parts_of((rows, columns), points, np.flatnonzero(some))
        return None if parts is None else sorted(len(part) for part, _ in parts)

    assert sizes((i == 0) | (j == 4)) == [4, 5]
    assert sizes(i != j) == [10, 10]
    assert sizes(i == j) == [5]
    assert sizes(j % 2 == 0) == [15]
    assert sizes((3 * i * i + j * j) % 7 < 3) is None
    levels, inner = domain_of((rows, columns), points, np.flatnonzero(j == 4)) or ((), points)
    assert levels == (rows,)
    assert inner.tolist() == [[k] for k in range(5)]
