"""Code for other processors than this machine's: named, looked at, and refused without harm."""

from __future__ import annotations

import ctypes
import platform

import pytest

import lowering
from lowering import CompileError, Processor, compile_ir, processor
from lowering.families import X86

x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="these are processors of another kind"
)

SUM = """
define void @f(ptr %p) #0 {
  %x = load <8 x double>, ptr %p, align 8
  %y = fadd <8 x double> %x, %x
  store <8 x double> %y, ptr %p, align 8
  ret void
}
attributes #0 = { "min-legal-vector-width"="512" }
"""
FUSED = """
declare double @llvm.fma.f64(double, double, double)
define double @f(double %x) {
  %y = call double @llvm.fma.f64(double %x, double %x, double %x)
  ret double %y
}
"""
UNKNOWN = {
    "no processor": ("nope", None, "'nope' is not a recognized processor"),
    "no feature": (None, "+nope", "'[+]nope' is not a recognized feature"),
    "one of several": ("x86-64", "+avx,+nope", "'[+]nope' is not a recognized feature"),
    "another kind": ("apple-m1", None, "not a recognized processor"),
    "32 bits": ("pentium", None, "64-bit code requested"),
    "what the ABI needs": ("x86-64", "-sse2", "cannot compile for cpu='x86-64', features='-sse2'"),
    "a question": ("help", None, "cpu should be as LLVM names it"),
    "a question of features": ("x86-64", "+help", "features should be as LLVM names it"),
    "a mode": ("x86-64", "+32bit-mode", "code of another kind"),
    "no sign": (None, "fma", "features should be as LLVM names it"),
    "an empty name": ("", None, "cpu should be as LLVM names it"),
    "two in one": ("x86-64,haswell", None, "cpu should be as LLVM names it"),
    "nul": ("x86-64\0", None, "cpu should be as LLVM names it"),
    "a line": (None, "+fma\n", "features should be as LLVM names it"),
    "a number": (3, None, "cpu should be as LLVM names it, such as 'haswell', got 3"),
    "a list": (None, ["+fma"], "features should be as LLVM names it"),
}


@x86
@pytest.mark.parametrize("case", UNKNOWN)
def test_what_llvm_cannot_compile_for_is_an_error(case: str) -> None:
    cpu, features, said = UNKNOWN[case]
    for _ in range(2):  # an answer of the first may be kept
        with pytest.raises(CompileError, match=said):
            compile_ir(FUSED, cpu=cpu, features=features)  # type: ignore[arg-type]
    assert lowering.compile_ir(FUSED).symbols == ("f",)


@x86
def test_processors_are_described() -> None:
    assert processor("x86-64") == Processor("x86-64", "", 128, has_fma=False, family=X86)
    assert processor("haswell") == Processor("haswell", "", 256, has_fma=True, family=X86)
    assert processor("haswell", "-fma,-avx") == Processor("haswell", "-fma,-avx", 128, False, X86)
    assert processor("skylake-avx512").vector_bits == 512
    here = processor()
    assert here.vector_bits == lowering.vector_bits()
    assert processor(here.cpu, here.features) == here
    assert processor(None, "") == here


@x86
def test_code_is_of_that_processor() -> None:
    wide = compile_ir(SUM, cpu="skylake-avx512").assembly
    assert "zmm" in wide
    narrow = compile_ir(SUM, cpu="x86-64")
    assert "xmm" in narrow.assembly
    assert "ymm" not in narrow.assembly + compile_ir(SUM, features="-avx").assembly
    numbers = (ctypes.c_double * 8)(*range(8))
    narrow.function("f", None, ctypes.c_void_p)(numbers)
    assert list(numbers) == [2.0 * k for k in range(8)]
    assert "vfmadd" in compile_ir(FUSED, cpu="haswell").assembly
    assert "vfmadd" not in compile_ir(FUSED, cpu="haswell", features="-fma").assembly


@x86
def test_intrinsics_of_a_processor_need_it() -> None:
    text = """
    declare <8 x double> @llvm.x86.avx512.mask.getexp.pd.512(<8 x double>, <8 x double>, i8, i32)
    define <8 x double> @f(<8 x double> %x) {
      %y = call <8 x double> @llvm.x86.avx512.mask.getexp.pd.512(
        <8 x double> %x, <8 x double> %x, i8 -1, i32 4)
      ret <8 x double> %y
    }"""
    with pytest.raises(CompileError, match="LLVM gave up"):
        compile_ir(text, cpu="x86-64")
    assert "vgetexppd" in compile_ir(text, cpu="skylake-avx512").assembly


@x86
def test_a_cache_keeps_processors_apart() -> None:
    class Kept(dict[str, bytes]):
        load, store = dict.get, dict.__setitem__

    cache, here = Kept(), processor()
    for count, (cpu, features) in enumerate([(None, None), ("x86-64", None), ("haswell", None)], 1):
        compile_ir(FUSED, cache=cache, cpu=cpu, features=features)  # type: ignore[arg-type]
        assert len(cache) == count
    compile_ir(FUSED, cache=cache, cpu="x86-64", features="+sse4.2")  # type: ignore[arg-type]
    assert len(cache) == 4
    compile_ir(FUSED, cache=cache, cpu=here.cpu, features=here.features)  # type: ignore[arg-type]
    compile_ir(FUSED, cache=cache, cpu="x86-64")  # type: ignore[arg-type]
    assert len(cache) == 4


def test_modules_are_compiled_for_it_too() -> None:
    from lowering.bindings import context, ir

    with context():
        module = ir.Module.parse("""
            llvm.func @f(%x: f64) -> f64 {
              %y = llvm.intr.fma(%x, %x, %x) : (f64, f64, f64) -> f64
              llvm.return %y : f64
            }""")
        here = processor()
        native = lowering.compile(module, cpu=here.cpu, features=here.features)
        assert native.function("f", ctypes.c_double, ctypes.c_double)(3.0) == 12.0
        with pytest.raises(CompileError, match="cpu should be"):
            lowering.compile(module, cpu="no such name")
