"""Boxes with lines of text, and arrows between them, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .layered import Edge, laid_out
from .markup import element, frame, svg, text

MOST_NODES = 40
"""So many can be read; of more there is no picture."""

CHARACTER, LINE_HEIGHT, MARGIN = 6.4, 14.0, 8.0
LONGEST = 28


@dataclass(frozen=True, slots=True)
class Node:
    """A box: lines of text, of which the first is bold; `given` ones have a thicker border."""

    lines: Sequence[str]
    given: bool = False


def drawn(nodes: Sequence[Node], edges: Sequence[Edge], title: str, *, alone: bool = False) -> str:
    """The picture of nodes and edges (from, to), of which none leads back to an earlier node."""
    shown = [[text(line, LONGEST) for line in node.lines] for node in nodes]
    sizes = [
        (
            max((min(len(line), LONGEST + 1) for line in node.lines), default=1) * CHARACTER
            + 2 * MARGIN,
            len(node.lines) * LINE_HEIGHT + 8.0,
        )
        for node in nodes
    ]
    layout = laid_out(sizes, edges)
    parts = [_arrow(line) for line in layout.edges]
    for node, lines, (width, height), (x, y) in zip(
        nodes, shown, sizes, layout.centres, strict=True
    ):
        stroke = 1.6 if node.given else 0.8
        parts.append(frame((MARGIN + x, MARGIN + y), (width, height), stroke))
        for k, line in enumerate(lines):
            style = {"font_weight": "bold"} if k == 0 else {}
            at = MARGIN + y - height / 2 + LINE_HEIGHT * (k + 1)
            parts.append(element("text", line, x=MARGIN + x, y=at, text_anchor="middle", **style))
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    return svg(width, height, title, *parts, alone=alone)


def _arrow(points: Sequence[tuple[float, float]]) -> str:
    """A smooth line through the points, with a head."""
    shifted = [(x + MARGIN, y + MARGIN) for x, y in points]
    d = f"M{shifted[0][0]:.1f} {shifted[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(shifted):
        middle = (x0 + x1) / 2
        d += f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    d += "m-6 -3l6 3l-6 3"
    return element("path", d=d, fill="none", stroke="currentColor", stroke_opacity=0.6)
