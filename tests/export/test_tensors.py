"""Kernels of Tensors, exported: their functions in C have the bits that they have."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, exp, grad, jit, layers, tanh, vmap
from micrograd.errors import ExportError, SignatureError
from micrograd.tensor import softmax

from . import tensors
from .drivers import Call, bits, done, driver, exported, flat, invocations, numbers
from .machines import MACHINES
from .test_native import CC, COMPILER, CXX, SANITIZED, printed, sampled
from .test_parameters import of_header

RNG = np.random.default_rng(4)


def normal(*shape: int, dtype: str = "f64") -> Tensor:
    return Tensor(RNG.normal(size=shape), dtype)


def loss(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return ((x @ w + b).tanh() ** 2).mean()


def picked(t: Tensor, k: Tensor, s: Tensor) -> Any:
    return {"rows": t[k] * s, "more": [t[k].sum(), t > 0.5, k * 0.5, k]}


def of_one(t: Tensor, k: Tensor, s: Tensor) -> Tensor:
    return ((t[k] * s) ** 2).sum()


@COMPILER
def test_random_functions_have_their_bits_in_c(tmp_path: Path) -> None:
    """More of them: python -m tests.export.tensors SECONDS SEED."""
    tally = Counter[str]()
    tensors.check(range(1, 10), tmp_path, tally)
    assert tally["refused"]
    assert len(tally) > 3


def step(w: Tensor, b: Tensor, x: Tensor) -> Any:
    """A whole step of training: the loss, and the new parameters."""
    value, slopes = jit(loss, wrt=["w", "b"]).value_and_grad(w, b, x)
    return value, [p - 0.1 * g for p, g in zip((w, b), slopes, strict=True)]


def weighted(w: list[float], x: list[float], shift: float = 0.5) -> Any:
    return sum(a * tanh(b) for a, b in zip(w, x, strict=True)) ** 2 - shift


@COMPILER
def test_maps_of_functions_of_numbers(tmp_path: Path) -> None:
    """For as many samples as the latest call has; by Tensors, which add up in another order."""
    shared, rows = [1.0, -2.0, 0.25], RNG.normal(size=(4, 3))
    kernels = [vmap(f, in_axes=(None, 0)) for f in (weighted, grad(weighted, wrt=["x"]))]
    for kernel in kernels:
        kernel(shared, rows[:2])
    given = [(*shared, rows)]
    expected = [flat(kernel(shared, rows)) for kernel in kernels]
    calls = [Call(kernel, given) for kernel in kernels]
    libraries = exported(calls, tmp_path)
    for found, want in zip(printed(calls, libraries, tmp_path, expected), expected, strict=True):
        assert found == pytest.approx(want, rel=1e-12)


def cases() -> list[Call]:
    given = (normal(3, 4), normal(4), normal(5, 3))
    table, index = normal(6, 2), Tensor(np.array([0, 5, -1, -6, 3]))
    kernels = [jit(loss).value_and_grad, jit(step), vmap(loss, in_axes=(None, None, 0))]
    calls = [Call(k, [given]) for k in kernels[:2]]
    calls.append(Call(kernels[2], [(*given[:2], normal(2, 5, 3))]))
    calls.append(Call(jit(lambda x: softmax(x @ given[0])), [(normal(9, 3),)]))
    scale = Tensor(0.5, "f64")
    calls.append(Call(jit(picked), [(table, index, scale)], looks=True))
    derived = jit(of_one, wrt=["t", "s"]).value_and_grad
    calls.append(Call(derived, [(table, index, scale)], looks=True))
    alone = jit(lambda t, k: t[k] * 2.0, wrt=["t"]).jacobian
    calls.append(Call(alone, [(table, Tensor(np.array(-2)))], looks=True))
    for call in calls:
        call.kernel(*call.points[0])
    return calls


@COMPILER
def test_steps_maps_and_rows_that_integers_choose(tmp_path: Path) -> None:
    calls = cases()
    libraries = exported(calls, tmp_path)
    expected = [row for call in calls for row in call.expected()]
    assert bits(printed(calls, libraries, tmp_path, expected)) == bits(expected)
    if CXX is not None:
        program = tmp_path / "driver"
        source = driver(invocations(calls, tmp_path), tmp_path, language="cpp")
        done([CXX, "-std=c++17", "-o", program, source, "-Wall", "-Werror", *libraries, "-lm"])
        assert bits(numbers(done([program]), expected)) == bits(expected)


@pytest.mark.parametrize("name", ["aarch64", "riscv64", "wasmtime", "node"])
def test_other_machines_compute_the_same(tmp_path: Path, name: str) -> None:
    machine = MACHINES[name]
    if machine.missing:
        pytest.skip(machine.missing)
    calls = cases()[-3:] if name != "aarch64" else cases()
    bad = Call(calls[-1].kernel, [(calls[-1].points[0][0], 6)], looks=True)
    exported([*calls, bad], tmp_path, target=machine.target)
    expected = [row for call in calls for row in call.expected()]
    expected.append([1.0, *[0.0] * (len(expected[-1]) - 1)])
    found = numbers(machine.run(invocations([*calls, bad], tmp_path), tmp_path), expected)
    for got, want in zip(found, expected, strict=True):
        assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


@COMPILER
def test_code_for_any_number_of_samples_is_exported_for_that_of_the_latest_call(
    tmp_path: Path,
) -> None:
    w = normal(3, 4)

    def function(x: Tensor) -> Tensor:
        return softmax(x @ w)

    x, kernel, same = normal(9, 3), jit(function), jit(function)
    for rows in (2, 7, 9):  # from the second on it is for any number
        kernel(x[:rows])
    libraries = exported([Call(kernel, [(x,)])], tmp_path)
    expected = [flat(same(x))]  # which is compiled for 9
    assert bits(printed([Call(kernel, [(x,)])], libraries, tmp_path, expected)) == bits(expected)


@COMPILER
@pytest.mark.parametrize("index", [6, -7, 2**63 - 1, -(2**63)])
def test_indices_of_no_row_are_refused(tmp_path: Path, index: int) -> None:
    kernel = jit(of_one, wrt=["t", "s"]).value_and_grad
    table, scale = normal(6, 2), Tensor(0.5, "f64")
    (expected,) = Call(
        kernel, [(table, Tensor(np.array([0, 1, -6])), scale)], looks=True
    ).expected()
    calls = [Call(kernel, [(table, [0, 1, index], scale), (table, [0, 1, -6], scale)])]
    libraries = exported(calls, tmp_path)
    wanted = [[1.0, *[0.0] * (len(expected) - 1)], expected]
    assert bits(printed(calls, libraries, tmp_path, wanted)) == bits(wanted)
    said = of_header(tmp_path / "f0.h")
    assert "returns 0; 1 if an element of k is not from -6 to 5: then nothing is written" in said


class Own:
    """A model that is no Module, which lists its parameters in another order than it reads them."""

    def __init__(self) -> None:
        self.scale, self.shift, *self.more = (
            Tensor(np.full(3, k + 1.0), dtype="f64", requires_grad=True) for k in range(4)
        )

    def __call__(self, x: Any) -> Any:
        return self.scale * x - self.shift + self.more[0] * x * x - self.more[1]

    def parameters(self) -> list[Tensor]:
        return [self.more[1], self.shift, self.scale, self.more[0]]


@COMPILER
def test_parameters_of_other_models_are_in_their_order(tmp_path: Path) -> None:
    own = Own()
    a, b = own.more
    closed = jit(lambda x: b * x - own.shift * a)
    in_order = [p.numpy() for p in own.parameters()]
    made = [p.numpy() for p in (own.shift, a, b)]
    passed = {"parameters": "passed"}
    calls = [
        Call(jit(own), [(2.0,)], in_order, passed),
        Call(jit(own.__call__), [(2.0,)], in_order, passed),
        Call(closed, [(2.0,)], made, passed),
    ]
    expected = [row for call in calls for row in call.expected()]
    libraries = exported(calls, tmp_path)
    assert bits(printed(calls, libraries, tmp_path, expected)) == bits(expected)
    names = re.findall(r"the parameter ([^:]*):", of_header(tmp_path / "f0.h"))
    assert names == ["more[1]", "shift", "scale", "more[0]"]
    names = re.findall(r"the parameter ([^:]*):", of_header(tmp_path / "f2.h"))
    assert names == ["parameter0", "parameter1", "parameter2"]


@COMPILER
@pytest.mark.parametrize("how", ["baked", "passed"])
def test_parameters_of_models(tmp_path: Path, how: str) -> None:
    model = layers.Sequential(layers.Linear(3, 4), layers.Tanh(), layers.Linear(4, 2))
    kernel = jit(lambda x: model(x).sum(), wrt=model.parameters()).value_and_grad
    x = normal(5, 3, dtype="f32")
    of_model = jit(model)
    of_model(x)
    of_model.export(tmp_path, name="model", parameters=how)
    now = [p.numpy() for p in model.parameters()] if how == "passed" else []
    calls = [Call(k, [(x,)], now, {"parameters": how}) for k in (kernel, of_model)]
    expected = [row for call in calls for row in call.expected()]
    libraries = exported(calls, tmp_path)
    found = printed(calls, libraries, tmp_path, expected)
    if how == "baked":  # what is computed of them alone is rounded when it is compiled
        np.testing.assert_allclose(found[0], expected[0], 1e-5)
        np.testing.assert_allclose(found[1], expected[1], 1e-5)
        return
    assert bits(found) == bits(expected)
    said = of_header(tmp_path / "model.h")
    assert "the parameter 0.weight: an array of shape (3, 4), row by row" in said
    given = sampled(tmp_path / "model.h")[:1]
    done(
        [
            CC,
            "-o",
            tmp_path / "a",
            tmp_path / "model_example.c",
            *SANITIZED,
            libraries[1].with_name("libmodel.a"),
            "-lm",
        ]
    )
    shown = done([tmp_path / "a"]).split()
    expected = flat(of_model(Tensor(np.reshape(given[0], (5, 3)))))
    assert [float(np.float32(x)) for x in shown] == expected


@COMPILER
def test_the_stub_takes_arrays_and_raises(tmp_path: Path) -> None:
    kernel = jit(of_one, wrt=["t", "s"]).value_and_grad
    table, index, scale = normal(6, 2), Tensor(np.array([0, 1, -6])), Tensor(0.5, "f64")
    expected = flat(kernel(table, index, scale))
    kernel.export(tmp_path, name="chosen")
    spec = importlib.util.spec_from_file_location("stub", tmp_path / "chosen.py")
    assert spec is not None
    assert spec.loader is not None
    stub = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stub)
    assert flat(stub.chosen(table.numpy(), [0, 1, -6], 0.5)) == expected
    with pytest.raises(IndexError, match="an element of k is not from -6 to 5"):
        stub.chosen(table.tolist(), [0, 1, 6], 0.5)
    with pytest.raises(ValueError, match="t has 12 numbers, got 2"):
        stub.chosen([[1.0], [2.0]], [0, 1, 6], 0.5)


def test_what_is_not_read_is_an_argument_all_the_same(tmp_path: Path) -> None:
    kernel = jit(lambda x, unread, y: (x * 2.0, y * 0.0 + 1.0), wrt=["x", "unread"])
    given = (normal(3), normal(2), Tensor(0.5, "f64"))
    kernel(*given)
    kernel.export(tmp_path, name="f")
    text = of_header(tmp_path / "f.h")
    assert "unread 2 numbers in a row" in text
    kernel.jacobian(*given)


def test_what_is_strict_and_numpys_is_refused(tmp_path: Path) -> None:
    kernel = jit(lambda x: exp(x).sum(), strict=True)
    kernel(normal(3))
    with pytest.raises(ExportError, match=r"calls NumPy's exp, as strict code of Tensors does"):
        kernel.export(tmp_path, name="f")
    assert not list(tmp_path.iterdir())


def test_shapes_are_known_from_a_call(tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match="has not been called yet"):
        jit(loss).export(tmp_path)
