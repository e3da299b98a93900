"""Compiled modules: symbols, options, caches, lifetimes, threads."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import threading
import weakref
from pathlib import Path

import pytest
from harness import parse

import lowering
from lowering.families import X86

SQUARE = "define i64 @square(i64 %x) {\n  %y = mul i64 %x, %x\n  ret i64 %y\n}\n"

SUM = """llvm.func @sum(%p: !llvm.ptr {llvm.noalias}, %n: i64) -> i64 {
  %z = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  llvm.br ^l(%z, %z : i64, i64)
^l(%i: i64, %s: i64):
  %q = llvm.getelementptr inbounds %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %v = llvm.load %q : !llvm.ptr -> i64
  %t = llvm.add %s, %v : i64
  %j = llvm.add %i, %one overflow<nsw> : i64
  %c = llvm.icmp "eq" %j, %n : i64
  llvm.cond_br %c, ^x, ^l(%j, %t : i64, i64)
^x:
  llvm.return %t : i64
}"""

Unary = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


class Dictionary:
    """A cache that counts."""

    def __init__(self) -> None:
        self.codes: dict[str, bytes] = {}
        self.hits = 0

    def load(self, key: str) -> bytes | None:
        code = self.codes.get(key)
        self.hits += code is not None
        return code

    def store(self, key: str, code: bytes) -> None:
        self.codes[key] = code


class Directory:
    """A cache of one file per key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, key: str) -> bytes | None:
        file = self.path / key
        return file.read_bytes() if file.exists() else None

    def store(self, key: str, code: bytes) -> None:
        (self.path / key).write_bytes(code)


def test_symbols_and_stages() -> None:
    text = "@g = global i32 5\ndefine internal void @hidden() {\n  ret void\n}\n" + SQUARE
    with lowering.compile_ir(text) as native:
        assert set(native.symbols) == {"square", "g"}
        assert Unary(native.address("square"))(7) == 49
        assert ctypes.c_int32.from_address(native.address("g")).value == 5
        assert native.llvm_ir == text
        assert "@hidden" not in native.optimized_ir
        assert "square:" in native.assembly
        assert repr(native) == "<NativeModule: square, g>"
    with pytest.raises(lowering.ModuleClosed):
        native.address("square")


def test_symbols_given_by_address() -> None:
    @Unary
    def callback(x: int) -> int:
        return x + 1

    cell = ctypes.c_int64(40)
    text = """
    @cell = external global i64
    declare i64 @callback(i64)
    define i64 @f(i64 %x) {
      %y = load i64, ptr @cell
      %z = add i64 %x, %y
      %r = call i64 @callback(i64 %z)
      ret i64 %r
    }"""
    symbols = {
        "callback": ctypes.cast(callback, ctypes.c_void_p).value or 0,
        "cell": ctypes.addressof(cell),
    }
    native = lowering.compile_ir(text, symbols=symbols)
    assert Unary(native.address("f"))(1) == 42


def test_given_symbols_come_before_those_of_the_process() -> None:
    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    def other(x: float) -> float:
        return -x

    text = "declare double @tanh(double)\n"
    text += "define double @f(double %x) {\n  %y = call double @tanh(double %x)\n  ret double %y\n}"
    address = ctypes.cast(other, ctypes.c_void_p).value or 0
    native = lowering.compile_ir(text, symbols={"tanh": address})
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(native.address("f"))
    assert function(2.0) == -2.0


@pytest.mark.parametrize("name", ["tanh", "exp", "log", "sin", "cos", "erf", "cbrt", "expm1"])
@pytest.mark.parametrize("single", [False, True])
def test_the_math_library_is_there(name: str, single: bool) -> None:
    type_, name = ("float", name + "f") if single else ("double", name)
    text = f"declare {type_} @{name}({type_})\n"
    text += f"define {type_} @f({type_} %x) {{\n  %y = call {type_} @{name}({type_} %x)\n"
    native = lowering.compile_ir(text + f"  ret {type_} %y\n}}")
    kind = ctypes.c_float if single else ctypes.c_double
    assert ctypes.CFUNCTYPE(kind, kind)(native.address("f"))(2.0) != 2.0


def test_options_change_the_code() -> None:
    module = parse(SUM)
    fast, slow, plain = (
        lowering.compile(module, **options)
        for options in ({}, {"opt_level": 0}, {"vectorize": False, "unroll": False})  # type: ignore[arg-type]
    )
    assert " x i64>" in fast.optimized_ir
    assert " x i64>" not in slow.optimized_ir
    assert " x i64>" not in plain.optimized_ir
    values = (ctypes.c_int64 * 100)(*range(100))
    for native in (fast, slow, plain):
        function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
        assert function(native.address("sum"))(ctypes.addressof(values), 100) == 4950


