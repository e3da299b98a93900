"""Module -> an object file for a linker, for this machine or another."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lowering.backend import Options
from lowering.bindings import ir
from lowering.guard import perform
from lowering.processors import Processor
from lowering.translation import translate, verify
from lowering.upstream import upstream


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """What a linker reads.

    code       the file: ELF, Mach-O, COFF or WebAssembly, as the machine has them
    defined    the symbols that others see
    needed     those that the module calls; LLVM may call functions of C of its own accord, such as
               memcpy
    llvm_ir    what it was made of
    """

    code: bytes
    defined: tuple[str, ...]
    needed: tuple[str, ...]
    llvm_ir: str


def object_file(
    module: ir.Module, processor: Processor, *, opt_level: int = 2, passes: bool | str = True
) -> ObjectFile:
    """The object file of a module, for a processor that `machine` gives.

    It is compiled as written, with no vectoriser of LLVM's and no unrolling, in this process: for
    modules that are known not to end LLVM. `opt_level` and `passes` are as for `compile`, whose
    errors it raises.
    """
    options = Options(
        opt_level,
        False,
        False,
        False,
        isolate=False,
        cpu=processor.cpu,
        features=processor.features,
        passes=passes,
        triple=processor.triple,
    )
    verify(module)
    llvm_ir = upstream(module, processor.triple) or translate(module)
    names, _, code = perform("linkable", llvm_ir, options).partition(b"\n")
    defined, needed = json.loads(names)
    return ObjectFile(code, tuple(defined), tuple(needed), llvm_ir)
