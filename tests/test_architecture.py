"""What holds the packages together: who imports what, how long code is, where ops are told apart.

The folders of `micrograd` are the stages, and data goes down the list of them and never back.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from micrograd import ops

from .conftest import CHECKED

ROOT = Path(__file__).parent.parent
LONGEST_FILE, LONGEST_FUNCTION = 320, 60
"""Lines, blank ones, comments and docstrings included."""


def sources(*packages: str) -> list[Path]:
    return [p for package in packages for p in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def faults(check: Callable[[Path], Iterable[str]], *packages: str) -> list[str]:
    """What is wrong in files of packages, each with its file."""
    return [f"{name_of(path)}: {fault}" for path in sources(*packages) for fault in check(path)]


@cache
def parsed(path: Path) -> ast.Module:
    """A file, read once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> set[str]:
    """The modules that a file imports, by their full names; not what type checkers alone import."""
    package = path.relative_to(ROOT).parent.parts
    found: set[str] = set()
    tree = ast.Module([*parsed(path).body], [])
    for block in [node for node in tree.body if isinstance(node, ast.If)]:
        if isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING":
            tree.body.remove(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            full = ".".join([*base, *filter(None, [node.module])])
            names = {f"{full}.{alias.name}" for alias in node.names}
            found |= {x if exists(x) else full for x in names}
    return found


def exists(module: str) -> bool:
    """Whether there is a file or folder of that module."""
    place = ROOT.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def module_of(path: Path) -> str:
    """The full name of a file as a module; of a folder's `__init__.py`, that of the folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


# --- stages ---------------------------------------------------------------------------------

STAGES = (
    "micrograd.notebook",  # HTML and SVG of plain facts, which knows of nothing
    "micrograd",
    "micrograd.cache",
    "micrograd.tensor",
    "micrograd.layers",
    "micrograd.matrix",  # names of another system for it
    "micrograd.jit.target",  # what we compile for, which all stages know
    *(
        f"micrograd.jit.{stage}"
        for stage in (
            "ir",
            "trace",
            "reroll",
            "passes",
            "schedule",
            "dialect",
            "vectormath",
            "emit",
            "call",
        )
    ),
    "micrograd.jit",
    "micrograd.jit.page",
    "micrograd.jit.export",
    "micrograd.jit.tensors",
    "micrograd.jit.kernels",
    "micrograd.train",
    "micrograd.scipy",
    "micrograd.gpu",
    "micrograd.bridge",
    "micrograd.jax",
    "micrograd.torch",
    "micrograd.drawing",
    "micrograd.graph",  # its name in micrograd's relatives
    "micrograd.cli",
)
"""The folders, in the order in which data flows, and modules that stand between them."""

NATIVE = STAGES.index("micrograd.jit.dialect")
"""From here on, modules may import `lowering`."""

WHOLE = ("micrograd", "micrograd.__main__", "micrograd.jit")
"""What users import, and run, is made of all stages up to theirs."""


def stage_of(module: str) -> int:
    """The place of a module's folder in STAGES."""
    path = ROOT.joinpath(*module.split("."))
    folder = module if path.is_dir() or module in STAGES else module.rpartition(".")[0]
    return STAGES.index(folder)


def backwards(path: Path) -> Iterator[str]:
    """The imports of a file from later stages than its own."""
    name = module_of(path)
    stage = len(STAGES) if name in WHOLE else stage_of(name)
    for other in imported(path):
        top = other.split(".")[0]
        if top == "micrograd" and other != "micrograd" and stage_of(other) > stage:
            yield f"imports {other}, of a later stage"
        allowed = stage >= NATIVE or name in ("micrograd.jit.target", "micrograd.locks")
        if top == "lowering" and not allowed:
            yield f"imports {other}, before there is machine code"


def test_data_goes_down_the_stages() -> None:
    assert not faults(backwards, "micrograd")


@pytest.mark.parametrize("stage", STAGES)
def test_modules_of_a_stage_do_not_import_each_other_in_a_circle(stage: str) -> None:
    folder = ROOT.joinpath(*stage.split("."))
    modules = {module_of(path): imported(path) for path in sorted(folder.glob("*.py"))}
    modules.pop(stage, None)
    TopologicalSorter({m: others & set(modules) for m, others in modules.items()}).prepare()


def test_every_folder_is_a_stage() -> None:
    folders = {module_of(path.parent / "__init__.py") for path in sources("micrograd")}
    assert folders == {stage for stage in STAGES if ROOT.joinpath(*stage.split(".")).is_dir()}


def test_a_wrong_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test."""
    package = tmp_path / "micrograd" / "jit" / "ir"
    package.mkdir(parents=True)
    (tmp_path / "micrograd" / "jit" / "kernel.py").touch()
    (tmp_path / "micrograd" / "ops.py").touch()
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    bad = package / "graph.py"
    bad.write_text("from .. import kernel\nfrom ...ops import OPS\nimport mlir.ir\n")
    assert imported(bad) == {"micrograd.jit.kernel", "micrograd.ops", "mlir.ir"}
    assert list(backwards(bad)) == ["imports micrograd.jit.kernel, of a later stage"]


# --- imports --------------------------------------------------------------------------------


def test_only_lowering_imports_llvm_and_mlir() -> None:
    bindings = {"llvmlite", "mlir", "jaxlib", "jax"}
    found = faults(lambda path: tops(path) & bindings, "micrograd")
    assert all(fault.startswith("micrograd/jax/") and fault.endswith(" jax") for fault in found)


def test_lowering_knows_nothing_of_micrograd() -> None:
    assert not faults(lambda path: tops(path) & {"micrograd"}, "lowering")


def test_bindings_are_found_in_one_place() -> None:
    found = faults(lambda path: tops(path) & {"mlir", "jaxlib"}, "lowering")
    assert all(fault.startswith("lowering/bindings.py") for fault in found)


ON_THEIR_OWN = ("cli", "drawing")
"""Folders of programs, and of pictures, which import as they like."""


def test_functions_import_under_a_lock() -> None:
    """Else a process that forks meanwhile has a child that waits for ever."""

    def outside(path: Path) -> Iterator[str]:
        if not set(path.parts) & {*ON_THEIR_OWN} and path.name != "images.py":
            for line in unguarded(parsed(path)):
                yield f"line {line} imports outside of `with importing:`"

    assert not faults(outside, "micrograd", "lowering")


def unguarded(tree: ast.AST) -> Iterator[int]:
    """The lines where functions import outside of the lock."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            held = {
                id(inner)
                for node in ast.walk(function)
                if isinstance(node, ast.With) and "importing" in ast.unparse(node.items[0])
                for inner in ast.walk(node)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in held:
                    yield node.lineno


def test_an_import_outside_of_the_lock_is_seen() -> None:
    """The test of the test."""
    text = "import a\ndef f():\n    with importing:\n        import b\n    import c\n"
    assert list(unguarded(ast.parse(text))) == [5]


EXTRAS = {
    "dask": {f"micrograd/train/{name}.py" for name in ("dask_data", "dask_plan")},
    "distributed": {f"micrograd/train/{name}.py" for name in ("dask_plan", "dask_steps")},
    "graphviz": {"micrograd/drawing/nodes.py", "micrograd/drawing/picture.py"},
    "jax": {f"micrograd/jax/{path.name}" for path in (ROOT / "micrograd/jax").glob("*.py")},
    "jinja2": {"micrograd/jit/page/render.py"},
    "matplotlib": {"micrograd/cli/pictures.py"},
    "pygments": {f"micrograd/jit/page/{name}.py" for name in ("highlight", "lexers", "render")},
    "pygraphviz": {"micrograd/drawing/picture.py"},
    "safetensors": set(),
    "scipy": {"micrograd/jit/kernels/sparse.py"}
    | {f"micrograd/scipy/{path.name}" for path in (ROOT / "micrograd/scipy").glob("*.py")},
    "sklearn": {"micrograd/images.py"},
    "torch": {f"micrograd/torch/{path.name}" for path in (ROOT / "micrograd/torch").glob("*.py")},
    "tqdm": {"micrograd/cli/progress.py", "micrograd/train/watch.py"},
}
"""Packages that only some files need, which say what to install when they are missing."""


def test_what_the_package_needs_is_declared() -> None:
    always = {*sys.stdlib_module_names, "numpy", "lowering", "micrograd"}

    def undeclared(path: Path) -> set[str]:
        extras = {package for package, users in EXTRAS.items() if name_of(path) in users}
        return tops(path) - always - extras

    assert not faults(undeclared, "micrograd")


def test_lowering_is_imported_without_micrograd() -> None:
    program = (
        "import sys, lowering; print(any(m.split('.')[0] == 'micrograd' for m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("optional", EXTRAS)
def test_importing_micrograd_needs_no_extra(optional: str) -> None:
    program = f"import sys; sys.modules[{optional!r}] = None; import micrograd, micrograd.cli"
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)


# --- one op, one place ----------------------------------------------------------------------


ENTRIES = {name for name, entry in vars(ops).items() if isinstance(entry, ops.Op)}


def told_apart(tree: ast.AST) -> Iterator[int]:
    """The lines that ask which op something is: by its entry in the table, or by its name."""
    imported_entries = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] == "ops"
        for alias in node.names
        if alias.name in ENTRIES
    }

    def is_entry(node: ast.expr) -> bool:
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return any(map(is_entry, node.elts))
        if isinstance(node, ast.Attribute):
            return node.attr in ENTRIES and ast.unparse(node.value).split(".")[-1] == "ops"
        if isinstance(node, ast.Subscript):
            return ast.unparse(node.value).split(".")[-1] == "OPS"
        return isinstance(node, ast.Name) and node.id in imported_entries

    def is_name_of_op(node: ast.expr | None) -> bool:
        if not (isinstance(node, ast.Attribute) and node.attr in ("name", "label")):
            return False
        owner = ast.unparse(node.value).split(".")[-1]
        return owner in ("op", "entry", "_entry", "inner")

    def asks(node: ast.expr | None) -> bool:
        return node is not None and (is_entry(node) or is_name_of_op(node))

    for node in ast.walk(tree):
        found = False
        if isinstance(node, ast.Compare):
            found = any(map(asks, [node.left, *node.comparators]))
        elif isinstance(node, ast.Match):
            found = asks(node.subject)
        elif isinstance(node, ast.MatchValue):
            found = is_entry(node.value)
        elif isinstance(node, ast.Dict):  # a table beside the table
            found = any(map(asks, node.keys))
        elif isinstance(node, ast.Subscript):
            found = is_name_of_op(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found = node.func.attr == "get" and any(map(asks, node.args))
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            found = is_name_of_op(node.value)
        if found:
            yield node.value.lineno if isinstance(node, ast.MatchValue) else node.lineno


def test_ops_are_not_told_apart() -> None:
    def asking(path: Path) -> Iterator[str]:
        if path.name not in ("ops.py", "opdef.py"):
            for line in told_apart(parsed(path)):
                yield f"line {line} tells ops apart: make it a fact of the op's entry"

    assert not faults(asking, "micrograd")


@pytest.mark.parametrize(
    "text",
    [
        "if op.name == 'tanh': pass",
        "x = s.expr.op.name in ('add', 'mul')",
        "while 'add' != v._entry.name: pass",
        "match op.name:\n  case 'add': pass",
        "found = op.name in EXACT",
        "name = op.name",
        "units = UNITS[op.name]",
        "f = FUNCTIONS.get(op.name)",
        "found = op is ops.pow",
        "found = op is not ops.pow and x",
        "found = ops.pow == e.op",
        "found = expr.op in (ops.add, ops.sub)",
        "found = expr.op not in {ops.add}",
        "found = expr.op is micrograd.ops.add",
        "found = op is OPS['where']",
        "table = {ops.exp: f}",
        "f = table.get(ops.exp)",
        "match e:\n  case Apply(op=ops.relu): pass",
        "from ...ops import where; found = expr.op is where",
        "from micrograd.ops import where as choice; found = expr.op == choice",
    ],
)
def test_telling_ops_apart_is_seen(text: str) -> None:
    """The test of the test."""
    assert list(told_apart(ast.parse(text))) == [text.count("\n") + 1 if "case A" in text else 1]


@pytest.mark.parametrize(
    "text",
    [
        "x = Apply(ops.mul, (x, y))",
        "x = ops.where(c, x, ops.neg(x)) == y",
        "from ...ops import eq; c = eq(x, 0.0)",
        "where = 1; found = x is where",
        "total = ops.add.identity if x == 0 else y",
        "found = e.op is op and op.choice",
        "raise CompilerError(f'{op.name} has no emission')",
    ],
)
def test_computing_with_ops_is_not_telling_them_apart(text: str) -> None:
    assert not list(told_apart(ast.parse(text)))


# --- files ----------------------------------------------------------------------------------


def test_tests_whose_kernels_check_themselves_are_there() -> None:
    """Under the names that they have: moved, some once lost their checks."""
    assert {path.stem for path in sources("tests")} >= CHECKED


def is_table(path: Path) -> bool:
    """Whether a file may be long: the table of ops grows by an entry for every op, and tables of
    numbers are no code.
    """
    return path.name == "ops.py" or path.name.endswith("coefficients.py")


def too_long(path: Path) -> Iterator[str]:
    """What of a file is too long, counted with its blank lines, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines > LONGEST_FILE and not is_table(path):
        yield f"{path.name} has {lines} lines, of at most {LONGEST_FILE}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{node.name} has {lines} lines, of at most {LONGEST_FUNCTION}"


def test_files_and_functions_are_one_idea() -> None:
    assert not faults(too_long, "micrograd", "lowering")


def test_what_is_too_long_is_seen(tmp_path: Path) -> None:
    """The test of the test."""
    path = tmp_path / "long.py"
    path.write_text("def f():\n    def g():\n" + "        x = 1\n" * 57 + "    y = 1\n")
    assert not list(too_long(path))
    path.write_text("async def f():\n    def g():\n" + "\n        # x\n" * 30 + "        x = 1\n")
    assert list(too_long(path)) == [
        "f has 63 lines, of at most 60",
        "g has 62 lines, of at most 60",
    ]
    path.write_text('"""M."""\n' + "\n" * 319)
    assert not list(too_long(path))
    path.write_text('"""M."""\n' + "\n" * 320)
    assert list(too_long(path)) == ["long.py has 321 lines, of at most 320"]
    path.rename(tmp_path / "sine_coefficients.py")
    assert not list(too_long(tmp_path / "sine_coefficients.py"))


def undescribed(path: Path) -> Iterator[str]:
    """What of a file does not say what it is: itself, or a public function or class."""
    if not ast.get_docstring(parsed(path)):
        yield "has no docstring: a module begins with what it takes and gives"
    for node in parsed(path).body:
        public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
        if public and not ast.get_docstring(node):  # type: ignore[arg-type]
            yield f"{node.name} has no docstring"  # type: ignore[attr-defined]


def test_module_and_public_functions_say_what_they_are() -> None:
    assert not faults(undescribed, "micrograd", "lowering")
