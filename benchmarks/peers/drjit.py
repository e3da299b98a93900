"""Dr.Jit, its LLVM back end: needs the LLVM shared library of the system.

Where it does not find that by itself, DRJIT_LIBLLVM_PATH says where it is.
"""

from __future__ import annotations

import glob
import os

_FOUND = sorted(
    path
    for place in ("/usr/lib/*-linux-gnu", "/usr/lib/llvm-*/lib", "/usr/lib64", "/usr/local/lib")
    for path in glob.glob(f"{place}/libLLVM*.so*")
)
if _FOUND:
    os.environ.setdefault("DRJIT_LIBLLVM_PATH", _FOUND[-1])

import drjit  # noqa: E402


def versions() -> dict[str, str]:
    """Of Dr.Jit, and the LLVM that it loads."""
    library = os.environ.get("DRJIT_LIBLLVM_PATH", "")
    return {"drjit": drjit.__version__, "LLVM of Dr.Jit": os.path.basename(library)}
