"""Tables of reports: times, and experiments that are rows of one table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any


def duration(seconds: float | None) -> str:
    """A time in the unit that suits it.

    >>> duration(1.334e-6), duration(0.25), duration(None)
    ('1.33 us', '250 ms', '')
    """
    if seconds is None:
        return ""
    for unit, scale in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def evaluation(contestant: dict[str, Any]) -> str:
    timed = contestant.get("evaluation")
    return duration(timed["median"]) if timed else ""


def rows_section(name: str, results: Sequence[dict[str, Any]]) -> str:
    """Experiments that are rows of one table: what each took, and the part of what it may take."""
    timed = list(dict.fromkeys(c["name"] for r in results for c in r["contestants"]))
    judged = list(dict.fromkeys(c for r in results for c in _judged(r)))
    rows = []
    for r in results:
        by_name = {c["name"]: c for c in r["contestants"]}
        parts = _judged(r)
        rows.append(
            [
                r["row"].replace("|", "\\|"),
                *(evaluation(by_name[n]) if n in by_name else "" for n in timed),
                *("" if parts.get(n) is None else f"{parts[n]:.2f}" for n in judged),
            ]
        )
    what = results[0]["what"]
    head = ["", *timed, *(f"{n}, of what it may take" for n in judged)]
    return "\n\n".join([f"### {name}", f"{what}; {results[0]['dtype']}.", table(head, rows)])


def _judged(result: dict[str, Any]) -> dict[str, float | None]:
    """By contestant, what was measured against its bar."""
    return {bar["bar"].split(", ")[1].split(":")[0]: bar["measured"] for bar in result["bars"]}


def tables_met(case: dict[str, Any]) -> list[list[str]]:
    """How many of the bars of a table's rows were met, and which were not."""
    rows = []
    for name, group in groupby(case["experiments"], key=lambda r: r.get("table", "")):
        if not name:
            continue
        bars = [(r["row"], bar) for r in group for bar in r["bars"] if bar["met"] is not None]
        missed = ", ".join(
            f"{row.replace('|', chr(92) + '|')} {bar['measured']:.2f}"
            for row, bar in bars
            if not bar["met"]
        )
        met = sum(bar["met"] for _, bar in bars)
        rows.append(
            [
                f"{case['case']}: {name}",
                "at most 1.5 x NumPy + 2 us a call of NumPy's",
                f"{met} of {len(bars)}" + (f"; not {missed}" if missed else ""),
                "met" if not missed else "not met",
            ]
        )
    return rows
