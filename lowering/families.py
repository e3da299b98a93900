"""Families of processors: what all of one have in common, and how they differ; one entry each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """How functions are written that a grid of threads runs, block by block.

    triple      LLVM's name of the machine
    convention  MLIR's name of how such functions are called
    block       the intrinsic that gives the number of a block, an i32
    thread      that of a thread in its block
    private     the address space of a thread's own memory
    shown       that of global variables
    barrier     operations at which the threads of a block wait for each other: intrinsics, with
                integers that they take, and fences, by their order
    """

    triple: str
    convention: str
    block: str
    thread: str
    private: int
    shown: int
    barrier: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Processors that run the same code, but for what their features add.

    triples      what LLVM's names of machines begin with
    width        of the vector registers that all have, in bits
    wider        features that come with wider ones, the widest first: LLVM's name, the width, and
                 what such registers are called in assembly
    fused        the feature that fuses a product and a sum, and what such instructions' names
                 begin with; None: all do
    registers    how many vector registers there are
    most         the same of the widest
    exceptions   FE_ALL_EXCEPT of the C library
    comment      what comments in assembly begin with
    pointer_bits the width of addresses
    grid         how grids of threads are written, on processors that have nothing else
    takes_second whether the instruction for the smaller of two numbers, and that for the larger,
                 gives the second one where they are equal or one of them is nan
    """

    triples: tuple[str, ...]
    width: int
    wider: tuple[tuple[str, int, str], ...]
    fused: tuple[str, str] | None
    registers: int
    most: int
    exceptions: int
    comment: str
    pointer_bits: int = 64
    grid: Grid | None = None
    takes_second: bool = False

    def vector_bits(self, features: Sequence[str]) -> int:
        """The width of the vector registers of a processor with these features."""
        return next((bits for name, bits, _ in self.wider if f"+{name}" in features), self.width)

    def vector_bits_in(self, assembly: str) -> int:
        """The width of the widest registers that code uses."""
        return next((bits for _, bits, name in self.wider if name in assembly), self.width)

    def fuses(self, features: Sequence[str]) -> bool:
        """Whether a product and a sum are one instruction with these features."""
        return self.fused is None or f"+{self.fused[0]}" in features

    def fuses_in(self, assembly: str) -> bool:
        """Whether they are one in code that could use it."""
        return self.fused is None or self.fused[1] in assembly

    def vector_registers(self, bits: int) -> int:
        """How many vector registers a processor has whose registers are so wide."""
        return self.most if self.wider and bits == self.wider[0][1] else self.registers


X86 = Family(
    ("x86_64", "i"),
    128,
    (("avx512f", 512, "zmm"), ("avx", 256, "ymm")),
    ("fma", "vfm"),
    registers=16,
    most=32,
    exceptions=61,
    comment="#",
    takes_second=True,
)
ARM = Family(
    ("aarch64", "arm64"), 128, (), None, registers=32, most=32, exceptions=31, comment="//"
)
RISCV = Family(("riscv64",), 128, (), None, registers=32, most=32, exceptions=31, comment="#")
WASM = Family(
    ("wasm32",),
    128,
    (),
    ("relaxed-simd", "f64x2.relaxed_madd"),
    registers=16,
    most=16,
    exceptions=0,
    comment="#",
    pointer_bits=32,
)

NVPTX = Family(
    ("nvptx64",), 64, (), None, registers=255, most=255, exceptions=0, comment="//",
    grid=Grid(
        "nvptx64-nvidia-cuda",
        "ptx_kernelcc",
        "llvm.nvvm.read.ptx.sreg.ctaid.x",
        "llvm.nvvm.read.ptx.sreg.tid.x",
        private=0,
        shown=0,
        barrier=(("llvm.nvvm.barrier.cta.sync.aligned.all", (0,)),),
    ),
)  # fmt: skip
AMDGPU = Family(
    ("amdgcn",), 64, (), None, registers=256, most=256, exceptions=0, comment=";",
    grid=Grid(
        "amdgcn-amd-amdhsa",
        "amdgpu_kernelcc",
        "llvm.amdgcn.workgroup.id.x",
        "llvm.amdgcn.workitem.id.x",
        private=5,
        shown=1,
        barrier=(("release", ()), ("llvm.amdgcn.s.barrier", ()), ("acquire", ())),
    ),
)  # fmt: skip
GRIDS = {"nvptx64": NVPTX, "amdgcn": AMDGPU}
"""The families whose processors run grids of threads, by LLVM's names."""


def family_of(triple: str) -> Family:
    """The family of a machine, by LLVM's name; of one that has no entry, that of ARM.

    >>> family_of("x86_64-unknown-linux-gnu") is X86
    True
    """
    return next((f for f in (X86, ARM, RISCV, WASM) if triple.startswith(f.triples)), ARM)
