"""Lines of the user's files that statements come from."""

from __future__ import annotations

import linecache
from collections.abc import Mapping, Sequence

from ...errors import Place
from .model import Source, SourceLine

AROUND = 12
"""Lines that are shown before the first that something comes from, and behind the last."""


def sources_of(
    places: Sequence[Sequence[Place]], shares: Sequence[float]
) -> tuple[tuple[Source, ...], list[tuple[tuple[int, int], ...]]]:
    """The files of the places of statements, and for each statement its places in these.

    shares   of the estimated time, of each statement
    """
    files = list(dict.fromkeys(place.file for some in places for place in some))
    number = {file: k for k, file in enumerate(files)}
    found = [tuple(sorted({(number[p.file], p.line) for p in some})) for some in places]
    of: dict[tuple[int, int], list[int]] = {}
    cost: dict[tuple[int, int], float] = {}
    for k, some in enumerate(found):
        for at in some:
            of.setdefault(at, []).append(k)
            cost[at] = cost.get(at, 0.0) + shares[k] / len(some)
    return tuple(_source(file, number[file], of, cost) for file in files), found


def _source(
    file: str,
    number: int,
    of: Mapping[tuple[int, int], Sequence[int]],
    cost: Mapping[tuple[int, int], float],
) -> Source:
    used = [line for k, line in of if k == number]
    texts = [text.rstrip("\n") for text in linecache.getlines(file)]
    first = max(1, min(used) - AROUND)
    last = min(max(len(texts), max(used)), max(used) + AROUND)
    lines = []
    for line in range(first, last + 1):
        text = texts[line - 1] if line <= len(texts) else ""
        at = (number, line)
        lines.append(SourceLine(line, text, tuple(of.get(at, ())), cost.get(at, 0.0)))
    return Source(file, tuple(lines))
