"""Picture: a `graphviz.Digraph` that needs no installed Graphviz to be laid out.

Graphviz's program `dot` lays it out where it is installed. Elsewhere the same layout comes as a
library in the wheels of pygraphviz. Either way pictures have the methods of the graphviz package:
notebooks show them, `render` writes files, `pipe` gives bytes and `source` the text.
"""

from __future__ import annotations

import shutil
import threading
from os import PathLike
from pathlib import Path
from typing import Any

import graphviz

from .errors import DrawingError

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
