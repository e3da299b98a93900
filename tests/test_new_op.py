"""A new op is one entry: what follows from it by itself, and which files are touched.

Two ops are thrown away here: `highest`, given as other ops, and `atanh`, of the C library.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from micrograd import Value, ieee, jit, ops
from micrograd.jit.emit.builder import Builder
from micrograd.jit.ir.program import Access, Apply, Expression
from micrograd.ops import BY_UFUNC, OPS, Op
from micrograd.traced import Traced

from .checks import check_derivative

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def thrown_away() -> Iterator[None]:
    """What a test defines is gone behind it."""
    classes = (Value, Traced, Expression)
    ops_before, ufuncs = dict(OPS), dict(BY_UFUNC)
    before = {cls: dict(vars(cls)) for cls in classes}
    yield
    for table, old in ((OPS, ops_before), (BY_UFUNC, ufuncs)):
        for name in set(table) - set(old):
            del table[name]
    for cls in classes:
        for name, method in list(vars(cls).items()):
            if name not in before[cls]:
                delattr(cls, name)
            elif method is not before[cls][name]:
                setattr(cls, name, before[cls][name])


@pytest.fixture
def highest() -> Op:
    return ops.define(
        "highest",
        formula="max(x, 2 y)",
        vjp=(
            lambda ct, out, x, y: ops.where(x > 2.0 * y, ct, 0.0),
            lambda ct, out, x, y: ops.where(x > 2.0 * y, 0.0, 2.0 * ct),
        ),
        expand=lambda x, y: ops.maximum(x, 2.0 * y),
        ulps=0.5,
    )


@pytest.fixture
def mean() -> Op:
    return ops.define(
        "mean",
        formula="(x + y) / 2",
        vjp=(lambda ct, out, x, y: 0.5 * ct, lambda ct, out, x, y: 0.5 * ct),
        expand=lambda x, y: 0.5 * x + 0.5 * y,
        operator="__floordiv__",
    )


ARITHMETIC = '''"""The inverses of hyperbolic functions."""

from .logarithm import log1p
from .numbers import Real


def atanh(x: Real) -> Real:
    """artanh x."""
    a = abs(x)
    return (0.5 * log1p((a + a) / (1.0 - a))).copysign(x)
'''


@pytest.fixture
def atanh(monkeypatch: pytest.MonkeyPatch) -> Op:
    module = ModuleType("inverse_hyperbolic")
    text = ARITHMETIC.replace("from .", "from micrograd.jit.vectormath.")
    exec(compile(text, module.__name__, "exec"), vars(module))
    monkeypatch.setitem(sys.modules, f"micrograd.jit.vectormath.{module.__name__}", module)
    return ops.define(
        "atanh",
        formula="artanh x",
        eval=ieee.total(math.atanh, {1.0: math.inf, -1.0: -math.inf}),
        vjp=(lambda ct, out, x: ops.div(ct, (1.0 - x) * (1.0 + x)),),
        libm="atanh",
        vectormath=module.__name__,
        ufunc="arctanh",
    )


# --- what follows from an entry -------------------------------------------------------------


def test_a_binary_op_is_a_method_of_all_that_records(highest: Op) -> None:
    v: Any = Value(3.0)
    assert v.highest(2.0).data == 4.0
    assert v.highest(Value(1.0))._entry is highest
    assert [x.data for x in v.highest(np.array([1.0, 5.0]))] == [3.0, 10.0]
    x, y = Access("x"), Access("y")
    assert x.highest(y) == Apply(highest, (x, y))  # type: ignore[attr-defined]
    kernel = jit(lambda x, y: x.highest(y) + x.highest(0.25))
    assert kernel(1.0, 2.0) == 5.0
    assert kernel(np.array([1.0, 0.0]), 0.0).tolist() == [2.0, 0.5]


def test_an_operator_is_one_on_both_sides(mean: Op) -> None:
    v: Any = Value(3.0)
    assert [(v // 1.0).data, (1.0 // v).data, (v // Value(5.0)).data] == [2.0, 2.0, 4.0]
    assert not hasattr(Value, "mean")
    x: Any = Access("x")
    assert (2.0 // x) == Apply(mean, (2.0, x))
    assert jit(lambda x, y: x // y + 1.0 // x)(3.0, 5.0) == 6.0


def test_an_op_of_three_operands_is_a_method_of_the_first() -> None:
    op = ops.define(
        "between",
        formula="x, but at least y and at most z",
        vjp=(lambda ct, out, x, y, z: ops.where(ops.eq(out, x), ct, 0.0), None, None),
        expand=lambda x, y, z: ops.minimum(ops.maximum(x, y), z),
    )
    sites = []

    def f(x: Any) -> Any:
        y = x.between(0.0, 1.0)
        sites.append(y._site[0].co_filename)
        return y

    kernel = jit(f)
    assert [kernel(x) for x in (-1.0, 0.5, 2.0)] == [0.0, 0.5, 1.0]
    assert set(sites) == {__file__}  # the line is the user's
    v: Any = Value(3.0)
    assert v.between(0.0, Value(2.0))._entry is op


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("strict", [False, True])
def test_it_is_compiled_in_loops_and_alone(
    highest: Op, atanh: Op, dtype: str, strict: bool
) -> None:
    numbers = [0.03125 * k - 0.625 for k in range(40)]
    # sums of 40 terms, each off by some ulp
    rounding = 1e-5 if dtype == "f32" else 0.0 if strict else 1e-13
    for op in (highest, atanh):

        def f(xs: Any, op: Op = op) -> Any:
            pairs = zip(xs, xs[::-1], strict=True)
            terms = [op(*pair[: op.arity]) * 2.0 for pair in pairs]
            return sum(terms[1:], terms[0])

        check_derivative(op)
        values = list(map(Value, numbers))
        total = f(values)
        total.backward()
        found, partials = jit(f, dtype=dtype, strict=strict).value_and_grad(numbers)
        assert found == pytest.approx(total.data, rel=rounding, abs=rounding)
        assert partials == pytest.approx([v.grad for v in values], rel=rounding, abs=0.0)


def test_an_op_of_the_c_library_is_vector_math(atanh: Op) -> None:
    assert np.arctanh(Value(0.5))._entry is atanh
    x = np.linspace(-1.0, 1.0, 64)
    with np.errstate(divide="ignore"):
        expected = np.arctanh(x)
    kernel = jit(lambda x: np.arctanh(x), dtype="f64")
    np.testing.assert_allclose(kernel(x), expected, rtol=1e-15)
    calls: list[str] = []
    call = Builder.call
    with pytest.MonkeyPatch.context() as patch:

        def noted(b: Builder, name: str, *given: Any, **more: Any) -> Any:
            calls.append(name)
            return call(b, name, *given, **more)

        patch.setattr(Builder, "call", noted)
        strict, usual = (
            jit(lambda xs: sum(np.arctanh(x) for x in xs), dtype="f64", strict=strict)
            for strict in (True, False)
        )
        numbers = x[1:-1].tolist()
        found = usual(numbers)
        assert "atanh" not in calls  # in vectors it is arithmetic
        assert found == pytest.approx(strict(numbers), abs=1e-14)
        assert "atanh" in calls


def test_an_op_does_not_replace_what_a_value_has_already() -> None:
    op = ops.define("backward", formula="x", vjp=(lambda ct, out, x: ct,), expand=lambda x: x)
    v = Value(2.0)
    assert op(v).data == 2.0
    v.backward()
    assert v.grad == 1.0


def test_a_name_is_one_op() -> None:
    how: dict[str, Any] = {"formula": "x", "vjp": (None, None), "expand": lambda x, y: x}
    with pytest.raises(ValueError, match="op plus: operator __add__ is op add already"):
        ops.define("plus", operator="__add__", **how)
    with pytest.raises(ValueError, match="op plus: ufunc maximum is op maximum already"):
        ops.define("plus", ufunc="maximum", **how)
    v: Any = Value(2.0)
    ops.define("arctan2", **how)  # another op has the method
    assert v.arctan2(1.0).data == math.atan2(2.0, 1.0)
    first = ops.define("first", **how)
    assert v.first(3.0)._entry is first
    del OPS["first"]
    again = ops.define("first", **how)
    assert v.first(3.0)._entry is again


# --- which files are touched ----------------------------------------------------------------

ENTRIES = """
highest: Op = define(
    "highest",
    formula="max(x, 2 y)",
    vjp=(
        lambda ct, out, x, y: where(gt(x, 2.0 * y), ct, 0.0),
        lambda ct, out, x, y: where(gt(x, 2.0 * y), 0.0, 2.0 * ct),
    ),
    expand=lambda x, y: maximum(x, 2.0 * y),
)
atanh: Op = define(
    "atanh",
    formula="artanh x",
    eval=ieee.total(math.atanh, {1.0: math.inf, -1.0: -math.inf}),
    vjp=(lambda ct, out, x: div(ct, (1.0 - x) * (1.0 + x)),),
    libm="atanh",
    vectormath="inverse_hyperbolic",
    ufunc="arctanh",
)
"""


def test_an_op_is_one_file_and_one_of_the_c_library_three(tmp_path: Path) -> None:
    """The third is docs/math.md, where `python docs/accuracy.py atanh` writes its errors."""
    for folder in ("micrograd", "lowering", "tests", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    table = tmp_path / "micrograd" / "ops.py"
    text = table.read_text(encoding="utf-8")
    text = text.replace('    "cos",\n', '    "atanh",\n    "cos",\n', 1)
    text = text.replace('    "log",\n', '    "highest",\n    "log",\n', 1)
    end = text.index('\nBY_UFUNC["divide"]')
    table.write_text(text[:end] + ENTRIES + text[end:], encoding="utf-8")
    module = tmp_path / "micrograd" / "jit" / "vectormath" / "inverse_hyperbolic.py"
    module.write_text(ARITHMETIC, encoding="utf-8")
    program = "from micrograd import Value, atanh, highest; print(Value(3.0).highest(2.0))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "Value(data=4.0, grad=0)\n"
    # the tests of every op are there by themselves, and pass
    files = ["test_ops", "jit/ir/test_bounds", "jit/passes/test_higher_derivatives"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k",
         "highest or atanh or exported or left_out",
         *(f"tests/{name}.py" for name in files)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": "", "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(".") > 60
