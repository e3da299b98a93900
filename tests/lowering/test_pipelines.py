"""Modules of other dialects through MLIR's own passes: compiled, run, compared with Python."""

from __future__ import annotations

import ctypes
import math

import pytest
from harness import Signature, call, parse, values

import lowering
from lowering.bindings import context, ir, package

own = pytest.mark.skipif(package() != "mlir", reason="these bindings have few passes")

FUNCTIONS = """
func.func @power(%x: f64, %n: index) -> f64 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %start = arith.constant 1.0 : f64
  %r = scf.for %i = %zero to %n step %one iter_args(%t = %start) -> f64 {
    %next = arith.mulf %t, %x : f64
    scf.yield %next : f64
  }
  return %r : f64
}
func.func @bend(%x: f64) -> f64 {
  %0 = math.tanh %x : f64
  %1 = math.sqrt %x : f64
  %2 = math.fma %0, %1, %x : f64
  return %2 : f64
}
"""

AXPY = """
func.func @axpy(%a: f32, %x: memref<?xf32>, %y: memref<?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.generic {
    indexing_maps = [affine_map<(i) -> ()>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
    iterator_types = ["parallel"]
  } ins(%a, %x : f32, memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%s: f32, %u: f32, %v: f32):
    %p = arith.mulf %s, %u : f32
    %q = arith.addf %p, %v : f32
    linalg.yield %q : f32
  }
  return
}
"""

TENSORS = """
func.func @dot(%x: tensor<5xf32>, %y: tensor<5xf32>) -> f32 {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<f32>
  %filled = linalg.fill ins(%zero : f32) outs(%empty : tensor<f32>) -> tensor<f32>
  %r = linalg.dot ins(%x, %y : tensor<5xf32>, tensor<5xf32>) outs(%filled : tensor<f32>)
    -> tensor<f32>
  %s = tensor.extract %r[] : tensor<f32>
  return %s : f32
}
func.func @twice(%p: memref<8xf32>) {
  %zero = arith.constant 0 : index
  %nothing = arith.constant 0.0 : f32
  %v = vector.transfer_read %p[%zero], %nothing {in_bounds = [true]} : memref<8xf32>, vector<8xf32>
  %w = arith.addf %v, %v : vector<8xf32>
  vector.transfer_write %w, %p[%zero] {in_bounds = [true]} : vector<8xf32>, memref<8xf32>
  return
}
"""


class Buffer(ctypes.Structure):
    """A memref of one dimension, as the C interface takes it."""

    _fields_ = (
        ("allocated", ctypes.c_void_p),
        ("aligned", ctypes.c_void_p),
        ("offset", ctypes.c_int64),
        ("size", ctypes.c_int64),
        ("stride", ctypes.c_int64),
    )


@own
@pytest.mark.parametrize("pipeline", lowering.PIPELINES)
def test_scalar_dialects(pipeline: str) -> None:
    native = lowering.compile(parse(FUNCTIONS), pipeline=pipeline)
    power, bend = Signature("f64", ("f64", "i64")), Signature("f64", ("f64",))
    assert values(power, call(native, "power", power, 3.0, 4)) == [81.0]
    (found,) = values(bend, call(native, "bend", bend, 2.0))
    assert found == pytest.approx(math.tanh(2.0) * math.sqrt(2.0) + 2.0, rel=1e-15)


@own
@pytest.mark.parametrize("pipeline", lowering.PIPELINES)
def test_loops_over_memory(pipeline: str) -> None:
    native = lowering.compile(parse(AXPY), pipeline=pipeline)
    x, y = ((ctypes.c_float * 9)(*range(9)) for _ in range(2))
    buffers = [Buffer(ctypes.addressof(each), ctypes.addressof(each), 0, 9, 1) for each in (x, y)]
    address = native.address("_mlir_ciface_axpy")
    function = ctypes.CFUNCTYPE(None, ctypes.c_float, ctypes.c_void_p, ctypes.c_void_p)(address)
    function(2.0, *map(ctypes.addressof, buffers))
    assert list(x) == list(range(9))
    assert list(y) == [3.0 * k for k in range(9)]


@own
def test_tensors_and_vectors() -> None:
    native = lowering.compile(parse(TENSORS), pipeline="linalg")
    expanded = ("*f32", "*f32", "i64", "i64", "i64")
    dot = Signature("f32", expanded * 2)
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 0.5, 0.25, 4.0]
    found = values(dot, call(native, "dot", dot, x, x, 0, 5, 1, y, y, 0, 5, 1))
    assert found[0] == sum(a * b for a, b in zip(x, y, strict=True))
    twice = Signature("void", expanded)
    numbers = [float(k) for k in range(8)]
    outcome = call(native, "twice", twice, numbers, numbers, 0, 8, 1)
    assert list(memoryview(outcome[1]).cast("f")) == [2.0 * k for k in range(8)]


@own
def test_the_given_module_is_left_as_it_is() -> None:
    module = parse(FUNCTIONS)
    before = str(module)
    lowering.compile(module, pipeline="memref")
    assert str(module) == before


@own
def test_passes_as_mlir_writes_them() -> None:
    text = "func.func @f(%x: f64) -> f64 { %0 = arith.addf %x, %x : f64 return %0 : f64 }"
    passes = "builtin.module(convert-arith-to-llvm,convert-func-to-llvm)"
    with lowering.compile(parse(text), pipeline=passes) as native:
        assert native.symbols == ("f",)


@own
def test_a_pass_that_fails() -> None:
    ctx = context()
    ctx.allow_unregistered_dialects = True
    text = 'func.func @f(%x: tensor<4xf32>) { "foo.bar"(%x) : (tensor<4xf32>) -> () return }'
    with pytest.raises(lowering.PipelineError, match="fails on the module") as e:
        lowering.compile(ir.Module.parse(text, ctx), pipeline="linalg")
    assert "op was not bufferized" in str(e.value)


def test_a_pass_that_is_not_there() -> None:
    with pytest.raises(lowering.PipelineError, match="cannot read the pipeline") as e:
        lowering.compile(parse("llvm.func @f()"), pipeline="builtin.module(no-such-pass)")
    assert "no-such-pass" in str(e.value)
    assert ("MLIR's own bindings have all" in str(e.value)) == (package() != "mlir")


@pytest.mark.parametrize("pipeline", ["linag", "", 3])
def test_a_name_that_is_none(pipeline: object) -> None:
    with pytest.raises(lowering.PipelineError, match="linalg, memref"):
        lowering.compile(parse("llvm.func @f()"), pipeline=pipeline)  # type: ignore[arg-type]


@own
def test_what_is_not_converted_is_named() -> None:
    text = "func.func @f(%x: f64) -> f64 { %0 = math.tanh %x : f64 return %0 : f64 }"
    passes = "builtin.module(convert-func-to-llvm)"
    with pytest.raises(lowering.UnsupportedOperation, match=r"math\.tanh.*not of the llvm dialect"):
        lowering.compile(parse(text), pipeline=passes)
