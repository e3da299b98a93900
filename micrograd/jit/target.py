"""Target: what code is compiled for, the numbers that it computes in and the machine it runs on.

One object, made once by who compiles and passed down; nothing below asks the machine.
"""

from __future__ import annotations

import ctypes
import functools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import lowering

from ..real_types import BY_DTYPE

if TYPE_CHECKING:
    from lowering import Processor
    from lowering.families import Grid


@dataclass(frozen=True, slots=True)
class Target:
    """What the stages of the compiler know of the numbers and of the machine.

    dtype        float32 or float64: what code computes in
    strict       no change of rounding: compiled and interpreted results are equal
    vector_bits  the width of the vectors that code is made of: 128, 256 or 512. LLVM cuts up those
                 that are wider than the machine's registers, so that every machine can try what is
                 compiled for the others (docs/checking.md)
    processor    that the code is for
    cache_line   in bytes
    last_cache   bytes of the largest cache
    hosted       whether there are a C library and Python, whose functions code may call
    arrays       whether code is of Tensors and strict: functions are NumPy's, as in eager ones
    kept         bytes of what the steps of a loop have computed that a gradient keeps; of more it
                 keeps checkpoints, and computes the steps again (jit/passes/checkpoints.py)

    >>> Target.host("f4").bits
    32
    >>> Target.host("f8", vector_bits=256).lanes
    4
    """

    dtype: np.dtype[Any]
    strict: bool
    vector_bits: int
    processor: Processor
    cache_line: int = 64
    last_cache: int = 32 << 20
    kept: int = 256 << 20
    arrays: bool = False
    hosted: bool = True

    @property
    def of_tensors(self) -> Target:
        """The same for code of Tensors."""
        return replace(self, arrays=self.strict)

    @staticmethod
    def host(
        dtype: npt.DTypeLike = np.float64,
        *,
        strict: bool = False,
        vector_bits: int | None = None,
        processor: Processor | None = None,
    ) -> Target:
        """This machine, or another processor in it; `vector_bits`: None is the width of
        its registers.
        """
        found = replace(machine(), dtype=np.dtype(dtype), strict=strict)
        if processor is not None:
            found = replace(found, processor=processor, vector_bits=processor.vector_bits)
        return found if vector_bits is None else replace(found, vector_bits=vector_bits)

    @staticmethod
    def of_threads(
        dtype: npt.DTypeLike, *, strict: bool = False, processor: Processor | None = None
    ) -> Target:
        """For the threads of a grid, each of which computes with single numbers and calls no C
        library; `processor`: None is this machine's, which runs them one after the other.
        """
        bits = np.dtype(dtype).itemsize * 8
        found = Target.host(dtype, strict=strict, processor=processor, vector_bits=bits)
        return replace(found, hosted=False)

    @property
    def grid(self) -> Grid | None:
        """How grids of threads are written, if the processor runs such."""
        return self.processor.family.grid

    @property
    def fma(self) -> bool:
        """Whether a product and a sum are one instruction."""
        return self.processor.has_fma

    @property
    def avx512(self) -> bool:
        """Whether there are the instructions of AVX-512."""
        return self.processor.vector_bits == 512

    @property
    def masks(self) -> bool:
        """Whether vectors are read and written in part; others are finished one by one."""
        return self.vector_bits >= 256

    @property
    def looks_up(self) -> bool:
        """Whether an instruction looks numbers up in a table that lies in registers."""
        return self.avx512 and self.lanes > 1

    @property
    def loads_constants(self) -> bool:
        """Whether constants in vectors are better operands in memory. Of a number in all lanes LLVM
        keeps one, which AVX2 must broadcast into a register, of which there are few; an operand of
        AVX-512 may be broadcast.
        """
        return self.processor.vector_bits == 256 and self.registers == 16

    @property
    def registers(self) -> int:
        """How many vector registers there are. A processor is always of this machine's kind."""
        return self.processor.registers

    @property
    def bits(self) -> int:
        """The width of a number."""
        return self.dtype.itemsize * 8

    @property
    def lanes(self) -> int:
        """How many numbers are in a vector."""
        return self.vector_bits // self.bits

    @property
    def line(self) -> int:
        """How many numbers are in a cache line."""
        return self.cache_line // self.dtype.itemsize


def c_type(dtype: np.dtype[Any]) -> Any:
    """The C type of a number, for ctypes."""
    return getattr(ctypes, f"c_{BY_DTYPE[dtype].c}")


@functools.cache
def machine() -> Target:
    """This machine, for float64."""
    here = lowering.processor()
    return Target(
        np.dtype(np.float64),
        strict=False,
        vector_bits=here.vector_bits,
        processor=here,
        last_cache=_last_cache(),
    )


def _last_cache() -> int:
    """As the system says; else 32 MiB."""
    try:
        found = os.sysconf("SC_LEVEL3_CACHE_SIZE")
    except (AttributeError, OSError, ValueError):
        found = 0
    return found if found > 0 else 32 << 20
