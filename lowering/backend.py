"""What llvmlite does for us: parse, optimise, emit, link.

With optimizer.py the only module that imports llvmlite. Object files are linked by an ORC LLJIT of
their own each (JITLink). Measured for a tiny function: MCJIT 0.75 ms, an LLJIT per module 0.75 ms,
one shared LLJIT 0.2 ms; but a shared one keeps 10 kB for every module that it ever linked and slows
down with them, and MCJIT ends the process when a symbol is missing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from llvmlite.binding import ffi

from lowering.errors import CompileError
from lowering.families import X86, Family, family_of
from lowering.late import guard, importing

guard(ffi.lib._lock)  # so that a child finds LLVM whole

MANY_ACCESSES = 256
"""Loads and stores of a block from which on LLVM orders them roughly (1000): it is quadratic."""
LOOPS_AT = 6
"""Innermost loops on x86 begin at multiples of 2**6 bytes, lines of its caches. LLVM's 16 bytes let
short ones lie across two, which may cost a quarter of their time, by chance.
"""


@functools.cache
def _host() -> tuple[Any, str, str, str, str]:
    """Target, CPU, features, triple and layout of this machine, with its math library loaded."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    llvm.set_option("", f"-dag-maps-huge-region={MANY_ACCESSES}")
    for name in _libraries():
        try:
            llvm.load_library_permanently(name)
        except RuntimeError:
            continue  # not there under this name; what is missing then, `link` reports
    triple = llvm.get_process_triple()
    if family_of(triple) is X86:
        llvm.set_option("", f"-x86-experimental-pref-innermost-loop-alignment={LOOPS_AT}")
    target = llvm.Target.from_triple(triple)
    cpu = llvm.get_host_cpu_name()
    features = llvm.get_host_cpu_features().flatten()
    machine = target.create_target_machine(cpu=cpu, features=features, jit=True)
    return target, cpu, features, triple, str(machine.target_data)


def _libraries() -> list[str]:
    """The math library, and the compiler's own (128-bit division, half conversions)."""
    if sys.platform.startswith("linux"):
        return ["libm.so.6", "libgcc_s.so.1"]
    with importing:
        from ctypes.util import find_library
    found = find_library("m")
    return [found] if found else []


def vector_bits() -> int:
    """The width of this machine's vector registers: 512, 256 or 128 bits.

    >>> vector_bits() in (128, 256, 512)
    True
    """
    return family().vector_bits(host_features())


def family() -> Family:
    """The family of this machine's processor."""
    return family_of(host_triple())


def host_features() -> list[str]:
    """The features of this machine's processor, as LLVM names them, each behind a + or a -."""
    return _host()[2].split(",")


def host() -> tuple[str, str]:
    """The name of this machine's processor, and its features, as LLVM writes them."""
    return _host()[1:3]


def host_triple() -> str:
    """This machine, as LLVM names it."""
    return _host()[3]


def host_layout() -> str:
    """The data layout of this machine."""
    return _host()[4]


def identity() -> tuple[str, ...]:
    """What object code that is kept depends on beside what was compiled: this machine's processor,
    its kind of code, and the versions of LLVM and of llvmlite.
    """
    _, cpu, features, triple, layout = _host()
    return cpu, features, triple, layout, repr(llvm.llvm_version_info), llvmlite.__version__


def llvm_version() -> int:
    """The version of the LLVM that compiles here."""
    return int(llvm.llvm_version_info[0])


def has_fma() -> bool:
    """Whether this machine fuses a product and a sum in one instruction.

    >>> has_fma() in (True, False)
    True
    """
    return family().fuses(host_features())


@functools.cache
def _other(triple: str) -> tuple[Any, str]:
    """Target and data layout of a machine, of which this process runs no code."""
    _host()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple)
    return target, str(target.create_target_machine().target_data)


def layout_of(triple: str | None) -> str:
    """The data layout of a machine by LLVM's name; None: of this one."""
    return host_layout() if triple is None else _other(triple)[1]


@functools.lru_cache(maxsize=64)
def _machine(
    opt_level: int,
    cpu: str | None = None,
    features: str | None = None,
    triple: str | None = None,
) -> Any:
    if triple is not None:  # for a file
        return _other(triple)[0].create_target_machine(
            cpu=cpu or "",
            features=features or "",
            opt=opt_level,
            reloc="pic",
            codemodel="default",
            abiname="lp64d" if triple.startswith("riscv64") else "",
        )
    target, this, its_features, _, _ = _host()
    if cpu is None:
        cpu, features = this, its_features
    # Position-independent code: JITLink then reaches everything through tables of its own.
    return target.create_target_machine(
        cpu=cpu,
        features=features or "",
        opt=opt_level,
        reloc="pic",
        codemodel="default",
        jit=True,
    )


