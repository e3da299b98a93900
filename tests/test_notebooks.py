"""The notebooks run, and show what is stored in them; small, and the same on every machine."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("nbclient", reason="notebooks are run by nbclient and ipykernel")
pytest.importorskip("ipykernel", reason="notebooks are run by nbclient and ipykernel")

FOLDER = Path(__file__).parent.parent / "notebooks"
NAMES = ["compiled", "demo", "install_demo", "shown", "trace_graph"]


def load_execute() -> ModuleType:
    spec = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


execute = load_execute()


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FOLDER / "execute.py"), "--check", *arguments],
        env=os.environ | {"PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_notebooks_have_the_names_that_the_tests_know() -> None:
    assert [path.stem for path in execute.notebooks()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_current(name: str) -> None:
    for package in ("sklearn", "matplotlib", "pygraphviz"):
        pytest.importorskip(package)
    done = check(name)
    assert (done.returncode, done.stdout) == (0, ""), f"run `make docs`: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", NAMES)
def test_stored_notebook_is_small_and_of_no_machine(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert len(text) < 100_000
    assert not re.findall(r"/(?:home|root|tmp|work|usr|Users)/\w+", text)
    assert not re.findall(r" at 0x[0-9a-f]{6,}", text)
    cells = json.loads(text)["cells"]
    assert all(set(cell["metadata"]) <= {"tags"} for cell in cells)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))


def test_an_unknown_name_is_an_error() -> None:
    done = check("demo", "nothing")
    assert done.returncode == 2
    assert "there is no notebook nothing" in done.stderr


# --- what is compared -------------------------------------------------------------------------


def notebook(*sources: str, tags: tuple[str, ...] = ()) -> Any:
    from nbformat.v4 import new_code_cell, new_notebook

    cells = [new_code_cell(source) for source in sources]
    for cell in cells:
        cell.metadata["tags"] = list(tags)
    return new_notebook(cells=cells)


def run(path: Path, made: Any) -> Any:
    import nbformat

    nbformat.write(made, path)
    return execute.executed(path)


def test_what_a_cell_shows_is_compared(tmp_path: Path) -> None:
    a = run(tmp_path / "a.ipynb", notebook("print(20 + 1)", "[1, 2]"))
    b = run(tmp_path / "a.ipynb", notebook("print(20 + 1)", "[1, 2]"))
    assert execute.shown(a) == execute.shown(b)
    b.cells[0].outputs[0].text = "22\n"
    assert execute.shown(a) != execute.shown(b)
    b = copy.deepcopy(a)
    b.cells[1].outputs[0].data["text/plain"] = "[1, 3]"
    assert execute.shown(a) != execute.shown(b)


def test_of_a_cell_that_varies_the_kinds_are_compared(tmp_path: Path) -> None:
    source = "import os\nprint(os.getpid())\nos.getpid()"
    a = run(tmp_path / "a.ipynb", notebook(source, tags=("varies",)))
    b = run(tmp_path / "a.ipynb", notebook(source, tags=("varies",)))
    assert a.cells[0].outputs != b.cells[0].outputs
    assert execute.shown(a) == execute.shown(b)
    b.cells[0].outputs.pop()
    assert execute.shown(a) != execute.shown(b)
    a = run(tmp_path / "a.ipynb", notebook(source))
    b = run(tmp_path / "a.ipynb", notebook(source))
    assert execute.shown(a) != execute.shown(b)


def test_pictures_of_graphs_are_compared_by_their_texts() -> None:
    def picture(width: int, text: str) -> str:
        svg = f'<svg width="{width}"><title>n0</title><text x="1">{text}</text></svg>'
        return str(execute._picture_or_text("image/svg+xml", svg))

    assert picture(1, "data 1") == picture(2, "data 1")
    assert picture(1, "data 1") != picture(1, "data 2")


def test_a_cell_that_warns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"a\.ipynb, cell 1 writes to stderr:\nhear"):
        run(tmp_path / "a.ipynb", notebook("1", "import sys; print('hear', file=sys.stderr)"))


def test_a_cell_that_fails_is_an_error(tmp_path: Path) -> None:
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run(tmp_path / "a.ipynb", notebook("1 / 0"))


def test_what_shows_itself_does_so_as_html() -> None:
    """Values, Tensors, models, histories and kernels, each in a cell of that notebook."""
    cells = json.loads((FOLDER / "shown.ipynb").read_text(encoding="utf-8"))["cells"]
    shown = [x["data"] for cell in cells for x in cell.get("outputs", ()) if "data" in x]
    kinds = [set(data) for data in shown]
    html, picture, text = "text/html", "image/svg+xml", "text/plain"
    assert kinds == [
        *({html, picture, text}, {html, text}),  # a Value, a Tensor
        *[{html, picture, text}] * 3,  # two models, a history
        *({html, text}, {text}, {text}),  # a kernel, its program, its explanation
    ]
    program = "".join(shown[-2][text])
    assert "\nout += t7[i]  for i < 1000" in program, "text is shown as it is"
