"""LLVM IR and options -> bytes: what can be made, by name, so that another process can make it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from lowering.backend import Options, aliases, defined, family, forget_machines
from lowering.cache import pack
from lowering.errors import CompileError
from lowering.optimizer import lowered


def _object(llvm_ir: str, options: Options) -> bytes:
    """The object code, packed with the names that it defines."""
    with lowered(llvm_ir, options) as module:
        names = defined(module)
        names += [each for each in aliases(llvm_ir) if each not in names]
        return pack(names, options.machine().emit_object(module))


def _optimized(llvm_ir: str, options: Options) -> bytes:
    with lowered(llvm_ir, options) as module:
        return str(module).encode()


def _assembly(llvm_ir: str, options: Options) -> bytes:
    with lowered(llvm_ir, options) as module:
        text: str = options.machine().emit_assembly(module)
        return text.encode()


def _declared(llvm_ir: str, options: Options) -> bytes:
    """The names that the optimised module declares and does not define, as JSON."""
    with lowered(llvm_ir, options) as module:
        return json.dumps(_needed(module)).encode()


def _needed(module: Any) -> list[str]:
    return [
        each.name
        for group in (module.functions, module.global_variables)
        for each in group
        if each.is_declaration and not each.name.startswith("llvm.")
    ]


def _linkable(llvm_ir: str, options: Options) -> bytes:
    """The object code behind a line, which has the names that it defines and needs, as JSON."""
    with lowered(llvm_ir, options) as module:
        names = json.dumps([defined(module), _needed(module)]).encode()
        code: bytes = options.machine().emit_object(module)
        return names + b"\n" + code


def _processor(llvm_ir: str, options: Options) -> bytes:
    """What code for this processor is made of, as JSON. Only for the process of guard.py, whose
    standard error is a file: there LLVM says what it does not know.

    Raises CompileError with what it says.
    """
    forget_machines()  # it is said once a machine
    start = os.lseek(2, 0, os.SEEK_END)
    text = _assembly(llvm_ir, options).decode()
    said = os.pread(2, os.lseek(2, 0, os.SEEK_END) - start, start)
    lines = said.decode(errors="replace").splitlines()
    if lines:
        raise CompileError("LLVM says: " + "; ".join(list(dict.fromkeys(lines))[:3]))
    here = family()
    found = {"vector_bits": here.vector_bits_in(text), "has_fma": here.fuses_in(text)}
    return json.dumps(found).encode()


TASKS: dict[str, Callable[[str, Options], bytes]] = {
    "object": _object,
    "linkable": _linkable,
    "optimized": _optimized,
    "assembly": _assembly,
    "declared": _declared,
    "processor": _processor,
}
"""What can be made of LLVM IR, by name: bytes each, so that another process can make it."""
