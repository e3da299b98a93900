"""Results of benchmarks -> the lines that documents show of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.report import environment_line
from benchmarks.tables import duration

ROOT = Path(__file__).resolve().parent.parent


def times_of(name: str) -> str:
    """What `python -m benchmarks NAME` has written down last."""
    results = ROOT / "benchmarks" / "results" / f"{name}.json"
    if not results.exists():
        return f"Nothing is written down yet: `python -m benchmarks {name} --peers` measures it."
    found = json.loads(results.read_text())
    (case,) = (case for case in found["cases"] if case["case"] == name)
    names = list(dict.fromkeys(c["name"] for e in case["experiments"] for c in e["contestants"]))
    rows = [("", *names), ("---",) * (1 + len(names))]
    for e in case["experiments"]:
        times = {
            c["name"]: duration(c["evaluation"]["median"])
            for c in e["contestants"]
            if c["status"] == "timed"
        }
        rows.append((e["what"], *(times.get(name, "") for name in names)))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", environment_line(found["environment"])])


def written(name: str) -> Any:
    """What a benchmark has written down last."""
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def call_times(framework: str) -> str:
    """What `python -m benchmarks.frameworks` has written down of a framework."""
    found = written("frameworks")
    times = found[framework]["microseconds (medians)"]
    return f"{', '.join(f'{name} {x:.1f} us' for name, x in times.items())}; {made_on(found)}"


def workers_times() -> str:
    """What `python -m benchmarks.dask_workers` has written down."""
    found = written("dask_workers")
    one, two = (found["milliseconds of a step"][n]["step"] for n in "12")
    return (
        f"{found['rows']:,} rows in {found['blocks']} blocks: {one:.0f} ms a step by one worker, "
        f"{two:.0f} ms by two, {found['throughput']:.2f} times as fast; {made_on(found)}"
    )


def made_on(found: Any) -> str:
    """The machine and the day of a measurement."""
    on = found["environment"]
    return f"{on['cpu']} ({on['cores']} cores, {on['vectors']}), {on['date']}."


def newcomers_times() -> str:
    """What `python -m benchmarks.newcomer` has written down last."""
    found = written("newcomer")
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["seconds"].items())
    return f"{steps}; {found['in all']:.1f} s in all, {found['environment']['date']}."
