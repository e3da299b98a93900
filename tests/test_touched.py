"""What CONTRIBUTING.md says that a change touches: the files are there, and those that can be found
by what they name are all in its lists.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from micrograd import optim
from micrograd.optimizer import Optimizer

ROOT = Path(__file__).parent.parent
SECTION = (ROOT / "CONTRIBUTING.md").read_text().partition("## What a change touches")[2]
LISTS = dict(re.findall(r"^- \*\*(.*?)\*\*(.*?)(?=^- \*\*|^## )", SECTION, re.M | re.S))

APART = ("cli", "layers", "images.py", "matrix.py", "tensor/matrix.py")
"""What has types of numbers as defaults, or by NumPy's names, and no code for each."""


def listed(title: str) -> list[str]:
    """The files that a list names; without a folder, those of the folder of the one before."""
    found: list[str] = []
    folder = ""
    for name in re.findall(r"`([\w/]+\.py)`", LISTS[title]):
        folder = name.rpartition("/")[0] if "/" in name else folder
        path = name if "/" in name else f"{folder}/{name}".lstrip("/")
        if path.startswith("lowering/"):
            found.append(path)
        elif (ROOT / "micrograd" / path).exists() or "/" in name:
            found.append(f"micrograd/{path}")
        else:
            found.append(f"micrograd/{name}")
    return found


def code() -> Iterator[tuple[str, ast.Module]]:
    for package in ("micrograd", "lowering"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def naming(words: set[str]) -> set[str]:
    """The files that have one of these words as a name or as a text of their code."""
    found = set()
    for path, tree in code():
        for node in ast.walk(tree):
            names = (
                getattr(node, "id", None),
                getattr(node, "attr", None),
                getattr(node, "name", None),
                getattr(node, "value", None),
            )
            if any(isinstance(name, str) and name in words for name in names):
                found.add(path)
    return found


@pytest.mark.parametrize("title", LISTS)
def test_files_that_are_listed_are_there(title: str) -> None:
    for path in listed(title):
        assert (ROOT / path).exists(), path


def test_lists_are_read() -> None:
    """The test of the test."""
    assert listed("An optimiser") == ["micrograd/optim.py"]
    assert listed("Another processor")[0] == "lowering/families.py"
    assert 2 < len(listed("Another type of numbers")) <= 14


def test_types_of_numbers_are_told_apart_in_the_files_that_are_listed() -> None:
    found = naming({"f32", "float32", "f4", "c_float", "F32", "F32Type"})
    mine = {p for p in found if p.startswith("micrograd/")}
    mine = {p for p in mine if not p.removeprefix("micrograd/").startswith(APART)}
    assert mine <= set(listed("Another type of numbers")), mine - set(
        listed("Another type of numbers")
    )
    assert mine >= {"micrograd/real_types.py", "micrograd/formats.py"}


def test_families_of_processors_are_told_apart_in_one_file() -> None:
    """The guard knows which of LLVM's intrinsics only some processors have; exports have names of
    machines, and of their compilers.
    """
    words = {"x86_64", "AMD64", "aarch64", "arm64", "zmm", "ymm", "+avx", "+avx512f", "+fma"}
    exports = {"lowering/machines.py", "micrograd/jit/export/linking.py"}
    assert naming(words) == {"lowering/families.py", "lowering/guard.py", *exports}


def test_optimisers_are_named_in_one_file() -> None:
    names = {
        name
        for name, x in vars(optim).items()
        if isinstance(x, type) and issubclass(x, Optimizer) and x is not Optimizer
    }
    assert len(names) > 2
    others = naming(names) - {"micrograd/optim.py"}
    assert not [p for p in others if not p.startswith("micrograd/cli/")]
