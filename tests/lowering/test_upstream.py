"""MLIR's own translation in this process against ours, where the bindings have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import call, checks, parse
from test_reference import FOLDED, facts

import lowering
from lowering.bindings import ir
from lowering.upstream import _MORE, _USUAL, is_available, is_plain, upstream

FILES = {path.stem: path for path in (Path(__file__).parent / "corpus").glob("*.mlir")}
PLAIN = str.split(
    "aggregates compare constants float_arithmetic integer_arithmetic module_attributes plain "
    "select_freeze"
)

pytestmark = pytest.mark.skipif(not is_available(), reason="these bindings do not translate")


@pytest.mark.parametrize("name", PLAIN)
def test_says_what_ours_says(name: str) -> None:
    module = parse(FILES[name].read_text())
    theirs = upstream(module)
    assert theirs is not None
    if name not in FOLDED:
        assert facts(theirs) == facts(lowering.translate(module))


@pytest.mark.parametrize("name", PLAIN)
def test_computes_what_ours_computes(name: str) -> None:
    text = FILES[name].read_text()
    module = parse(text)
    theirs = upstream(module)
    assert theirs is not None
    with (
        lowering.compile_ir(theirs, opt_level=0) as native,
        lowering.compile_ir(lowering.translate(module), opt_level=0) as own,
    ):
        for check in checks(text):
            outcomes = [
                call(each, check.name, check.signature, *check.arguments) for each in (native, own)
            ]
            assert outcomes[0] == outcomes[1]


def test_every_operation_that_is_left_to_mlir_is_compared() -> None:
    seen = set()

    def visit(op: ir.Operation) -> ir.WalkResult:
        seen.add(op.name)
        return ir.WalkResult.ADVANCE

    for name in PLAIN:
        module = parse(FILES[name].read_text())
        module.operation.walk(visit)
    assert {*_USUAL, *_MORE} - seen == set()


def test_what_is_compiled_is_what_mlir_writes() -> None:
    module = parse("llvm.func @f(%x: f32) -> f32 { llvm.return %x : f32 }")
    with lowering.compile(module) as native:
        assert native.llvm_ir == upstream(module) != lowering.translate(module)
    assert "llvm.data_layout" not in module.operation.attributes


# What MLIR's translation asserts on, drops, or writes in another way: ours writes it, or refuses.
NOT_PLAIN = {
    "flags of a choice of integers": """llvm.func @f(%c: i1, %x: i32) -> i32 {
      %0 = "llvm.select"(%c, %x, %x) <{fastmathFlags = #llvm.fastmath<fast>}>
        : (i1, i32, i32) -> i32
      llvm.return %0 : i32 }""",
    "flags of a call that gives an integer": """llvm.func @g() -> i32
      llvm.func @f() -> i32 {
      %0 = llvm.call @g() {fastmathFlags = #llvm.fastmath<fast>} : () -> i32
      llvm.return %0 : i32 }""",
    "operand bundles": """llvm.func @g()
      llvm.func @f(%x: i32) { llvm.call @g() ["tag"(%x : i32)] : () -> () llvm.return }""",
    "an attribute that would be lost": """llvm.func @f(%x: i32) -> i32 {
      %0 = llvm.add %x, %x {llvm.something} : i32
      llvm.return %0 : i32 }""",
    "elements of another type": """llvm.func @f() -> vector<2xi32> {
      %0 = llvm.mlir.constant(dense<[1, 2]> : vector<2xindex>) : vector<2xi32>
      llvm.return %0 : vector<2xi32> }""",
    "a variable of each thread": "llvm.mlir.global internal thread_local @t(1 : i32) : i32",
    "comdats": "llvm.comdat @c { llvm.comdat_selector @any any }",
    "an unknown attribute of a function": "llvm.func @f() attributes {arm_streaming}",
    "another calling convention": "llvm.func fastcc @f()",
}


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_us(name: str) -> None:
    module = parse(NOT_PLAIN[name])
    assert not is_plain(module)
    assert upstream(module) is None


def test_scalable_vectors_are_left_to_us() -> None:
    module = parse("llvm.func @f(vector<[4]xf32>)")
    assert upstream(module) is None
    with pytest.raises(lowering.UnsupportedType, match="scalable"):
        lowering.compile(module)


def test_invalid_modules_are_refused_before() -> None:
    module = parse("llvm.func @f() -> i32")
    with module.context:
        module.body.operations[0].attributes["linkage"] = ir.Attribute.parse(
            "#llvm.linkage<common>"
        )
    with pytest.raises(lowering.InvalidModule):
        lowering.compile(module)
