"""What `import micrograd` imports: nothing of MLIR, which takes longer than all else; and what it
says where another package of that name lies over it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lowering
import micrograd

ROOT = Path(__file__).parent.parent

PROGRAM = """
import sys
{program}
print(*sorted({{m.split(".")[0] for m in sys.modules}} & {{"jax", "jaxlib", "mlir"}}))
"""


def imported(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(program=program)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "program",
    [
        "import lowering, lowering.bindings",
        "import micrograd, micrograd.jit, micrograd.cli.main",
        "from micrograd import Value, jit; v = Value(2.0); (v * v).backward(); jit(lambda x: x)",
    ],
)
def test_nothing_of_mlir_is_imported_before_something_is_compiled(program: str) -> None:
    assert imported(program) == []


def test_tensors_are_imported_when_they_are_asked_for() -> None:
    program = (
        "import sys, micrograd; print('micrograd.tensor' in sys.modules); "
        "print('Tensor' in dir(micrograd), micrograd.Tensor([1.0]) + 1); "
        "from micrograd import *; print(Tensor is micrograd.tensor.Tensor); "
        "print(micrograd.matrix.Tensor.create_scalar(2.0).item())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\nTrue [2.]\nTrue\n2.0\n"


def test_one_kind_of_bindings_is_imported_for_that() -> None:
    assert imported("from micrograd import jit; jit(lambda x: x * x)(2.0)") in (
        ["jaxlib"],
        ["mlir"],
    )


def test_an_import_takes_what_eager_values_need() -> None:
    """Of the package: no stage of the compiler, no training, no Tensors; and nothing large beside
    NumPy. A kernel that is made but not called has loaded neither LLVM nor the stages.
    """
    program = """
