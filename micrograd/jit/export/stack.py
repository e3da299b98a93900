"""How much room the arrays of a function have on the stack."""

from __future__ import annotations

import re
from typing import Any

from lowering.bindings import ir

_TYPE = re.compile(r"(?:vector<((?:\d+x)+)(\w+)>|([\w.!]+))")
_POINTER = 8


def stack_of(module: ir.Module) -> int:
    """Bytes that the functions of a module reserve on the stack where they begin: what registers
    are spilled to is not among them, and LLVM may need less.
    """
    return sum(
        _reserved(operation.operation)
        for function in module.body
        if function.operation.name == "llvm.func"
        for block in list(function.operation.regions[0].blocks)[:1]
        for operation in block
        if operation.operation.name == "llvm.alloca"
    )


def _reserved(alloca: Any) -> int:
    count = alloca.operands[0].owner.attributes["value"].value
    return int(count) * _size(str(alloca.attributes["elem_type"].value))


def _size(type: str) -> int:
    """Bytes of a type, as MLIR writes it.

    >>> _size("f64"), _size("vector<4xf32>"), _size("!llvm.ptr")
    (8, 16, 8)
    """
    match = _TYPE.fullmatch(type)
    counts, element = ("", type) if match is None or match[1] is None else (match[1], match[2])
    bits = re.fullmatch(r"[a-z]+(\d+)", element)
    size = _POINTER if bits is None else max(1, int(bits[1]) // 8)
    for count in counts.split("x")[:-1]:
        size *= int(count)
    return size
