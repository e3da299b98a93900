"""LLVM IR -> LLVM IR: LLVM's pass pipelines.

In: LLVM IR text. Out: the LLVM module, verified, after the passes of the options.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import llvmlite.binding as llvm

from lowering.backend import Options, parsed

EXPLICIT = "explicit"
"""A function with this attribute is written as it shall be: LLVM's passes leave it out."""
_MARK = f'"{EXPLICIT}"'

_STRAIGHT = ("sroa", "simplify_cfg", "instruction_combine", "new_gvn", "dead_store_elimination")
"""LLVM's passes for straight-line code: the others find next to nothing in it, and take twice the
time that these do.
"""


@contextlib.contextmanager
def lowered(llvm_ir: str, options: Options) -> Iterator[Any]:
    """The LLVM module after the pass pipeline, if it is to run; closed at the end of the block."""
    with parsed(llvm_ir, options.triple) as module, contextlib.ExitStack() as stack:
        if options.passes:
            whole = options.opt_level == 0 or _MARK not in llvm_ir
            _optimize(module, options, stack, whole=whole)
        yield module


def _builder(options: Options, stack: contextlib.ExitStack) -> Any:
    """What has LLVM's pipelines, as the options tune them: for loops that are already as they shall
    be, those of level 1, in which every pass takes time in proportion to the code.
    """
    level = min(1, options.opt_level) if options.passes == "loops" else options.opt_level
    tuning = llvm.create_pipeline_tuning_options(speed_level=level)
    stack.callback(tuning.close)
    tuning.loop_vectorization = options.vectorize
    tuning.loop_interleaving = options.vectorize
    tuning.slp_vectorization = options.slp
    tuning.loop_unrolling = options.unroll
    builder = llvm.create_pass_builder(options.machine(), tuning)
    stack.callback(builder.close)
    return builder


def _optimize(module: Any, options: Options, stack: contextlib.ExitStack, *, whole: bool) -> None:
    """Run the passes: on the module as a whole, or one by one on the functions that are not
    explicit.
    """
    builder = _builder(options, stack)
    passes = options.passes if options.opt_level > 0 else True

    def run(manager: Any, *units: Any) -> None:
        # Its own close() does nothing in llvmlite 0.50: ObjectRef hides the method that frees. The
        # builder cannot be kept: each run adds callbacks to it, and the next takes longer.
        stack.callback(llvm.newpassmanagers.NewPassManager._dispose, manager)
        for each in units:
            manager.run(each, builder)

    if whole and passes is True:
        run(builder.getModulePassManager(), module)
        return
    first = llvm.create_new_module_pass_manager()
    first.add_always_inliner_pass()
    for name in _STRAIGHT if whole and passes == "straight" else ():
        getattr(first, f"add_{name}_pass")()
    first.add_global_dead_code_eliminate_pass()
    run(first, module)
    if whole and passes == "straight":
        return
    others = [f for f in module.functions if not (f.is_declaration or _is_explicit(f))]
    run(builder.getFunctionPassManager(), *others)


def _is_explicit(function: Any) -> bool:
    return any(_MARK.encode() in attributes for attributes in function.attributes)
