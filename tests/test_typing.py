"""Type checkers see what users write: operators of Values, layers of Tensors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROGRAM = """
from micrograd import Tensor, Value
from micrograd.nn import Linear

a, b = Value(1.0), Value(2.0)
reveal_type(-(2 * a + b) ** 2 / 3.0 - a)
reveal_type(Tensor([1.0]))
reveal_type(Linear(2, 1))
c: str = a + b
"""


def test_types_of_a_users_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mypy = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    monkeypatch.setenv("MYPYPATH", str(Path(__file__).parent.parent))
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\n")
    options = ["--strict", f"--cache-dir={tmp_path}", "--follow-imports=silent"]
    text, _, code = mypy.run([*options, f"--config-file={config}", str(program)])
    found = re.findall(r'Revealed type is "([\w.]+)"', text)
    names = [name.rpartition(".")[2] for name in found]
    assert names == ["Value", "Tensor", "Linear"], text
    errors = [line for line in text.splitlines() if "error:" in line]
    assert code == 1
    assert len(errors) == 1, text
    assert 'expression has type "Value", variable has type "str"' in errors[0]
