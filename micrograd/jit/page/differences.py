"""The program behind each pass -> what the pass changed, as a diff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import pairwise

from ...errors import counted
from .model import Pass

AROUND = 2
"""Lines that are shown around a change."""
MOST = 400
"""Lines of a diff that are shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a pass changed.

    summary   in words
    lines     of the diff: "+", "-", "@" or " ", and the text
    """

    name: str
    summary: str
    lines: tuple[tuple[str, str], ...]


def differences(passes: Sequence[Pass]) -> list[Difference]:
    """What each pass but the first, with which everything begins, changed.

    >>> [d.summary for d in differences([Pass("a", ("x", "y")), Pass("b", ("x", "z"))])]
    ['1 line removed, 1 line added']
    """
    return [_difference(before, after) for before, after in pairwise(passes)]


def _difference(before: Pass, after: Pass) -> Difference:
    lines = tuple(_lines(before.lines, after.lines))
    removed, added = (sum(kind == sign for kind, _ in lines) for sign in "-+")
    words = [
        f"{counted(n, 'line')} {what}" for n, what in ((removed, "removed"), (added, "added")) if n
    ]
    if len(lines) > MOST:
        lines = (*lines[:MOST], ("@", f"… {counted(len(lines) - MOST, 'more line')}"))
    return Difference(after.name, ", ".join(words) or "nothing to do here", lines)


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    diff = unified_diff(before, after, lineterm="", n=AROUND)
    for k, line in enumerate(diff):
        if k > 1:  # the first two name files
            yield ("@", "…") if line.startswith("@@") else (line[:1], line[1:])
