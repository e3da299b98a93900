"""Kernels exported for this machine: compiled into programs in C and C++, they give the kernel's
bits.
"""

from __future__ import annotations

import importlib.util
import random
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, exp, jit, log, nn, sin, tanh
from micrograd.errors import ExportError
from micrograd.jit.export import linking, texts
from micrograd.jit.export.archive import archive

from .drivers import Call, bits, done, driver, exported, flat, invocations, numbers

CC, CXX = shutil.which("gcc") or shutil.which("cc"), shutil.which("g++") or shutil.which("c++")
COMPILER = pytest.mark.skipif(
    CC is None or not sys.platform.startswith("linux"), reason="needs a C compiler, and Linux"
)
SANITIZED = ["-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=address,undefined"]
SANITIZED += ["-fno-sanitize-recover=all"]


def loss(x: Any, p: Any) -> Any:
    return sum((tanh(p[0] * v + p[1]) * sin(v) - exp(p[2] * v)) ** 2 for v in x)


def step(w: Any, x: Any, y: Any) -> Any:
    """A whole step of gradient descent: the loss and the new weights."""

    @jit
    def error(w: Any, x: Any, y: Any) -> Any:
        return sum((tanh(w[0] * a + w[1]) - b) ** 2 for a, b in zip(x, y, strict=True))

    value, (slopes, _, _) = error.value_and_grad(w, x, y)
    return value, [a - 0.1 * g for a, g in zip(w, slopes, strict=True)]


def row(rng: random.Random, n: int) -> list[float]:
    return [rng.uniform(0.1, 2.0) for _ in range(n)]


def matmul(a: Any, b: Any) -> Any:
    return [
        [sum(a[i][k] * b[k][j] for k in range(len(b))) for j in range(len(b[0]))]
        for i in range(len(a))
    ]


def cases(dtype: str, *, strict: bool) -> list[Call]:
    rng = random.Random(3)
    found = []
    for n in (3, 19) if dtype == "f64" and not strict else (19,):
        points = [(row(rng, n), row(rng, 3)) for _ in range(2)]
        kernel = jit(loss, dtype=dtype, strict=strict)
        for each in (kernel, kernel.value_and_grad, kernel.hessian)[: 3 if n < 9 else 2]:
            each(*points[0])
            found.append(Call(each, points))
    pair = jit(lambda x, y: (x * y, [x / y, log(y)]), dtype=dtype, strict=strict)
    special = [(0.0, 1.0), (-0.0, 2.0), (float("inf"), 0.0), (1e300, 1e-300), (5e-324, 3.0)]
    found += [Call(pair, special), Call(pair.jacobian, special[:2])]
    big = [[row(rng, 24) for _ in range(20)], [row(rng, 17) for _ in range(24)]]
    product = jit(matmul, dtype=dtype, strict=strict)
    product(*big)
    found.append(Call(product, [(big[0], big[1])]))
    found.append(Call(jit(lambda x, y: sum(x) + 2 * y, dtype=dtype, strict=strict), [([], 1.5)]))
    found[-1].kernel([], 1.5)
    training = jit(step, dtype=dtype, strict=strict)
    data = (row(rng, 2), row(rng, 9), row(rng, 9))
    training(*data)
    return [*found, Call(training, [data])]


def printed(
    calls: Sequence[Call], libraries: Sequence[Path], folder: Path, expected: Sequence[Any]
) -> Any:
    """What a program in C gets from the libraries."""
    program, source = folder / "driver", driver(invocations(calls, folder), folder)
    done([CC, "-o", program, source, *SANITIZED, *libraries, "-lm"])
    return numbers(done([program]), expected)


@COMPILER
@pytest.mark.parametrize(("dtype", "strict"), [("f64", False), ("f64", True), ("f32", False)])
def test_c_gives_the_bits_that_the_kernel_gives(tmp_path: Path, dtype: str, strict: bool) -> None:
    calls = cases(dtype, strict=strict)
    libraries = exported(calls, tmp_path)
    expected = [found for call in calls for found in call.expected()]
    assert bits(printed(calls, libraries, tmp_path, expected)) == bits(expected)
    if CXX is None or strict:
        return
    program = tmp_path / "driver"
    source = driver(invocations(calls, tmp_path), tmp_path, language="cpp")
    done([CXX, "-std=c++17", "-o", program, source, "-Wall", "-Werror", *libraries, "-lm"])
    assert bits(numbers(done([program]), expected)) == bits(expected)


