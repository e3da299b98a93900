"""Array and function types, whatever classes the bindings have for them."""

from __future__ import annotations

import pytest
from harness import parse

import lowering
from lowering.bindings import context, ir
from lowering.composites import array, function
from lowering.types import Types


def type_of(text: str) -> ir.Type:
    return ir.Type.parse(text, context())


@pytest.mark.parametrize(
    ("text", "length", "element"),
    [
        ("!llvm.array<4 x i32>", 4, "i32"),
        ("!llvm.array<0 x array<3 x ptr<3>>>", 0, "!llvm.array<3 x ptr<3>>"),
        ("!llvm.array<9999999999 x ptr>", 9999999999, "!llvm.ptr"),
        ("!llvm.array<2 x vector<4x!llvm.ptr>>", 2, "vector<4x!llvm.ptr>"),
        ('!llvm.array<2 x struct<"a x b", (i8, f64)>>', 2, '!llvm.struct<"a x b", (i8, f64)>'),
    ],
)
def test_arrays(text: str, length: int, element: str) -> None:
    found = array(type_of(text))
    assert found is not None
    assert (found.length, str(found.element)) == (length, element)


@pytest.mark.parametrize(
    ("text", "result", "inputs", "variadic"),
    [
        ("!llvm.func<i32 ()>", "i32", [], False),
        ("!llvm.func<void (...)>", "!llvm.void", [], True),
        ("!llvm.func<ptr (i32, ptr<1>, ...)>", "!llvm.ptr", ["i32", "!llvm.ptr<1>"], True),
        (
            '!llvm.func<struct<"f(, )", (i8, array<2 x f32>)> (struct<(i32, i64)>, vector<2xf32>)>',
            '!llvm.struct<"f(, )", (i8, array<2 x f32>)>',
            ["!llvm.struct<(i32, i64)>", "vector<2xf32>"],
            False,
        ),
        (
            "!llvm.func<struct<packed (i1)> (metadata, array<1 x struct<()>>)>",
            "!llvm.struct<packed (i1)>",
            ["!llvm.metadata", "!llvm.array<1 x struct<()>>"],
            False,
        ),
    ],
)
def test_functions(text: str, result: str, inputs: list[str], variadic: bool) -> None:
    found = function(type_of(text))
    assert found is not None
    assert str(found.result) == result
    assert [str(each) for each in found.inputs] == inputs
    assert found.variadic == variadic


@pytest.mark.parametrize(
    "text", ["i32", "!llvm.ptr", "!llvm.struct<(array<2 x i8>)>", "(i1) -> i1"]
)
def test_other_types_are_neither(text: str) -> None:
    assert array(type_of(text)) is None
    assert function(type_of(text)) is None


def test_lengths_beyond_32_bits_reach_llvm() -> None:
    text = """llvm.func @f(%p: !llvm.ptr, %i: i64) -> !llvm.ptr {
      %0 = llvm.getelementptr %p[1, %i] : (!llvm.ptr, i64) -> !llvm.ptr,
        !llvm.array<4294967299 x i32>
      llvm.return %0 : !llvm.ptr
    }"""
    assert "getelementptr [4294967299 x i32], ptr %0" in lowering.translate(parse(text))


def test_tokens_are_not_void() -> None:
    types = Types()
    assert types.text(type_of("!llvm.func<token (token, i32)>")) == "token (token, i32)"
