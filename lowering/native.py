"""LLVM IR -> machine code in this process.

In: an llvm-dialect module, or LLVM IR text. Out: a NativeModule, whose symbols have addresses until
it is closed or dropped. Threads may compile and call at the same time: llvmlite holds a lock around
each call of LLVM, and every compilation has an LLVM context of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from lowering.backend import Options, in_process
from lowering.bindings import ir
from lowering.cache import ObjectCache, unpack
from lowering.debug import with_lines
from lowering.errors import CompileError
from lowering.guard import perform
from lowering.module import NativeModule, known_symbols, linked_module
from lowering.pipelines import converted
from lowering.processors import processor, this
from lowering.startup import with_calls
from lowering.translation import translate, verify
from lowering.upstream import upstream


def compile(
    module: ir.Module,
    *,
    pipeline: str | None = None,
    opt_level: int = 2,
    symbols: Mapping[str, int] | NativeModule | None = None,
    cache: ObjectCache | None = None,
    vectorize: bool = True,
    slp: bool = False,
    unroll: bool = True,
    isolate: bool = True,
    passes: bool | str = True,
    cpu: str | None = None,
    features: str | None = None,
) -> NativeModule:
    """The machine code of the module, for this processor if no other is given.

    `opt_level` is LLVM's -O level, 0 to 3; 0 is also the fast instruction selector. `symbols` gives
    the addresses of functions and globals that the module declares, or is the NativeModule that has
    them, which is then held; what is not in it is looked for in the process, libm included. `cache`
    keeps object code between processes. `vectorize` is the loop vectoriser; `slp` the vectoriser of
    straight-line code, off because its cost is more than linear in the length of a block; `unroll`
    the loop unroller. `isolate` compiles what LLVM may not survive in another process, which costs
    a few tenths of a second the first time; turn it off for IR that you know. `passes=False` leaves
    out LLVM's optimiser, whatever else is said of it, and `opt_level` is that of the code generator
    alone: IR that keeps its values in registers by itself gives the same code in a third of the
    time. `passes="straight"` takes the few that matter where there are no loops, `passes="loops"`
    those that matter where loops are as they shall be: their order, what lies in vectors, and what
    iterations hand on in registers. Constructors of the module run now, its destructors when it is
    closed.

    `cpu` and `features` say what to compile for, see `processor`: a processor of this machine's
    kind by LLVM's name, and changes to its features. The code is linked into this process, so it
    can be called if this machine has all that it uses; elsewhere it can be looked at.

    `pipeline` first takes a copy of the module through MLIR's own conversion passes, from any
    dialect that the bindings have: a name in `lowering.PIPELINES`, or passes as MLIR writes them.

    Raises what `translate` raises, PipelineError for passes that are not there or fail,
    CompileError when LLVM rejects the IR, does not know the processor, or a symbol is not found,
    ValueError for an `opt_level` that is none.
    """
    options = Options(opt_level, vectorize, slp, unroll, isolate, *_named(cpu, features), passes)
    if pipeline is not None:
        module = converted(module, pipeline)
    verify(module)
    return _compile(upstream(module) or translate(module), options, symbols, cache)


def listing(
    module: ir.Module,
    *,
    lines: str = "",
    opt_level: int = 2,
    vectorize: bool = True,
    slp: bool = False,
    unroll: bool = True,
    isolate: bool = True,
    passes: bool | str = True,
    cpu: str | None = None,
    features: str | None = None,
) -> tuple[str, str]:
    """The LLVM IR of the module and its assembly, which are made as `compile` makes them, but not
    linked. Arguments and errors as for that.

    `lines` names a file: then both say of instructions which of its lines they are of, as far as
    the locations of the module's operations do, by `!dbg` and `.loc`.
    """
    options = Options(opt_level, vectorize, slp, unroll, isolate, *_named(cpu, features), passes)
    if lines:
        with_lines(module, lines)
    verify(module)
    llvm_ir = upstream(module) or translate(module)
    return llvm_ir, perform("assembly", llvm_ir, options).decode()


def compile_ir(
    llvm_ir: str,
    *,
    opt_level: int = 2,
    symbols: Mapping[str, int] | NativeModule | None = None,
    cache: ObjectCache | None = None,
    vectorize: bool = True,
    slp: bool = False,
    unroll: bool = True,
    isolate: bool = True,
    passes: bool | str = True,
    cpu: str | None = None,
    features: str | None = None,
) -> NativeModule:
    """The machine code of LLVM IR text. Arguments and errors as for `compile`.

    >>> with compile_ir("define i32 @f(i32 %x) { ret i32 %x }") as native:
    ...     native.symbols
    ('f',)
    """
    options = Options(opt_level, vectorize, slp, unroll, isolate, *_named(cpu, features), passes)
    return _compile(llvm_ir, options, symbols, cache)


def _named(cpu: str | None, features: str | None) -> tuple[str | None, str | None]:
    """The processor for Options, in whose keys this machine's is None."""
    found = processor(cpu, features)
    return (None, None) if found == this() else (found.cpu, found.features)


def _compile(
    llvm_ir: str,
    options: Options,
    symbols: Mapping[str, int] | NativeModule | None,
    cache: ObjectCache | None,
) -> NativeModule:
    compiled = with_calls(llvm_ir)
    key = options.key(llvm_ir) if cache is not None else ""
    stored = cache.load(key) if cache is not None else None
    unpacked = unpack(stored) if stored is not None else None
    if unpacked is None:
        packed = perform("object", compiled, options)
        if cache is not None:
            cache.store(key, packed)
        unpacked = unpack(packed)
        assert unpacked is not None
    names, code = unpacked
    try:
        return linked_module(llvm_ir, options, code, names, symbols)
    except CompileError as error:
        known = known_symbols(symbols)
        declared = json.loads(perform("declared", compiled, options))
        absent = [name for name in declared if name not in known and not in_process(name)]
        if not absent:
            raise
        raise CompileError(
            f"cannot link the module, symbols not found: {', '.join(absent)}. "
            "Give their addresses as `symbols`, or define them in the module"
        ) from error
