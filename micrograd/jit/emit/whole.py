"""Schedule -> MLIR module for an object file, which has all that it needs but the C library.

What the compiler keeps apart from modules, and links by address into this process, is a part of
this one: constants of any length, the micro-kernels of matrix products, and the answer to whether
Python was interrupted, which is no.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lowering.bindings import ir

from ...errors import ExportError
from ..dialect.blocks import new_module
from ..schedule.schedule import Schedule
from ..target import Target
from .builder import Builder
from .function import Emitter
from .interface import ENTRY, Interface
from .interrupts import HEARD
from .native import LOOP
from .outer import Outer
from .outer_rows import OverRows
from .product_kernel import Shape, emit_kernel

_PRODUCT = re.compile(r"product\.f\d+\.\d+\.(r\w+)")


def emit_whole(
    schedule: Schedule,
    interface: Interface,
    target: Target,
    name: str,
    outer: Outer | OverRows | None = None,
) -> tuple[ir.Module, int]:
    """The module of a schedule, whose function has this name; all else in it is internal. And how
    many bytes a call takes from the heap, beside the workspace.

    outer   the function, if it is not the kernel itself, but around that

    Raises ExportError for what is called in this process only: NumPy's functions, which strict code
    of Tensors has its bits from.
    """
    with new_module() as module:
        builder = Builder(module, target, whole=True)
        emitter = Emitter(builder, schedule, interface)
        emitter.globals()
        emitter.kernel(ENTRY if outer else name, internal=bool(outer), apart=bool(outer))
        heap = outer.emit(builder, name) if outer else 0
        _complete(module, builder, name)
        names = [op.attributes["sym_name"].value for op in module.body]
        if names.count(name) > 1:
            raise ExportError(f"{name!r} is what a part of the code is called; choose another name")
    return module, heap


def _complete(module: ir.Module, b: Builder, name: str) -> None:
    """Define what the module declares, but for functions of C."""
    products = {}
    for op in list(module.body):
        declared = op.attributes["sym_name"].value
        if declared.startswith(LOOP):
            raise ExportError(
                f"{name} calls NumPy's {declared.split('.')[1]}, as strict code of Tensors does to "
                "have the bits of eager ones; export one that is compiled with strict=False"
            )
        if found := _PRODUCT.fullmatch(declared):
            products[declared] = Shape.named(found[1])
        if found or declared == HEARD:
            op.operation.erase()
    if b.is_new(HEARD) is False:
        b.function(HEARD, [], b.i1, internal=True)
        b.leave(b.constant_op(ir.BoolAttr.get(False), b.i1))
    if products:
        plain = Builder(module, replace(b.target, strict=False), whole=True)
        for declared, shape in products.items():
            emit_kernel(plain, declared, shape, internal=True)
