"""What a measurement was made on."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from .native import compiler_version

PACKAGES = ("micrograd-mlir", "numpy", "llvmlite", "jaxlib", "scikit-learn")


def cpu_model() -> str:
    """The processor's name, as far as the system says it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def widest_vectors() -> str:
    """The widest vector instructions of an x86 processor; '' elsewhere."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return next((f for f in ("avx512f", "avx2", "avx") if f in flags), "")


def environment() -> dict[str, Any]:
    """The record: processor, system, versions, date."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "micrograd-mlir" not in versions:
        versions["micrograd-mlir"] = "source tree"
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "cpu": cpu_model(),
        "vectors": widest_vectors(),
        "cores": os.cpu_count(),
        "threads": 1,
        "system": f"{platform.system()} {platform.machine()}",
        "compiler": compiler_version(),
        "versions": versions,
        "implementation": sys.implementation.name,
    }


def write_down(result: dict[str, Any], file: str) -> None:
    """Print a result with the record, and write both to a file, if one is named."""
    text = json.dumps({**result, "environment": environment()}, indent=1)
    print(text)
    if file:
        Path(file).write_text(text + "\n")
