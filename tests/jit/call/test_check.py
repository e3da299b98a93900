"""Kernels that compare themselves with the interpreter."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, jit, relu, tanh
from micrograd.errors import CheckError, MicrogradError
from micrograd.jit.call import check as checking
from micrograd.jit.call.check import Checker
from micrograd.jit.call.checked_calls import CheckedCaller
from micrograd.jit.call.convention import Caller
from micrograd.optim import SGD

from ...damage import compile_damaged, lane_twice, off

X = [0.1 * k - 0.8 for k in range(17)]
Y = [0.5 - 0.07 * k for k in range(17)]


def total(x: Any, y: Any) -> Any:
    terms = [tanh(a * b) for a, b in zip(x, y, strict=True)]
    return sum(terms) + x[0] * y[3]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows with every comparison, by the kernel's name."""
    made: list[str] = []
    compare = Checker.compare

    def counted(self: Checker, *args: Any) -> None:
        made.append(self.name)
        compare(self, *args)

    monkeypatch.setattr(Checker, "compare", counted)
    return made


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that adds up one lane of a vector twice."""
    compile_damaged(monkeypatch, lane_twice(0))


@pytest.fixture
def broken_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code whose products of vectors of points are a little too large."""
    compile_damaged(monkeypatch, off("llvm.fmul", 1e-4, vectors=True))


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("strict", [False, True])
def test_every_derived_kernel_is_compared(dtype: str, strict: bool, compared: list[str]) -> None:
    kernel = jit(total, dtype=dtype, strict=strict, check=True)
    plain = jit(total, dtype=dtype, strict=strict, check=False)
    assert kernel(X, Y) == plain(X, Y)
    for name in ("grad", "value_and_grad", "jacobian", "hessian"):
        assert getattr(kernel, name)(X, Y) == getattr(plain, name)(X, Y)
    for name in ("jvp", "hvp"):
        assert getattr(kernel, name)(X, Y, Y, X) == getattr(plain, name)(X, Y, Y, X)
    assert kernel.vjp(X, Y, 2.0) == plain.vjp(X, Y, 2.0)
    names = "grad value_and_grad jacobian hessian jvp hvp vjp"
    assert compared == ["total", *(f"total.{name}" for name in names.split())]


def test_arrays_are_compared(compared: list[str]) -> None:
    kernel, plain = jit(total, check=True), jit(total, check=False)
    for points in (1, 5, 64, 500):
        rows = list(np.random.default_rng(points).uniform(-1.0, 1.0, (17, points)))
        mapped = kernel.value_and_grad(rows, Y)
        expected = plain.value_and_grad(rows, Y)
        assert np.array_equal(mapped[0], expected[0])
        assert np.array_equal(mapped[1][1][16], expected[1][1][16])
    assert compared == ["total.value_and_grad"]


def test_results_over_their_arguments_and_masks(compared: list[str]) -> None:
    """Arguments are kept before a call that writes over them; masked points are left out."""
    kernel = jit(lambda x, y: x * y + 1.0, check=True)
    x, y = np.arange(300.0) - 150.0, np.arange(300.0) % 7.0
    expected = x * y + 1.0
    out = x.copy()
    kernel(out, y, out=out)
    assert np.array_equal(out, expected)
    masked = jit(lambda x, y: x * y + 1.0, check=True)
    out = np.full(300, 7.0)
    masked(x, y, out=out, where=x > 0.0)
    assert np.array_equal(out, np.where(x > 0.0, expected, 7.0))
    assert len(compared) == 2


