"""Drawing -> SVG: the graph folded by class, in colours that the page gives."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import pairwise

from .layers import layered
from .model import Drawing

CHARACTER, HEIGHT = 7.3, 40
"""The width of a character and the height of a box, in pixels."""
GAP, BEND, RISE = 22, 14, 46
"""Between boxes, the room of an edge that passes, and between layers."""
WIDEST = 34
"""Characters of a label."""
MOST = 150
"""Classes that are drawn; a larger drawing says nothing to anybody."""


def svg(drawing: Drawing, number: Callable[[tuple[int, ...]], int]) -> str:
    """The picture: a box for each class, with how many nodes it has, and lines from operands.

    number   of a set of statements, which each box has as `data-of`
    """
    ends = [(e.start, e.end) for e in drawing.edges if e.start != e.end]
    layers, routes = layered(len(drawing.classes), ends)
    labels = [_cut(c.label) for c in drawing.classes]
    counts = [f"× {c.count:,}" for c in drawing.classes]
    widths = [max(len(a), len(b)) * CHARACTER + 20 for a, b in zip(labels, counts, strict=True)]

    def width(node: int) -> float:
        return widths[node] if node < len(widths) else BEND

    rows = [sum(map(width, layer)) + GAP * (len(layer) - 1) for layer in layers]
    full = max(rows, default=0.0) + 2 * GAP
    x, y = dict[int, float](), dict[int, float]()
    for k, layer in enumerate(layers):
        left = (full - rows[k]) / 2
        for node in layer:
            x[node], y[node] = left + width(node) / 2, GAP + k * (HEIGHT + RISE)
            left += width(node) + GAP
    high = 2 * GAP + len(layers) * (HEIGHT + RISE) - RISE
    parts = [
        f'<svg viewBox="0 0 {full:.0f} {high}" width="{full:.0f}" height="{high}" role="img" '
        f'aria-label="The graph, folded: {len(labels)} classes of nodes">'
    ]
    for a, b in sorted({step for route in routes for step in pairwise(route)}):
        parts.append(f'<path d="{_line(x[a], y[a] + HEIGHT, x[b], y[b])}"/>')
        if b >= len(labels):
            parts.append(f'<path d="M{x[b]:.0f} {y[b]}v{HEIGHT}"/>')
    itself = {e.start for e in drawing.edges if e.start == e.end}
    for k, c in enumerate(drawing.classes):
        loop = " ↻" if k in itself else ""
        parts.append(
            f'<g data-of="{number(c.statements)}">'
            f"<title>{escape(c.label)}, {c.count:,} nodes</title>"
            f'<rect x="{x[k] - widths[k] / 2:.0f}" y="{y[k]}" width="{widths[k]:.0f}" '
            f'height="{HEIGHT}" rx="6"/>'
            f'<text x="{x[k]:.0f}" y="{y[k] + 17}">{escape(labels[k])}</text>'
            f'<text class="count" x="{x[k]:.0f}" y="{y[k] + 32}">{counts[k]}{loop}</text></g>'
        )
    return "".join([*parts, "</svg>"])


def _cut(label: str) -> str:
    return label if len(label) <= WIDEST else label[: WIDEST - 2] + " …"


def _line(x: float, y: float, end_x: float, end_y: float) -> str:
    """A smooth line, which begins and ends straight down."""
    half = (y + end_y) / 2
    return f"M{x:.0f} {y}C{x:.0f} {half:.0f} {end_x:.0f} {half:.0f} {end_x:.0f} {end_y}"