def model(seed: int = 5) -> nn.MLP:
    random.seed(seed)
    return nn.MLP(2, [16, 16, 1])


@COMPILER
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_parameters_are_baked_or_passed(tmp_path: Path, dtype: str) -> None:
    network = model()
    kernel = jit(network, dtype=dtype)
    points = [([0.5, -0.25],), ([1.0, 2.0],)]
    kernel(*points[0])
    now = [p.data for p in network.parameters()]
    calls = [
        Call(kernel, points),
        Call(kernel.value_and_grad, points),
        Call(kernel, points, [now], {"parameters": "passed"}),
        Call(kernel.grad, points, [now], {"parameters": "passed"}),
    ]
    expected = [found for call in calls for found in call.expected()]
    libraries = exported(calls, tmp_path)
    for p in network.parameters():  # what was exported is as it was
        p.data = 0.0
    assert bits(printed(calls, libraries, tmp_path, expected)) == bits(expected)
    assert "const double parameters[337]" in Path(tmp_path, "f2.h").read_text(encoding="utf-8")


@COMPILER
def test_parameters_of_two_models(tmp_path: Path) -> None:
    first, second = model(1), nn.MLP(2, [3, 1])
    kernel = jit(lambda x, y: first([x, y]) * second([y, x]))
    expected = [[kernel(0.5, 2.0)]]
    now = [[p.data for m in (first, second) for p in m.parameters()]]
    calls = [Call(kernel, [(0.5, 2.0)]), Call(kernel, [(0.5, 2.0)], now, {"parameters": "passed"})]
    libraries = exported(calls, tmp_path)
    source, program = driver(invocations(calls, tmp_path), tmp_path), tmp_path / "driver"
    done([CC, "-o", program, source, *SANITIZED, *libraries, "-lm"])
    assert bits(numbers(done([program]), expected * 2)) == bits(expected * 2)


def sampled(header: Path) -> list[Any]:
    """The arguments that the example has."""
    prototype = re.search(r"^\w+ \w+\(([^)]*)\);", header.read_text(encoding="utf-8"), re.M)
    assert prototype is not None
    found: list[Any] = []
    for k, text in enumerate(prototype[1].split(", ")):
        size = re.search(r"\[(\d+)\]", text)
        if size is None:
            found.append(texts.sample(k))
        elif text.startswith("const "):
            found.append([texts.sample(j) for j in range(int(size[1]))])
    return found


@COMPILER
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_the_example_runs(tmp_path: Path, dtype: str) -> None:
    number = np.float64 if dtype == "f64" else np.float32
    kernel = jit(loss, dtype=dtype).value_and_grad
    kernel([0.5] * 19, [0.1, 0.2, 0.3])
    kernel.export(tmp_path, name="loss")
    network = jit(model(), dtype=dtype)
    network([0.5, 0.25])
    network.export(tmp_path, name="network", parameters="passed")
    for name, found in (("loss", kernel), ("network", network)):
        source = tmp_path / f"{name}_example.c"
        assert len(source.read_text(encoding="utf-8").splitlines()) <= 15
        given = sampled(tmp_path / f"{name}.h")[: len(found._parameters)]
        for library in (f"lib{name}.a", f"lib{name}.so")[: 1 + (dtype == "f64")]:
            done([CC, "-o", tmp_path / "a", source, *SANITIZED, tmp_path / library, "-lm"])
            printed = done([tmp_path / "a"], env={"LD_LIBRARY_PATH": str(tmp_path)}).split()
            assert [float(number(x)) for x in printed] == flat(found(*given))


