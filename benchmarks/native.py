"""C at run time: compile a file, and time a C function by a loop in C.

The same loop drives the hand-written functions and the kernels of this project: both are a function
address and its C prototype, so neither pays for a call from Python.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "c"
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fPIC", "-shared", "-w"]

_DRIVER = """
#include <time.h>
typedef {prototype};
static volatile {real} sink;
double drive(kernel *call, long count{parameters}) {{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long k = 0; k < count; k++) {keep}call({names});
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) + 1e-9 * (to.tv_nsec - from.tv_nsec);
}}
"""


class NoCompiler(Exception):
    """There is no C compiler on this machine."""


def compiler() -> str | None:
    """The system's C compiler, or None."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or shutil.which("clang")


def compiler_version() -> str | None:
    """The first line that the compiler says about itself, or None."""
    found = compiler()
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0]


def build(source: str | Path, *flags: str, suffix: str = ".so") -> Path:
    """The shared library of a C file, or of C text, in a temporary directory.

    Raises NoCompiler; subprocess.CalledProcessError if the compiler rejects the source.
    """
    found = compiler()
    if found is None:
        raise NoCompiler("no C compiler on this machine")
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    if isinstance(source, str):
        text, source = source, folder / "source.c"
        source.write_text(text)
    library = folder / (source.stem + suffix)
    subprocess.run([found, *FLAGS, *flags, str(source), "-o", str(library), "-lm"], check=True)
    return library


def library(source: str, real: str, *flags: str) -> ctypes.CDLL:
    """`c/<source>`, compiled for `real` and loaded."""
    return ctypes.CDLL(str(build(SOURCES / source, f"-Dreal={real}", *flags)))


def extension(source: str, name: str, *flags: str) -> object:
    """`c/<source>` as a CPython extension module of that name.

    Raises NoCompiler, also where Python's headers are missing.
    """
    import importlib.util

    include = sysconfig.get_paths()["include"]
    if not (Path(include) / "Python.h").exists():
        raise NoCompiler("Python.h is not installed")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    path = build(SOURCES / source, f"-I{include}", *flags, suffix=suffix)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Driver:
    """A C loop around a function of this prototype, and the arguments to call it with.

    arguments   a number per scalar, and a list per array; an array that it only writes may be None
    """

    def __init__(
        self, address: int, prototype: str, arguments: Sequence[float | Sequence[float] | None]
    ) -> None:
        head = re.fullmatch(r"(\w+) (\w+)\((.*)\)", prototype)
        assert head is not None, prototype
        returned, name, inside = head.groups()
        declared = [] if inside.strip() in ("", "void") else [s.strip() for s in inside.split(",")]
        names = [re.sub(r"\[\d*\]$", "", s).split()[-1].lstrip("*") for s in declared]
        source = _DRIVER.format(
            prototype=prototype.replace(f"{name}(", "kernel(", 1),
            real="double" if returned == "void" else returned,
            keep="" if returned == "void" else "sink = ",
            parameters="".join(f", {s}" for s in declared),
            names=", ".join(names),
        )
        self._library = ctypes.CDLL(str(build(source)))
        self._passed = [_pass(s, x) for s, x in zip(declared, arguments, strict=True)]
        types = [ctypes.c_void_p if hasattr(x, "_length_") else type(x) for x in self._passed]
        self._drive = self._library.drive
        self._drive.argtypes = [ctypes.c_void_p, ctypes.c_long, *types]
        self._drive.restype = ctypes.c_double
        result = {"void": None, "float": ctypes.c_float, "double": ctypes.c_double}[returned]
        self._call: Callable[..., float] = ctypes.CFUNCTYPE(result, *types)(address)
        self._address = address

    def answer(self) -> list[float]:
        """What one call returns and writes, in that order."""
        passed = [ctypes.addressof(x) if hasattr(x, "_length_") else x for x in self._passed]
        value = self._call(*passed)
        written = [v for x in self._passed if getattr(x, "written", False) for v in x]
        return written if value is None else [value, *written]

    def run(self, count: int) -> float:
        """The seconds that `count` calls take."""
        return float(self._drive(self._address, count, *self._passed))


def _pass(declared: str, x: Any) -> Any:
    number = ctypes.c_float if "float" in declared else ctypes.c_double
    size = re.search(r"\[(\d+)\]$", declared)
    if size is None:
        return number(x)
    array: Any = (number * int(size[1]))()
    if x is not None:
        array[:] = x
    array.written = not declared.startswith("const")
    return array
