"""Which processor to compile for: this machine's, or another of its kind, by LLVM's names.

LLVM only warns of names that it does not know, and ends the process when features contradict its
target. So what is asked for is tried out first, once, in the process of guard.py.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass

from lowering.backend import Options, family, has_fma, host, vector_bits
from lowering.errors import CompileError
from lowering.families import Family
from lowering.guard import apart

_CPU = re.compile(r"[\w.+-]+")
_FEATURES = re.compile(r"[+-][\w.-]+(?:,[+-][\w.-]+)*")
_MODES = re.compile(r"\+(?:16bit-mode|32bit-mode|soft-float)\b|-64bit(?:-mode)?\b")

# Arithmetic that is a register of so many bits wide where there are such, and a fused one.
_TRIAL = """
define <8 x double> @add(<8 x double> %x, <8 x double> %y) #0 {
  %z = fadd <8 x double> %x, %y
  ret <8 x double> %z
}
define double @fuse(double %x, double %y, double %z) {
  %r = call double @llvm.fma.f64(double %x, double %y, double %z)
  ret double %r
}
declare double @llvm.fma.f64(double, double, double)
attributes #0 = { "min-legal-vector-width"="512" }
"""


@dataclass(frozen=True, slots=True)
class Processor:
    """What code is compiled for. `processor` makes one.

    cpu, features   by LLVM's names
    vector_bits     the width of its vector registers: 512, 256 or 128
    has_fma         whether it fuses a product and a sum in one instruction
    family          what it has in common with others
    triple          the machine that it is in, by LLVM's name; None: this one, whose code runs here
    """

    cpu: str
    features: str
    vector_bits: int
    has_fma: bool
    family: Family
    triple: str | None = None

    @property
    def registers(self) -> int:
        """How many vector registers it has."""
        return self.family.vector_registers(self.vector_bits)


def processor(cpu: str | None = None, features: str | None = None) -> Processor:
    """The processor of this name, with changes to its features.

    cpu        as LLVM names it, such as "x86-64", "haswell" or "znver4"; None: this machine's
    features   to add and to take away, such as "+fma,-avx512f"; None: none

    >>> processor().vector_bits in (128, 256, 512)
    True
    >>> processor("pentium")
    Traceback (most recent call last):
    ...
    lowering.errors.CompileError: cannot compile for cpu='pentium': ...

    Raises CompileError for what LLVM does not know, or cannot compile for here. Cost: a few tenths
    of a second for the first that is not this machine's.
    """
    if cpu is None and not features:
        return this()
    for name, given, form, example in (
        ("cpu", cpu, _CPU, "'haswell'"),
        ("features", features or None, _FEATURES, "'+fma,-avx512f'"),
    ):
        fits = given is None or (isinstance(given, str) and form.fullmatch(given))
        if not fits or (given and "help" in given):  # of that, LLVM prints lists
            raise CompileError(
                f"{name} should be as LLVM names it, such as {example}, got {given!r}"
            )
    if features and (mode := _MODES.search(features)):
        raise CompileError(
            f"features={features!r}: {mode[0]} makes code of another kind than this process runs"
        )
    here = this()
    if cpu is None:
        return _tried(here.cpu, f"{here.features},{features}", features)
    if (cpu, features) == (here.cpu, here.features):
        return here
    return _tried(cpu, features or "", features)


@functools.cache
def this() -> Processor:
    """This machine's."""
    return Processor(*host(), vector_bits(), has_fma(), family())


@functools.lru_cache(maxsize=256)
def _tried(cpu: str, features: str, changes: str | None) -> Processor:
    try:
        found = json.loads(
            apart("processor", _TRIAL, Options(2, False, False, False, True, cpu, features))
        )
    except CompileError as error:
        changed = f", features={changes!r}" if changes else ""
        said = "\n".join(dict.fromkeys(str(error).splitlines()))  # it is said again and again
        raise CompileError(f"cannot compile for cpu={cpu!r}{changed}: {said}") from None
    return Processor(cpu, features, found["vector_bits"], found["has_fma"], family())
