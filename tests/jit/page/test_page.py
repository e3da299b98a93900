"""What a page says of a kernel, by facts."""

from __future__ import annotations

from micrograd import Value, jit
from micrograd.jit.page.build import page_of
from micrograd.jit.page.subject import subject_of

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
