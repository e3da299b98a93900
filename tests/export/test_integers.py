"""Functions that integers say rows and loops to, exported: in C they raise where Python does."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import fori, jit, take, tanh

from . import integers
from .drivers import Call, bits, exported, invocations, numbers
from .machines import MACHINES
from .test_native import COMPILER, printed
from .test_parameters import of_header

TABLE = [[0.5, 1.5], [0.25, -1.0], [0.125, 2.0]]


def chosen(x: float, k: int, ks: list[int], n: int) -> Any:
    rows = [take(TABLE, j)[1] for j in ks]
    return fori(n, lambda i, s: tanh(s + x), take(TABLE, 2 * k - 1)[0] * sum(rows), limit=7)


GOOD = (0.5, 1, [0, -1, 2, 1, -3], 7)
BAD = [
    ((0.5, 3, [0, -1, 2, 1, -3], 7), "2*k - 1 is not from -3 to 2, for a table of 3 rows"),
    ((0.5, 2**63 - 1, [0, -1, 2, 1, -3], 7), "2*k - 1"),
    ((0.5, -(2**62), [0, -1, 2, 1, -3], 7), "2*k - 1"),
    ((0.5, 1, [0, -1, 2, 3, -3], 7), "one of ks[0] to ks[4] is not from -3 to 2"),
    ((0.5, 1, [0, -1, 2, 1, -4], 7), "one of ks[0] to ks[4]"),
    ((0.5, 1, [0, -1, 2, 1, -3], 8), "n is not from 0 to 7, how often a loop runs"),
    ((0.5, 1, [0, -1, 2, 1, -3], -1), "n is not from 0 to 7"),
]


def calls_and_results() -> tuple[list[Call], list[list[float]]]:
    kernel = jit(chosen, wrt="x").value_and_grad
    (expected,) = Call(kernel, [GOOD], looks=True).expected()
    points = [GOOD, *(given for given, _ in BAD)]
    for given, _ in BAD:
        with pytest.raises(IndexError):
            kernel(*given)
    return [Call(kernel, points)], [expected, *([0.0] * len(expected) for _ in BAD)]


@COMPILER
def test_the_stub_refuses_integers_of_no_row(tmp_path: Path) -> None:
    """Those that ctypes would cut to 64 bits, too."""
    kernel = jit(chosen)
    expected = kernel(*GOOD)
    kernel.export(tmp_path, name="chosen_here")
    spec = importlib.util.spec_from_file_location("chosen_here", tmp_path / "chosen_here.py")
    assert spec is not None
    assert spec.loader is not None
    stub = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stub)
    call = stub.chosen_here
    assert call(*GOOD) == call(0.5, np.int64(1), np.array(GOOD[2]), True * 7) == [expected]
    x, k, ks, n = GOOD
    wrong = [given for given, _ in BAD]
    for far in (2**63, 2**64, 2**64 + 1, -(2**64), -(2**63) - 1, 2**200):
        wrong += [(x, far, ks, n), (x, k, [*ks[:-1], far], n), (x, k, ks, far)]
    for given in wrong:
        with pytest.raises(IndexError):
            kernel(*given)
        with pytest.raises(IndexError):
            call(*given)
    for given in ((x, 1.0, ks, n), (x, k, [*ks[:-1], 1.0], n), (x, k, ks, 7.0)):
        with pytest.raises(TypeError):
            call(*given)


@COMPILER
def test_integers_of_no_row_are_refused(tmp_path: Path) -> None:
    calls, expected = calls_and_results()
    found = printed(calls, exported(calls, tmp_path), tmp_path, expected)
    assert bits(found[:1]) == bits(expected[:1])
    said = of_header(tmp_path / "f0.h")
    assert "ks 5 integers in a row" in said
    for (code, *rest), (_, text) in zip(found[1:], BAD, strict=True):
        assert not any(rest)
        assert f"{int(code)} if {text}" in said


@pytest.mark.parametrize("name", ["aarch64", "riscv64", "wasmtime", "node"])
def test_so_they_are_elsewhere(tmp_path: Path, name: str) -> None:
    machine = MACHINES[name]
    if machine.missing:
        pytest.skip(machine.missing)
    calls, expected = calls_and_results()
    exported(calls, tmp_path, target=machine.target)
    found = numbers(machine.run(invocations(calls, tmp_path), tmp_path), expected)
    assert found[0] == pytest.approx(expected[0], rel=1e-9)
    for code, *rest in found[1:]:
        assert code
        assert not any(rest)


@COMPILER
def test_random_functions_look_at_their_integers(tmp_path: Path) -> None:
    """More of them: python -m tests.export.integers SECONDS SEED."""
    tally = Counter[str]()
    integers.check(range(1, 5), tmp_path, tally)
    assert tally["refused"] > 4
