"""LLVM IR of the same module by MLIR's own translation, for comparison.

Needs `mlir-translate` of LLVM 22, the version that compiles the code here.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from typing import Any

import pytest

VERSION = 22


@functools.cache
def translator() -> str | None:
    """The path of a fitting `mlir-translate`, or None."""
    for name in (f"mlir-translate-{VERSION}", "mlir-translate"):
        path = shutil.which(name)
        if path is None:
            continue
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        if f"version {VERSION}." in version.stdout:
            return path
    return None


def reference_ir(module_or_text: Any) -> str:
    """LLVM IR of an llvm-dialect module, or of its text, by `mlir-translate --mlir-to-llvmir`.

    Skips the test when there is no `mlir-translate` of the right version.
    """
    path = translator()
    if path is None:
        pytest.skip(
            f"no mlir-translate of LLVM {VERSION} on PATH (Debian: apt install mlir-22-tools)"
        )
    text = module_or_text if isinstance(module_or_text, str) else str(module_or_text)
    done = subprocess.run(
        [path, "--mlir-to-llvmir"], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AssertionError(f"mlir-translate rejects the module:\n{done.stderr}\n{text[:4000]}")
    return done.stdout
