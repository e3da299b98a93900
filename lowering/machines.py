"""Machines that object files are made for, by name; one entry each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lowering.backend import host_triple
from lowering.errors import CompileError
from lowering.families import family_of
from lowering.processors import Processor, this

NATIVE = "native"
"""This machine, with all that its processor can do."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What LLVM calls a machine.

    triple     its kind, whose system is Linux where it has one
    cpu        the least processor that code is for
    features   what that has beside
    """

    triple: str
    cpu: str
    features: str = ""


_X86, _ARM, _RISCV = (f"{kind}-unknown-linux-gnu" for kind in ("x86_64", "aarch64", "riscv64"))
MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(_X86, "x86-64"),
    "x86_64-v2": Machine(_X86, "x86-64-v2", "+sse4.2"),
    "x86_64-v3": Machine(_X86, "x86-64-v3", "+avx,+avx2,+fma"),
    "x86_64-v4": Machine(_X86, "x86-64-v4", "+avx,+avx2,+fma,+avx512f,+avx512dq,+avx512vl"),
    "aarch64": Machine(_ARM, "generic", "+neon,+fp-armv8"),
    "riscv64": Machine(_RISCV, "generic-rv64", "+m,+a,+f,+d,+c"),
    "wasm32": Machine("wasm32-unknown-unknown", "generic", "+simd128"),
}
"""By their names; `machine` also takes those with the system behind, aarch64-linux-gnu."""


def machine(name: str = NATIVE) -> Processor:
    """The processor of a machine that object files are made for.

    >>> machine("aarch64-linux-gnu").vector_bits, machine("x86_64-v3").vector_bits
    (128, 256)

    Raises CompileError for a name that is none, with those that are.
    """
    if name == NATIVE:
        here = this()
        return Processor(
            here.cpu, here.features, here.vector_bits, here.has_fma, here.family, host_triple()
        )
    found = MACHINES.get(_short(name)) if isinstance(name, str) else None
    if found is None:
        raise CompileError(
            f"there is no target {name!r}; there are {', '.join((NATIVE, *MACHINES))}, "
            "and these with -linux-gnu behind the processor, as aarch64-linux-gnu"
        )
    family, features = family_of(found.triple), found.features.split(",")
    return Processor(
        found.cpu,
        found.features,
        family.vector_bits(features),
        family.fuses(features),
        family,
        found.triple,
    )


def _short(name: str) -> str:
    """The name without its system."""
    kind, system, rest = name.partition("-linux-gnu")
    return kind if system and not rest and kind != "wasm32" else name