import sys
import micrograd
parts = ("jit", "train", "tensor", "layers", "cli", "drawing", "nn", "optim", "losses")
print([m for m in sys.modules if m.startswith(tuple(f"micrograd.{p}" for p in parts))])
x = micrograd.Value(2.0)
(x * x + micrograd.tanh(x)).backward()
print([m for m in sys.modules if m.startswith(tuple(f"micrograd.{p}" for p in parts))])
kernel = micrograd.jit(lambda x, y: x * y)
late = ("micrograd.train", "micrograd.tensor", "llvmlite", "mlir", "jaxlib", "lowering.backend")
stages = tuple(f"micrograd.jit.{s}." for s in ("passes", "reroll", "schedule", "emit", "dialect"))
print([m for m in sys.modules if m.startswith((*late, *stages))])
kernel(2.0, 3.0)
passes = ("reverse", "forward", "checkpoints", "starts")
emitted = ("products", "nest", "loop", "points", "array_main")
late = {"micrograd.jit.reroll.loops", "micrograd.jit.vectormath", "micrograd.jit.call.arrays"}
late |= {f"micrograd.jit.passes.{p}" for p in passes} | {f"micrograd.jit.emit.{e}" for e in emitted}
print(sorted(late & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n" * 4


def test_the_name_of_the_compiler_is_the_function() -> None:
    """Whatever is imported first: the folder `jit` does not take the function's place."""
    for first in ("micrograd.jit", "micrograd.jit.compile", "micrograd.train", "micrograd.nn"):
        program = f"import {first}, micrograd; print(micrograd.jit(lambda x: x * x)(3.0)); "
        program += "from micrograd import jit; print(jit is micrograd.jit, callable(micrograd.fit))"
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout == "9.0\nTrue True\n"


def test_no_process_forks_while_something_is_imported_late() -> None:
    """A child forked meanwhile would wait for ever for what another thread was importing: whatever
    is imported after the package is imported under a lock that forking takes.
    """
    program = """
import sys
import numpy as np
import micrograd
import micrograd.nn, micrograd.losses, micrograd.optim
from lowering.late import importing
class Late:
    def find_spec(self, name, path=None, target=None):
        if not importing._is_owned() and not name.startswith("numpy"):
            print(name)
sys.meta_path.insert(0, Late())
model, data = micrograd.nn.MLP(2, [3, 1]), (np.ones((8, 2)), np.ones(8))
adam, hinge = micrograd.optim.Adam(model.parameters()), micrograd.losses.max_margin
micrograd.jit(model).hessian([1.0, 2.0])
micrograd.fit(model, adam, data=data, loss=hinge, steps=2, validation=data)
micrograd.fit(micrograd.Value(1.0) ** 2 * model.parameters()[0], adam, steps=2)
cube = micrograd.jit(lambda x: x**3 + micrograd.exp(x), check=True)
cube(np.ones(10_000))
cube.ufunc, cube.explain(), cube.stages()["schedule"]
micrograd.jit(lambda xs: sum(x * x for x in xs)).grad([0.5] * 100)
square = micrograd.vmap(micrograd.jit(lambda x: (x @ x).sum()))
square(micrograd.Tensor(np.ones((2, 20, 20))))
net = micrograd.nn.Linear(2, 1)
sgd, loss = micrograd.optim.SGD(net.parameters(), 0.1), micrograd.losses.squared_error
micrograd.fit(net, sgd, data=(np.ones((8, 2)), np.ones((8, 1))), loss=loss, steps=2, batch_size=4)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_all_that_lowering_has_is_there_when_it_is_asked_for() -> None:
    assert set(lowering.__all__) <= set(dir(lowering))
    for name in lowering.__all__:
        assert getattr(lowering, name) is not None
    with pytest.raises(AttributeError, match="module 'lowering' has no attribute 'translates'"):
        lowering.translates  # noqa: B018
    program = "import sys, micrograd; print([m for m in sys.modules if 'llvmlite' in m])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# --- another distribution's files -----------------------------------------------------------------

ANOTHER = {
    "__init__.py": "",
    "engine.py": """
class Value:
    def __init__(self, data, _children=(), _op=""):
        self.data, self.grad = data, 0
""",
    "nn.py": """
from micrograd.engine import Value

class Module:
    def parameters(self):
        return []
""",
}
"""What PyPI's micrograd has, in short."""
REMEDY = "pip uninstall micrograd; pip install --force-reinstall micrograd-mlir"
USES = [
    "from micrograd import Value, jit",
    "from micrograd.jit import jit",
    "import micrograd.jit",
    "from micrograd.optim import SGD",
    "import micrograd.cli.main",
    "from micrograd.train import fit",
]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a copy of this package."""
    shutil.copytree(
        ROOT / "micrograd", tmp_path / "micrograd", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(
        ROOT / "lowering", tmp_path / "lowering", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def overwrite(site: Path, *names: str, record: bool) -> None:
    """Install files of another distribution over it, which lists them if `record`."""
    for name in names:
        (site / "micrograd" / name).write_text(ANOTHER[name])
    if record:
        info = site / "micrograd-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: micrograd\nVersion: 0.1.0\n")
        (info / "RECORD").write_text("".join(f"micrograd/{name},,\n" for name in names))


def failing(site: Path, program: str) -> str:
    """The error that a program ends with, in one line."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=site,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return " ".join(done.stderr[done.stderr.rindex("\nImportError: ") :].split())


@pytest.mark.parametrize("program", USES)
@pytest.mark.parametrize("record", [True, False])
def test_another_package_over_this_one_is_named(site: Path, program: str, record: bool) -> None:
    overwrite(site, *ANOTHER, record=record)
    message = failing(site, program)
    at = site / "micrograd" / "__init__.py"
    whose = "it belongs to micrograd 0.1.0." if record else "no distribution lists it."
    assert message.startswith(
        f"ImportError: {at} is not the file that micrograd-mlir has installed there: {whose}"
    )
    assert message.endswith(REMEDY)


@pytest.mark.parametrize("program", USES)
def test_one_file_of_another_package_is_named(site: Path, program: str) -> None:
    overwrite(site, "engine.py", record=True)
    message = failing(site, program)
    assert f"{site / 'micrograd' / 'engine.py'} is not the file" in message
    assert "it belongs to micrograd 0.1.0." in message
    assert message.endswith(REMEDY)


@pytest.mark.parametrize("program", USES)
def test_files_that_were_uninstalled_with_another_package_are_named(
    site: Path, program: str
) -> None:
    for name in ANOTHER:
        (site / "micrograd" / name).unlink()
    message = failing(site, program)
    assert f"{site / 'micrograd' / '__init__.py'} is missing" in message
    assert message.endswith(REMEDY)


def test_other_errors_of_imports_stay_what_they_are(site: Path) -> None:
    (site / "micrograd" / "train" / "watch.py").write_text("from numpy import nothing_of_numpy\n")
    assert "cannot import name 'nothing_of_numpy' from 'numpy'" in failing(
        site, "import micrograd.train"
    )


@pytest.mark.parametrize(
    "name",
    ["", *(f".{m}" for m in micrograd.MODULES), ".layers", ".jit"],
)
def test_modules_show_what_is_theirs(name: str) -> None:
    module = importlib.import_module(f"micrograd{name}")
    shown = dir(module)
    inside = {*micrograd.MODULES} if not name else set()
    assert set(shown) == {*module.__all__, *inside}
    for public in shown:
        found = getattr(module, public, None) or importlib.import_module(f"micrograd.{public}")
        assert not public.startswith("_")
        assert not isinstance(found, ModuleType) or public in inside
    scope: dict[str, Any] = {}
    exec(f"from micrograd{name} import *", scope)
    assert set(scope) - {"__builtins__"} == set(module.__all__)
