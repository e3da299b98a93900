"""Numbers -> text: durations that are easy to read, markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ..files import atomic

Series = Mapping[str, Mapping[int, float]]
"""Numbers by contestant and size."""


def duration(seconds: float) -> str:
    """Seconds with three digits and a fitting unit.

    >>> duration(0.000133), duration(12.45), duration(178.8), duration(0.0)
    ('133 us', '12.4 s', '179 s', '0 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if seconds >= size * 0.9995:
            return f"{digits(seconds / size)} {unit}"
    return "0 s"


def digits(number: float) -> str:
    """A number with three digits, never as 1e+03.

    >>> digits(123456.0), digits(0.01234)
    ('123000', '0.0123')
    """
    return f"{float(f'{number:.3g}'):.10g}"


def speedups(times: Series, baseline: str) -> dict[str, dict[int, float]]:
    """How often the baseline's time holds everybody's, where both were measured."""
    base = times.get(baseline, {})
    return {
        name: {size: base[size] / seconds for size, seconds in by_size.items() if size in base}
        for name, by_size in times.items()
        if name != baseline
    }


def table(corner: str, sizes: list[int], series: Series, text: Callable[[float], str]) -> str:
    """A row per size, a column per contestant."""
    body = []
    for size in sizes:
        cells = [text(s[size]) if size in s else "" for s in series.values()]
        body.append([str(size), *cells])
    return rows([corner, *series], body, "---:")


def rows(head: Sequence[str], body: Iterable[Sequence[str]], column: str = "---") -> str:
    """A table of markdown; `column` says how all columns are aligned.

    >>> print(rows(["a", "b"], [["1", "2"]]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = [head, [column] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(path: Path, text: str) -> None:
    """Write a text, whole or not at all."""
    with atomic(path) as file:
        file.write((text.rstrip("\n") + "\n").encode())
