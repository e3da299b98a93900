"""Processors that run grids of threads, and code for them: PTX, assembly and objects.

It runs elsewhere, so nothing is linked. LLVM ends the process where it has no instruction for
something, and says only on standard error that it does not know a processor: all of it happens in
the process of guard.py.
"""

from __future__ import annotations

import functools
import re

from lowering.backend import Options
from lowering.cache import unpack
from lowering.errors import CompileError
from lowering.families import GRIDS
from lowering.guard import apart
from lowering.processors import Processor

USUAL = {"nvptx64": "sm_75", "amdgcn": "gfx90a"}
"""The processor of each family that code is for if none is named: what newer ones of NVIDIA run,
too; AMD's run only what was made for them.
"""
_NAMES = {"nvptx64": re.compile(r"sm_\d+[af]?"), "amdgcn": re.compile(r"gfx[\da-f]+")}
_EXAMPLES = {"nvptx64": "'sm_80'", "amdgcn": "'gfx942'"}


def grid_processor(family: str, cpu: str | None = None) -> Processor:
    """The processor of this name that runs grids of threads.

    family   "nvptx64" or "amdgcn"
    cpu      as LLVM names it, such as "sm_80" or "gfx942"; None: one that is usual

    >>> grid_processor("nvptx64").cpu
    'sm_75'

    Raises CompileError for what LLVM does not know.
    """
    if family not in GRIDS:
        raise CompileError(
            f"the family should be one of {', '.join(map(repr, GRIDS))}, got {family!r}"
        )
    if cpu is None:
        cpu = USUAL[family]
    if not isinstance(cpu, str) or not _NAMES[family].fullmatch(cpu):
        raise CompileError(
            f"a processor of {family} should be as LLVM names it, such as {_EXAMPLES[family]}, "
            f"got {cpu!r}"
        )
    chosen = GRIDS[family]
    assert chosen.grid is not None
    found = Processor(cpu, "", chosen.width, True, chosen, chosen.grid.triple)
    _tried(found)
    return found


@functools.cache
def _tried(processor: Processor) -> None:
    apart("processor", "", _options(processor, 0))


def grid_assembly(llvm_ir: str, processor: Processor, opt_level: int = 3) -> str:
    """The assembly of LLVM IR, for NVIDIA's processors PTX.

    Raises CompileError when LLVM rejects the IR, or has no instruction for something.
    """
    return apart("assembly", llvm_ir, _options(processor, opt_level)).decode()


def grid_object(llvm_ir: str, processor: Processor, opt_level: int = 3) -> bytes:
    """The ELF object of LLVM IR, which NVIDIA's processors have none of. Errors as above."""
    unpacked = unpack(apart("object", llvm_ir, _options(processor, opt_level)))
    assert unpacked is not None
    return unpacked[1]


def _options(processor: Processor, opt_level: int) -> Options:
    return Options(
        opt_level,
        vectorize=False,
        slp=False,
        unroll=True,
        cpu=processor.cpu,
        features=processor.features,
        triple=processor.triple,
    )
