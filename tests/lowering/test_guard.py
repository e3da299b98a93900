"""Nothing that a module says ends the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import lowering
from lowering import guard
from lowering.backend import Options
from lowering.guard import is_ordinary

OPTIONS = Options(2, True, False, True)

# Each ended the process once: LLVM's assertions, its fatal errors, its assembler.
DEADLY = {
    "select of integers with fast-math flags": """define i32 @f(i1 %c, i32 %x) {
        %y = select fast i1 %c, i32 %x, i32 1 ret i32 %y }""",
    "appending global": "@x = appending global [2 x i32] zeroinitializer",
    "assembly": 'define void @f() { call void asm sideeffect "bogus", ""() ret void }',
    "type that is no global": """declare i32 @llvm.eh.typeid.for(ptr)
        define i32 @f(ptr %p) { %1 = call i32 @llvm.eh.typeid.for(ptr %p) ret i32 %1 }""",
    "instruction of another processor": """declare i32 @llvm.aarch64.crc32b(i32, i32)
        define i32 @f(i32 %x) { %1 = call i32 @llvm.aarch64.crc32b(i32 %x, i32 %x) ret i32 %1 }""",
    "call of an older version": """
        declare <4 x i1> @llvm.masked.gather(<4 x ptr>, <4 x i1>, <4 x i1>, <4 x i1>)
        define <4 x i1> @f(<4 x ptr> %p, <4 x i1> %m) {
        %1 = call <4 x i1> @llvm.masked.gather(<4 x ptr> %p, <4 x i1> %m, <4 x i1> %m, <4 x i1> %m)
        ret <4 x i1> %1 }""",
    "bundle": 'declare void @g() define void @f() { call void @g() [ "odd"() ] ret void }',
}


@pytest.mark.parametrize("text", DEADLY.values(), ids=DEADLY)
def test_what_ends_llvm_is_an_error(text: str) -> None:
    assert not is_ordinary(text)
    with pytest.raises(lowering.CompileError, match="LLVM gave up on the module"):
        lowering.compile_ir(text)


def test_goes_on_after_a_death() -> None:
    with pytest.raises(lowering.CompileError, match="bogus"):
        lowering.compile_ir(DEADLY["assembly"])
    native = lowering.compile_ir("define i37 @f(i37 %x) { %y = add i37 %x, 1 ret i37 %y }")
    assert "add i37" in native.optimized_ir
    assert "f:" in native.assembly


def test_errors_come_through() -> None:
    with pytest.raises(lowering.CompileError, match="LLVM rejects the IR"):
        lowering.compile_ir("define i37 @f() { ret i38 0 }")


def test_what_is_ordinary() -> None:
    ordinary = """; a comment with asm in it
    @table = private constant [2 x i8] c"x86_fp80\\00"
    define <8 x double> @"asm"(ptr noalias %p) nounwind "no-builtins" {
    asm_start:
      %0 = load <8 x double>, ptr %p, align 8, !alias.scope !1
      %1 = call fast <8 x double> @llvm.fma.v8f64(<8 x double> %0, <8 x double> %0, <8 x double> %0)
      ret <8 x double> %1
    }"""
    assert is_ordinary(ordinary)
    for odd in (
        ordinary.replace("double", "fp128"),
        ordinary.replace("<8 x", "<9 x"),
        ordinary.replace("llvm.fma", "llvm.matrix"),
        ordinary.replace("fast", 'asm "x", ""'),
        ordinary.replace('"no-builtins"', '"target-cpu"="none"'),
    ):
        assert odd != ordinary
        assert not is_ordinary(odd)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_a_child_of_its_own() -> None:
    script = """if True:
        import os, lowering
        text = "define i37 @f(i37 %x) { ret i37 %x }"
        lowering.compile_ir(text)
        pid = os.fork()
        lowering.compile_ir(text, opt_level=0)
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
            lowering.compile_ir(text, opt_level=1)
            print("both")
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "both\n", "")


def test_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to what was interrupted is not taken for that to what comes next."""

    def interrupted(stream: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(guard, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            guard.perform("optimized", "define i37 @first() { ret i37 1 }", OPTIONS)
    second = guard.perform("optimized", "define i37 @second() { ret i37 2 }", OPTIONS)
    assert b"@second" in second
