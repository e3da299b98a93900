"""LLVM IR -> machine code in this process.

In: an llvm-dialect module, or LLVM IR text. Out: a NativeModule, whose symbols have addresses until
it is closed or dropped. Threads may compile and call at the same time: llvmlite holds a lock around
each call of LLVM, and every compilation has an LLVM context of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from lowering.backend import Options, defined, link, lowered, missing
from lowering.bindings import ir
from lowering.cache import ObjectCache, pack, unpack
from lowering.errors import CompileError, ModuleClosed, UnknownSymbol
from lowering.translation import translate


class NativeModule:
    """Compiled code, alive as long as this object is.

    It frees its machine code when it is closed or when its last reference goes; addresses are then
    invalid, and calling one is undefined. There are no reference cycles, so dropping it frees at
    once.
    """

    __slots__ = ("__weakref__", "_addresses", "_linked", "_llvm_ir", "_options")

    def __init__(
        self, llvm_ir: str, options: Options, linked: Any, addresses: dict[str, int]
    ) -> None:
        self._llvm_ir = llvm_ir
        self._options = options
        self._linked = linked
        self._addresses = addresses

    def address(self, name: str) -> int:
        """The address of a function or global variable of the module.

        Raises UnknownSymbol when the module defines no such symbol for others to see, ModuleClosed
        after `close`.
        """
        self._check_open()
        try:
            return self._addresses[name]
        except KeyError:
            known = ", ".join(sorted(self._addresses)) or "none"
            raise UnknownSymbol(
                f"the module defines no symbol {name!r}; it defines: {known}. Functions and "
                f"globals with internal or "
                "private linkage cannot be looked up"
            ) from None

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names that `address` knows."""
        self._check_open()
        return tuple(self._addresses)

    @property
    def llvm_ir(self) -> str:
        """The LLVM IR that was compiled, before any optimisation."""
        return self._llvm_ir

    @property
    def optimized_ir(self) -> str:
        """The LLVM IR after the pass pipeline. Cost: runs the pipeline again."""
        self._check_open()
        with lowered(self._llvm_ir, self._options) as module:
            return str(module)

    @property
    def assembly(self) -> str:
        """The machine code as assembly. Cost: compiles again."""
        self._check_open()
        with lowered(self._llvm_ir, self._options) as module:
            return str(self._options.machine().emit_assembly(module))

    def close(self) -> None:
        """Frees the machine code. Closing twice is allowed."""
        linked, self._linked = self._linked, None
        if linked is not None:
            linked.close()

    def _check_open(self) -> None:
        if self._linked is None:
            raise ModuleClosed(
                "this NativeModule is closed and its machine code is freed; compile the module "
                "again"
            )

    def __enter__(self) -> NativeModule:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_linked", None) is not None:
            self.close()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a NativeModule is machine code at addresses of this process, and can neither be "
            "copied nor pickled; compile its llvm_ir again"
        )

    def __repr__(self) -> str:
        if self._linked is None:
            return "<NativeModule, closed>"
        return f"<NativeModule: {', '.join(self._addresses)}>"


def compile(
    module: ir.Module,
    *,
    opt_level: int = 2,
    symbols: Mapping[str, int] | None = None,
    cache: ObjectCache | None = None,
    vectorize: bool = True,
    slp: bool = False,
    unroll: bool = True,
) -> NativeModule:
    """The machine code of the module for this processor.

    `opt_level` is LLVM's -O level, 0 to 3; 0 is also the fast instruction selector. `symbols` gives
    the addresses of functions and globals that the module declares; what is not in it is looked for
    in the process, libm included. `cache` keeps object code between processes. `vectorize` is the
    loop vectoriser; `slp` the vectoriser of straight-line code, off because its cost is more than
    linear in the length of a block; `unroll` the loop unroller.

    Raises what `translate` raises, CompileError when LLVM rejects the IR or a symbol is not found,
    ValueError for an `opt_level` that is none.
    """
    options = Options(opt_level, vectorize, slp, unroll)
    return _compile(translate(module), options, symbols, cache)


def compile_ir(
    llvm_ir: str,
    *,
    opt_level: int = 2,
    symbols: Mapping[str, int] | None = None,
    cache: ObjectCache | None = None,
    vectorize: bool = True,
    slp: bool = False,
    unroll: bool = True,
) -> NativeModule:
    """The machine code of LLVM IR text. Arguments and errors as for `compile`.

    >>> with compile_ir("define i32 @f(i32 %x) { ret i32 %x }") as native:
    ...     native.symbols
    ('f',)
    """
    options = Options(opt_level, vectorize, slp, unroll)
    return _compile(llvm_ir, options, symbols, cache)


def _compile(
    llvm_ir: str, options: Options, symbols: Mapping[str, int] | None, cache: ObjectCache | None
) -> NativeModule:
    key = options.key(llvm_ir) if cache is not None else ""
    stored = cache.load(key) if cache is not None else None
    unpacked = unpack(stored) if stored is not None else None
    if unpacked is None:
        with lowered(llvm_ir, options) as module:
            names = defined(module)
            code = options.machine().emit_object(module)
        if cache is not None:
            cache.store(key, pack(names, code))
    else:
        names, code = unpacked
    symbols = symbols or {}
    try:
        linked, addresses = link(code, names, symbols)
    except CompileError as error:
        with lowered(llvm_ir, options) as module:
            absent = missing(module, symbols)
        if not absent:
            raise
        raise CompileError(
            f"cannot link the module, symbols not found: {', '.join(absent)}. "
            "Give their addresses as `symbols`, or define them in the module"
        ) from error
    return NativeModule(llvm_ir, options, linked, addresses)
