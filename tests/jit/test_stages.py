"""Stages are made when they are looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lowering
from micrograd import Value, jit
from micrograd.errors import KernelClosed, SignatureError
from micrograd.jit import Kernel
from micrograd.jit.executable import Executable

NAMES = ["graph", "program", "passes", "simplified", "schedule", "mlir", "llvm_ir", "assembly"]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was compiled so far, 'code' for every run of LLVM and 'program' for every program."""
    jit(lambda x: x)(1.0)  # what is compiled once in a process
    made: list[str] = []
    compile_, begin = lowering.compile, Executable.__init__

    def counted(*args: Any, **options: Any) -> Any:
        made.append("code")
        return compile_(*args, **options)

    def begun(self: Executable, *args: Any, **options: Any) -> None:
        made.append("program")
        begin(self, *args, **options)

    monkeypatch.setattr(lowering, "compile", counted)
    monkeypatch.setattr(Executable, "__init__", begun)
    return made


def many(n: int) -> tuple[Kernel, list[Value]]:
    leaves = [Value(0.01 * k) for k in range(n)]
    return jit(sum(v * v for v in leaves), wrt=leaves, dtype="f64"), leaves


def test_nothing_is_compiled_to_name_stages_or_to_show_the_graph(compiled: list[str]) -> None:
    kernel, _ = many(300)
    for k in (kernel, kernel.value_and_grad, jit(lambda x: x * x)):
        stages = k.stages()
        assert list(stages) == NAMES
        assert len(stages) == len(NAMES)
        assert "graph" in stages
        assert "assembly" not in [name for name, text in zip(stages, "1234", strict=False) if text]
        assert "mul" in stages["graph"] or "%" in stages["graph"]
        assert compiled == []
        assert repr(stages).startswith("<stages graph, program, ")
        with pytest.raises(KeyError):
            stages["arrays_mlir"]


def test_llvm_runs_for_what_it_makes_alone(compiled: list[str]) -> None:
    kernel, _ = many(300)
    stages = kernel.stages()
    for name in NAMES[1:5]:
        assert stages[name]
        assert compiled == ["program"]
    assert "@main" in stages["llvm_ir"]
    assert compiled == ["program", "code"]
    assert set(dict(stages)) == set(NAMES)
    kernel()
    assert compiled == ["program", "code"]  # what was shown is what is called


def test_a_value_of_many_leaves_is_shown_with_them_live(compiled: list[str]) -> None:
    for n, signature in ((2, "double main(double x0, double x1)"), (300, "double main(void)")):
        kernel, leaves = many(n)
        assert kernel.signature == signature
        assert ("%arg0" in str(kernel)) is (n == 2)
        assert ("param" in kernel.stages()["graph"]) is (n == 300)
        assert kernel(*(v.data for v in leaves)) == pytest.approx(kernel(), rel=1e-15)
    assert many(300)[0].value_and_grad.signature == "double main(double grad[300])"


def test_stages_of_calls_with_arrays() -> None:
    kernel = jit(lambda x: x * x)
    kernel(np.ones(3))
    stages = kernel.stages()
    assert list(stages)[len(NAMES) :] == ["arrays_mlir", "arrays_llvm_ir", "arrays_assembly"]
    assert all("main_block" in text for name, text in stages.items() if name.startswith("arrays"))


def test_stages_of_what_is_not_known_or_closed() -> None:
    kernel = jit(lambda v: v[0])

    def whole(x: np.ndarray) -> Any:
        return x.sum()

    with pytest.raises(SignatureError, match="has not been called yet"):
        jit(whole).stages()
    assert kernel([1.0]) == 1.0
    stages = kernel.stages()
    kernel.close()
    for look in (kernel.stages, lambda: stages["program"]):
        with pytest.raises(KernelClosed):
            look()
