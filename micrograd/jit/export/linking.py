"""Object file -> shared library, or WebAssembly module, by a compiler that is on the machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import lowering

from ...errors import ExportError

_ZIG = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "wasm32": "wasm32-wasi",
}
"""What Zig calls machines, by the beginning of LLVM's names."""


def kind_of(processor: lowering.Processor) -> str:
    """The kind of machine that a processor is of: x86_64, aarch64, riscv64, wasm32."""
    return (processor.triple or "").partition("-")[0]


def is_here(processor: lowering.Processor) -> bool:
    """Whether this machine's own compiler links for it."""
    return kind_of(processor) == kind_of(lowering.machine()) and "linux" in sys.platform


def linker(processor: lowering.Processor) -> list[str] | None:
    """The command of a C compiler for a processor, or None if there is none: this machine's own
    ($CC, cc, gcc, clang), a cross-compiler by its usual name, or Zig's, from the extra `export`.
    """
    kind = kind_of(processor)
    if processor == lowering.machine() or is_here(processor):
        names = [*shlex.split(os.environ.get("CC", ""))[:1], "cc", "gcc", "clang"]
    else:
        names = [f"{kind}-linux-gnu-gcc"]
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return [found]
    if find_spec("ziglang") is not None and kind in _ZIG:
        return [sys.executable, "-m", "ziglang", "cc", "-target", _ZIG[kind]]
    return None


def shared_name(name: str, processor: lowering.Processor) -> str:
    """What the file of a shared library is called on a machine."""
    if kind_of(processor) == "wasm32":
        return f"{name}.wasm"
    apple = processor.triple is not None and ("darwin" in processor.triple)
    suffix = ".dylib" if apple else sysconfig.get_config_var("SHLIB_SUFFIX") or ".so"
    return f"lib{name}{suffix if processor == lowering.machine() else '.so'}"


def link(command: list[str], name: str, code: Path, output: Path) -> None:
    """Link an object file; a module of WebAssembly has its memory, malloc and free, too.

    Raises ExportError with what the linker says.
    """
    if output.suffix == ".wasm":
        exported = [f"-Wl,--export={symbol}" for symbol in (name, "malloc", "free")]
        how = ["-mexec-model=reactor", "-Wl,--strip-all", *exported]
    elif output.suffix == ".dylib":
        how = ["-shared", f"-Wl,-install_name,@rpath/{output.name}"]
    else:
        how = ["-shared", f"-Wl,-soname,{output.name}", "-Wl,-z,noexecstack"]
    done = subprocess.run(
        [*command, *how, "-o", str(output), str(code), "-lm"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise ExportError(
            f"{shlex.join(command)} does not link {code.name}: {done.stderr.strip()[-2000:]}"
        )