def test_slp_vectoriser_is_an_option() -> None:
    lines = [f"  %{c}{i} = getelementptr double, ptr %{c}, i64 {i}" for i in range(4) for c in "pq"]
    lines += [f"  %v{i} = load double, ptr %p{i}" for i in range(4)]
    lines += [f"  %w{i} = fmul double %v{i}, %v{i}" for i in range(4)]
    lines += [f"  store double %w{i}, ptr %q{i}" for i in range(4)]
    lines.append("  ret void")
    text = "define void @f(ptr noalias %p, ptr noalias %q) {\n" + "\n".join(lines) + "\n}"
    assert " x double>" not in lowering.compile_ir(text).optimized_ir
    assert " x double>" in lowering.compile_ir(text, slp=True).optimized_ir


def test_without_passes_code_is_made_of_the_ir_as_it_was_written() -> None:
    text = "define i64 @f(i64 %x) {\n  %y = add i64 %x, 1\n  %z = add i64 %y, 1\n  ret i64 %z\n}"
    passed = lowering.compile_ir(text)
    written = lowering.compile_ir(text, passes=False, cpu=lowering.processor().cpu)
    assert passed.optimized_ir.count("add i64") == 1
    assert written.optimized_ir.count("add i64") == 2
    assert lowering.compile(parse(SUM), passes=False).symbols == ("sum",)
    function = written.function("f", ctypes.c_int64, ctypes.c_int64)
    assert function(40) == 42


def test_passes_for_straight_line_code_simplify_and_leave_loops_as_they_are() -> None:
    text = """
define internal double @square(double %x) alwaysinline {
  %y = fmul double %x, %x
  ret double %y
}
define double @f(double %x) {
  %p = alloca double, i64 2
  store double %x, ptr %p
  %q = call double @square(double %x)
  %r = call double @square(double %x)
  %s = fadd double %q, %r
  %t = load double, ptr %p
  %u = fadd double %s, %t
  ret double %u
}
define i64 @loop(i64 %n) {
  br label %again
again:
  %k = phi i64 [ 0, %0 ], [ %j, %again ]
  %j = add i64 %k, 1
  %go = icmp ult i64 %j, %n
  br i1 %go, label %again, label %end
end:
  ret i64 %j
}"""
    with lowering.compile_ir(text, passes="straight") as native:
        optimized = native.optimized_ir
        assert optimized.count("fmul") == 1
        assert "alloca" not in optimized
        assert "@square" not in optimized
        assert "br i1" in optimized  # level 2 finds the closed form
        assert native.function("f", ctypes.c_double, ctypes.c_double)(3.0) == 21.0
        assert native.function("loop", ctypes.c_int64, ctypes.c_int64)(5) == 5
    known = "True, False, 'straight' or 'loops'"
    with pytest.raises(ValueError, match=f"passes must be {known}, not 'fast'"):
        lowering.compile_ir(text, passes="fast")


def test_passes_for_loops_take_what_is_the_same_out_of_them() -> None:
    text = """
define internal double @square(double %x) alwaysinline {
  %y = fmul double %x, %x
  ret double %y
}
define double @f(ptr noalias %numbers, ptr noalias %found, i64 %n) {
  br label %again
again:
  %k = phi i64 [ 0, %0 ], [ %j, %again ]
  %before = phi double [ 1.0, %0 ], [ %after, %again ]
  %x = load double, ptr %numbers
  %y = call double @square(double %x)
  %after = fadd double %before, %y
  %place = getelementptr double, ptr %found, i64 %k
  store double %after, ptr %place
  %j = add i64 %k, 1
  %go = icmp ult i64 %j, %n
  br i1 %go, label %again, label %end
end:
  ret double %after
}"""
    given, found = (ctypes.c_double * 1)(3.0), (ctypes.c_double * 4)()
    with lowering.compile_ir(text, passes="loops") as native:
        before, _, loop = native.optimized_ir.partition("again:")
        assert "@square" not in before
        assert "fmul" in before
        assert "fmul" not in loop
        kinds = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64
        f = native.function("f", ctypes.c_double, *kinds)
        if lowering.processor().family is X86:  # the loop begins at a line of the caches
            assert re.search(r"\.p2align\t6[^:]*\n\.LBB0_1:", native.assembly)
        assert f(ctypes.addressof(given), ctypes.addressof(found), 4) == 37.0
    assert list(found) == [10.0, 19.0, 28.0, 37.0]


