"""What `import micrograd` imports: nothing of MLIR, which takes longer than all else."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
{program}
print(*sorted({{m.split(".")[0] for m in sys.modules}} & {{"jax", "jaxlib", "mlir"}}))
"""


def imported(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(program=program)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "program",
    [
        "import lowering, lowering.bindings",
        "import micrograd, micrograd.jit, micrograd.cli.main",
        "from micrograd import Value, jit; v = Value(2.0); (v * v).backward(); jit(lambda x: x)",
    ],
)
def test_nothing_of_mlir_is_imported_before_something_is_compiled(program: str) -> None:
    assert imported(program) == []


def test_one_kind_of_bindings_is_imported_for_that() -> None:
    assert imported("from micrograd import jit; jit(lambda x: x * x)(2.0)") in (
        ["jaxlib"],
        ["mlir"],
    )
