"""One test per error message."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import parse

import lowering
from lowering.bindings import context, ir
from lowering.operations import WRITERS


def in_function(body: str, arguments: str = "") -> ir.Module:
    return parse(f"llvm.func @f({arguments}) {{\n{body}\n  llvm.return\n}}")


def test_operation_of_another_dialect() -> None:
    ctx = context()
    ctx.allow_unregistered_dialects = True
    module = ir.Module.parse('llvm.func @f() { "foo.bar"() : () -> ()\n llvm.return }', ctx)
    with pytest.raises(lowering.UnsupportedOperation, match="not of the llvm dialect") as e:
        lowering.translate(module)
    assert 'in: "foo.bar"() : () -> ()' in str(e.value)


def test_unknown_operation_of_the_llvm_dialect() -> None:
    module = in_function(
        "%0 = llvm.intr.matrix.transpose %x {columns = 2 : i32, rows = 2 : i32} : "
        "vector<4xf32> into vector<4xf32>",
        "%x: vector<4xf32>",
    )
    with pytest.raises(lowering.UnsupportedOperation, match="no translation is written"):
        lowering.translate(module)


def test_inalloca() -> None:
    module = in_function(
        "%n = llvm.mlir.constant(1 : i32) : i32\n"
        "%0 = llvm.alloca inalloca %n x i32 : (i32) -> !llvm.ptr"
    )
    with pytest.raises(lowering.UnsupportedAttribute, match=r"`inalloca = unit` of `llvm\.alloca`"):
        lowering.translate(module)


def test_scalable_vector() -> None:
    with pytest.raises(lowering.UnsupportedType, match="scalable vectors are not supported"):
        lowering.translate(parse("llvm.func @f(vector<[4]xf32>)"))


def test_unknown_type() -> None:
    with pytest.raises(lowering.UnsupportedType, match="ppc_fp128"):
        lowering.translate(parse("llvm.func @f(!llvm.ppc_fp128)"))


@pytest.mark.parametrize(
    ("constant", "message"),
    [
        ("1.0 : f32) : f64", "double cannot hold a f32"),
        ("1.5 : f32) : i64", "i64 does not have the 32 bits of f32"),
        ("dense<[1.0, 2.0]> : tensor<2xf32>) : !llvm.array<2 x f64>", "double cannot hold a f32"),
        ("dense<[1, 2]> : tensor<2xi64>) : !llvm.array<3 x i64>", "has 2 numbers.* takes 3"),
        ("[1 : i32, 2 : i32]) : !llvm.array<3 x i32>", "has 2 elements.* 3"),
        ("0 : i64) : !llvm.ptr", "constant of type ptr"),
        ("1 : i32) : vector<2xi32>", "one number cannot be a constant of type vector<2xi32>"),
        ("dense<(1.0, 2.0)> : tensor<2xcomplex<f32>>) : !llvm.array<2 x f32>", "a struct of two"),
        ('dense<["a"]> : tensor<1x!llvm.ptr>) : !llvm.array<1 x ptr>', "are not numbers"),
        ("dense_resource<gone> : tensor<2xi8>) : !llvm.array<2 x i8>", "does not hold its data"),
    ],
)
def test_constant_that_does_not_fit(constant: str, message: str) -> None:
    module = parse(f"llvm.mlir.global internal @g({constant}")
    with pytest.raises(lowering.UnsupportedConstant, match=message):
        lowering.translate(module)


def test_strange_constant() -> None:
    module = parse("llvm.mlir.global internal @g(unit) : i32")
    with pytest.raises(lowering.UnsupportedConstant, match="unit to a constant"):
        lowering.translate(module)


def test_unknown_argument_attribute() -> None:
    module = parse("llvm.func @f(%x: i32 {llvm.initializes = []})")
    with pytest.raises(lowering.UnsupportedAttribute, match=r"llvm\.initializes"):
        lowering.translate(module)


def test_unknown_function_attribute() -> None:
    module = parse("llvm.func @f() attributes {arm_streaming}")
    with pytest.raises(lowering.UnsupportedAttribute, match="`arm_streaming = unit` of `llvm"):
        lowering.translate(module)


def test_memory_in_passthrough() -> None:
    module = parse('llvm.func @f() attributes {passthrough = [["memory", "1"]]}')
    with pytest.raises(lowering.UnsupportedAttribute, match="use memory_effects"):
        lowering.translate(module)


def test_operation_at_the_top() -> None:
    text = """
      llvm.func @r() -> !llvm.ptr { %0 = llvm.mlir.zero : !llvm.ptr llvm.return %0 : !llvm.ptr }
      llvm.mlir.ifunc external @i : !llvm.func<void ()>, !llvm.ptr @r
    """
    with pytest.raises(lowering.UnsupportedOperation, match="functions, globals, aliases"):
        lowering.translate(parse(text))


def test_initialiser_that_is_no_constant() -> None:
    text = """llvm.mlir.global internal @g() : i32 {
      %0 = llvm.mlir.constant(1 : i32) : i32
      %1 = llvm.freeze %0 : i32
      llvm.return %1 : i32
    }"""
    with pytest.raises(lowering.UnsupportedOperation, match="part of a global's initialiser"):
        lowering.translate(parse(text))


def test_module_that_the_verifier_rejects() -> None:
    ctx = context()
    module = ir.Module.parse("llvm.func @f() -> i32", ctx)
    function = module.body.operations[0]
    with ctx:
        function.attributes["function_type"] = ir.TypeAttr.get(
            ir.Type.parse("!llvm.func<i64 (i32)>")
        )
        function.attributes["linkage"] = ir.Attribute.parse("#llvm.linkage<common>")
    with pytest.raises(lowering.InvalidModule, match="MLIR's verifier rejects the module"):
        lowering.translate(module)


def test_ir_that_does_not_parse() -> None:
    with pytest.raises(lowering.CompileError, match="LLVM rejects the IR") as e:
        lowering.compile_ir("define i32 @f() {\n  ret i33 0\n}")
    assert "ret i33 0" in str(e.value)


def test_ir_that_llvm_rejects() -> None:
    text = "define i32 @f() {\n %x = add i32 %y, 1\n %y = add i32 1, 1\n ret i32 %x\n}"
    with pytest.raises(lowering.CompileError, match="LLVM rejects the IR") as e:
        lowering.compile_ir(text)
    assert "does not dominate" in str(e.value)


def test_missing_symbol_at_link() -> None:
    text = "declare void @nowhere()\ndefine void @f() {\n call void @nowhere()\n ret void\n}"
    with pytest.raises(lowering.CompileError, match="symbols not found: nowhere") as e:
        lowering.compile_ir(text)
    assert "`symbols`" in str(e.value)


def test_thread_local() -> None:
    text = "llvm.mlir.global internal thread_local @t(1 : i32) : i32"
    with pytest.raises(lowering.CompileError, match="@t is thread_local"):
        lowering.compile(parse(text))


def test_foreign_data_layout() -> None:
    with pytest.raises(lowering.CompileError, match="data layout is not that of the machine"):
        lowering.compile_ir('target datalayout = "E-p:32:32"\n')


@pytest.mark.parametrize("level", [-1, 4, 1.0, None, True])
def test_optimisation_level(level: object) -> None:
    with pytest.raises(ValueError, match="opt_level must be 0, 1, 2 or 3"):
        lowering.compile_ir("", opt_level=level)  # type: ignore[arg-type]


def test_unknown_symbol_lists_the_known() -> None:
    native = lowering.compile_ir("define void @f() {\n ret void\n}\n@g = global i32 0")
    with pytest.raises(lowering.UnknownSymbol, match="no symbol 'h'; it defines: f, g"):
        native.address("h")
    with pytest.raises(KeyError):
        native.address("h")


def test_closed_module() -> None:
    native = lowering.compile_ir("define void @f() {\n ret void\n}")
    native.close()
    native.close()
    assert repr(native) == "<NativeModule, closed>"
    for use in (
        lambda: native.address("f"),
        lambda: native.symbols,
        lambda: native.assembly,
        lambda: native.optimized_ir,
        native.__enter__,
    ):
        with pytest.raises(lowering.ModuleClosed, match="closed and its machine code is freed"):
            use()


def test_bindings_missing() -> None:
    program = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mlir", "jaxlib"):
            raise ImportError(name)

sys.meta_path.insert(0, Block())
try:
    import lowering.bindings
    lowering.bindings.context()
except ImportError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("BindingsMissing")
    assert "pip install jaxlib" in done.stdout


def test_an_empty_mlir_package_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mlir").mkdir()
    (tmp_path / "mlir" / "__init__.py").write_text("")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from lowering import BindingsMissing, bindings
try:
    print(bindings.package())
except BindingsMissing as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "LOWERING_BINDINGS"},
    )
    if importlib.util.find_spec("jaxlib") is None:
        assert "  mlir: No module named 'mlir.ir'\n" in done.stdout
    else:
        assert done.stdout == "jaxlib.mlir\n"


def test_says_which_function_and_operation() -> None:
    module = in_function('%0 = "llvm.intr.vscale"() : () -> i64')
    with pytest.raises(lowering.UnsupportedOperation) as caught:
        lowering.translate(module)
    assert str(caught.value).splitlines()[1:] == [
        '  in: %0 = "llvm.intr.vscale"() : () -> i64',
        "  of: @f",
    ]


@pytest.mark.parametrize(
    ("text", "attribute", "operation", "symbol"),
    [
        (
            "llvm.func @f(%x: i32) { %0 = llvm.add %x, %x {note = 1 : i32} : i32 llvm.return }",
            "note",
            "llvm.add",
            "f",
        ),
        (
            "llvm.func @f() attributes {llvm.odd = 1 : i32} { llvm.return }",
            "llvm.odd",
            "llvm.func",
            "f",
        ),
        ("llvm.func @f() { llvm.return {llvm.odd} }", "llvm.odd", "llvm.return", "f"),
        (
            "llvm.mlir.global internal @g(1 : i32) {llvm.odd} : i32",
            "llvm.odd",
            "llvm.mlir.global",
            "g",
        ),
    ],
)
def test_attribute_that_would_be_lost(
    text: str, attribute: str, operation: str, symbol: str
) -> None:
    with pytest.raises(lowering.UnsupportedAttribute) as caught:
        lowering.translate(parse(text))
    first, *_, last = str(caught.value).splitlines()
    assert first.startswith(f"cannot translate the attribute `{attribute} = ")
    assert f"of `{operation}`" in first
    assert last == f"  of: @{symbol}"


def test_attribute_of_the_module_that_would_be_lost() -> None:
    with pytest.raises(
        lowering.UnsupportedAttribute, match=r"llvm\.odd = unit` of `builtin\.module`"
    ):
        lowering.translate(parse("module attributes {llvm.odd} {}"))


def test_what_nobody_expected_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(scope: object, op: object) -> None:
        raise KeyError("strange")

    monkeypatch.setitem(WRITERS, "llvm.freeze", fails)
    module = in_function("%0 = llvm.freeze %x : i32", "%x: i32")
    with pytest.raises(
        lowering.UnsupportedOperation, match=r"`llvm\.freeze`.*\(KeyError: 'strange'\)"
    ):
        lowering.translate(module)


def test_appending_global() -> None:
    module = parse("llvm.mlir.global appending @x(dense<0> : tensor<2xi32>) : !llvm.array<2 x i32>")
    with pytest.raises(lowering.UnsupportedOperation, match="appending linkage"):
        lowering.translate(module)
