"""Runs the notebooks and stores what they show, so that they can be read without running them.

    python notebooks/execute.py            rewrites what is out of date, and names it
    python notebooks/execute.py --check    only names it, and fails if there is any
    python notebooks/execute.py demo       only this one; several may be named

What a cell shows is compared with what is stored: text as it is, pictures of graphs by their texts,
other pictures by being there. Of a cell with the tag `varies`, whose outputs are times or code for
the processor at hand, only the kinds of outputs are compared. Notebooks run in an empty folder.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
SECONDS = 300
"""For one cell."""

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebooks() -> list[Path]:
    """The files."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> Any:
    """The notebook with the outputs that its code has now, and nothing that differs by run.

    Raises what nbclient raises for a cell that fails, and SystemExit for one that writes to
    stderr, as warnings do.
    """
    notebook = nbformat.read(path, as_version=4)
    places = [str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=SECONDS, resources=resources)
        client.execute(env=environment)
    notebook.metadata = copy.deepcopy(_METADATA)
    count = 0
    for k, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        cell.id = f"cell-{k:02}"
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = list(_kept(cell.outputs, f"{path.name}, cell {k}"))
    return nbformat.from_dict(notebook)


def _kept(outputs: list[Any], place: str) -> Iterator[Any]:
    """The outputs as they are stored."""
    errors = "".join(x.text for x in outputs if x.get("name") == "stderr")
    # Graphviz's library says what it does not like of the machine's fonts
    lines = [line for line in errors.splitlines() if not line.startswith("Fontconfig")]
    if any(lines):
        raise SystemExit(f"{place} writes to stderr:\n" + "\n".join(lines))
    last: Any = {}
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
            continue
        if output.output_type == "execute_result":
            output.execution_count = None
        if "text/plain" in output.get("data", {}):
            output.data["text/plain"] = re.sub(r" at 0x\w+", "", output.data["text/plain"])
        last = output
        yield output


def shown(notebook: Any) -> list[Any]:
    """What is compared: the source of every cell, and what its outputs come to."""
    return [
        (
            cell.cell_type,
            cell.source,
            [_facts(x, "varies" in cell.metadata.get("tags", ())) for x in cell.get("outputs", ())],
        )
        for cell in notebook.cells
    ]


def _facts(output: Any, varies: bool) -> Any:
    if output.output_type == "stream":
        return "text" if varies else _as_llvm_22(output.text)
    if output.output_type == "error":
        return output.ename
    return {
        kind: None if varies else _picture_or_text(kind, data)
        for kind, data in output.data.items()
        if kind == "text/plain" or kind.startswith("image/") or kind == "text/html"
    }


def _picture_or_text(kind: str, data: str) -> Any:
    if kind == "image/svg+xml" or "<svg" in data:
        return sorted(re.findall(r"<(?:text|title|code)\b[^>]*>([^<]*)", data))
    return None if kind.startswith("image/") else _as_llvm_22(data)


def _as_llvm_22(text: str) -> str:
    """The text with attributes of operations as MLIR 22 prints them, not as later versions do."""
    text = re.sub(r" <alignment = (\d+)>", r" {alignment = \1 : i64}", text)
    return re.sub(r" fastmath<([\w, ]+)>", r" {fastmathFlags = #llvm.fastmath<\1>}", text)


def main() -> int:
    """Refresh the notebooks, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail if it is needed")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these, without .ipynb")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {path.stem for path in notebooks()}
    if unknown:
        parser.error(f"there is no notebook {', '.join(sorted(unknown))}")
    stale = 0
    for path in notebooks():
        if arguments.names and path.stem not in arguments.names:
            continue
        fresh = executed(path)
        if shown(fresh) != shown(nbformat.read(path, as_version=4)):
            stale += 1
            print(f"{path.name} {'is out of date' if arguments.check else 'rewritten'}")
            if not arguments.check:
                nbformat.write(fresh, path)
    return int(arguments.check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