@COMPILER
def test_the_stub_calls_the_library(tmp_path: Path) -> None:
    kernel = jit(loss).value_and_grad
    given = [0.5, 0.75, 0.1], [0.1, 0.2, 0.3]
    expected = kernel(*given)
    kernel.export(tmp_path, name="exported_loss")
    spec = importlib.util.spec_from_file_location("stub", tmp_path / "exported_loss.py")
    assert spec is not None
    assert spec.loader is not None
    stub = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stub)
    value, numbers = stub.exported_loss(*given)
    assert [value, *numbers] == flat(expected)
    with pytest.raises(ValueError, match="x has 3 numbers, got 2"):
        stub.exported_loss([1.0, 2.0], given[1])


@COMPILER
def test_build_systems_find_it(tmp_path: Path) -> None:
    tools = [shutil.which("cmake"), shutil.which("pkg-config")]
    if None in tools:
        pytest.skip("needs cmake and pkg-config")
    folder = tmp_path / "with a space"
    kernel = jit(lambda x, y: tanh(x) * y)
    kernel.export(folder, name="f")
    main = '#include <stdio.h>\n#include <f.h>\nint main(void) { printf("%a", f(0.5, 2.0)); }\n'
    Path(tmp_path, "main.c").write_text(main, encoding="utf-8")
    Path(tmp_path, "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(p C)\nfind_package(f CONFIG REQUIRED)\n"
        "foreach(kind static shared)\nadd_executable(with_${kind} main.c)\n"
        "target_link_libraries(with_${kind} f::${kind})\nendforeach()\n",
        encoding="utf-8",
    )
    build = tmp_path / "build"
    done(["cmake", "-S", tmp_path, "-B", build, f"-Df_DIR={folder}"])
    done(["cmake", "--build", build])
    for kind in ("static", "shared"):
        assert float.fromhex(done([build / f"with_{kind}"])) == kernel(0.5, 2.0)
    environment = {"PKG_CONFIG_PATH": str(folder), "PATH": "/usr/bin:/bin"}
    flags = done(["sh", "-c", "pkg-config --cflags --libs f"], env=environment).strip()
    done(["sh", "-c", f"cc -o '{tmp_path}/a' '{tmp_path}/main.c' {flags}"])
    printed = done([tmp_path / "a"], env={"LD_LIBRARY_PATH": str(folder)})
    assert float.fromhex(printed) == kernel(0.5, 2.0)


@COMPILER
def test_nothing_of_this_process_is_in_the_object(tmp_path: Path) -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("needs nm")
    network = model()
    kernels = [call.kernel for call in cases("f32", strict=False)[-3:]] + [jit(network).grad]
    kernels[-1]([0.5, 0.25])
    table = np.linspace(0.1, 1.0, 5000).tolist()
    kernels.append(jit(lambda x: sum(tanh(x * c) * c for c in table)))
    kernels[-1](0.5)
    for k, kernel in enumerate(kernels):
        kernel.export(tmp_path, name=f"f{k}")
        for line in done([nm, tmp_path / f"f{k}.o"]).splitlines():
            kind, name = line.split()[-2:]
            allowed = {"malloc", "free", "memcpy", "memset", "memmove", "exp", "tanh", "sin"}
            assert kind != "U" or name.removesuffix("f") in allowed, line
            assert kind.islower() or kind == "U" or name == f"f{k}", line


