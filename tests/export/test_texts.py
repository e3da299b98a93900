"""What headers, examples and Python modules say, and that compilers and Python take it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from micrograd import Value, jit, tanh
from micrograd.errors import ExportError

from .drivers import done
from .test_native import CC, COMPILER
from .test_parameters import of_header

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def stub(folder: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def square(x: Any) -> Any:
    return x * x


def test_headers_say_where_derivatives_of_one_number_are(tmp_path: Path) -> None:
    f = jit(square)
    f(2.0)
    f.jvp(2.0, 1.0)
    kernels = {"v": f.value_and_grad, "j": f.jvp, "t": f.vjp}
    f.vjp(2.0, 1.0)
    for name, kernel in kernels.items():
        kernel.export(tmp_path, name=name)
        said = of_header(tmp_path / f"{name}.h")
        assert "out written: out[0]: result[1] returns result[0]" in said
    one = jit(lambda x: [x * 2])
    one.export(tmp_path, name="one")
    assert "returns result[0]" in of_header(tmp_path / "one.h")


def test_headers_of_results_with_empty_parts(tmp_path: Path) -> None:
    f = jit(lambda x: (x, [], [x, x * 2, x * 3], {"a": [], "b": x}))
    f.export(tmp_path, name="f")
    said = of_header(tmp_path / "f.h")
    assert "out[0]: result[0]; out[1] to out[3]: result[2]; out[4]: result[3]['b']" in said


@COMPILER
def test_examples_of_results_without_numbers(tmp_path: Path) -> None:
    for name, f in {"e": lambda x: [], "d": lambda x: {}}.items():
        jit(f).export(tmp_path, name=name)
        example, library = tmp_path / f"{name}_example.c", tmp_path / f"lib{name}.a"
        done([CC, "-o", tmp_path / "a", example, *STRICT, library, "-lm"])
        assert done([tmp_path / "a"]) == ""


AWKWARD = "k printf f main f_parameters linux EOF __LINE__ I MICROGRAD_F_H out NULL"
PYTHON = "lambda_ in_ from_ is_ list ctypes _function _array value len _library Path"


@COMPILER
def test_names_of_arguments_are_none_of_c_or_of_the_example(tmp_path: Path) -> None:
    names = AWKWARD.split()
    scope: dict[str, Any] = {}
    exec(f"def g({', '.join(names)}): return [{', '.join(f'{n}[1] * 2' for n in names)}]", scope)
    kernel = jit(scope["g"], dtype="f64")
    expected = kernel(*[[0.5, 0.5625]] * len(names))
    kernel.export(tmp_path, name="f")
    example, library = tmp_path / "f_example.c", tmp_path / "libf.a"
    done([CC, "-o", tmp_path / "a", example, *STRICT, library, "-lm"])
    assert list(map(float, done([tmp_path / "a"]).split())) == expected


@COMPILER
def test_names_of_arguments_are_none_of_python(tmp_path: Path) -> None:
    names = PYTHON.split()
    scope: dict[str, Any] = {}
    terms = [f"{n}[0] * {k}" for k, n in enumerate(names)]
    exec(f"def g({', '.join(names)}, b=1.5): return b, [{', '.join(terms)}]", scope)
    kernel = jit(scope["g"], dtype="f64")
    given = [[k + 1.0] for k in range(len(names))]
    expected = kernel(*given)
    kernel.export(tmp_path, name="f")
    first, *rest = [x for part in stub(tmp_path, "f")(*given) for x in _flat(part)]
    assert [first, *rest] == [expected[0], *expected[1]]


def _flat(x: Any) -> list[float]:
    return list(x) if isinstance(x, list) else [x]


@COMPILER
def test_parameters_that_are_no_numbers(tmp_path: Path) -> None:
    values = [Value(x) for x in (float("inf"), float("-inf"), float("nan"))]
    kernel = jit(lambda x: [v * x for v in values], dtype="f64")
    kernel(1.0)
    kernel.export(tmp_path, name="f", parameters="passed")
    example, library = tmp_path / "f_example.c", tmp_path / "libf.a"
    done([CC, "-o", tmp_path / "a", example, *STRICT, library, "-lm"])
    inf, below, none = map(float, done([tmp_path / "a"]).split())
    assert (inf, below, none != none) == (float("inf"), float("-inf"), True)


def test_headers_say_how_much_of_the_stack_is_taken(tmp_path: Path) -> None:
    def spread(x: Any) -> Any:
        moved = [tanh(v * x[0]) for v in x]
        middle = sum(moved)
        return sum(tanh(v - middle) * v for v in moved)

    kernel = jit(spread)
    kernel([0.5] * 3000)
    kernel.export(tmp_path, name="f")
    said = of_header(tmp_path / "f.h")
    words = said.partition("A call has ")[2]
    assert "bytes of arrays on the stack, at most. It takes nothing from the heap." in words
    assert 3000 * 8 <= int(words.split()[0].replace(",", "")) <= 4 * 3000 * 8


def test_nothing_is_written_where_a_folder_stands(tmp_path: Path) -> None:
    (tmp_path / "libf.a").mkdir()
    with pytest.raises(ExportError, match=r"libf\.a is a folder; choose another name"):
        jit(square).export(tmp_path, name="f", overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["libf.a"]


def test_what_is_refused_says_why(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has 300 letters"):
        jit(square).export(tmp_path, name="f" * 300)
    with pytest.raises(ExportError, match="directory should be a path, got ''"):
        jit(square).export("", name="f")
    assert not list(tmp_path.iterdir())
    jit(square).export(tmp_path, name="f" * 200)
