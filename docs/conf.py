"""How Sphinx makes the site of these documents: `make site`.

The pages are the repository's own Markdown files and notebooks, where they are and as they are, so
links between them hold in a clone too. README.md is the front page, and docs/index.md says which
other pages there are, and in which order. What is built opens from the disk: fonts are the reader's
own, and nothing is loaded from elsewhere.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import micrograd  # noqa: E402

project = "micrograd, compiled"
release = micrograd.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
extensions += ["commands", "docstrings", "inline_pictures", "mlir_lexer", "notebook_pages"]

root_doc = "README"
include_patterns = ["*.md", "docs/**.md", "notebooks/*.ipynb"]
exclude_patterns = [".*", "build"]  # include_patterns suffice, but these would be walked through
suppress_warnings = ["myst.header"]
"""Notebooks may leave out levels of headings."""

myst_heading_anchors = 3
"""The levels of headings that links may name, as they do where the files are read unbuilt."""

autodoc_member_order = "bysource"
autodoc_mock_imports = [name for name in ("jax", "torch") if find_spec(name) is None]
autodoc_typehints = "none"  # most take what NumPy takes; docstrings say it in words

smartquotes = False

html_theme = "furo"
html_title = project
html_extra_path = ["front"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_domain_indices = False  # of modules: the reference is by what they are for


def navigation(index: str) -> str:
    """The tables of contents, of a page in whose sections are lists that begin with links.

    >>> print(navigation("# All\\n## How to\\n- [Fit](howto/fit.md): a curve"))
    <BLANKLINE>
    ```{toctree}
    :caption: How to
    :hidden:
    <BLANKLINE>
    Fit <docs/howto/fit>
    ```
    """
    trees = []
    for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        caption = section.partition("\n")[0]
        pages = re.findall(r"^(?:-|\d+\.) \[(.+?)\]\((\S+)\.(?:md|ipynb)\)", section, re.MULTILINE)
        lines = [f"{title} <{_from_root(page)}>" for title, page in pages]
        trees.append("\n".join(["\n```{toctree}", f":caption: {caption}", ":hidden:", "", *lines]))
    return "\n".join(f"{tree}\n```" for tree in trees)


def _from_root(page: str) -> str:
    return page.removeprefix("../") if page.startswith("../") else f"docs/{page}"


def add_navigation(app: Any, name: str, source: list[str]) -> None:
    """Give the front page the tables of contents, which Sphinx looks for in pages."""
    if name == root_doc:
        app.env.note_dependency(ROOT / "docs" / "index.md")
        index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
        source[0] += navigation(f"{index}\n## Index\n- [All documents](index.md)\n")


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("source-read", add_navigation)
    return {"parallel_read_safe": True}
