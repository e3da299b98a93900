"""What a page says of a kernel, by facts."""

from __future__ import annotations

import numpy as np

from micrograd import Tensor, Value, exp, fori, jit, total
from micrograd.jit.kernels.row_subject import subject_of_rows
from micrograd.jit.page.build import page_of
from micrograd.jit.page.clock import clock_of
from micrograd.jit.page.model import Page
from micrograd.jit.page.subject import subject_of
from micrograd.jit.tensors.subject import subject_of_tensors

POINTS = [(k, 2 * k + (-1) ** k) for k in range(16)]


def fitted(w: Value, b: Value) -> Value:
    total = Value(0.0)
    for x, y in POINTS:
        residual = w * x + b - y
        total = total + residual**2
    return total


def test_a_source_line_leads_to_statements_and_to_every_stage() -> None:
    kernel = jit(fitted).value_and_grad
    kernel(0.5, 0.0)
    page = page_of(subject_of(kernel._shown))
    (source,) = page.sources
    assert source.path == __file__
    lines = {line.number: line for line in source.lines}
    start = fitted.__code__.co_firstlineno
    assert lines[start + 3].text == "        residual = w * x + b - y"
    (number,) = [s.number for s in page.statements if s.text.endswith("c1[i]))")][:1]
    for at in (start + 3, start + 4):
        assert number in lines[at].statements
    assert page.statements[number].source == ((0, start + 3), (0, start + 4))
    group = page.groups[page.statements[number].group]
    assert number in group.statements
    assert any(number in line.statements for line in group.lines)
    for stage in (page.mlir, page.llvm_ir, page.assembly):
        assert any(line.statements == (number,) for line in stage.lines)


def test_shares_are_of_one_call() -> None:
    kernel = jit(fitted).value_and_grad
    kernel(0.5, 0.0)
    page = page_of(subject_of(kernel._shown))
    assert abs(sum(s.share for s in page.statements) - 1.0) < 1e-9
    assert abs(sum(group.share for group in page.groups) - 1.0) < 1e-9
    assert sorted(n for group in page.groups for n in group.statements) == list(
        range(len(page.statements))
    )


def squares(a: Tensor, b: Tensor) -> Tensor:
    hidden = (a @ b).tanh()
    return (hidden * hidden).sum()


def error(x: Value, y: Value, w: Value) -> Value:
    return (exp(w * x) - y) ** 2


def powers(x: Value) -> Value:
    return fori(40, lambda k, s: s * x + 1.0, x)


def texts(page: Page, start: int) -> set[str]:
    """The lines of this file that statements come from, from a line on."""
    return {
        line.text.strip()
        for source in page.sources
        for line in source.lines
        if line.statements and source.path == __file__ and line.number > start
    }


def test_tensors() -> None:
    kernel = jit(squares).value_and_grad
    kernel(Tensor(np.ones((64, 96))), Tensor(np.ones((96, 48))))
    code = kernel._shown
    page = page_of(subject_of_tensors(code, kernel.name), clock_of(code.code))
    start = squares.__code__.co_firstlineno
    assert texts(page, start) == {"hidden = (a @ b).tanh()", "return (hidden * hidden).sum()"}
    assert {s.role for s in page.statements} == {"value", "adjoint"}
    assert [c.label for c in page.drawing.classes][:2] == ["a 64 x 96", "b 96 x 48"]
    assert page.measured.seconds
    assert page.measured.seconds > 0.0


def test_sums_over_rows() -> None:
    kernel = total(error, rows=["x", "y"]).grad
    rows = np.linspace(0.0, 1.0, 40)
    kernel(rows, rows, 0.5)
    page = page_of(subject_of_rows(kernel._shown, ()), clock_of(kernel._shown.code))
    assert texts(page, error.__code__.co_firstlineno) == {"return (exp(w * x) - y) ** 2"}
    assert page.measured.seconds


def test_loops_that_are_written() -> None:
    kernel = jit(powers).grad
    kernel(0.5)
    page = page_of(subject_of(kernel._shown), clock_of(kernel._shown.code))
    start = powers.__code__.co_firstlineno
    assert texts(page, start) == {"return fori(40, lambda k, s: s * x + 1.0, x)"}
    assert page.measured.seconds


def long_sum(x: Value, y: Value) -> Value:
    total = x * 0.0
    for i in range(50_000):
        total = total + (x * (i * 0.001) + y) ** 2
    return total


def test_pages_grow_with_structure() -> None:
    kernel = jit(long_sum).value_and_grad
    kernel(0.5, 0.25)
    assert len(kernel._shown.graph) > 250_000
    page = page_of(subject_of(kernel._shown))
    listings = (page.mlir, page.llvm_ir, page.assembly)
    assert sum(len(line.text) for listing in listings for line in listing.lines) < 50_000
    assert sum(c.count for c in page.drawing.classes) == len(kernel._shown.graph)
    assert len(page.drawing.classes) < 20
    (of_square,) = [c for c in page.drawing.classes if c.label == "pow"]
    assert of_square.count == 50_000
    assert of_square.statements


def test_values_without_lines_say_so() -> None:
    w = Value(2.0)
    kernel = jit(w * w, wrt=[w])
    kernel(1.0)
    page = page_of(subject_of(kernel._shown))
    assert page.sources == ()
    assert any("keep_lines" in text for text in page.cut)
