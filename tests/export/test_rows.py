"""Sums over rows of data, exported: rows are arguments, and there may be any number of them."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import take, tanh, total
from micrograd.errors import ExportError, SignatureError

from . import rows
from .drivers import Call, done, exported, flat, invocations, numbers
from .machines import MACHINES
from .test_native import CC, COMPILER, SANITIZED
from .test_parameters import of_header

RNG = np.random.default_rng(8)


def squared(w: list[float], x: list[float], y: float) -> Any:
    return (tanh(w[0] * x[0] + w[1] * x[1]) - y) ** 2


@COMPILER
def test_random_sums_have_their_bits_in_c(tmp_path: Path) -> None:
    """More of them: python -m tests.export.rows SECONDS SEED."""
    tally = Counter[str]()
    rows.check(range(1, 8), tmp_path, tally)
    assert len(tally) > 2


@pytest.mark.parametrize("name", ["aarch64", "wasmtime"])
@pytest.mark.parametrize("strict", [False, True])
def test_other_machines_add_up_the_same(tmp_path: Path, name: str, strict: bool) -> None:
    """With a number for each row from `malloc`, if strict."""
    machine = MACHINES[name]
    if machine.missing:
        pytest.skip(machine.missing)
    kernel = total(squared, rows=("x", "y"), strict=strict).value_and_grad
    points = [([0.5, -0.25], RNG.normal(size=(n, 2)), RNG.normal(size=n)) for n in (3, 2000)]
    expected = [flat(kernel(*point)) for point in points]
    calls = [Call(kernel, [point], [len(point[2])]) for point in points]
    exported(calls, tmp_path, target=machine.target)
    found = numbers(machine.run(invocations(calls, tmp_path), tmp_path), expected)
    for got, want in zip(found, expected, strict=True):
        assert got == pytest.approx(want, rel=1e-9)


@COMPILER
def test_the_example_and_the_stub_say_how_many_rows_there_are(tmp_path: Path) -> None:
    kernel = total(squared, rows=("x", "y")).value_and_grad
    x, y = RNG.normal(size=(5, 2)), RNG.normal(size=5)
    expected = flat(kernel([0.5, -0.25], x, y))
    files = kernel.export(tmp_path, name="loss")
    said = of_header(tmp_path / "loss.h")
    assert "x 2 numbers in a row, for each row y a number, for each row rows how many rows" in said
    source, library = tmp_path / "loss_example.c", next(f for f in files if f.suffix == ".a")
    done([CC, "-o", tmp_path / "a", source, *SANITIZED, library, "-lm"])
    sample = [0.5 + k % 8 / 16 for k in range(8)]
    wanted = flat(kernel(sample[:2], np.reshape(sample, (4, 2)), sample[:4]))
    assert [float(line) for line in done([tmp_path / "a"]).split()] == wanted
    spec = importlib.util.spec_from_file_location("stub", tmp_path / "loss.py")
    assert spec is not None
    assert spec.loader is not None
    stub = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stub)
    assert flat(stub.loss([0.5, -0.25], x, y.tolist())) == expected
    with pytest.raises(ValueError, match="y has 5 numbers, got 4"):
        stub.loss([0.5, -0.25], x, y[:4])


@COMPILER
def test_rows_that_are_known_are_part_of_the_code(tmp_path: Path) -> None:
    x, y = RNG.normal(size=(5, 2)), RNG.normal(size=5)
    kernel = total(squared, x, y).value_and_grad
    kernel([0.5, -0.25])
    kernel.export(tmp_path, name="known")
    text = Path(tmp_path, "known.h").read_text(encoding="utf-8")
    assert "double known(const double w[2], double out[2]);" in text


def test_sums_that_are_not_exported(tmp_path: Path) -> None:
    def row(w: list[float], k: int) -> Any:
        return take(w, k)

    chosen = total(row, rows="k")
    with pytest.raises(SignatureError, match="has not been called yet"):
        chosen.export(tmp_path, name="f")
    chosen([1.0, 2.0], np.array([0, 1, 1]))
    with pytest.raises(ExportError, match="takes integers that choose rows of tables"):
        chosen.export(tmp_path, name="f")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["over_rows", "c0"])
def test_names_of_parts_of_the_code_are_refused(tmp_path: Path, name: str) -> None:
    table = np.linspace(0.1, 1.0, 50)
    kernel = total(lambda w, x: sum(tanh(w * x * c) * c for c in table), rows="x")
    kernel(0.5, [1.0, 2.0])
    with pytest.raises(ExportError, match=f"'{name}' is what a part of the code is called; choose"):
        kernel.export(tmp_path, name=name)
