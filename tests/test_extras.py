"""Importing a door without its package says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


PACKAGES = {"jax": "JAX", "scipy": "SciPy", "torch": "PyTorch"}


@pytest.mark.parametrize(("extra", "package"), PACKAGES.items())
def test_the_extra_is_named(extra: str, package: str) -> None:
    program = f"import sys; sys.modules[{extra!r}] = None; import micrograd.{extra}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert f"micrograd.{extra} needs {package}" in done.stderr
    assert f"pip install 'micrograd-mlir[{extra}]'" in done.stderr
