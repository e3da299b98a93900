"""Kernels exported for other machines, run there: within the bounds that are stated for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import fuzz
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
