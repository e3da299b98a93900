"""A Value -> lines of text, as `print_branch` prints: the graph under it, operands indented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def outline(root: Any) -> Iterator[str]:
    """One line per Value. What is used twice is shown in full once, and referred to after that."""
    seen: set[int] = set()
    stack: list[tuple[int, Any]] = [(0, root)]
    while stack:
        depth, v = stack.pop()
        indent = "  " * depth
        if v.__class__ is float:
            yield f"{indent}{v}"
            continue
        name = " ".join(filter(None, (v.label, v._op))) or "leaf"
        if id(v) in seen:
            yield f"{indent}{name} (above)"
            continue
        seen.add(id(v))
        yield f"{indent}{name} data={v._data} grad={v.grad}"
        stack.extend((depth + 1, x) for x in reversed(v._operands))
