"""MLIR's llvm dialect to native code, in this process.

`translate` gives the LLVM IR of a module that was built with the MLIR Python bindings, `compile`
its machine code. `lowering.bindings` finds the bindings.
"""

from lowering.backend import vector_bits
from lowering.cache import ObjectCache
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
from lowering.native import NativeModule, compile, compile_ir
from lowering.pipelines import PIPELINES
from lowering.processors import Processor, processor
from lowering.translation import translate

__all__ = [
    "PIPELINES",
    "BindingsMissing",
    "CompileError",
    "InvalidModule",
    "LoweringError",
    "ModuleClosed",
    "NativeModule",
    "ObjectCache",
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
    "processor",
    "translate",
    "vector_bits",
]
