"""`lowering` stands alone: what it imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import lowering

FILES = sorted(Path(lowering.__file__).parent.glob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            yield node.module or ""


def test_imports() -> None:
    assert len(FILES) > 10
    own = {"lowering": True}
    for path in FILES:
        for name in imported(path):
            root = name.partition(".")[0]
            if root == "llvmlite":
                assert path.name in ("backend.py", "optimizer.py")
            elif root in ("mlir", "jaxlib"):
                assert path.name == "bindings.py"
            else:
                assert root in own or root in sys.stdlib_module_names, f"{path.name}: {name}"


def test_files_are_small() -> None:
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 350, path.name