def test_the_first_call_and_one_in_a_thousand(
    compared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checking.EVERY == 1000
    monkeypatch.setattr(checking, "EVERY", 5)
    kernel = jit(total, check=True)
    for _ in range(11):
        kernel(X, Y)
    assert len(compared) == 3
    kernel(list(np.ones((17, 4))), Y)  # other code, which is counted apart
    assert len(compared) == 4


def test_live_parameters_are_read_when_called(
    compared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "EVERY", 1)
    w = Value(2.0)
    kernel = jit(lambda x: w * x, check=True)
    assert kernel(3.0) == 6.0
    w.data = -1.0
    assert kernel(3.0) == -3.0
    assert len(compared) == 2


def test_empty_lists_are_arguments_too(compared: list[str]) -> None:
    kernel = jit(lambda x, y: sum(x) + y, check=True)
    assert kernel([], 2.0) == 2.0
    assert len(compared) == 1


def test_checked_kernels_are_freed_when_dropped() -> None:
    kernel = jit(total, check=True)
    kernel(X, Y)
    kernel(list(np.ones((17, 3))), Y)
    executable = weakref.ref(kernel._shown)
    gc.disable()
    try:
        del kernel
        assert executable() is None
    finally:
        gc.enable()


def test_special_numbers_are_compared_as_classes() -> None:
    kernel = jit(lambda x, y: x / y + relu(x), check=True)
    assert kernel(1.0, 0.0) == np.inf
    assert np.isnan(jit(lambda x, y: x / y, check=True)(0.0, 0.0))
    assert np.isnan(jit(lambda x: sum(x), check=True)([1.0, np.inf, -np.inf, 2.0]))


def test_wrong_code_is_an_error(broken: None) -> None:
    kernel = jit(total, check=True)
    with pytest.raises(CheckError) as caught:
        kernel(X, Y)
    error = caught.value
    right = jit(total, strict=True, check=True)(X, Y)
    assert error.expected == pytest.approx(right, rel=1e-15)
    assert abs(error.found - error.expected) > 1e-3
    assert "+=" in error.statement
    assert f"> {error.statement}" in str(error)  # marked in the program
    assert repr(error.found) in str(error)
    assert repr(X) in str(error)
    assert isinstance(error, MicrogradError)
    with pytest.raises(CheckError, match=r"total\.value_and_grad"):
        kernel.value_and_grad(X, Y)
    jit(total, check=False)(X, Y)  # unnoticed


def test_the_statement_that_goes_wrong_first_is_named(broken: None) -> None:
    """What is wrong in between, and not what it makes wrong behind it."""

    def f(x: Any) -> Any:
        t = sum(x)
        return [tanh(v * t) + 1.0 for v in x]

    with pytest.raises(CheckError) as caught:
        jit(f, check=True)(X)
    assert "+= x[i]" in caught.value.statement


def test_wrong_code_for_arrays_is_an_error(broken_products: None) -> None:
    kernel = jit(lambda x, y: x * y, check=True)
    x = np.linspace(1.0, 2.0, 100)
    assert kernel(1.5, 2.0) == 3.0
    with pytest.raises(CheckError, match=r"compiled code gives 1\.0001 as out\[0\]"):
        kernel(x, 1.0)


def test_wrong_losses_are_errors_before_training(broken: None) -> None:
    w = [Value(0.1 * k) for k in range(20)]
    loss = sum((p - 1.0) ** 2 for p in w)
    with pytest.raises(CheckError):
        fit(jit(loss, wrt=w, check=True), SGD(w, lr=0.1), steps=3)
    assert [p.data for p in w] == [0.1 * k for k in range(20)]


@pytest.mark.parametrize("strict", [False, True])
def test_losses_of_samples_are_compared_once(strict: bool, compared: list[str]) -> None:
    w = [Value(0.1 * k) for k in range(3)]
    data = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 2)), np.linspace(0.0, 1.0, 50)

    def loss(x: Any, y: Any) -> Any:
        return (w[0] * x[0] + tanh(w[1] * x[1]) + w[2] - y) ** 2

    kernel = jit(loss, check=True, strict=strict)
    for _ in range(2):
        fit(kernel, SGD(w, lr=0.1), data=data, epochs=2, batch_size=20)
    assert compared == ["the loss of samples"]


def test_wrong_losses_of_samples_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_damaged(monkeypatch, off("llvm.fsub", 1e-3))
    w = [Value(0.5), Value(0.25)]
    data = np.linspace(-1.0, 1.0, 40), np.linspace(0.0, 1.0, 40)
    kernel = jit(lambda x, y: (w[0] * x + w[1] - y) ** 2, check=True)
    with pytest.raises(CheckError, match="loss of samples"):
        fit(kernel, SGD(w, lr=0.1), data=data, epochs=1)


def test_the_environment_turns_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, on in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("MICROGRAD_CHECK", text)
        assert jit(total)._options.check is on
        assert jit(total, check=not on)._options.check is not on
    monkeypatch.delenv("MICROGRAD_CHECK")
    assert jit(total)._options.check is False
    assert jit(check=True)(total)._options.check is True


def test_it_costs_nothing_when_off() -> None:
    """Calls go straight from CPython to compiled code; with `check` there is no such way."""
    off, on = (jit(lambda x, y: x * y + x, check=check) for check in (False, True))
    for kernel in (off, on):
        assert kernel(2.0, 3.0) == 8.0
        assert kernel(np.ones(5), 2.0).tolist() == [3.0] * 5
    assert off._entry != 0
    assert off._arrays != 0
    assert type(off._shown.caller) is Caller
    assert on._entry == on._arrays == 0
    assert type(on._shown.caller) is CheckedCaller
    assert "@entry" not in on.stages()["llvm_ir"]


def test_what_would_take_long_is_left_out(
    compared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jit(total, check=True)(X, Y)
    monkeypatch.setattr(checking, "MOST_SECONDS", 0.0)
    jit(total, check=True)(X, Y)
    assert len(compared) == 1
