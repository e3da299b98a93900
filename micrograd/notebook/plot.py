"""Numbers -> a chart of lines: axes with numbers, a logarithmic one where magnitudes ask for it.

Of many numbers a column of the picture shows the lowest and the highest, so no peak is lost and the
picture stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import numpy as np
import numpy.typing as npt

from .markup import element, svg, text

Numbers = npt.NDArray[np.float64]

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 24, 44
COLUMNS = 240
"""Places along x that are told apart."""
MAGNITUDES = 100
"""How many times the largest number is the smallest, from where on the axis is logarithmic."""

FARTHEST = 1e150
"""Numbers beyond are not drawn, as if they were infinite; those nearer than that to 0 are 0."""

COLOURS = ("#3f83d8", "#d9742b", "#3a9a52", "#b05cc6")
"""Seen on white as well as on black; the lines are dashed differently, too."""
DASHES = ("none", "6 3", "2 2", "8 3 2 3")


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name, and where it goes. Numbers that are not finite are gaps."""

    name: str
    x: Numbers
    y: Numbers


@dataclass(frozen=True, slots=True)
class _Axis:
    """Numbers -> places, from `begin` on over `length`; `length` may be negative."""

    low: float
    high: float
    begin: float
    length: float
    logarithmic: bool = False

    def place(self, x: Any) -> Any:
        low, high = self.low, self.high
        if self.logarithmic:
            x, low, high = np.log10(x), log10(low), log10(high)
        return self.begin + self.length * ((x - low) / (high - low))

    def ticks(self) -> list[float]:
        """Round numbers along it, about five."""
        if not self.logarithmic:
            return _round_numbers(self.low, self.high)
        first, last = ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9)
        if last - first < 1:
            return _round_numbers(self.low, self.high)
        step = max(1, ceil((last - first) / 6))
        return [10.0**k for k in range(first, last + 1, step)]


def _round_numbers(low: float, high: float) -> list[float]:
    """The multiples of 1, 2 or 5 times a power of ten from `low` to `high`.

    >>> _round_numbers(0.0, 97.0)
    [0.0, 20.0, 40.0, 60.0, 80.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** floor(log10(rough))
    step = power * next(m for m in (1, 2, 5, 10) if rough <= m * power * (1 + 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def line_chart(
    lines: Sequence[Series], across: str, up: str, title: str, *, alone: bool = False
) -> str:
    """The lines as a picture; '' if there is no finite number.

    across, up   what the axes are
    alone        it is a file of its own
    """
    lines = [Series(s.name, s.x, _within(s.y)) for s in lines]
    lines = [s for s in lines if np.isfinite(s.y).any()]
    if not lines:
        return ""
    y = np.concatenate([s.y[np.isfinite(s.y)] for s in lines])
    x = np.concatenate([s.x for s in lines])
    low, high = float(y.min()), float(y.max())
    logarithmic = low > 0 and high / low > MAGNITUDES
    low, high = (low, high) if logarithmic else _spread(low, high, 0.05)
    vertical = _Axis(low, high, HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT, logarithmic)
    horizontal = _Axis(*_spread(float(x.min()), float(x.max())), LEFT, WIDTH - RIGHT - LEFT)
    parts = [*_axes(horizontal, vertical, across, up + ", logarithmic" * logarithmic)]
    for k, s in enumerate(lines):
        faint = len(lines) > 1 and len(s.y) > COLUMNS  # what else there is lies on it
        style: dict[str, Any] = {"stroke": COLOURS[k % 4], "stroke_dasharray": DASHES[k % 4]}
        style["stroke_opacity"] = 0.45 if faint else 1
        parts.append(
            element(
                "path", d=_path(s, horizontal, vertical), fill="none", stroke_width=1.5, **style
            )
        )
        if len(lines) > 1:
            parts += _legend(k, s.name, style)
    return svg(WIDTH, HEIGHT, title, *parts, alone=alone)


def _within(y: Numbers) -> Numbers:
    with np.errstate(invalid="ignore"):
        y = np.where(np.abs(y) < FARTHEST, y, np.nan)
        return np.where(np.abs(y) > 1 / FARTHEST, y, 0.0 * y)


def _spread(low: float, high: float, room: float = 0.0) -> tuple[float, float]:
    """A range with room around it, as a part of it; one that is empty becomes wider."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = max(abs(low), abs(high)) * 0.1 or 1.0
        return low - half, high + half
    more = (high - low) * room
    return low - more, high + more


def _axes(horizontal: _Axis, vertical: _Axis, across: str, up: str) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for x in horizontal.ticks():
        at = float(horizontal.place(x))
        yield _line(at, bottom, at, bottom + 4)
        yield element("text", f"{x:,.6g}", x=at, y=bottom + 17, text_anchor="middle")
    for y in vertical.ticks():
        at = float(vertical.place(y))
        yield _line(LEFT, at, right, at, stroke_opacity=0.15)
        yield element("text", f"{y:.4g}", x=LEFT - 7, y=at + 4, text_anchor="end")
    yield _line(LEFT, bottom, right, bottom)
    yield _line(LEFT, TOP, LEFT, bottom)
    yield element("text", text(across), x=(LEFT + right) / 2, y=HEIGHT - 8, text_anchor="middle")
    yield element("text", text(up), x=LEFT, y=TOP - 9)


def _line(x1: float, y1: float, x2: float, y2: float, **style: Any) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke="currentColor", **style)


def _legend(k: int, name: str, style: dict[str, Any]) -> Iterator[str]:
    x, y = WIDTH - RIGHT - 150, TOP + 10 + 16 * k
    yield element("line", x1=x, y1=y - 4, x2=x + 24, y2=y - 4, stroke_width=1.5, **style)
    yield element("text", text(name, 20), x=x + 30, y=y)


def _path(s: Series, horizontal: _Axis, vertical: _Axis) -> str:
    """The line, begun anew behind numbers that are not finite."""
    pieces: list[str] = []
    pen = "M"
    with np.errstate(all="ignore"):
        across, upwards = horizontal.place(s.x), vertical.place(s.y)
    for k in _shown(s.y):
        if not np.isfinite(upwards[k]):
            pen = "M"
            continue
        pieces.append(f"{pen}{across[k]:.1f} {upwards[k]:.1f}")
        alone = k + 1 == len(s.y) or not np.isfinite(s.y[k + 1])
        if pen == "M" and alone:
            pieces.append("h1")  # one number between gaps is a dot
        pen = "L"
    return "".join(pieces)


def _shown(y: Numbers) -> npt.NDArray[np.int64]:
    """Which numbers are drawn: of many, the first gap, lowest and highest of every column."""
    n = len(y)
    if n <= 2 * COLUMNS:
        return np.arange(n)
    kept: set[int] = {0, n - 1}
    for column in np.array_split(np.arange(n), COLUMNS):
        finite = np.isfinite(y[column])
        if not finite.all():
            kept.add(int(column[np.argmin(finite)]))
        if finite.any():
            inside = column[finite]
            kept |= {int(inside[np.argmin(y[inside])]), int(inside[np.argmax(y[inside])])}
    return np.array(sorted(kept))