def test_explicit_functions_stay_as_they_are_written_beside_others() -> None:
    body = "{\n  %y = add i64 %x, 1\n  %z = add i64 %y, 1\n  ret i64 %z\n}\n"
    text = f"define i64 @f(i64 %x) {body}"
    text += f'define i64 @g(i64 %x) noinline "explicit" {body}'
    text += f"define internal i64 @add(i64 %x) alwaysinline {body}"
    text += 'define i64 @h(i64 %x) "explicit" {\n  %y = call i64 @add(i64 %x)\n  ret i64 %y\n}\n'
    with lowering.compile_ir(text) as native:
        functions = re.split("define ", native.optimized_ir)[1:]
        assert [f.count("add i64") for f in functions] == [1, 2, 2]
        assert "@add" not in native.optimized_ir
        for name in "fgh":
            assert native.function(name, ctypes.c_int64, ctypes.c_int64)(40) == 42
    with lowering.compile_ir(text, opt_level=0) as native:
        assert native.function("h", ctypes.c_int64, ctypes.c_int64)(40) == 42


def test_cache(tmp_path: Path) -> None:
    for cache in (Dictionary(), Directory(tmp_path)):
        for _ in range(3):
            native = lowering.compile(parse(SUM), cache=cache)
            assert native.symbols == ("sum",)
            assert "define" in native.optimized_ir
    assert len(list(tmp_path.iterdir())) == 1


def test_cache_key_covers_text_and_options() -> None:
    cache = Dictionary()
    lowering.compile_ir(SQUARE, cache=cache)
    lowering.compile_ir(SQUARE, cache=cache)
    assert (cache.hits, len(cache.codes)) == (1, 1)
    lowering.compile_ir(SQUARE, opt_level=1, cache=cache)
    lowering.compile_ir(SQUARE, slp=True, cache=cache)
    lowering.compile_ir(SQUARE, vectorize=False, cache=cache)
    lowering.compile_ir(SQUARE, unroll=False, cache=cache)
    lowering.compile_ir(SQUARE, passes=False, cache=cache)
    lowering.compile_ir(SQUARE + "\n; other", cache=cache)
    assert (cache.hits, len(cache.codes)) == (1, 7)


def test_damaged_cache_entry_is_compiled_again() -> None:
    cache = Dictionary()
    lowering.compile_ir(SQUARE, cache=cache)
    ((key, code),) = cache.codes.items()
    for damaged in (b"", b"x", code[:-1], code[:40] + b"?" + code[41:]):
        cache.codes[key] = damaged
        assert Unary(lowering.compile_ir(SQUARE, cache=cache).address("square"))(3) == 9
        assert cache.codes[key] == code


def test_cached_code_links_given_symbols() -> None:
    cache = Dictionary()
    text = "@cell = external global i64\n"
    text += "define i64 @f() {\n  %y = load i64, ptr @cell\n  ret i64 %y\n}"
    for value in (3, 4):
        cell = ctypes.c_int64(value)
        native = lowering.compile_ir(text, cache=cache, symbols={"cell": ctypes.addressof(cell)})
        assert ctypes.CFUNCTYPE(ctypes.c_int64)(native.address("f"))() == value
    assert cache.hits == 1


def test_dropping_frees_at_once() -> None:
    gc.disable()
    try:
        native = lowering.compile_ir(SQUARE)
        dead = weakref.ref(native)
        linked = weakref.ref(native._linked)
        del native
        assert dead() is None
        assert linked() is None
    finally:
        gc.enable()


def test_garbage_cycles_are_survived() -> None:
    for _ in range(20):
        holder: dict[str, object] = {"native": lowering.compile_ir(SQUARE)}
        holder["self"] = holder
        try:
            lowering.compile_ir("define i32 @f() {\n  %x = add i32 %x, 1\n  ret i32 %x\n}")
        except lowering.CompileError as error:
            holder["error"] = error
            holder["trace"] = error.__traceback__
        del holder
        gc.collect()


