"""Code that is run as it is built: a builder whose vectors are lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ListBuilder:
    """Builds shuffles and sums of lists of numbers, in a context of MLIR."""

    def __init__(self) -> None:
        self.shuffles = 0

    def width(self, x: list[Any]) -> int:
        return len(x)

    def vector(self, width: int) -> int:
        return width

    def build(
        self,
        name: str,
        results: Sequence[int],
        operands: Sequence[list[Any]],
        attributes: Mapping[str, Any],
    ) -> list[Any]:
        assert name == "llvm.shufflevector"
        x, y = operands
        mask = list(attributes["mask"])
        assert results == [len(mask)]
        self.shuffles += 1
        return [(x + y)[k] for k in mask]

    def add(self, x: list[Any], y: list[Any], *, reduction: bool) -> list[Any]:
        assert reduction
        return [a + b for a, b in zip(x, y, strict=True)]
