"""Kernels exported for other machines, run there: within the bounds that are stated for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from micrograd import jit, tanh

from . import fuzz
from .drivers import Call, exported, invocations, numbers
from .machines import MACHINES


@pytest.mark.parametrize(
    ("name", "bits"), [("aarch64", 32), ("aarch64", 64), ("wasmtime", 64), ("node", 32)]
)
def test_vector_math_is_as_exact_there(tmp_path: Path, name: str, bits: int) -> None:
    """Of as many numbers as fill vectors, and some more; other machines: tests/export/fuzz.py."""
    machine = MACHINES[name]
    if machine.missing:
        pytest.skip(machine.missing)
    fuzz.check_vector_math(machine, bits, 61, tmp_path)


@pytest.mark.parametrize("name", ["aarch64", "riscv64", "wasmtime"])
def test_random_functions_are_the_same_there(tmp_path: Path, name: str) -> None:
    machine, tally = MACHINES[name], fuzz.Tally()
    if machine.missing:
        pytest.skip(machine.missing)
    fuzz.check(range(20, 22), machine, tally, tmp_path)
    assert tally.kernels > 1
    assert tally.vague < tally.numbers / 10


def spread(x: Any) -> Any:
    """What needs more room than a stack has: so many numbers, one after the other."""
    moved = [tanh(v * 0.5) * x[0] for v in x]
    middle = sum(moved)
    return sum((v - middle) ** 2 for v in moved)


@pytest.mark.parametrize("name", ["aarch64", "wasmtime"])
def test_memory_of_the_heap_is_that_of_the_machine(tmp_path: Path, name: str) -> None:
    """Addresses are 64 bits wide, or 32."""
    machine = MACHINES[name]
    if machine.missing:
        pytest.skip(machine.missing)
    kernel = jit(spread, dtype="f64")
    given = [0.5 + k % 97 / 64 for k in range(17_000)]
    calls = [Call(kernel.value_and_grad, [(given,)])]
    kernel.value_and_grad(given)
    exported(calls, tmp_path, target=machine.target)
    assert "bytes from malloc" in Path(tmp_path, "f0.h").read_text(encoding="utf-8")
    ((*expected,),) = calls[0].expected()
    (found,) = numbers(machine.run(invocations(calls, tmp_path), tmp_path), [expected])
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_wrong_number_is_seen(tmp_path: Path) -> None:
    """The test of the test."""
    machine = MACHINES["x86_64"]
    if machine.missing:
        pytest.skip(machine.missing)

    def run(made: Any, folder: Path) -> str:
        first, *rest = machine.run(made, folder).split()
        return "\n".join([f"{int(first, 16) ^ 1 << 40:016x}", *rest])

    with pytest.raises(fuzz.Mismatch, match=r"seed 20: .* should be"):
        fuzz.check([20], replace(machine, run=run), fuzz.Tally(), tmp_path)
