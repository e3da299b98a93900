"""What a call is estimated to take, by LLVM's model of the processor and without it."""

from __future__ import annotations

import pytest

from micrograd import Value, fori, jit, tanh
from micrograd.jit.page import estimate, mca
from micrograd.jit.page.build import page_of
from micrograd.jit.page.cycle import cycle
from micrograd.jit.page.listings import listings_of
from micrograd.jit.page.model import Page
from micrograd.jit.page.subject import subject_of

ROWS = [[0.01 * (i * j % 7) for j in range(8)] for i in range(200)]


def summed(ws: list[Value]) -> Value:
    cheap = ws[0] * 2.0
    costly = sum(sum(w * x for w, x in zip(ws, row, strict=True)) ** 3 for row in ROWS)
    return costly + cheap


def counted(x: Value, n: Value) -> Value:
    return fori(30, lambda k, s: s * x + n, x)


def page(kernel: object, *arguments: object) -> Page:
    kernel(*arguments)  # type: ignore[operator]
    return page_of(subject_of(kernel._shown))  # type: ignore[attr-defined]


def check(page: Page) -> None:
    assert page.estimated.seconds
    total = page.estimated.seconds
    assert sum(g.seconds or 0.0 for g in page.groups) == pytest.approx(total)
    assert sum(s.share for s in page.statements) == pytest.approx(1.0)
    for g in page.groups:
        assert g.seconds == pytest.approx(g.share * total)
        assert g.estimate


def test_by_instructions() -> None:
    if mca.tool() is None:
        pytest.skip("llvm-mca is not installed")
    found = page(jit(summed).value_and_grad, [0.5] * 8)
    check(found)
    assert "llvm-mca" in found.estimated.how
    lines = {line.text.strip()[:6]: line.share for line in found.sources[0].lines}
    assert lines["costly"] > 0.8
    assert lines["cheap "] < 0.05
    most = max(found.groups, key=lambda g: g.share)
    assert most.estimate.startswith("by its instructions")


def bent(a: Value, b: Value) -> Value:
    y = a * a + b
    return tanh(y)


@pytest.mark.parametrize("wanted", ["value", "value_and_grad"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_calls_of_the_library_are_of_the_lines_that_call(wanted: str, dtype: str) -> None:
    """As the last of a function they are jumps."""
    if mca.tool() is None:
        pytest.skip("llvm-mca is not installed")
    kernel = jit(bent, dtype=dtype)
    found = page(kernel if wanted == "value" else kernel.value_and_grad, 0.25, 0.5)
    check(found)
    shares = {line.text.strip()[:6]: line.share for line in found.sources[0].lines}
    assert shares["return"] > 0.6 > 0.2 > shares["y = a "]


def test_without_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "costs_of", lambda blocks, target: None)
    found = page(jit(summed).value_and_grad, [0.5] * 8)
    check(found)
    assert found.estimated.how.startswith("a simple model")
    assert all(g.estimate == "by its operations" for g in found.groups)


def test_loops_run_as_often_as_they_say() -> None:
    kernel = jit(counted)
    kernel(0.5, 1.0)
    listings = listings_of(kernel._shown.code)
    often = {b.often for b in listings.blocks if b.loops}
    assert often <= {30, 15, 10, 6, 5, 3, 2}  # perhaps several at once
    kernel = jit(summed).value_and_grad
    kernel([0.5] * 8)
    lanes = kernel._options.target.lanes
    blocks = listings_of(kernel._shown.code).blocks
    most = max((b for b in blocks if b.loops), key=lambda b: len(b.instructions))
    assert most.often in {200 // n for n in (1, 2, 4, 8, lanes, 2 * lanes, 4 * lanes)}


def test_a_cycle_is_that_of_a_processor() -> None:
    assert 1e-10 < cycle() < 5e-9
