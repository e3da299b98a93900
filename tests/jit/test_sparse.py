"""Sparse Jacobians and Hessians: their entries, where they are, and what they cost."""

from __future__ import annotations

import pickle
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, Value, fori, jit, log, scan, sin, take, where, while_loop
from micrograd.errors import SignatureError
from micrograd.jit.ir.parse import parse
from micrograd.jit.passes.colouring import both_sides, coloured, number, symmetric
from micrograd.jit.passes.pattern import pattern
from micrograd.nn import MLP

from .sparse_programs import check, check_loops, entries

sparse = pytest.importorskip("scipy.sparse")


@pytest.mark.parametrize("seed", [1, 6, 22, 24, 31])
def test_random_functions(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("seed", [3])
def test_random_loops(seed: int) -> None:
    check_loops(seed)


def rosen(x: np.ndarray) -> Any:
    return sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_a_hessian_of_many_numbers_is_three_directions() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    n = 2000
    x = np.linspace(-1.0, 1.0, n)
    kernel = jit(rosen)
    found = kernel.sparse_hessian(x)
    assert found.nnz == 3 * n - 2
    assert isinstance(found, sparse.csr_array)
    assert (found != found.T).nnz == 0
    assert kernel.sparse_hessian.explain().count(" constants in ") == 1
    assert "output hessian[5998]" in kernel.sparse_hessian.stages()["simplified"]
    program = kernel.sparse_hessian.stages()["simplified"]
    assert max(int(k) for k in "0123" if f"temp d{k}_grad[" in program) == 2
    small = x[:50]
    expected = optimize.rosen_hess(small)
    np.testing.assert_allclose(kernel.sparse_hessian(small).toarray(), expected, rtol=1e-12)


# --- where entries are --------------------------------------------------------------------------


def test_what_is_there_by_structure_stays_and_nothing_else_is_there() -> None:
    def f(x: list[Any]) -> Any:
        return [x[0] * 0.0, x[1] - x[1], where(x[2] > 5.0, x[2], x[0]), 3.0, abs(x[1]), x[2] ** 2]

    found = jit(f).sparse_jacobian([1.0, 2.0, 0.0])
    assert entries(found) == {(0, 0), (1, 1), (2, 0), (2, 2), (4, 1), (5, 2)}
    assert found.toarray()[2].tolist() == [1.0, 0.0, 0.0]
    second = jit(lambda x: abs(x[0]) + 3.0 * x[1] + x[2] * x[0]).sparse_hessian([1.0, 2.0, 3.0])
    assert entries(second) == {(0, 2), (2, 0)}
    none = jit(lambda x: sum(x)).sparse_hessian([1.0, 2.0])
    assert (none.shape, none.nnz) == ((2, 2), 0)


def test_rows_that_are_looked_up_when_the_code_runs_may_be_any() -> None:
    def f(x: list[float], at: list[int]) -> Any:
        return [take(x, at[0]) * x[1], x[0] ** 2]

    kernel = jit(f, wrt="x")
    x = [1.0, 2.0, 3.0, 4.0]
    for at in (0, 1, 3):
        found = kernel.sparse_jacobian(x, [at])
        assert entries(found) == {(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)}
        assert found.toarray() == pytest.approx(np.array(kernel.jacobian(x, [at])))


def recurrence(x: list[float]) -> Any:
    return scan(lambda s, v: (0.5 * s + sin(v), s * v), 0.0, x)[1]


def counted(x: list[float]) -> Any:
    return [fori(3, lambda i, s, a=a: s * a, b) for a, b in pairwise(x)]


def asking(x: list[float]) -> Any:
    return [while_loop(lambda y: y < 10.0, lambda y, v=v: y * (1.0 + v * v), 1.0) for v in x]


@pytest.mark.parametrize("f", [recurrence, counted, asking])
def test_loops(f: Any) -> None:
    x = [0.9, 0.8, 0.7, 1.3, 1.1]
    kernel = jit(f)
    dense = np.array(kernel.jacobian(x))
    found = kernel.sparse_jacobian(x)
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12, atol=1e-14)
    assert found.nnz == {recurrence: 15, counted: 8, asking: 5}[f]


def test_loops_may_run_as_often_as_they_may() -> None:
    def f(x: list[float], n: float) -> Any:
        return [fori(n, lambda k, s: s * x[1] + x[2], x[0]), x[3] ** 2]

    kernel = jit(f, wrt="x")
    for n in (0.0, 1.0, 3.0):
        found = kernel.sparse_jacobian([0.9, 0.8, 0.7, 1.3], n)
        assert entries(found) == {(0, 0), (0, 1), (0, 2), (1, 3)}
        dense = np.array(kernel.jacobian([0.9, 0.8, 0.7, 1.3], n))
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12)


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_not_a_number_stays_in_its_rows(strict: bool) -> None:
    def f(x: list[float]) -> Any:
        return [log(x[k]) * x[k + 1] for k in range(len(x) - 1)]

    for n in (6, 90):
        x = [1.0 + 0.1 * k for k in range(n)]
        x[2], x[4] = np.nan, np.inf
        kernel = jit(f, strict=strict)
        found, dense = kernel.sparse_jacobian(x).toarray(), np.array(kernel.jacobian(x))
        np.testing.assert_array_equal(np.isnan(found), np.isnan(dense))
        np.testing.assert_allclose(found, dense, rtol=1e-13)


