"""Results -> tables: JSON files in, Markdown out.

    python -m benchmarks.report results/*.json            print
    python -m benchmarks.report results/*.json --readme   fill README.md, write docs/benchmarks.md

Of a case that is in several files, the last file's counts. Files of measurements that have tables
of their own (`dask_workers`, `frameworks`, `newcomer`) are passed over.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from .cases import CASES
from .gradbench import report as gradbench
from .harness import Plan
from .tables import duration, evaluation, rows_section, table, tables_met

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"
PLACE = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
PHASES = ("trace", "first", "first, CPU", "compile")


def measured(bar: dict[str, Any]) -> str:
    """What was measured against a bar."""
    value = bar["measured"]
    if value is None:
        return "not measured"
    if bar["ratio"]:
        return f"{value:.3g} x"
    return f"{value:g}" if bar["metric"] == "statements" else duration(value)


def verdict(bar: dict[str, Any]) -> str:
    """Whether it was met."""
    return {True: "met", False: "not met", None: ""}[bar["met"]]


def experiment_section(result: dict[str, Any]) -> str:
    """All that was measured in one experiment."""
    reports = result["contestants"]
    phases = [p for p in PHASES if any(p in c.get("phases", {}) for c in reports)]
    facts = list(dict.fromkeys(f for c in reports for f in c.get("facts", {})))
    head = ["", "evaluation", "least - most", *phases, *facts, "error", "note"]
    rows = []
    for c in reports:
        e = c.get("evaluation")
        rows.append(
            [
                c["name"],
                duration(e["median"]) if e else c["status"],
                f"{duration(e['min'])} - {duration(e['max'])}" if e else "",
                *(duration(c.get("phases", {}).get(p, {}).get("median")) for p in phases),
                *(str(c.get("facts", {}).get(f, "")) for f in facts),
                f"{c['error']:.1g}" if c.get("error") is not None else "",
                " ".join(c["note"].split()).replace("|", "\\|"),
            ]
        )
    parts = [f"### {result['name']}", f"{result['what']}; {result['dtype']}.", table(head, rows)]
    bars = result["bars"]
    if bars:
        rows = [[b["bar"], measured(b), verdict(b)] for b in bars]
        parts.append(table(["must reach", "measured", ""], rows))
    return "\n\n".join(parts)


def sections(results: Sequence[dict[str, Any]]) -> list[str]:
    """All that was measured in the experiments of a case."""
    parts: list[str] = []
    for name, group in groupby(results, key=lambda r: r.get("table", "")):
        found = list(group)
        parts += [rows_section(name, found)] if name else map(experiment_section, found)
    return parts


def latest(files: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each case once, with its environment, in the order of CASES."""
    found = {c["case"]: (c, f["environment"]) for f in files for c in f["cases"]}
    return [found[name] for name in CASES if name in found]


def environment_line(e: dict[str, Any]) -> str:
    """What it was measured on, as a sentence."""
    versions = ", ".join(f"{name} {v}" for name, v in e["versions"].items())
    caution = " Small sizes: to see that it runs, not to compare." if e["small"] else ""
    if not caution and e["repetitions"] < Plan.repetitions:
        caution = " Provisional: fewer repetitions than a full measurement."
    return (
        f"Measured {e['date']} on {e['cpu']} ({e['cores']} cores, {e['vectors']}), one thread "
        f"unless a row says two, {e['system']}; {versions}; {e['compiler'] or 'no C compiler'}. "
        f"Medians of {e['repetitions']} repetitions, contestants in turn; budget "
        f"{e['budget']:g} s.{caution}"
    )


def peer_versions(case: dict[str, Any]) -> str:
    """The versions of the contestants, where they differ from the environment's."""
    found: dict[str, str] = {}
    for result in case["experiments"]:
        for c in result["contestants"]:
            if c["peer"] not in ("ours", "c"):
                found |= {n: v for n, v in c.get("versions", {}).items() if n != "python"}
    return ", ".join(f"{name} {v}" for name, v in sorted(found.items()))


