"""Random functions with sparse derivatives, and their patterns found in another way: node by node.

python -m tests.jit.sparse_programs SECONDS SEED
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd import (
    exp,
    fori,
    jit,
    maximum,
    minimum,
    relu,
    scan,
    sin,
    sqrt,
    take,
    tanh,
    where,
    while_loop,
)
from micrograd.jit.ir.graph import CONSTANT, FIRST_OP, INPUT, Graph, op_of
from micrograd.jit.ir.program import Access
from micrograd.jit.passes.flows import differentiable_accesses
from micrograd.jit.passes.simplify import fold_expr

SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 40, 65)

Unit = Callable[[Sequence[Any]], Any]

UNITS: list[Unit] = [
    lambda v: v[0] * v[-1] + v[len(v) // 2],
    lambda v: sum(a * a for a in v),
    lambda v: sin(v[0]) + sum(v[1:]),
    lambda v: maximum(v[0], v[-1] * 0.5) * v[0],
    lambda v: where(v[0] > v[-1], v[0] ** 2, sum(v)),
    lambda v: where(v[-1] > 0.3, tanh(v[0]), 2.0 * v[0]) + 1.0,
    lambda v: exp(0.1 * sum(v)) / (1.0 + v[0] * v[0]),
    lambda v: v[0] - 3.0 * v[-1] + 1.5,
    lambda v: relu(v[0]) * v[-1] + abs(v[len(v) // 2]),
    lambda v: sqrt(1.0 + v[0] ** 2) - minimum(v[-1], 1.0),
    lambda v: (v[0] * 1.25) ** 3 + 0.0 * v[-1],
    lambda v: 7.0,
]


def columns_of(r: random.Random, n: int, rows: int) -> list[list[int]]:
    """Which inputs each row of a family reads."""
    kind = r.choice(["band", "block", "arrow", "stride", "random", "table", "triangle"])
    width = r.randint(1, min(4, n))
    if kind == "band":
        return [[(i + k) % n for k in range(width)] for i in range(rows)]
    if kind == "block":
        return [[min(n - 1, i // width * width + k) for k in range(width)] for i in range(rows)]
    if kind == "arrow":
        hub = r.randrange(n)
        return [[i % n, hub] for i in range(rows)]
    if kind == "stride":
        step = r.randint(1, 3)
        return [[(i * step + k * 2) % n for k in range(width)] for i in range(rows)]
    if kind == "table":
        table = [r.randrange(n) for _ in range(5)]
        return [[table[i % 5], i % n] for i in range(rows)]
    if kind == "triangle":
        return [[k % n for k in range(1 + i % 6)] for i in range(rows)]
    return [[r.randrange(n) for _ in range(width)] for _ in range(rows)]


def random_function(r: random.Random, n: int) -> Callable[[list[Any]], list[Any]]:
    """A function of n numbers that gives a list of them."""
    families = []
    for _ in range(r.randint(1, 3) if n else 0):
        rows = columns_of(r, n, r.choice([1, 2, n, n, 2 * n]))
        families.append((r.choice(UNITS), r.choice(UNITS), rows, r.random() < 0.2))
    constants = [1.0] * r.randint(0, 1)
    again, shared, chained = r.random() < 0.2, r.random() < 0.15, r.random() < 0.15
    order, full = r.randrange(1 << 30), r.random() < 0.25

    def function(x: list[Any]) -> list[Any]:
        out: list[Any] = []
        for first, second, rows, nested in families:
            for row in rows:
                v = [x[k] for k in row]
                out.append(second([first(v), v[0]]) if nested else first(v))
        if chained and len(out) < 40:  # values that are carried from one to the next
            for k in range(1, len(out)):
                out[k] = tanh(out[k]) + 0.5 * out[k - 1]
        if shared and out:
            scale = 1.0 + out[0] * out[0]
            out = [y / scale for y in out]
        out += [y for y in out[:3] if again] + constants
        if full and x:
            out = [*out, sum(v * v for v in x), *[v * x[0] for v in x]]
        if order % 3 == 0:
            random.Random(order).shuffle(out)
        return out

    return function


def random_loops(r: random.Random, n: int) -> Callable[[list[Any]], list[Any]]:
    """A function of n numbers with loops that are written as such."""
    kinds = [r.choice(["scan", "fori", "rows", "while", "counted"]) for _ in range(r.randint(1, 2))]
    first, second = r.choice(UNITS), r.choice(UNITS)
    step, times = r.randint(0, 1), r.randint(0, 4)

    def function(x: list[Any]) -> list[Any]:
        out: list[Any] = []
        for kind in kinds:
            if kind == "scan":
                state, rows = scan(lambda s, v: (0.5 * s + sin(v), first([s, v])), x[0], x[1:])
                out += [state, *rows]
            elif kind == "fori":
                out += [fori(times, lambda k, s, a=a: first([s, a]) * 0.5, a) for a in x[:5]]
            elif kind == "counted":  # as often as a number says
                out += [fori(2.0 + x[-1], lambda k, s, a=a: second([s, a]), a) for a in x[:3]]
            elif kind == "rows":  # those that the counter says, one after the other
                sums = fori(n - step, lambda k, s: s + second([take(x, k + step), x[0]]), 1.0)
                out += [sums, x[-1] * x[-1]]
            else:
                out += [while_loop(lambda y: y < 3.0, lambda y, a=a: y + 1.0 + a * a, a) for a in x]
        return out

    return function


def total_of(function: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], Any]:
    """The sum of what a function gives, which has a Hessian."""

    def total(x: list[Any]) -> Any:
        return sum(function(x)) * 1.0

    return total


# -- patterns, node by node -----------------------------------------------------------------------


def reaching(graph: Graph) -> list[frozenset[int]]:
    """The inputs that reach each node, by derivatives."""
    found: list[frozenset[int]] = []
    for code, *operands in graph.rows():
        if code < FIRST_OP:
            found.append(frozenset({operands[0]} if code == INPUT else ()))
            continue
        op = op_of(code)
        reached = [found[operands[k]] for k, rule in enumerate(op.vjp) if rule is not None]
        found.append(frozenset().union(*reached))
    return found


def jacobian_pattern(graph: Graph) -> set[tuple[int, int]]:
    """Which results depend on which inputs."""
    found = reaching(graph)
    return {(row, column) for row, k in enumerate(graph.outputs) for column in found[k]}


def hessian_pattern(graph: Graph) -> set[tuple[int, int]]:
    """Which inputs meet in an op that is not linear in them."""
    sets, rows = reaching(graph), list(graph.rows())
    wanted = set(graph.outputs)
    found: set[tuple[int, int]] = set()
    for node in range(len(rows) - 1, -1, -1):
        code, *operands = rows[node]
        if code < FIRST_OP or node not in wanted:
            continue
        op = op_of(code)
        names: list[Any] = [Access(f"x{k}") for k in range(op.arity)]
        for k, x in enumerate(operands[: op.arity]):
            if rows[x][0] == CONSTANT:
                names[k] = float(graph.constants[rows[x][1]])
        for k, rule in enumerate(op.vjp):
            if rule is None:
                continue
            wanted.add(operands[k])
            slope = fold_expr(rule(1.0, Access("out"), *names), {})
            for a in differentiable_accesses(slope):
                is_out = a.array == "out"
                other = sets[node] if is_out else sets[operands[int(a.array[1:])]]
                for i in sets[operands[k]]:
                    found |= {(i, j) for j in other} | {(j, i) for j in other}
    return found


# -- one trial ------------------------------------------------------------------------------------


def entries(matrix: Any) -> set[tuple[int, int]]:
    """Where a sparse matrix has entries."""
    coo = matrix.tocoo()
    return set(zip(coo.row.tolist(), coo.col.tolist(), strict=True))


def check(seed: int) -> None:
    """Compare sparse derivatives of a random function with the dense ones, and their patterns."""
    r = random.Random(seed)
    n = r.choice(SIZES)
    function = random_function(r, n)
    how: dict[str, Any] = {"strict": r.random() < 0.3, "dtype": r.choice(["f64", "f64", "f32"])}
    ulp = 1e-12 if how["dtype"] == "f64" else 2e-5
    x = [r.uniform(-1.0, 1.0) for _ in range(n)]
    for name, f in (("jacobian", function), ("hessian", total_of(function))):
        kernel = jit(f, **how)
        sparse = getattr(kernel, f"sparse_{name}")
        found = sparse(x)
        dense = np.array(getattr(kernel, name)(x), dtype=float).reshape(found.shape)
        scale = np.abs(dense).max(initial=1.0)
        np.testing.assert_allclose(found.toarray(), dense, rtol=ulp, atol=ulp * scale)
        (recording,) = kernel._source.recordings._made.values()
        graph = recording.trace.graph
        expected = (jacobian_pattern if name == "jacobian" else hessian_pattern)(graph)
        assert entries(found) == expected, (seed, name, entries(found) ^ expected)
        assert {tuple(p) for p in np.argwhere(dense).tolist()} <= expected
        by_columns = sparse.csc(x)
        assert (by_columns.format, by_columns.nnz) == ("csc", found.nnz)
        np.testing.assert_array_equal(by_columns.toarray(), found.toarray())
        y = [v + 0.1 for v in x]
        for each, of in ((sparse, found), (sparse.csc, by_columns)):
            other = each(y)
            assert other.indices is of.indices
            assert other.indptr is of.indptr
            assert each(x, out=other) is other
            np.testing.assert_array_equal(other.data, of.data)
            assert of.has_sorted_indices


def check_loops(seed: int) -> None:
    """The same of a function with loops: where its dense derivatives are not zero, entries are."""
    r = random.Random(seed)
    n = r.choice((2, 3, 4, 5, 8, 9, 17, 40))
    function = random_loops(r, n)
    strict = r.random() < 0.3
    x = [r.uniform(-1.0, 1.0) for _ in range(n)]
    for name, f in (("jacobian", function), ("hessian", total_of(function))):
        kernel = jit(f, strict=strict)
        found = getattr(kernel, f"sparse_{name}")(x)
        dense = np.array(getattr(kernel, name)(x), dtype=float).reshape(found.shape)
        scale = np.abs(dense).max(initial=1.0)
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12, atol=1e-12 * scale)
        assert {tuple(p) for p in np.argwhere(dense).tolist()} <= entries(found)


def main(seconds: float, seed: int) -> None:
    """Trials for so many seconds."""
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try:
            (check_loops if n % 4 == 3 else check)(seed + n)
        except Exception as error:
            print("seed", seed + n, type(error).__name__, str(error)[:1500], flush=True)
        n += 1
    print(n, "functions")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