# --- what is differentiated ---------------------------------------------------------------------


def test_numbers_structures_and_leaves() -> None:
    kernel = jit(lambda a, p: {"u": a * p["x"], "v": [p["y"][1] ** 2, a]})
    found = kernel.sparse_jacobian(2.0, {"x": 3.0, "y": [4.0, 5.0]})
    assert found.toarray().tolist() == [[3, 2, 0, 0], [0, 0, 0, 10], [1, 0, 0, 0]]
    only = jit(lambda a, p: a * p["x"] ** 2, wrt="p")
    assert only.sparse_hessian(2.0, {"x": 3.0}).toarray().tolist() == [[4.0]]
    assert jit(lambda x: x**3).sparse_hessian(2.0).toarray().tolist() == [[12.0]]
    assert kernel.grad is not None
    w, b = Value(2.0), Value(3.0)
    loss = jit((w * b) ** 2 + w, wrt=[w, b], dtype="f64")
    expected = np.array(loss.hessian(2.0, 3.0))
    assert loss.sparse_hessian(2.0, 3.0).toarray() == pytest.approx(expected)
    assert loss.sparse_hessian().toarray() == pytest.approx(expected)
    twice = jit(lambda x: x[0] ** 3 * x[1]).grad.sparse_jacobian([1.0, 2.0])
    assert twice.toarray().tolist() == [[12.0, 3.0], [3.0, 0.0]]


def test_models() -> None:
    model = MLP(2, [4, 1])
    score = jit(model, dtype="f64")
    found = score.sparse_jacobian([0.5, 1.0])
    gradient = np.array(score.grad([0.5, 1.0]))
    np.testing.assert_allclose(found.toarray()[0], gradient)


def test_structures_are_told_apart() -> None:
    kernel = jit(lambda x: [a * b for a, b in pairwise(x)])
    sizes = [5, 1, 3, 5, 2]
    shapes = [kernel.sparse_jacobian([1.0] * n).shape for n in sizes]
    assert shapes == [(n - 1, n) for n in sizes]
    assert kernel.sparse_jacobian.pattern([1.0] * 4).toarray().tolist() == [
        [1.0, 1.0, 0.0, 0.0],
        [0.0, 1.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 1.0],
    ]
    single = jit(lambda x: [x[0] * x[1]], dtype="f32").sparse_jacobian([0.1, 2.0])
    assert single.data.tolist() == [2.0, float(np.float32(0.1))]
    again = pickle.loads(pickle.dumps(jit(MLP(2, [1])).sparse_jacobian.csc))
    assert again.csc is again
    assert again([1.0, 2.0]).format == "csc"
    again = pickle.loads(pickle.dumps(jit(MLP(2, [1])).sparse_jacobian))
    assert again([1.0, 2.0]).shape == (1, 3)


def test_out_is_written_where_it_lies() -> None:
    for n, dtype in ((5, "f64"), (9000, "f32"), (9000, "f64")):
        kernel = jit(lambda x: [a * b for a, b in pairwise(x)], dtype=dtype)
        matrix = kernel.sparse_jacobian([1.0] * n)
        data = matrix.data
        assert kernel.sparse_jacobian([2.0] * n, out=matrix) is matrix
        assert matrix.data is data
        assert set(data.tolist()) == {2.0}
    with pytest.raises(SignatureError, match=r"out should be a matrix .* got \(8999, 9000\)"):
        kernel.sparse_jacobian([1.0] * 3, out=matrix)
    with pytest.raises(SignatureError, match="out should be a matrix that it has given, got nd"):
        kernel.sparse_jacobian([1.0] * 3, out=np.zeros(4))
    with pytest.raises(SignatureError, match="out should be a matrix that it has given"):
        kernel.sparse_jacobian.csc([1.0] * n, out=matrix)


def test_what_matrices_share_stays_as_it_is() -> None:
    kernel = jit(lambda v: [v[0] * v[1], v[1] * v[2], v[2]])
    x = [1.0, 2.0, 3.0]
    matrix = kernel.sparse_jacobian([0.0, 1.0, 2.0])  # an entry is 0
    with pytest.raises(ValueError, match="read-only"):
        matrix.eliminate_zeros()
    copied = matrix.copy()
    copied.eliminate_zeros()
    assert copied.nnz == 4
    assert matrix.nnz == 5
    np.testing.assert_array_equal(kernel.sparse_jacobian(x).toarray(), kernel.jacobian(x))
    first, second = jit(lambda v: [v[0] * v[1], v[2]]), jit(lambda v: [v[0], v[1] * v[2]])
    with pytest.raises(SignatureError, match="with 3, which are elsewhere"):
        second.sparse_jacobian(x, out=first.sparse_jacobian(x))
    given = second.sparse_jacobian(x).copy()
    np.testing.assert_array_equal(
        second.sparse_jacobian(x, out=given).toarray(), second.jacobian(x)
    )


