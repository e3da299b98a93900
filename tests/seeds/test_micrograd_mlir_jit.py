"""The README of micrograd with a JIT compiler, which begins with micrograd's own, line by line."""

from __future__ import annotations

import math
import random
import re
import tomllib
from pathlib import Path

import pytest

from .pages import ROOT, notebook, run

# --- Installation -----------------------------------------------------------------------------


def test_installation_gives_the_package_micrograd() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "micrograd*" in project["tool"]["setuptools"]["packages"]["find"]["include"]
    import micrograd.engine
    import micrograd.jit
    import micrograd.nn

    assert micrograd.engine.Value is micrograd.Value


# --- Example usage ----------------------------------------------------------------------------


def test_example_usage(capsys: pytest.CaptureFixture[str]) -> None:
    from micrograd.engine import Value

    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    print(f"{g.data:.4f}")
    g.backward()
    print(f"{a.grad:.4f}")
    print(f"{b.grad:.4f}")
    assert capsys.readouterr().out == "24.7041\n138.8338\n645.5773\n"


def test_the_graph_has_only_scalars_and_tiny_adds_and_multiplies() -> None:
    from micrograd import nn
    from micrograd.engine import Value
    from micrograd.graph import trace

    nodes, _ = trace(nn.Neuron(3)([Value(1.0), Value(2.0), Value(3.0)]))
    assert all(type(v.data) is float for v in nodes)
    assert [v._op for v in nodes if v._op] == ["*", "+", "*", "+", "*", "+", "ReLU"]


# --- Training a neural net --------------------------------------------------------------------


def test_demo_notebook_trains_the_classifier_of_two_hidden_layers() -> None:
    code, shown = notebook("demo")
    assert "MLP(2, [16, 16, 1])" in code
    assert 'svm "max-margin" loss' in code
    assert "number of parameters 337" in shown
    assert "step 0 loss 0.895844102868, accuracy 50.0%" in shown
    assert "step 99 loss 0.010978370135\naccuracy 100.0%" in shown
    assert "Z = (scores > 0)" in code  # the decision boundary


# --- Tracing / visualization ------------------------------------------------------------------


def test_trace_graph_notebook_draws_the_neuron() -> None:
    code, shown = notebook("trace_graph")
    for line in ("n = nn.Neuron(2)", "x = [Value(1.0), Value(-2.0)]", 'dot.render("gout")'):
        assert line in code
    assert shown.count("<svg") == 4
    assert ">ReLU<" in shown


def test_draw_dot_shows_data_left_and_gradient_right(tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    from micrograd import nn
    from micrograd.engine import Value
    from micrograd.graph import draw_dot

    n = nn.Neuron(2)
    x = [Value(1.0), Value(-2.0)]
    y = n(x)
    dot = draw_dot(y)
    assert len(re.findall(r"\{ data -?\d+\.\d{4} \| grad -?\d+\.\d{4} \}", dot.source)) == 10
    pytest.importorskip("pygraphviz")
    assert dot.render(str(tmp_path / "gout")) == str(tmp_path / "gout.svg")


# --- Running tests, dependencies --------------------------------------------------------------


def test_pytest_finds_the_unit_tests_with_pytorch_as_a_reference() -> None:
    found = run("-m", "pytest", "--collect-only", "-q", "tests/test_engine.py", cwd=ROOT)
    assert "test_sanity_check" in found
    assert "torch" in (ROOT / "tests" / "test_engine.py").read_text(encoding="utf-8")


def test_requirements_are_in_their_file() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-e .[dev]"]


# --- Just in Time Compilation -----------------------------------------------------------------


def test_value() -> None:
    from micrograd.engine import Value
    from micrograd.jit import jit

    a = Value(4.0)
    b = Value(2.0)
    c = a + b  # 6.
    d = a + c  # 10.
    jd = jit(d)
    assert math.isclose(d.data, jd(), abs_tol=1e-04)


def test_mlp() -> None:
    from micrograd.jit import jit
    from micrograd.nn import MLP

    random.seed(10)
    nn = MLP(nin=2, nouts=[1])
    jnn = jit(nn)
    args = [-30.0, -20.0]
    assert math.isclose(nn(args).data, jnn(args), abs_tol=1e-04)


def test_print_of_the_jit_object_is_its_mlir(capsys: pytest.CaptureFixture[str]) -> None:
    from micrograd.engine import Value
    from micrograd.jit import jit

    a = Value(4.0)
    b = Value(2.0)
    c = a + b
    jit_c = jit(c)
    print(jit_c)
    printed = re.sub(r"<\{(.*)\}>", r"\1", capsys.readouterr().out)
    # theirs has the constants 4.0 and 2.0 as well, which nothing uses
    assert [line.strip() for line in printed.splitlines()] == [
        "module {",
        "llvm.func @main() -> f32 attributes {llvm.emit_c_interface} {",
        "%0 = llvm.mlir.constant(6.000000e+00 : f32) : f32",
        "llvm.return %0 : f32",
        "}",
        "llvm.func @_mlir_ciface_main() -> f32 attributes {llvm.emit_c_interface} {",
        "%0 = llvm.call @main() : () -> f32",
        "llvm.return %0 : f32",
        "}",
        "}",
    ]


def test_a_value_used_twice_compiles() -> None:
    """What the fork could not: `x * x`."""
    from micrograd.engine import Value
    from micrograd.jit import jit

    x = Value(3.0)
    assert jit(x * x, wrt=[x]).value_and_grad(3.0) == (9.0, (6.0,))
