"""Micro-kernels of matrix products as machine code: one of each shape in a process, when needed.

A kernel's name says all about it, so that a module that declares it is linked by its name alone.
Nothing in a kernel depends on the program that uses it. They are compiled without LLVM's passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import lowering
from lowering.bindings import ir

from ...locks import Lock
from ...real_types import REAL_TYPES
from ..dialect.blocks import new_module
from ..target import Target
from .builder import Builder
from .making import Making
from .product_kernel import Shape, argument_types, emit_kernel

_codes: dict[tuple[str, str, str], lowering.NativeModule] = {}
_lock = Lock()


def declared(b: Builder, shape: Shape) -> str:
    """The name of the micro-kernel of a shape, which the builder's module declares now."""
    name = f"product.f{b.bits}.{b.target.vector_bits}.{shape.name}"
    b.declare(name, f"({', '.join(map(str, argument_types(b)))})")
    return name


def addresses(names: Iterable[str], target: Target) -> dict[str, int]:
    """Where the micro-kernels of these names are; those that are nowhere yet are compiled, all in
    one module, which takes less time than one each.
    """
    names = sorted(names)
    processor = target.processor.cpu, target.processor.features
    with _lock:
        missing = [name for name in names if (name, *processor) not in _codes]
        for width in sorted({_width(name) for name in missing}):
            together = [name for name in missing if _width(name) == width]
            code = _compiled(together, target)
            _codes.update({(name, *processor): code for name in together})
        return {name: _codes[name, *processor].address(name) for name in names}


def kernel(name: str, target: Target) -> lowering.NativeModule:
    """The machine code that has one micro-kernel."""
    addresses([name], target)
    return _codes[name, target.processor.cpu, target.processor.features]


def _width(name: str) -> tuple[str, str]:
    """Of numbers and of vectors."""
    _, bits, width, _ = name.split(".")
    return bits, width


def _compiled(names: Sequence[str], target: Target) -> lowering.NativeModule:
    bits, width = _width(names[0])
    target = replace(target, dtype=REAL_TYPES[bits].dtype, vector_bits=int(width), strict=False)

    def make() -> ir.Module:
        with new_module() as module:
            b = Builder(module, target)
            for name in names:
                emit_kernel(b, name, Shape.named(name.split(".")[-1]))
        return module

    return Making(make, target, ("products", *names), passes=False).native()