def test_a_page_is_about_the_entries(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    kernel = jit(lambda v: [v[0] * v[1], v[2]]).sparse_jacobian
    kernel([1.0, 2.0, 3.0])
    text = kernel.page(tmp_path / "sparse.html").read_text(encoding="utf-8")
    assert "sparse_jacobian" in text


def test_bad_calls() -> None:
    kernel = jit(lambda x: [x[0] * x[1]])
    with pytest.raises(SignatureError, match="takes numbers, not Values"):
        kernel.sparse_jacobian([Value(1.0), 2.0])
    with pytest.raises(SignatureError, match="a Hessian is of one"):
        jit(lambda x: [x[0], x[1]]).sparse_hessian([1.0, 2.0])
    with pytest.raises(SignatureError, match="takes no dtype"):
        kernel.sparse_jacobian([1.0, 2.0], dtype="f32")
    with pytest.raises(SignatureError, match="arrays whole"):
        jit(lambda x: x * x).sparse_jacobian(np.ones(3))
    with pytest.raises(SignatureError, match="is of functions of numbers"):
        jit(lambda x: x * x).sparse_jacobian(Tensor([1.0, 2.0]))


def test_a_missing_scipy_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    kernel = jit(lambda x: [x[0] * x[1]]).sparse_jacobian
    assert kernel.entries([2.0, 3.0]).tolist() == [3.0, 2.0]
    with pytest.raises(ImportError, match=r"pip install 'micrograd-mlir\[scipy\]'"):
        kernel([2.0, 3.0])


# --- patterns and colours -------------------------------------------------------------------------


def test_the_pattern_of_a_program() -> None:
    program = parse(
        """
        input x[6]
        const turned[3] i32 = 4 0 1
        temp h[4]
        output out[4]

        h = x[5]
        for i < 3 in order:
          h[i + 1] = mul(h[i], x[turned[i]])
        out[i] = 0.0  for i < 4
        out[i] += mul(2.0, h[j])  for i < 4, j < i + 1
        """
    )
    wrt = [("x", k) for k in (5, 4, 3, 0)]
    found = pattern(program, [None, *wrt, None], "out")
    rows = [found.columns[found.rows == k].tolist() for k in range(4)]
    assert rows == [[1], [1, 2], [1, 2, 4], [1, 2, 4]]
    assert found.shape == (4, 6)


def pairs(lines: str) -> Any:
    """The rows and columns of a matrix that is drawn."""
    marks = [line.split() for line in lines.strip().splitlines()]
    found = [(i, j) for i, row in enumerate(marks) for j, x in enumerate(row) if x == "x"]
    return np.array(found).T


def test_columns_that_share_a_row_have_other_colours() -> None:
    rows, columns = pairs("x x . .\n. x x .\n. . x x\nx . . .")
    colours = coloured(rows, columns, (4, 4))
    assert colours.tolist() == [0, 1, 0, 1]
    assert coloured(rows, columns, (4, 6)).tolist() == [0, 1, 0, 1, -1, -1]
    assert coloured(rows[:0], columns[:0], (0, 2)).tolist() == [-1, -1]


def bordered(x: list[Any]) -> Any:
    """A full row, a full column, and a band."""
    inside = [a * x[-1] + b * b for a, b in pairwise(x[:-1])]
    return [*inside, sum(v * v for v in x), x[0] * 3.0]


@pytest.mark.parametrize("n", [3, 20, 400])
@pytest.mark.parametrize("strict", [False, True])
def test_full_rows_and_full_columns_are_directions(n: int, strict: bool) -> None:
    kernel = jit(bordered, strict=strict)
    x = np.linspace(0.5, 1.5, n).tolist()
    found = kernel.sparse_jacobian(x)
    assert found.nnz == 3 * (n - 2) + n + 1
    if n < 400:
        dense = np.array(kernel.jacobian(x))
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-13)
    along, back, by_rows = both_sides(*found.nonzero(), found.shape)
    assert number(along) + number(back) <= 4
    assert by_rows.any() == (n > 3)


@pytest.mark.parametrize("n", [1, 2, 5, 40])
@pytest.mark.parametrize("diagonal", [False, True])
def test_an_arrowhead_takes_two_colours(n: int, diagonal: bool) -> None:
    full = np.eye(n, dtype=bool) & diagonal
    full[0] = full[:, 0] = True
    rows, columns = np.nonzero(full)
    colours, taken_rows, taken_columns = symmetric(rows, columns, n)
    assert number(colours) <= 2
    matrix = np.where(full, np.add.outer(np.arange(n), np.arange(n)) + 1.0, 0.0)
    seeds = np.zeros((n, number(colours)))
    for j, colour in enumerate(colours.tolist()):
        if colour >= 0:
            seeds[j, colour] = 1.0
    products = matrix @ seeds
    found = products[taken_rows, colours[taken_columns]]
    assert found.tolist() == matrix[rows, columns].tolist()
