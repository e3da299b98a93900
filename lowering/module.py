"""Machine code in this process: what compiling gives, and what is linked again of kept object code.

In: object code, packed with its symbols. Out: a NativeModule, whose symbols have addresses until it
is closed or dropped. Nothing of MLIR is needed for it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from lowering.backend import Options, link
from lowering.cache import START, STOP, unpack
from lowering.errors import ModuleClosed, UnknownSymbol, Unsupported
from lowering.late import importing


class NativeModule:
    """Compiled code, alive as long as this object is.

    It frees its machine code when it is closed or when its last reference goes; addresses are then
    invalid, and calling one is undefined. There are no reference cycles, so dropping it frees at
    once.
    """

    __slots__ = ("__weakref__", "_addresses", "_held", "_linked", "_llvm_ir", "_options", "_stop")

    def __init__(
        self,
        llvm_ir: str,
        options: Options | None,
        linked: Any,
        addresses: dict[str, int],
        held: NativeModule | None = None,
    ) -> None:
        self._stop = addresses.pop(STOP, None)
        self._held = held
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

    def function(self, name: str, restype: Any, *argtypes: Any) -> Any:
        """A function of the module as Python calls it: with the result and the arguments of these
        ctypes types, `None` for no result. The module lives as long as the function does.

        >>> import ctypes
        >>> from lowering import compile_ir
        >>> native = compile_ir("define double @f(double %x) { ret double %x }")
        >>> native.function("f", ctypes.c_double, ctypes.c_double)(1.5)
        1.5

        Raises what `address` raises, TypeError for a type that is not of ctypes.
        """
        found: Any = ctypes.CFUNCTYPE(restype, *argtypes)(self.address(name))
        found.module = self
        return found

    @property
    def is_compiled(self) -> bool:
        """Whether it was compiled in this process, so that its LLVM IR is known; or else loaded."""
        return self._options is not None

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names that `address` knows."""
        self._check_open()
        return tuple(self._addresses)

    @property
    def llvm_ir(self) -> str:
        """The LLVM IR that was compiled, before any optimisation.

        Raises Unsupported where kept code was loaded, of which only the machine code is known.
        """
        self._compiled_here()
        return self._llvm_ir

    @property
    def optimized_ir(self) -> str:
        """The LLVM IR after the pass pipeline. Cost: runs the pipeline again."""
        return self._performed("optimized")

    @property
    def assembly(self) -> str:
        """The machine code as assembly. Cost: compiles again."""
        return self._performed("assembly")

    def _performed(self, task: str) -> str:
        self._check_open()
        with importing:
            from lowering.guard import perform
        return perform(task, self._llvm_ir, self._compiled_here()).decode()

    def _compiled_here(self) -> Options:
        if self._options is None:
            raise Unsupported(
                "this NativeModule was loaded, not compiled, so its LLVM IR is not known; compile "
                "the module to see it"
            )
        return self._options

    def close(self) -> None:
        """Runs the module's destructors and frees its machine code. Closing twice is allowed."""
        linked, self._linked = self._linked, None
        if linked is not None:
            if self._stop is not None:
                ctypes.CFUNCTYPE(None)(self._stop)()
            if not sys.is_finalizing():  # then LLVM's own modules may be gone, and memory soon is
                linked.close()
        self._held = None

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
        # when Python ends, the names of this module may be gone; its memory soon is, too
        if getattr(self, "_linked", None) is not None and sys is not None:
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


def load(
    packed: bytes, symbols: Mapping[str, int] | NativeModule | None = None
) -> NativeModule | None:
    """The machine code that `compile` gave a cache to store, linked into this process; None if that
    is damaged. It is for the processor that it was compiled for: keys of caches say which.

    `symbols` are as for `compile`. Raises CompileError when one that it needs is found nowhere.
    """
    unpacked = unpack(packed)
    if unpacked is None:
        return None
    names, code = unpacked
    return linked_module("", None, code, names, symbols)


def linked_module(
    llvm_ir: str,
    options: Options | None,
    code: bytes,
    names: list[str],
    symbols: Mapping[str, int] | NativeModule | None,
) -> NativeModule:
    """The module of object code that defines these names, after its constructors have run."""
    held = symbols if isinstance(symbols, NativeModule) else None
    linked, addresses = link(code, names, known_symbols(symbols))
    native = NativeModule(llvm_ir, options, linked, addresses, held)
    start = addresses.pop(START, None)
    if start is not None:
        ctypes.CFUNCTYPE(None)(start)()
    return native


def known_symbols(symbols: Mapping[str, int] | NativeModule | None) -> dict[str, int]:
    """The addresses that are given, by name."""
    if isinstance(symbols, NativeModule):
        return {name: symbols.address(name) for name in symbols.symbols}
    return dict(symbols or {})