def forget_machines() -> None:
    """Let target machines be made anew when they are asked for."""
    _host()
    _machine.cache_clear()


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile; `cpu` and `features`: None is this machine's processor; `passes`: whether
    the IR is optimised, or "straight" or "loops": as code without loops, or with such as they shall
    be; `triple`: the machine that an object file is for, None if the code runs in this process.
    """

    opt_level: int
    vectorize: bool
    slp: bool
    unroll: bool
    isolate: bool = True
    cpu: str | None = None
    features: str | None = None
    passes: bool | str = True
    triple: str | None = None

    def __post_init__(self) -> None:
        if type(self.opt_level) is not int or not 0 <= self.opt_level <= 3:
            raise ValueError(f"opt_level must be 0, 1, 2 or 3, not {self.opt_level!r}")
        if self.passes not in (True, False, "straight", "loops"):
            known = "True, False, 'straight' or 'loops'"
            raise ValueError(f"passes must be {known}, not {self.passes!r}")

    def fields(self) -> dict[str, Any]:
        """What the options were made from."""
        return dataclasses.asdict(self)

    def machine(self) -> Any:
        """The target machine for this level; shared, as llvmlite lets one thread at a time in."""
        return _machine(self.opt_level, self.cpu, self.features, self.triple)

    def key(self, llvm_ir: str) -> str:
        """The name of the code in a cache."""
        parts = (repr(self), *identity(), llvm_ir)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextlib.contextmanager
def parsed(llvm_ir: str, machine: str | None = None) -> Iterator[Any]:
    """The LLVM module, verified, laid out for this machine, or for another by LLVM's name; closed
    at the end of the block.

    It is closed by hand because a garbage collector that finds module and context in one cycle,
    such as that of an exception and its frames, may free the context first, which LLVM does not
    survive.

    Raises CompileError with LLVM's message, which quotes the offending line.
    """
    triple, layout = machine or host_triple(), layout_of(machine)
    given = re.search(r'^target datalayout = "(.*)"$', llvm_ir, re.MULTILINE)
    if given is None:
        # Before parsing: the alignment of a load that does not state one is taken from it then.
        llvm_ir = f'target datalayout = "{layout}" target triple = "{triple}" {llvm_ir}'
    elif given[1] != layout:
        raise CompileError(
            "the module's data layout is not that of the machine; leave it out, or use "
            f"llvm.data_layout = {layout!r}\n  the module has: {given[1]!r}"
        )
    with contextlib.ExitStack() as stack:
        context = llvm.create_context()
        stack.callback(context.close)
        try:
            module = llvm.parse_assembly(llvm_ir, context)
            stack.callback(module.close)
            module.triple = triple
            module.verify()
        except RuntimeError as error:
            raise CompileError(f"LLVM rejects the IR: {error}") from None
        for variable in module.global_variables if "thread_local" in llvm_ir else ():
            if "thread_local" in str(variable).split(" = ", 1)[-1].partition('"')[0]:
                # The linker would put the variable's template where the variable should be.
                raise CompileError(
                    f"@{variable.name} is thread_local: such variables cannot be linked into a "
                    "running process; pass a pointer to the thread's data instead"
                )
        yield module


class Linked:
    """Machine code in memory."""

    __slots__ = ("__weakref__", "_jit", "_tracker")

    def __init__(self, jit: Any, tracker: Any) -> None:
        self._jit = jit
        self._tracker = tracker

    def close(self) -> None:
        """Frees the code: first the library, then its linker."""
        self._tracker.close()
        self._jit.close()


def defined(module: Any) -> list[str]:
    """The names of the functions and variables that an LLVM module defines for others to see."""
    hidden = ("internal", "private", "available_externally", "appending")
    return [
        each.name
        for group in (module.functions, module.global_variables)
        for each in group
        if not each.is_declaration and each.linkage.name not in hidden
    ]


_ALIAS = re.compile(r'^@("[^"\n]*"|[-\w.$]+) = ([a-z_ ]*?)alias ', re.MULTILINE)
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2})")


def aliases(llvm_ir: str) -> list[str]:
    """The names of the aliases that IR defines for others to see; llvmlite does not list them."""
    return [
        _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name.strip('"'))
        for name, words in _ALIAS.findall(llvm_ir)
        if not {"private", "internal"} & set(words.split())
    ]


def in_process(name: str) -> bool:
    """Whether this process knows the symbol."""
    return llvm.address_of_symbol(name) is not None


def link(
    code: bytes, names: list[str], symbols: Mapping[str, int]
) -> tuple[Linked, dict[str, int]]:
    """The code in memory, and the addresses of its symbols.

    Raises CompileError when a symbol that it needs is found nowhere.
    """
    jit = llvm.create_lljit_compiler(_machine(0), use_jit_link=True, suppress_errors=True)
    library = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
    for name in names:
        library.export_symbol(name)
    for name, address in symbols.items():
        library.import_symbol(name, address)
    try:
        tracker = library.link(jit, "module")
    except RuntimeError as error:
        jit.close()
        raise CompileError(f"cannot link the module: {error}") from None
    return Linked(jit, tracker), {name: tracker[name] for name in names}
