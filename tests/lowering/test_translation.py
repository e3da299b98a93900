"""What the LLVM IR says, by facts; and modules that are built with the bindings."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from harness import Signature, call, parse, values
from oracle import reference_ir

import lowering
from lowering.bindings import context, ir, llvm
from lowering.hidden import hidden_flags
from lowering.intrinsics import WRITERS as INTRINSICS
from lowering.operations import WRITERS


def lines(text: str) -> list[str]:
    return [line.strip() for line in lowering.translate(parse(text)).splitlines()]


def test_one_edge_one_block() -> None:
    found = lines("""llvm.func @f(%c: i1, %a: i32, %b: i32) -> i32 {
      llvm.cond_br %c, ^end(%a : i32), ^end(%b : i32)
    ^end(%r: i32):
      llvm.return %r : i32
    }""")
    assert found == [
        "define i32 @f(i1 %0, i32 %1, i32 %2) {",
        "b0:",
        "br i1 %0, label %b1, label %b0.1",
        "b0.1:",
        "br label %b1",
        "b1:",
        "%3 = phi i32 [ %1, %b0 ], [ %2, %b0.1 ]",
        "ret i32 %3",
        "}",
    ]


def test_unreachable_blocks_are_dropped() -> None:
    found = lines("""llvm.func @f() {
      llvm.return
    ^never(%x: i32):
      llvm.br ^never(%x : i32)
    }""")
    assert found == ["define void @f() {", "b0:", "ret void", "}"]


OVERFLOW = {
    "": "",
    " overflow<nsw>": "nsw ",
    " overflow<nuw>": "nuw ",
    " overflow<nsw, nuw>": "nsw nuw ",
}


def test_flags_that_the_bindings_hide() -> None:
    body, expected = [], []
    for index, (op, (given, flag)) in enumerate(
        itertools.product(("add", "sub", "mul", "shl"), OVERFLOW.items())
    ):
        body.append(f"%{index} = llvm.{op} %a, %b{given} : i32")
        expected.append(f"%{index + 3} = {op} {flag}i32 %0, %1")
    wrapping = {
        "": "",
        " inbounds": "inbounds ",
        " nusw": "nusw ",
        " nuw": "nuw ",
        " nusw|nuw": "nusw nuw ",
        " inbounds|nuw": "inbounds nuw ",
    }
    for index, (given, flag) in enumerate(wrapping.items(), 16):
        types = "(!llvm.ptr, i32) -> !llvm.ptr, i8"
        body.append(f"%{index} = llvm.getelementptr{given} %p[%a] : {types}")
        expected.append(f"%{index + 3} = getelementptr {flag}i8, ptr %2, i32 %0")
    for index, (given, flag) in enumerate(OVERFLOW.items(), 22):
        body.append(f"%{index} = llvm.trunc %a{given} : i32 to i8")
        expected.append(f"%{index + 3} = trunc {flag}i32 %0 to i8")
    body.append("llvm.return")
    text = "llvm.func @f(%a: i32, %b: i32, %p: !llvm.ptr) {\n" + "\n".join(body) + "\n}"
    assert lines(text)[2:-2] == expected


def test_hidden_flags_in_deceptive_surroundings() -> None:
    found = lines("""llvm.func @f(%a: i32) attributes {
        passthrough = ["\\0A  %0 = llvm.add %1, %2 : i32"]} {
      %0 = llvm.add %a, %a overflow<nsw> {func.x = "= llvm.add %a, %a overflow<nuw>"} : i32
      %1 = llvm.mul %0, %a {func.x = "overflow<nuw>"} : i32
      llvm.br ^b
    ^c:
      %3 = llvm.sub %2, %a overflow<nuw> : i32
      llvm.return
    ^b:
      %2 = llvm.add %1, %a overflow<nsw, nuw> : i32
      llvm.br ^c
    }""")
    assert "%1 = add nsw i32 %0, %0" in found
    assert "%2 = mul i32 %1, %0" in found
    assert "%3 = add nsw nuw i32 %2, %0" in found
    assert "%4 = sub nuw i32 %3, %0" in found


def test_flags_that_cannot_be_found_are_an_error() -> None:
    module = parse("llvm.func @f() { llvm.return }")  # held: its operations do not hold it
    function = module.body.operations[0].operation
    with pytest.raises(lowering.LoweringError, match="flags of 0 operations, not of 1"):
        hidden_flags(function, [("llvm.add", function)])


def test_branch_weights_and_loops_are_metadata() -> None:
    text = lowering.translate(
        parse("""llvm.func @f(%c: i1) {
      llvm.br ^l
    ^l:
      llvm.cond_br %c weights([7, 1]), ^l, ^x {loop_annotation = #llvm.loop_annotation<
        disableNonforced = true, mustProgress = true,
        vectorize = <disable = false, predicateEnable = true, scalableEnable = false,
          width = 8 : i32,
          followupVectorized = <unroll = <disable = true>>>,
        interleave = <count = 4 : i32>, unroll = <disable = true, count = 3 : i32>,
        isVectorized = false>}
    ^x:
      llvm.return
    }""")
    )
    assert re.search(r"br i1 %0, label %b1, label %b2, !prof !0, !llvm.loop !\d+", text)
    assert '!0 = !{!"branch_weights", i32 7, i32 1}' in text
    assert re.search(r"(!\d+) = distinct !\{\1, !", text)
    for node in (
        '!{!"llvm.loop.disable_nonforced"}',
        '!{!"llvm.loop.mustprogress"}',
        '!{!"llvm.loop.vectorize.enable", i1 true}',
        '!{!"llvm.loop.vectorize.width", i32 8}',
        '!{!"llvm.loop.vectorize.predicate.enable", i1 true}',
        '!{!"llvm.loop.vectorize.scalable.enable", i1 false}',
        '!{!"llvm.loop.interleave.count", i32 4}',
        '!{!"llvm.loop.unroll.disable"}',
        '!{!"llvm.loop.unroll.count", i32 3}',
        '!{!"llvm.loop.isvectorized", i1 false}',
    ):
        assert node in text
    lowering.compile_ir(text)


def test_loop_vectoriser_can_be_disabled() -> None:
    text = lowering.translate(
        parse("""llvm.func @f() {
      llvm.br ^l
    ^l:
      llvm.br ^l {loop_annotation = #llvm.loop_annotation<vectorize = <disable = true>>}
    }""")
    )
    assert '!{!"llvm.loop.vectorize.enable", i1 false}' in text


def test_alias_scopes_of_two_domains() -> None:
    text = lowering.translate(
        parse("""
    #d = #llvm.alias_scope_domain<id = distinct[0]<>>
    #e = #llvm.alias_scope_domain<id = distinct[1]<>>
    #a = #llvm.alias_scope<id = distinct[2]<>, domain = #d>
    #b = #llvm.alias_scope<id = distinct[3]<>, domain = #d>
    #c = #llvm.alias_scope<id = distinct[4]<>, domain = #e>
    llvm.func @f(%p: !llvm.ptr) {
      %0 = llvm.load %p {alias_scopes = [#a], noalias_scopes = [#b, #c]} : !llvm.ptr -> i32
      llvm.return
    }""")
    )
    assert "!alias.scope !2, !noalias !6" in text
    for node in ("!0 = distinct !{!0}", "!1 = distinct !{!1, !0}", "!2 = !{!1}"):
        assert node in text
    assert "!3 = distinct !{!3, !0}" in text  # the same domain
    assert "!5 = distinct !{!5, !4}" in text  # another


def test_large_tables_are_bytes() -> None:
    numbers = ", ".join(str(index * 3 - 1000) for index in range(2000))
    text = f"""
    llvm.mlir.global internal constant @t(dense<[{numbers}]> : tensor<2000xi32>) : !llvm.array<2000
    x i32> llvm.func @f(%i: i64) -> i32 {{
      %t = llvm.mlir.addressof @t : !llvm.ptr
      %p = llvm.getelementptr %t[0, %i] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<2000 x i32>
      %x = llvm.load %p : !llvm.ptr -> i32
      llvm.return %x : i32
    }}"""
    translated = lowering.translate(parse(text))
    assert "@t = internal constant [8000 x i8] c" in translated
    assert '", align 16\n' in translated
    native = lowering.compile(parse(text))
    signature = Signature("i32", ("i64",))
    for index in (0, 1, 333, 334, 1999):
        assert values(signature, call(native, "f", signature, index)) == [index * 3 - 1000]


def test_long_dense_constants_of_odd_types() -> None:
    """MLIR prints more than a hundred elements as bytes."""
    bits = ", ".join(("true", "false")[index % 3 > 0] for index in range(203))
    odd = ", ".join(str(index % 60 - 30) for index in range(203))
    text = f"""
    llvm.mlir.global internal constant @b(dense<[{bits}]> : vector<203xi1>) : vector<203xi1>
    llvm.mlir.global internal constant @o(dense<[{odd}]> : tensor<203xi7>) : !llvm.array<203 x i7>
    """
    found = lowering.translate(parse(text))
    expected = ", ".join(f"i1 {('true', 'false')[index % 3 > 0]}" for index in range(203))
    assert f"<{expected}>" in found
    numbers = re.findall(r"i7 (-?\d+)", found)
    assert [(int(each) + 64) % 128 - 64 for each in numbers] == [i % 60 - 30 for i in range(203)]
    lowering.compile_ir(found)


NAMES = ["f", "a b", 'quo"te', "back\\slash", "ümlaut", "1", "-x", "a.b$c"]


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    ctx = context()
    with ctx, ir.Location.unknown():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            type_ = ir.TypeAttr.get(ir.Type.parse("!llvm.func<i32 ()>"))
            function = llvm.LLVMFuncOp(name, type_)
        with ir.InsertionPoint(function.regions[0].blocks.append()):
            i32 = ir.IntegerType.get_signless(32)
            llvm.return_(arg=llvm.mlir_constant(ir.IntegerAttr.get(i32, 5)))
    native = lowering.compile(module)
    assert native.symbols == (name,)
    signature = Signature("i32", ())
    assert values(signature, call(native, name, signature)) == [5]


def test_built_with_the_bindings() -> None:
    ctx = context()
    with ctx, ir.Location.unknown():
        module = ir.Module.create()
        f64 = ir.F64Type.get()
        with ir.InsertionPoint(module.body):
            type_ = ir.TypeAttr.get(ir.Type.parse("!llvm.func<f64 (f64, f64)>"))
            function = llvm.LLVMFuncOp("f", type_, passthrough=ir.ArrayAttr.get([]))
        block = function.regions[0].blocks.append(f64, f64)
        with ir.InsertionPoint(block):
            x, y = block.arguments
            fast = ir.Attribute.parse("#llvm.fastmath<contract>")
            product = llvm.fmul(x, y, fastmath_flags=fast)
            llvm.return_(arg=llvm.fsub(product, llvm.intr_sqrt(y)))
    assert "fmul contract double %0, %1" in lowering.translate(module)
    native = lowering.compile(module)
    signature = Signature("f64", ("f64", "f64"))
    assert values(signature, call(native, "f", signature, 3.0, 4.0)) == [10.0]
    other = lowering.compile_ir(reference_ir(module))
    assert values(signature, call(other, "f", signature, 3.0, 4.0)) == [10.0]


def test_module_attributes() -> None:
    text = 'module attributes {llvm.data_layout = "e-m:e", llvm.target_triple = "x86_64-linux"} {}'
    assert lines(text) == ['target datalayout = "e-m:e"', 'target triple = "x86_64-linux"']


def test_attributes_that_cannot_run_here() -> None:
    text = lowering.translate(
        parse("""llvm.func extern_weak @f(!llvm.ptr<3> {llvm.dereferenceable_or_null = 8 : i64},
        ...)
      -> (!llvm.ptr {llvm.noalias, llvm.nonnull}) attributes {
        allocsize = array<i32: 0>, frame_pointer = #llvm.framePointerKind<"non-leaf">,
        memory_effects = #llvm.memory_effects<other = read, argMem = readwrite,
          inaccessibleMem = none, errnoMem = read, targetMem0 = read, targetMem1 = read>,
        nobuiltins = ["sin"], noreturn, target_cpu = "skylake", tune_cpu = "generic",
        target_features = #llvm.target_features<["+avx", "-sse4a"]>,
        uwtable_kind = #llvm.uwtableKind<sync>,
        vscale_range = #llvm.vscale_range<minRange = 1 : i32, maxRange = 2 : i32>}""")
    )
    for part in (
        "declare extern_weak noalias nonnull ptr @f(ptr addrspace(3) "
        "dereferenceable_or_null(8), ...)",
        "allocsize(0)",
        '"frame-pointer"="non-leaf"',
        "memory(read, argmem: readwrite, inaccessiblemem: none)",
        '"no-builtin-sin"',
        "noreturn",
        '"target-cpu"="skylake"',
        '"tune-cpu"="generic"',
        '"target-features"="+avx,-sse4a"',
        "uwtable(sync)",
        "vscale_range(1,2)",
    ):
        assert part in text


def test_alias() -> None:
    text = """
    llvm.mlir.global internal @g(6 : i32) : i32
    llvm.mlir.alias external @a : i32 {
      %0 = llvm.mlir.addressof @g : !llvm.ptr
      llvm.return %0 : !llvm.ptr
    }
    llvm.func @f() -> i32 {
      %p = llvm.mlir.addressof @a : !llvm.ptr
      %x = llvm.load %p : !llvm.ptr -> i32
      llvm.return %x : i32
    }"""
    native = lowering.compile(parse(text))
    signature = Signature("i32", ())
    assert values(signature, call(native, "f", signature)) == [6]


def test_every_writer_has_an_operation() -> None:
    """The tables name no operation that the dialect does not have, in one version at least."""
    ctx = context()
    of_some_versions = {"llvm.ptrtoaddr", "llvm.intr.fake.use", "llvm.intr.strip.invariant.group"}
    for name in (*WRITERS, *INTRINSICS):
        known = name in of_some_versions or name.startswith(
            ("llvm.intr.vp.", "llvm.intr.experimental.constrained.")
        )
        assert known or ctx.is_registered_operation(name), name


def test_a_deep_function_needs_no_deep_stack() -> None:
    chain = "".join(f"  llvm.br ^b{index}\n^b{index}:\n" for index in range(5000))
    found = lines(f"llvm.func @f() {{\n{chain}  llvm.return\n}}")
    assert found[-2] == "ret void"


def test_bundles_of_calls() -> None:
    found = lines("""llvm.func @g(i32) -> i32
    llvm.func @f(%x: i32, %p: !llvm.ptr) -> i32 {
      %0 = llvm.call @g(%x) ["deopt"(), "tag"(%x, %p : i32, !llvm.ptr)] : (i32) -> i32
      %1 = llvm.call %p(%x) ["deopt"(%p : !llvm.ptr)] : !llvm.ptr, (i32) -> i32
      llvm.call_intrinsic "llvm.donothing"() ["deopt"()] : () -> ()
      llvm.return %1 : i32
    }""")
    assert found[3:6] == [
        '%2 = call i32 @g(i32 %0) [ "deopt"(), "tag"(i32 %0, ptr %1) ]',
        '%3 = call i32 %1(i32 %0) [ "deopt"(ptr %1) ]',
        'call void @llvm.donothing() [ "deopt"() ]',
    ]


def test_call_in_another_address_space() -> None:
    found = lines("""llvm.func @f(%p: !llvm.ptr<1>) {
      llvm.call %p() : !llvm.ptr<1>, () -> ()
      llvm.return
    }""")
    assert found[2] == "call addrspace(1) void %0()"


def test_conventions_by_number() -> None:
    assert lines("llvm.func spir_kernelcc @f()") == ["declare cc 76 void @f()"]
    assert lines("llvm.func cc_10 @f()") == ["declare cc 10 void @f()"]
    assert lines("llvm.func win64cc @f()") == ["declare win64cc void @f()"]


def test_assembly_of_the_module() -> None:
    text = 'module attributes {llvm.module_asm = [".globl f", "f: \\22ret\\22"]} {}'
    assert lines(text) == ['module asm ".globl f"', 'module asm "f: \\22ret\\22"']


def test_functions_are_printed_in_local_scope() -> None:
    """Otherwise printing one numbers the whole module, each time."""

    class Function:
        def get_asm(self, **options: object) -> bytes:
            assert options["use_local_scope"]
            return b"  %0 = llvm.add %1 %2 overflow<nsw>"

    function: Any = Function()
    assert list(hidden_flags(function, [("llvm.add", function)])) == [1]
