"""Tables and lists that are updated in place: read as they were, and then as they have become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import jit, minimum
from micrograd.jit.reroll.switches import moved, switched

from ...regular import floats, traced
from ...updated_in_place import checked, compiled, statements
from .test_loops import found

Function = Callable[..., Any]


def shortest_paths(n: int) -> tuple[Function, tuple[int, ...]]:
    """Floyd and Warshall's."""

    def f(x: Any) -> Any:
        d = [[x[n * i + j] for j in range(n)] for i in range(n)]
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    d[i][j] = minimum(d[i][j], d[i][k] + d[k][j])
        return sum(sum(row) for row in d)

    return f, (n * n,)


def gauss_seidel(n: int) -> tuple[Function, tuple[int, ...]]:
    """Sweeps over the equations of a linear system, each solved for its own number."""

    def f(a: Any, b: Any) -> Any:
        x = [0.0] * n
        for _ in range(n):
            for i in range(n):
                t = b[i]
                for j in range(n):
                    if j != i:
                        t = t - a[n * i + j] * x[j]
                x[i] = t / (a[n * i + i] + 4.0)
        return sum(x)

    return f, (n * n, n)


def relaxed(n: int) -> tuple[Function, tuple[int, ...]]:
    """The same, towards the solution, of a sum over all."""

    def f(a: Any, b: Any) -> Any:
        x = [0.1 * v for v in b]
        for _ in range(n):
            for i in range(n):
                t = sum(a[n * i + j] * x[j] for j in range(n))
                x[i] = x[i] + 0.8 * (b[i] - t) / (a[n * i + i] + 4.0)
        return sum(x)

    return f, (n * n, n)


def heated(n: int) -> tuple[Function, tuple[int, ...]]:
    """A rod, whose ends stay as they are."""

    def f(x: Any) -> Any:
        u = list(x)
        for _ in range(n):
            for i in range(1, n - 1):
                u[i] = u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        return sum(u)

    return f, (n,)


def bellman_ford(n: int) -> tuple[Function, tuple[int, ...]]:
    """Distances from one node, over all edges again and again."""

    def f(x: Any) -> Any:
        d = [0.0] + [9.0] * (n - 1)
        for _ in range(n):
            for i in range(n):
                for j in range(n):
                    d[j] = minimum(d[j], d[i] + x[n * i + j])
        return sum(d)

    return f, (n * n,)


def walks(n: int) -> tuple[Function, tuple[int, ...]]:
    """Weights of all walks through the first nodes, more and more of them."""

    def f(x: Any) -> Any:
        d = [[x[n * i + j] for j in range(n)] for i in range(n)]
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    d[i][j] = d[i][j] + 0.1 * d[i][k] * d[k][j]
        return sum(sum(row) for row in d)

    return f, (n * n,)


def means_of_neighbours(n: int) -> tuple[Function, tuple[int, ...]]:
    """A plate, whose edges stay as they are."""

    def f(x: Any) -> Any:
        u = [[x[n * i + j] for j in range(n)] for i in range(n)]
        for _ in range(n - 2):
            for i in range(1, n - 1):
                for j in range(1, n - 1):
                    near = u[i - 1][j] + u[i + 1][j] + u[i][j - 1] + u[i][j + 1]
                    u[i][j] = 0.25 * near
        return sum(sum(row) for row in u)

    return f, (n * n,)


def bordered(n: int) -> tuple[Function, tuple[int, ...]]:
    """Gaussian elimination of a matrix with its right side beside it, and what it solves."""

    def f(x: Any, b: Any) -> Any:
        a = [[*x[n * i : n * i + n], b[i]] for i in range(n)]
        for i in range(n):
            a[i][i] = a[i][i] + 4.0
        for k in range(n):
            for i in range(k + 1, n):
                m = a[i][k] / a[k][k]
                for j in range(k + 1, n + 1):
                    a[i][j] = a[i][j] - m * a[k][j]
        s = [0.0] * n
        for i in reversed(range(n)):
            t = a[i][n]
            for j in range(i + 1, n):
                t = t - a[i][j] * s[j]
            s[i] = t / a[i][i]
        return sum(s)

    return f, (n * n, n)


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (shortest_paths, 10),
        (gauss_seidel, 10),
        (relaxed, 10),
        (heated, 10),
        (bellman_ford, 10),
        (walks, 10),
        (means_of_neighbours, 20),
    ],
)
def test_programs_are_as_long_at_any_size(make: Callable[[int], Any], most: int) -> None:
    counts = set()
    for n in (9, 12):
        f, lengths = make(n)
        counts.add(len(found(traced(f, *map(floats, lengths))).statements))
    assert len(counts) == 1
    assert max(counts) <= most


def test_copies_of_one_value_are_apart_where_their_sum_is_out_of_order() -> None:
    f, lengths = bordered(7)
    t = traced(f, *[floats(n, k) for k, n in enumerate(lengths)])
    assert checked(t, "bordered", strict=True) < 30


@pytest.mark.parametrize("make", [shortest_paths, gauss_seidel, heated])
@pytest.mark.parametrize("strict", [False, True])
def test_kernels_give_what_was_written(make: Callable[[int], Any], strict: bool) -> None:
    f, lengths = make(10)
    numbers = [floats(n, k) for k, n in enumerate(lengths)]
    t = traced(f, *numbers)
    value, partials = jit(f, dtype="f64", strict=strict).value_and_grad(*numbers)
    given = np.concatenate([np.ravel(p) for p in (partials if len(numbers) > 1 else [partials])])
    expected = np.array([t.outputs[0].data, *t.partials()])
    if strict:
        assert np.array_equal([value, *given], expected)
    else:
        assert np.allclose([value, *given], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", [1])
def test_random_updates(seed: int) -> None:
    """Whatever is found is the trace's own, strict to the last bit."""
    statements(seed, 7)
    statements(seed, 7, strict=True)


def test_two_switches_are_told_apart() -> None:
    at = np.array([[k, i, j] for k in range(5) for i in range(6) for j in range(7)])
    k, i, j = at.T
    values = np.stack([k - 1 + (j > k), i + 2 * (i >= k)], axis=1)
    led = switched(at, values)
    assert led is not None
    map, switches = led
    assert len(switches) == 2
    assert np.array_equal(moved(at, map, switches), values)


def test_what_follows_no_face_has_no_switch() -> None:
    at = np.array([[i, j] for i in range(6) for j in range(6)])
    values = (at[:, :1] * at[:, 1:]) % 5
    assert switched(at, values) is None


@pytest.mark.parametrize(("seed", "n", "strict"), [(8000, 7, False), (8003, 9, True)])
def test_random_updates_in_vectors(seed: int, n: int, strict: bool) -> None:
    compiled(seed, n, strict=strict)
