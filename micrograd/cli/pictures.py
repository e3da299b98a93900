"""Pictures, by matplotlib: the decision boundary of a model, and charts of a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MicrogradError
from ..files import atomic

ENDINGS = (".png", ".svg", ".pdf")
MARGIN = 1.0
"""How far around the points the boundary is drawn, as in micrograd's demo."""

MOST_TICKS = 12


def figure(width: float, height: float) -> Any:
    """An empty figure that no window shows.

    Raises MicrogradError if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MicrogradError(
            "pictures are drawn by matplotlib, which is not installed; install it with\n"
            "    pip install 'micrograd-mlir[demo]'"
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def write(drawn: Any, path: Path) -> None:
    """Write a figure in the format that the file's name ends with."""
    with atomic(path) as file:
        drawn.savefig(file, format=path.suffix[1:], dpi=150)


def mesh(points: npt.NDArray[np.float64], step: float) -> tuple[Any, Any]:
    """The coordinates of a grid around the points."""
    low, high = points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN
    x, y = np.meshgrid(*(np.arange(a, b, step) for a, b in zip(low, high, strict=True)))
    return x, y


def decision_boundary(
    path: Path,
    points: npt.NDArray[np.float64],
    classes: Sequence[float],
    score: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    *,
    step: float = 0.02,
    title: str = "",
) -> None:
    """Draw where the score is positive, and the points.

    score   of points f64[n, 2]: f64[n]
    step    the width of the grid
    """
    x, y = mesh(points, step)
    positive = score(np.stack([x.reshape(-1), y.reshape(-1)], axis=1)).reshape(x.shape) > 0.0
    drawn = figure(5.0, 4.0)
    axes = drawn.subplots()
    axes.contourf(x, y, positive, levels=[-0.5, 0.5, 1.5], cmap="Spectral", alpha=0.8)
    axes.scatter(*points.T, c=classes, s=30, cmap="Spectral", edgecolors="white", linewidths=0.5)
    axes.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), title=title)
    write(drawn, path)


def curves(
    path: Path,
    epochs: Sequence[int],
    losses: Mapping[str, Sequence[float]],
    accuracies: Sequence[float],
) -> None:
    """Draw losses, and accuracies if there are any, over the epochs."""
    drawn = figure(8.0 if accuracies else 4.5, 3.6)
    left, *right = np.atleast_1d(drawn.subplots(1, 2 if accuracies else 1))
    for name, series in losses.items():
        if len(series):
            left.plot(epochs, series, marker="o", ms=3, label=name)
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    for axes in right:
        axes.plot(epochs, accuracies, marker="o", ms=3, color="C1")
        axes.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0.0, 1.02))
    for axes in (left, *right):
        axes.grid(True, alpha=0.3)
    write(drawn, path)


def charts(
    path: Path,
    times: Mapping[str, Mapping[int, float]],
    speedups: Mapping[str, Mapping[int, float]],
    baseline: str,
) -> None:
    """Draw the times and the speed-ups of every contestant over the sizes, side by side."""
    drawn = figure(10.0, 4.2)
    left, right = drawn.subplots(1, 2)
    panels = ((left, times, "seconds"), (right, speedups, f"times as fast as {baseline}"))
    sizes = sorted({size for by_size in times.values() for size in by_size})
    colors = {name: f"C{k % 10}" for k, name in enumerate(times)}
    for axes, series, label in panels:
        for name, by_size in series.items():
            if by_size:
                x, y = zip(*sorted(by_size.items()), strict=True)
                axes.plot(x, y, marker="o", ms=3, label=name, color=colors[name])
        axes.set(xlabel="samples", ylabel=label, yscale="log")
        if len(sizes) <= MOST_TICKS:
            axes.set_xticks(sizes)
        axes.grid(True, which="major", alpha=0.3)
    drawn.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    write(drawn, path)


def bars(
    path: Path, groups: Sequence[str], series: Mapping[str, Mapping[str, float]], label: str
) -> None:
    """Draw numbers by name and group as bars on a logarithmic scale, a cluster for each group."""
    drawn = figure(2.0 + 2.4 * len(groups), 4.6)
    axes = drawn.subplots()
    width = 0.85 / max(len(series), 1)
    for k, (name, by_group) in enumerate(series.items()):
        there = [
            (g + (k - (len(series) - 1) / 2) * width, by_group[group])
            for g, group in enumerate(groups)
            if group in by_group
        ]
        if there:
            axes.bar(*zip(*there, strict=True), width=width, label=name, color=f"C{k % 10}")
    axes.set(ylabel=label, yscale="log")
    axes.set_xticks(range(len(groups)), groups)
    axes.grid(True, axis="y", alpha=0.3)
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    write(drawn, path)
