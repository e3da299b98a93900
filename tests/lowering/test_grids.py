"""Code for processors that run grids of threads."""

from __future__ import annotations

import pytest

from lowering import CompileError, grid_assembly, grid_object, grid_processor
from lowering.families import AMDGPU, NVPTX

KERNEL = """
define {convention} void @twice(ptr %x) {{
  %y = load double, ptr %x
  %z = fadd double %y, %y
  store double %z, ptr %x
  ret void
}}
"""


def test_processors() -> None:
    assert grid_processor("nvptx64").family is NVPTX
    assert grid_processor("amdgcn", "gfx942").family is AMDGPU
    for family, cpu, told in (
        ("x86", None, "'nvptx64', 'amdgcn', got 'x86'"),
        ("nvptx64", "native", "such as 'sm_80', got 'native'"),
        ("amdgcn", "gfx1", "'gfx1' is not a recognized processor"),
        ("nvptx64", "sm_9999", "'sm_9999' is not a recognized processor"),
    ):
        with pytest.raises(CompileError, match=told):
            grid_processor(family, cpu)


def test_ptx() -> None:
    ptx = grid_assembly(KERNEL.format(convention="ptx_kernel"), grid_processor("nvptx64", "sm_90"))
    assert ".target sm_90" in ptx
    assert ".visible .entry twice(" in ptx
    assert "add.rn.f64" in ptx  # the assembler fuses what has no rounding


def test_object() -> None:
    code = grid_object(KERNEL.format(convention="amdgpu_kernel"), grid_processor("amdgcn"))
    assert code.startswith(b"\x7fELF")


def test_errors_are_llvms() -> None:
    with pytest.raises(CompileError, match="rejects the IR"):
        grid_assembly("define void @f( {", grid_processor("nvptx64"))
    missing = "declare double @llvm.pow.f64(double, double)\n" + KERNEL.format(
        convention="ptx_kernel"
    ).replace("fadd double %y, %y", "call double @llvm.pow.f64(double %y, double %y)")
    with pytest.raises(CompileError, match="LLVM"):
        grid_assembly(missing, grid_processor("nvptx64"))
