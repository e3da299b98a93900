"""A Value -> lines of text, as `print_branch` prints: the graph under it, operands indented, the
numbers below each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDEST = 60
"""How far to the right numbers are moved for the sake of names that are longer, or deeper."""


@dataclass(slots=True)
class Line:
    """A line: its name, indented, and the numbers behind it, none of what is printed above."""

    name: str
    numbers: tuple[Any, ...]


def outline(root: Any) -> Iterator[str]:
    """One line per Value. What is used twice is shown in full once, and referred to after that."""
    lines = list(_lines(root))
    width = min(WIDEST, max(len(line.name) for line in lines if line.numbers))
    columns = zip(*(map(str, line.numbers) for line in lines if line.numbers), strict=True)
    before, after = zip(*map(_places, columns), strict=True)
    for line in lines:
        text = line.name.ljust(width) if line.numbers else line.name
        for title, number, left, right in zip(
            ("data", "grad"), map(str, line.numbers), before, after, strict=False
        ):
            whole = number.partition(".")[0]
            text += f" {title}={' ' * (left - len(whole))}{number}"
            text += " " * (right - len(number) + len(whole))
        yield text.rstrip()


def _places(numbers: tuple[str, ...]) -> tuple[int, int]:
    """The most characters before the point, and from it on."""
    parts = [text.partition(".") for text in numbers]
    return max(len(x) for x, _, _ in parts), max(len(dot + y) for _, dot, y in parts)


def _lines(root: Any) -> Iterator[Line]:
    seen: set[int] = set()
    stack: list[tuple[int, Any]] = [(0, root)]
    while stack:
        depth, v = stack.pop()
        indent = "  " * depth
        if v.__class__ is float:
            yield Line(f"{indent}{v}", ())
            continue
        name = " ".join(filter(None, (v.label, v._op))) or "leaf"
        if id(v) in seen:
            yield Line(f"{indent}{name} (above)", ())
            continue
        seen.add(id(v))
        yield Line(f"{indent}{name}", (getattr(v, "_data", "?"), v.grad))  # traced: no number yet
        stack.extend((depth + 1, x) for x in reversed(v._operands))
