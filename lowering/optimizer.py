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
        if not options.passes:
            yield module
            return
        tuning = llvm.create_pipeline_tuning_options(speed_level=options.opt_level)
        stack.callback(tuning.close)
        tuning.loop_vectorization = options.vectorize
        tuning.loop_interleaving = options.vectorize
        tuning.slp_vectorization = options.slp
        tuning.loop_unrolling = options.unroll
        builder = llvm.create_pass_builder(options.machine(), tuning)
        stack.callback(builder.close)
        straight = options.passes == "straight" and options.opt_level > 0
        whole = options.opt_level == 0 or _MARK not in llvm_ir
        _optimize(module, builder, stack, whole=whole, straight=straight)
        yield module


def _optimize(
    module: Any, builder: Any, stack: contextlib.ExitStack, *, whole: bool, straight: bool
) -> None:
    """Run the passes: on the module as a whole, or one by one on the functions that are not
    explicit.
    """

    def run(manager: Any, *units: Any) -> None:
        # Its own close() does nothing in llvmlite 0.50: ObjectRef hides the method that frees. The
        # builder cannot be kept: each run adds callbacks to it, and the next takes longer.
        stack.callback(llvm.newpassmanagers.NewPassManager._dispose, manager)
        for each in units:
            manager.run(each, builder)

    if whole and not straight:
        run(builder.getModulePassManager(), module)
        return
    first = llvm.create_new_module_pass_manager()
    first.add_always_inliner_pass()
    for name in _STRAIGHT if straight and whole else ():
        getattr(first, f"add_{name}_pass")()
    first.add_global_dead_code_eliminate_pass()
    run(first, module)
    if whole:
        return
    others = [f for f in module.functions if not (f.is_declaration or _is_explicit(f))]
    run(builder.getFunctionPassManager(), *others)


def _is_explicit(function: Any) -> bool:
    return any(_MARK.encode() in attributes for attributes in function.attributes)
