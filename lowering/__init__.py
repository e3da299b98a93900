"""MLIR's llvm dialect to native code, in this process.

`translate` gives the LLVM IR of a module that was built with the MLIR Python bindings, `compile`
its machine code. `lowering.bindings` finds the bindings.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lowering.errors import (
    BindingsMissing,
    CompileError,
    InvalidModule,
    LoweringError,
    ModuleClosed,
    PipelineError,
    UnknownSymbol,
    Unsupported,
    UnsupportedAttribute,
    UnsupportedConstant,
    UnsupportedOperation,
    UnsupportedType,
)
from lowering.late import late

if TYPE_CHECKING:
    from lowering.backend import identity, vector_bits
    from lowering.cache import ObjectCache
    from lowering.grids import grid_assembly, grid_object, grid_processor
    from lowering.machines import MACHINES, machine
    from lowering.module import NativeModule, load
    from lowering.native import compile, compile_ir, listing
    from lowering.objects import ObjectFile, object_file
    from lowering.pipelines import PIPELINES
    from lowering.processors import Processor, processor
    from lowering.translation import translate

__all__ = [
    "MACHINES",
    "PIPELINES",
    "BindingsMissing",
    "CompileError",
    "InvalidModule",
    "LoweringError",
    "ModuleClosed",
    "NativeModule",
    "ObjectCache",
    "ObjectFile",
    "PipelineError",
    "Processor",
    "UnknownSymbol",
    "Unsupported",
    "UnsupportedAttribute",
    "UnsupportedConstant",
    "UnsupportedOperation",
    "UnsupportedType",
    "compile",
    "compile_ir",
    "grid_assembly",
    "grid_object",
    "grid_processor",
    "identity",
    "listing",
    "load",
    "machine",
    "object_file",
    "processor",
    "translate",
    "vector_bits",
]

_HOMES = {
    "MACHINES": "machines",
    "NativeModule": "module",
    "ObjectCache": "cache",
    "ObjectFile": "objects",
    "PIPELINES": "pipelines",
    "Processor": "processors",
    "compile": "native",
    "compile_ir": "native",
    "grid_assembly": "grids",
    "grid_object": "grids",
    "grid_processor": "grids",
    "identity": "backend",
    "listing": "native",
    "load": "module",
    "machine": "machines",
    "object_file": "objects",
    "processor": "processors",
    "translate": "translation",
    "vector_bits": "backend",
}
"""Where things are that are imported when they are first asked for: LLVM's import takes as long as
NumPy's.
"""


def __dir__() -> list[str]:
    return sorted({*vars(sys.modules[__name__]), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(late(f"lowering.{_HOMES[name]}"), name)
    setattr(sys.modules[__name__], name, value)  # `globals` is a module of this package
    return value