def test_a_library_is_made_the_same_again(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        jit(square).export(tmp_path / folder, name="f")
    for name in ("f.o", "f.h", "libf.a"):
        assert Path(tmp_path, "a", name).read_bytes() == Path(tmp_path, "b", name).read_bytes()


def square(x: Any) -> Any:
    return x * x


@COMPILER
@pytest.mark.parametrize("name", ["f", "f2345678901234", "f23456789012345", "f" * 70])
def test_members_of_libraries_have_names_of_any_length(tmp_path: Path, name: str) -> None:
    jit(square).export(tmp_path, name=name)
    tool = shutil.which("ar")
    if tool is None:
        pytest.skip("needs ar")
    library = tmp_path / f"lib{name}.a"
    assert done([tool, "t", library]) == f"{name}.o\n"
    assert done([tool, "p", library, f"{name}.o"], errors="replace")[1:4] == "ELF"
    done([CC, "-shared", "-o", tmp_path / "a.so", "-Wl,-u," + name, library])
    assert len(archive(f"{name}.o", b"odd", ["f", "g"])) % 2 == 0


def test_names_of_arguments_are_names_in_c(tmp_path: Path) -> None:
    kernel = jit(lambda double, int, x_, π: double * int + x_ / π)
    kernel.export(tmp_path, name="f")
    text = Path(tmp_path, "f.h").read_text(encoding="utf-8")
    assert "double f(double double_, double int_, double x, double u03c0);" in text


def test_leaves_of_a_value_are_arguments(tmp_path: Path) -> None:
    w, b = Value(2.0, label="w"), Value(0.5, label="b")
    jit(tanh(w) * b, wrt=[w, b]).value_and_grad.export(tmp_path, name="f")
    text = Path(tmp_path, "f.h").read_text(encoding="utf-8")
    assert "float f(float w, float b, float out[2]);" in text


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"name": "double"}, "'double' is a keyword of C or C++; choose another"),
        ({"name": "class"}, "'class' is a keyword"),
        ({"name": "2f"}, "'2f' is no name in C"),
        ({"name": "a-b"}, "'a-b' is no name in C"),
        ({"name": ""}, "'' is no name in C"),
        ({"name": "π"}, "is no name in C"),
        ({"name": "expf"}, "'expf' is a name of the C library"),
        ({"name": "main"}, "'main' is a name of the C library"),
        ({"name": "pass"}, "'pass' is a keyword of Python"),
        ({"name": "_function"}, "'_function' is a name that the module for Python uses"),
        ({"name": "__f"}, "is kept for C compilers"),
        ({"name": 5}, "name should be a name in C, such as 'loss', got int 5"),
        ({}, "'<lambda>' is no name in C: letters, digits and _; give one by name="),
        ({"name": "f", "target": "sparc"}, "there is no target 'sparc'; there are native, x86_64,"),
        ({"name": "f", "target": "wasm32-linux-gnu"}, "there is no target"),
        ({"name": "f", "target": 7}, "there is no target 7"),
        ({"name": "f", "parameters": "live"}, "parameters should be 'baked' or 'passed', got str"),
        ({"name": "f", "overwrite": 1}, "overwrite should be True or False, got int 1"),
    ],
)
def test_bad_options(tmp_path: Path, how: dict[str, Any], said: str) -> None:
    with pytest.raises(ExportError, match=re.escape(said)):
        jit(lambda x: x * x).export(tmp_path / "new", **how)
    assert not list(tmp_path.iterdir())


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    kernel = jit(square)
    kernel.export(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ExportError, match=r"has square\.h, square\.o, .* already; overwrite=True"):
        kernel.grad.export(tmp_path, name="square")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    kernel.grad.export(tmp_path, name="square", overwrite=True)
    assert "square.grad" in Path(tmp_path, "square.h").read_text(encoding="utf-8")


def test_folders_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    with pytest.raises(ExportError, match="is a file; give the name of a folder"):
        jit(square).export(file)
    with pytest.raises(OSError, match="file"):
        jit(square).export(file / "below")
    for bad in (5, None, b"build"):
        with pytest.raises(ExportError, match="directory should be a path, got"):
            jit(square).export(bad)  # type: ignore[arg-type]


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    uncalled = jit(lambda xs: sum(x * x for x in xs))
    with pytest.raises(micrograd.errors.SignatureError, match="call it once"):
        uncalled.export(tmp_path, name="f")


def test_without_a_compiler_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking.shutil, "which", lambda name: None)
    monkeypatch.setattr(linking, "find_spec", lambda name: None)
    with pytest.warns(UserWarning, match=r"libf.so is not linked; .*micrograd-mlir\[export\]"):
        files = jit(square).export(tmp_path, name="f")
    assert {file.name for file in files} >= {"f.h", "f.o", "libf.a", "f_example.c"}
    assert "shared" not in Path(tmp_path, "fConfig.cmake").read_text(encoding="utf-8")


def test_what_the_linker_says_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "cc"
    bad.write_text("#!/bin/sh\necho no room >&2\nexit 1\n", encoding="utf-8")
    bad.chmod(0o755)
    monkeypatch.setenv("CC", str(bad))
    with pytest.raises(ExportError, match=r"does not link f\.o: no room"):
        jit(square).export(tmp_path / "new", name="f")
    assert not Path(tmp_path, "new").exists()
