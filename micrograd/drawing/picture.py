"""Picture: a `graphviz.Digraph` that needs no installed Graphviz to be laid out.

Graphviz's program `dot` lays it out where it is installed. Elsewhere the same layout comes as a
library in the wheels of pygraphviz. Either way pictures have the methods of the graphviz package:
notebooks show them, `render` writes files, `pipe` gives bytes and `source` the text.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import graphviz

from ..errors import GraphError
from .errors import DrawingError

MOST_PARTS = 50
"""Parts that HTML has."""

_LAYOUT = threading.Lock()  # Graphviz's library has global state


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A drawing: DOT source, and how to see it."""

    def pipe(
        self,
        format: str | None = None,
        *arguments: Any,
        engine: str | None = None,
        encoding: str | None = None,
        **options: Any,
    ) -> Any:
        """The picture as bytes, or as text in an encoding.

        Raises DrawingError if nothing that could lay it out is installed.
        """
        if has_dot():
            options |= {"engine": engine, "encoding": encoding}
            return super().pipe(format, *arguments, **options)
        data = _laid_out(self.source, format or self.format, engine or self.engine)
        return data if encoding is None else data.decode(encoding)

    def render(
        self,
        filename: str | PathLike[str] | None = None,
        directory: str | PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | PathLike[str] | None = None,
        engine: str | None = None,
        **options: Any,
    ) -> str:
        """Write source and picture to files; the path of the picture.

        filename  of the source; by default that of `outfile` with the ending gv
        outfile   of the picture; by default `filename` with the ending of the format added
        view      open it
        cleanup   remove the source

        Raises DrawingError if nothing that could lay it out is installed.
        """
        if has_dot():
            options |= {"format": format, "outfile": outfile, "engine": engine, "view": view}
            path: str = super().render(filename, directory=directory, cleanup=cleanup, **options)
            return path
        if outfile is not None:
            format = format or Path(outfile).suffix[1:]
            filename = filename or Path(outfile).with_suffix(".gv").name
            directory = directory or Path(outfile).parent
        format = format or self.format
        data = _laid_out(self.source, format, engine or self.engine)
        source = Path(self.save(filename, directory=directory))
        written = Path(outfile) if outfile is not None else Path(f"{source}.{format}")
        written.write_bytes(data)
        if cleanup:
            source.unlink()
        if view:
            graphviz.view(written)
        return str(written)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is folded: what it is in a line, and what is in it."""

    title: str
    unfold: Callable[[], Picture]


class Folded(Picture):
    """A drawing of which each part can be unfolded: another picture.

    parts   by name
    """

    parts: Mapping[str, Part] = MappingProxyType({})

    def unfold(self, name: str) -> Picture:
        """What is in a part.

        Raises GraphError for a name that none has.
        """
        if name not in self.parts:
            raise GraphError(
                f"there is no part {name!r} to unfold; there are {', '.join(self.parts)}"
            )
        return self.parts[name].unfold()

    def html(self) -> str:
        """The drawing as HTML: below it, each part, to be opened by a click."""
        inside = [
            f"<details><summary><code>{escape(part.title)}</code></summary>\n"
            f"{_element(part.unfold())}</details>\n"
            for part in [*self.parts.values()][:MOST_PARTS]
        ]
        left = len(self.parts) - MOST_PARTS
        if left > 0:
            inside.append(f"<p>... and {left} more, which <code>unfold(name)</code> shows</p>\n")
        return f"<div>{_element(self)}{''.join(inside)}</div>"

    def write_html(self, path: str | PathLike[str]) -> Path:
        """Write the drawing, with all that can be unfolded, as a page for a browser; its path."""
        page = Path(path)
        head = '<!DOCTYPE html>\n<meta charset="utf-8">\n<title>graph</title>\n'
        page.write_text(f"{head}{self.html()}\n", encoding="utf-8")
        return page

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> Any:
        """What notebooks show: the HTML; elsewhere the picture alone."""
        bundle = super()._repr_mimebundle_(include=include, exclude=exclude)
        if "image/svg+xml" in bundle and "text/html" not in (exclude or ()):
            bundle["text/html"] = self.html()
        return bundle


def _element(picture: Picture) -> str:
    """A picture as an element of HTML, which scrolls if it is wide."""
    svg: str = picture.pipe("svg", encoding="utf-8")
    return f'<div style="overflow-x: auto">{svg[svg.index("<svg") :]}</div>'


def has_dot() -> bool:
    """Whether Graphviz's program is installed."""
    return shutil.which("dot") is not None


def _laid_out(source: str, format: str, engine: str) -> bytes:
    """A picture of DOT source, by Graphviz as a library."""
    try:
        import pygraphviz
    except ImportError:
        raise DrawingError(
            "a drawing is laid out by Graphviz, and neither its program `dot` nor the package "
            "pygraphviz, which brings it along, is installed: pip install 'micrograd-mlir[viz]', "
            "or apt install graphviz; .source has the text of the drawing"
        ) from None
    with _LAYOUT:
        graph = pygraphviz.AGraph(string=source)
        data: bytes = graph.draw(format=format, prog=engine)
        graph.close()
    return data