def document(files: Sequence[dict[str, Any]]) -> str:
    """Everything that was measured."""
    parts = []
    for case, environment in latest(files):
        what = CASES[case["case"]]
        parts += [f"## {case['case']}", f"{what[0].upper()}{what[1:]}."]
        parts += [environment_line(environment)]
        versions = peer_versions(case)
        if versions:
            parts.append(f"Compared with {versions}.")
        parts += sections(case["experiments"])
    return "\n\n".join(parts)


MORE = (
    "A two-core AVX-512 machine, one thread; hand-written vectorised C beside it; JAX in its own "
    "loop; micrograd from PyPI, also with Python's garbage collector off. The rest, how it was "
    "measured, and what is not reached yet: [benchmarks](docs/benchmarks.md)."
)

INTRODUCTION = """# Benchmarks

Made by `python -m benchmarks.report`; not edited by hand.

Every contestant runs in a process of its own. Its answer is compared with a float64 reference
before it is timed (`error`: the worst relative difference; a wrong answer is reported and not
timed); then samples of all contestants are taken in turn. `evaluation` is the median time of one
evaluation after everything is compiled. `trace` builds the program in Python, `first` is from the
traced program to the first answer, compiling included, in a process that has compiled something
before; `compile` is the C compiler. A ratio is the median of the ratios within repetitions.

`gc on` and `gc off` are PyPI's micrograd with Python's cyclic garbage collector on and off, which
is most of its time on graphs. Kernels and hand-written C are called by the same loop in C, unless
a row says Python. `first` of the other projects is taken once, in a new process.

Batches: the columns that go in are drawn from uniform distributions, seed 42; all columns begin at
cache lines, and those that go in at different places in their pages. About a thousand points of
each column are compared, and its mean; the error is relative to the number, or to what rounding may
do to it where the program subtracts what is nearly equal. C has glibc's vector functions (libmvec)
unless a row says not. Whoever returns new arrays gets them without page faults: the C library is
told to keep what was freed. Training: the loop alone; `first` is the whole first call.

Networks on single samples: a weight matrix is read going forward; then, once the cotangent of what
it makes is known, one pass reads it again, for the cotangent of its inputs, and writes it updated.
The one has to be over before the other can begin, so the least are two reads and a write of all
weights for a sample: `memory, read, and one pass`. `memory, one pass` is a read and a write, the
way back alone. In arithmetic, 100 samples of Normal are 3.06 million operations (1.29 forward,
1.29 for the weights, 0.47 back through two layers; nothing is computed for the inputs), of Longer
1.109 and of Bigger 25.4 billion. A core of Zen 4, with one fused multiply-add of 16 float32 a
cycle at 3.68 GHz, makes 117.6 in a nanosecond: it takes at least 26.0 us, 9.43 ms and 216 ms."""


def page(files: Sequence[dict[str, Any]]) -> str:
    """docs/benchmarks.md: how it was measured, what must be reached, then everything."""
    parts = [INTRODUCTION, "## What must be reached", summary(files), document(files), training()]
    parts.append(gradbench.section(RESULTS))
    return "\n\n".join(filter(None, parts))


TRAINING = (
    (
        "moons_sweep",
        "momograd's benchmark",
        "micrograd benchmark-moons --samples 20:200:20 --epochs 100 --rounds 5",
        "Times and speed-ups over the number of samples",
    ),
    (
        "digits",
        "pycrograd's and mocrograd's benchmark",
        "micrograd run-digits-benchmark --rounds 1 --budget 20",
        "Seconds from the start of a process to the trained network",
    ),
)
"""What the command line measures: the tables that its --markdown writes, whose benchmark it is, how
it is run, and what the picture shows."""
RESULTS = ROOT / "benchmarks" / "results"


def training() -> str:
    """The section about training, of what was measured."""
    parts = []
    for name, whose, command, shown in TRAINING:
        table = RESULTS / f"{name}.md"
        if table.exists():
            parts += [f"{whose}, by `{command}`.", table.read_text().strip()]
            parts.append(f"![{shown}]({name}.svg)")
    return "\n\n".join(["## training", *parts]) if parts else ""


