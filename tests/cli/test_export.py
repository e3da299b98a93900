"""`micrograd export`: files of a function of a script, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from micrograd.cli import main

SCRIPT = """\
from micrograd import jit, tanh, vmap
from micrograd.nn import MLP

def line(x, y):
    return tanh(x * y)

def total(numbers, scale=1.0):
    return sum(n * n for n in numbers) * scale

def some(*numbers):
    return sum(numbers)

kernel = jit(line)
mapped = vmap(line)
model = MLP(2, [3, 1])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a script in it."""
    Path(tmp_path, "subject.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "header"),
    [
        (["line"], "double line(double x, double y);"),
        (["line", "--value-and-grad"], "double line_value_and_grad(double x, double y, double out"),
        (["kernel.grad", "--name", "slope"], "void slope(double x, double y, double out[2]);"),
        (["total", "--args", "[1.0] * 5"], "double total(const double numbers[5], double scale);"),
        (["some", "--args", "1.0, 2.0"], "double some(double numbers_0, double numbers_1);"),
        (["total", "--args", "[1.0]", "--dtype", "f32"], "float total(const float numbers[1], f"),
        (
            ["model", "--args", "[0.5, 1.0]", "--parameters", "passed", "--name", "net"],
            "float net(const float x[2], const double parameters[13]);",
        ),
    ],
)
def test_files_of_a_script(
    folder: Path, capsys: pytest.CaptureFixture[str], given: list[str], header: str
) -> None:
    name, *options = given
    assert main(["export", f"subject.py:{name}", "--output", "out", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    files = {Path(line.partition(" (")[0]) for line in lines}
    (found,) = (file for file in files if file.suffix == ".h" and "_parameters" not in file.name)
    assert header in found.read_text(encoding="utf-8")
    assert {file.name for file in files} == {file.name for file in Path("out").iterdir()}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["lines"],
            "there is no lines in subject.py. subject.py has line, total, some",
        ),
        (["total"], "here by --args '0.5, [1.0, 2.0]'"),
        (["line", "--name", "double"], "'double' is a keyword of C or C++"),
        (["line", "--output", "subject.py"], "subject.py is a file; give the name of a folder"),
        (["mapped"], "vmap_line has not been called yet, and its arguments may have any shape"),
        (["some"], "any number of arguments, and has not been called yet"),
        (["kernel", "--dtype", "f32"], "compiled by the script already"),
    ],
)
def test_what_is_wrong_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    name, *options = given
    assert main(["export", f"subject.py:{name}", *options]) == 1
    shown = capsys.readouterr()
    assert not shown.out
    assert shown.err.startswith("micrograd: ")
    assert said in shown.err
    assert not Path("build").exists()


def test_files_are_replaced_if_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["export", "subject.py:line"]
    assert main(given) == 0
    assert main(given) == 1
    assert "already; --overwrite replaces them" in capsys.readouterr().err
    assert main([*given, "--overwrite"]) == 0
