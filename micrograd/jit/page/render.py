"""Page -> HTML: one file that needs no other, no server and no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ...errors import MicrogradError, counted
from ...locks import importing
from .differences import differences
from .model import Group, Line, Listing, Page, Source, SourceLine, Statement, Time
from .picture import MOST, svg
from .runs import Sets

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
COSTLIEST = 5
"""Lines of the source that are named on top."""
SMALLEST = 0.005
"""The share of the time below which none is said."""


def rendered(page: Page, *, live: bool = False) -> str:
    """The page as HTML.

    live   it asks its server whether there is a newer one, and then loads that

    Raises MicrogradError if the packages of the extra `page` are not installed.
    """
    template = environment().get_template("page.html")
    sets = Sets()
    words = {
        "page": page,
        "live": live,
        "facts": _facts(page),
        "costliest": _costliest(page.sources),
        "rest": 1.0 - sum(line.share for source in page.sources for line in source.lines),
        "sources": [_source(source, sets) for source in page.sources],
        "groups": [_group(group, sets) for group in page.groups],
        "listings": {
            name: _listing(listing, language, sets)
            for name, language, listing in (
                ("mlir", "mlir", page.mlir),
                ("llvm", "llvm", page.llvm_ir),
                ("assembly", "assembly", page.assembly),
            )
        },
        "differences": differences(page.passes),
        "picture": _picture(page, sets),
        "own": sum(len(source.lines) for source in page.sources),
    }
    data = {
        "sets": None,
        "adjoints": [s.adjoints for s in page.statements],
        "adjointOf": [s.adjoint_of for s in page.statements],
        "words": [_words(s) for s in page.statements],
    }
    data["sets"] = sets.known
    return template.render(words, data=_json(data))


@cache
def environment() -> Environment:
    """What templates are filled in by.

    Raises MicrogradError if the packages of the extra `page` are not installed.
    """
    try:
        with importing:
            import pygments  # noqa: F401  the highlighting needs it
            from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise MicrogradError(
            f"pages are made with Jinja2 and Pygments, and {error.name} is not installed; install "
            "both with\n    pip install 'micrograd-mlir[page]'"
        ) from None
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    environment.filters["percent"] = percent
    environment.filters["seconds"] = seconds
    return environment


def _json(data: Any) -> str:
    """The data as text that may stand in an element of HTML."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


# -- lists of lines -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """Lines as the template writes them.

    html     of each line
    runs     the numbers of the sets of statements that they are of
    missing  why there are none
    """

    html: Sequence[str]
    runs: str
    missing: str = ""


def _shown(lines: Iterable[Line | SourceLine], language: str, sets: Sets) -> Shown:
    with importing:
        from .highlight import highlighted  # after it is known that Pygments is there
    kept = list(lines)
    runs = sets.runs(line.statements for line in kept)
    return Shown(highlighted([line.text for line in kept], language), runs)


def _listing(listing: Listing, language: str, sets: Sets) -> Shown:
    if listing.missing:
        return Shown((), "", listing.missing)
    return _shown(listing.lines, language, sets)


def _source(source: Source, sets: Sets) -> dict[str, Any]:
    """A file; of lines behind a gap, their numbers are said."""
    before = [0, *(line.number for line in source.lines)]
    pairs = zip(source.lines, before, strict=False)
    return {
        "path": source.path,
        "name": PurePath(source.path).name,
        "shown": _shown(source.lines, "python", sets),
        "lines": source.lines,
        "jumps": [line.number != last + 1 for line, last in pairs],
    }


def _group(group: Group, sets: Sets) -> dict[str, Any]:
    cost = []
    if group.share >= SMALLEST:
        cost.append(f"{percent(group.share)} of the estimated time")
    if group.seconds is not None:
        cost.append(seconds(group.seconds))
    cost.append(f"{counted(group.operations, 'operation')} a call")
    return {
        "group": group,
        "cost": ", ".join(cost),
        "shown": _shown(group.lines, "program", sets),
    }


def _picture(page: Page, sets: Sets) -> dict[str, Any]:
    """The drawing, or why there is none."""
    drawing = page.drawing
    n = len(drawing.classes)
    if drawing.missing or not n:
        return {"svg": "", "words": drawing.missing or "The graph has no nodes."}
    if n > MOST:
        return {"svg": "", "words": f"The graph has {n:,} classes of nodes, too many to draw."}
    nodes = counted(sum(c.count for c in drawing.classes), "node")
    classes = "1 class" if n == 1 else f"{n:,} classes"
    words = f"{nodes} in {classes}: the same operation on operands of the same classes."
    return {"svg": svg(drawing, sets.number), "words": words}


# -- words ----------------------------------------------------------------------------------


def percent(share: float) -> str:
    """A share as text.

    >>> percent(0.614), percent(0.002)
    ('61 %', '0.2 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.0095 else f"{100 * share:.1f} %"


def seconds(time: float) -> str:
    """Seconds as text, to three digits.

    >>> seconds(2.1e-05), seconds(0.00123), seconds(4.5)
    ('21 µs', '1.23 ms', '4.5 s')
    """
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if time >= unit:
            return f"{time / unit:.3g} {name}"
    return f"{time * 1e9:.3g} ns"


def _facts(page: Page) -> list[tuple[str, str, str]]:
    """What stands on top: a title, a number, and how it was found."""
    found = [
        (
            title,
            seconds(time.seconds) if time.seconds is not None else "—",
            time.how.partition(":")[0].partition(";")[0],  # all of it stands below
        )
        for title, time in (("Measured", page.measured), ("Estimated", page.estimated))
    ]
    found += _ratio(page.measured, page.estimated)
    total = sum(g.operations for g in page.groups)
    loops = f"in {counted(len(page.groups), 'group')} of statements"
    return [*found, ("Operations", f"{total:,}", f"a call, {loops}")]


def _ratio(measured: Time, estimated: Time) -> list[tuple[str, str, str]]:
    if not measured.seconds or not estimated.seconds:
        return []
    ratio = measured.seconds / estimated.seconds
    return [("Ratio", f"{ratio:.2g}", "measured by estimated")]


def _costliest(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """The lines that take most of the estimated time, most first."""
    found = [
        (line.share, k, at, line)
        for k, source in enumerate(sources)
        for at, line in enumerate(source.lines)
        if line.share >= SMALLEST
    ]
    found.sort(key=lambda entry: -entry[0])
    return [
        {"file": k, "at": at, "name": PurePath(sources[k].path).name, "line": line}
        for _, k, at, line in found[:COSTLIEST]
    ]


def _words(s: Statement) -> str:
    """What is said of a statement when it is marked."""
    said = [s.text, s.domain, s.lanes]
    if s.labels:
        said.append(f"computes {', '.join(s.labels)}")
    said.append(f"{counted(s.operations, 'operation')}, {counted(s.points, 'time')}")
    if s.share >= SMALLEST:
        said.append(f"{percent(s.share)} of the estimated time")
    if s.role != "value":
        said.append({"compiler": "added by the compiler"}.get(s.role, s.role))
    return " · ".join(filter(None, said))
