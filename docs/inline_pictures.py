"""The pictures that code of the documents draws, as parts of their pages: they have the colour of
the text around them, and so are seen on dark pages and on light ones.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes

FOLDER = "docs/pictures/"


def put_in(app: Any, tree: Any, _name: str) -> None:
    """Put the SVG in the place of each image of that folder."""
    for image in list(tree.findall(nodes.image)):
        if image["uri"].startswith(FOLDER) and image["uri"].endswith(".svg"):
            picture = Path(app.srcdir, image["uri"]).read_text(encoding="utf-8")
            own = re.sub(r"<style>.*?</style>", "", picture)
            html = f'<div style="overflow-x: auto">{own}</div>'
            image.replace_self(nodes.raw("", html, format="html"))


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("doctree-resolved", put_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