def summary(files: Sequence[dict[str, Any]]) -> str:
    """What must be reached, and was it."""
    rows = []
    for case, _ in latest(files):
        rows += tables_met(case)
        for result in case["experiments"]:
            for bar in result["bars"] if not result.get("table") else ():
                label = f"{case['case']}: {result['name']}"
                rows.append([label, bar["bar"], measured(bar), verdict(bar)])
    head = ["case", "must reach", "measured", ""]
    notes = list(dict.fromkeys(environment_line(e) for _, e in latest(files)))
    return "\n\n".join([table(head, rows), *notes])


SHOWN = {
    (
        "call",
        "value and partials from Python",
    ): "micrograd's README expression, value and partials, from Python",
    ("batch-bs", "N=1000000, f64"): "Black-Scholes and 5 greeks, 1,000,000 points, f64",
    ("moons", "N=100, f32"): "moons loss and 337 partials, 100 samples, f32",
    ("moons", "N=100, f64"): "the same, f64",
    ("train", "N=100, f32"): "100 training steps, moons, 100 samples, f32",
    ("train", "epoch of 100000, f32"): "an epoch of 100,000 samples in batches of 32, f32",
    ("irregular", "n=1000000"): "random DAG, 1,000,000 ops, f64",
    ("recurrence", "10000 steps"): "10,000 Euler steps of a pendulum, f64",
}
"""The experiments of the README's table, and what it calls them."""

COLUMNS = {
    "C": ("C", "C extension", "C, loops"),
    "Dr.Jit": ("Dr.Jit",),
    "heyoka": ("heyoka",),
    "JAX": ("JAX, in its own loop", "JAX, arrays, in its own loop", "JAX"),
    "CasADi": ("CasADi",),
    "PyTorch": ("PyTorch", "PyTorch, arrays"),
    "micrograd": ("PyPI micrograd, gc on",),
    "gc off": ("PyPI micrograd, gc off",),
}
"""The contestants that the README's table shows: of each row, the first that was timed."""


def overview(files: Sequence[dict[str, Any]]) -> str:
    """The table of the README: time to the first gradient, and of each later evaluation."""
    rows = []
    for case, _ in latest(files):
        for result in case["experiments"]:
            label = SHOWN.get((case["case"], result["name"]))
            if label is None:
                continue
            by_name = {c["name"]: c for c in result["contestants"]}
            ours = by_name["ours"]
            first = ours.get("phases", {}).get("first", {}).get("median")
            row = [label, duration(first), f"**{evaluation(ours)}**"]
            for names in COLUMNS.values():
                timed = [evaluation(by_name[n]) for n in names if n in by_name]
                row.append(next((t for t in timed if t), ""))
            rows.append(row)
    head = ["one evaluation of", "compiled in", "this project", *COLUMNS]
    return table(head, rows)


def fill(readme: str, text: str) -> str:
    """The README with the table in its place.

    Raises ValueError if it has no place for it.
    """
    if not PLACE.search(readme):
        raise ValueError(f"the README has no lines {BEGIN} and {END}")
    return PLACE.sub(lambda _: f"{BEGIN}\n{text}\n{END}", readme)


def main(arguments: list[str]) -> int:
    """Print the tables, or put them where they are read."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report", description="JSON results to Markdown tables."
    )
    parser.add_argument("results", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--readme", action="store_true", help="fill README.md and write docs/benchmarks.md"
    )
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md alone")
    parsed = parser.parse_args(arguments)
    found = [json.loads(path.read_text()) for path in parsed.results]
    files = [f for f in found if "cases" in f]
    if not files:
        parser.error('no file has results of `python -m benchmarks`: none has "cases"')
    if parsed.readme:
        readme = ROOT / "README.md"
        readme.write_text(fill(readme.read_text(), f"{overview(files)}\n\n{MORE}"))
    if parsed.readme or parsed.docs:
        (ROOT / "docs" / "benchmarks.md").write_text(f"{page(files)}\n")
    else:
        print(document(files))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