def resident() -> int:
    """Resident memory of this process, in kB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_machine_code_is_released() -> None:
    # 256 kB of data in each module: 300 of them kept would be 75 MB.
    text = SQUARE + "@data = global [262144 x i8] zeroinitializer, align 64\n"
    text = text.replace("zeroinitializer", 'c"' + "a" * 262144 + '"')
    for _ in range(20):
        lowering.compile_ir(text, opt_level=0)
    before = resident()
    for _ in range(300):
        lowering.compile_ir(text, opt_level=0)
    assert resident() - before < 16_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_compiling_is_released() -> None:
    # The pipeline of one compilation takes 60 kB: 300 of them kept would be 18 MB.
    for _ in range(50):
        lowering.compile_ir(SQUARE)
    before = resident()
    for _ in range(300):
        lowering.compile_ir(SQUARE)
    assert resident() - before < 6_000


def test_threads_compile_and_call() -> None:
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for step in range(8):
                factor = 100 * seed + step
                native = lowering.compile(
                    parse(
                        "llvm.func @f(%x: i64) -> i64 {\n"
                        f"  %c = llvm.mlir.constant({factor} : i64) : i64\n"
                        "  %y = llvm.mul %x, %c : i64\n  llvm.return %y : i64\n}"
                    )
                )
                function = Unary(native.address("f"))
                assert [function(x) for x in range(100)] == [x * factor for x in range(100)]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


CONSTRUCTORS = """
  llvm.mlir.global internal @count(1 : i32) : i32
  llvm.mlir.global external @last() : !llvm.ptr
  llvm.func internal @add() {
    %0 = llvm.mlir.addressof @count : !llvm.ptr
    %1 = llvm.load %0 : !llvm.ptr -> i32
    %2 = llvm.mlir.constant(1 : i32) : i32
    %3 = llvm.add %1, %2 : i32
    llvm.store %3, %0 : i32, !llvm.ptr
    llvm.return
  }
  llvm.func internal @double() {
    %0 = llvm.mlir.addressof @count : !llvm.ptr
    %1 = llvm.load %0 : !llvm.ptr -> i32
    %2 = llvm.add %1, %1 : i32
    llvm.store %2, %0 : i32, !llvm.ptr
    llvm.return
  }
  llvm.func internal @report() {
    %0 = llvm.mlir.addressof @count : !llvm.ptr
    %1 = llvm.load %0 : !llvm.ptr -> i32
    %2 = llvm.mlir.addressof @last : !llvm.ptr
    llvm.store %1, %2 : i32, !llvm.ptr
    llvm.return
  }
  llvm.func @get() -> i32 {
    %0 = llvm.mlir.addressof @count : !llvm.ptr
    %1 = llvm.load %0 : !llvm.ptr -> i32
    llvm.return %1 : i32
  }
  llvm.mlir.global_ctors ctors = [@double, @add], priorities = [65535 : i32, 1 : i32],
                         data = [#llvm.zero, #llvm.zero]
  llvm.mlir.global_dtors dtors = [@report, @add], priorities = [1 : i32, 2 : i32],
                         data = [#llvm.zero, #llvm.zero]
"""


def test_constructors_and_destructors_run_by_priority() -> None:
    last = ctypes.c_int32(0)
    native = lowering.compile(parse(CONSTRUCTORS), symbols={"last": ctypes.addressof(last)})
    assert native.symbols == ("get",)
    assert native.function("get", ctypes.c_int32)() == 4
    native.close()
    assert last.value == 5


def test_constructors_that_cannot_be_read() -> None:
    text = (
        "@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }] "
        "[{ i32, ptr, ptr } { i32 1, ptr null, ptr null }]"
    )
    with pytest.raises(lowering.CompileError, match="something else than functions"):
        lowering.compile_ir(text)


def test_address_of_an_alias() -> None:
    native = lowering.compile(
        parse("""
      llvm.func @f(%x: i32) -> i32 { llvm.return %x : i32 }
      llvm.mlir.alias external @"the alias" : !llvm.func<i32 (i32)> {
        %0 = llvm.mlir.addressof @f : !llvm.ptr
        llvm.return %0 : !llvm.ptr
      }
      llvm.mlir.alias internal @hidden : !llvm.func<i32 (i32)> {
        %0 = llvm.mlir.addressof @f : !llvm.ptr
        llvm.return %0 : !llvm.ptr
      }""")
    )
    assert native.symbols == ("f", "the alias")
    assert native.function("the alias", ctypes.c_int32, ctypes.c_int32)(7) == 7


def test_a_function_keeps_its_module() -> None:
    function = lowering.compile_ir(SQUARE).function("square", ctypes.c_int64, ctypes.c_int64)
    gc.collect()
    assert function(3) == 9
    kept = weakref.ref(function.module)
    del function
    gc.collect()
    assert kept() is None


def test_a_function_of_no_such_name_or_type() -> None:
    native = lowering.compile_ir(SQUARE)
    with pytest.raises(lowering.UnknownSymbol, match="cube"):
        native.function("cube", None)
    with pytest.raises(TypeError):
        native.function("square", "f64")


def test_symbols_of_another_module_are_held() -> None:
    text = """llvm.func @square(i64) -> i64
      llvm.func @f(%x: i64) -> i64 {
        %0 = llvm.call @square(%x) : (i64) -> i64
        llvm.return %0 : i64
      }"""
    other = lowering.compile_ir(SQUARE)
    kept = weakref.ref(other)
    native = lowering.compile(parse(text), symbols=other)
    del other
    gc.collect()
    assert kept() is not None
    assert native.function("f", ctypes.c_int64, ctypes.c_int64)(4) == 16
    del native
    gc.collect()
    assert kept() is None
    closed = lowering.compile_ir(SQUARE)
    closed.close()
    with pytest.raises(lowering.ModuleClosed):
        lowering.compile(parse(text), symbols=closed)
