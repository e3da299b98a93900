"""Results of runs -> a table: a row for each evaluation, the tools beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeGuard

from ..tables import duration, table
from .sizes import BARS

INTRODUCTION = """## GradBench

The field's suite of differentiation benchmarks, a checkout of it, by

    python -m benchmarks.gradbench --suite PATH --tools ours manual --json out.json

and `particle` and `saddle` beside `finite`, as there is nothing by hand. It fetches nothing: it
copies the checkout, builds the tools in C++ there, and joins each eval and each tool, two
processes, by pipes; containers are not needed. The eval says whether an answer is right;
`manual`, derivatives by hand in C++, is its judge. `minimum` is over the runs of one evaluation,
as its tool times them; of ours, a call from Python with arrays. `compile` is seconds of tracing
and compiling, `first, CPU` what of the first run the processor worked. `to reach` is how many
times as fast as `manual` the derivative must be, and how long compiling may take. Options say
which evals, tools (with the Python of each) and sizes; JAX's results are waited for; the text of
`lstm` is ours where the suite's is missing, of as many bits a character.

What is compared: the objectives are scalar code as a user writes it
(`benchmarks/gradbench/objectives`), the data of `ht` constants in it. `manual` makes the sparse
matrix of `ba` anew each time, with its structure, which ours has beforehand; in `ht` it moves all
vertices of the model, ours those that were measured, as nothing else is traced; in `kmeans` it
knows that the Hessian is a count; in `ode` it has the solution in closed form."""

RUN = "gradbench/run.json"
"""The run that docs/benchmarks.md shows, among the results."""
PRIMAL = frozenset(str.split("square primal objective cost"))
BASE = "manual"
DIFFERENCES = "finite"
"""What `saddle` and `particle` are compared with, which are not written by hand."""


def section(results: Path) -> str:
    """The section of docs/benchmarks.md, if there is a run of the suite among the results."""
    run = results / RUN
    if not run.exists():
        return ""
    found = json.loads(run.read_text())
    return f"{INTRODUCTION}\n\n{measured(found['environment'])}\n\n{document(found)}"


def measured(e: dict[str, Any]) -> str:
    """What a run was made on, as a sentence."""
    versions = ", ".join(f"{name} {v}" for name, v in e["versions"].items())
    return (
        f"Measured {e['date']} on {e['cpu']} ({e['cores']} cores, {e['vectors']}), one thread, "
        f"{e['system']}; {versions}; {e['compiler']}."
    )


def document(results: dict[str, Any]) -> str:
    """The tables of all evals."""
    parts = [eval_section(name, runs) for name, runs in results["evals"].items()]
    return "\n\n".join(parts)


def eval_section(eval_: str, tools: dict[str, list[dict[str, Any]]]) -> str:
    """What every tool took for each evaluation of an eval, and how it ended where it did not."""
    rows: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for tool, found in tools.items():
        for e in found:
            rows.setdefault((e["function"], e["description"]), {})[tool] = e
    base = BASE if BASE in tools else DIFFERENCES
    others = [t for t in tools if t != "ours"]
    head = ["", "ours: compile", "first, CPU", "minimum"]
    head += [f"{t}, minimum" for t in others]
    head += [f"{base} / ours", "to reach", "fastest"]
    body = [row(eval_, key, by_tool, others, base) for key, by_tool in rows.items()]
    return f"### {eval_}\n\n{table(head, body)}"


def row(
    eval_: str,
    key: tuple[str, str],
    by_tool: dict[str, dict[str, Any]],
    others: list[str],
    base: str,
) -> list[str]:
    """One evaluation."""
    ours = by_tool.get("ours")
    cells = [" ".join(filter(None, key))]
    if ours is not None and right(ours):
        cells += [duration(ours["compile"]), duration(ours["first_cpu"]), duration(minimum(ours))]
    else:
        cells += ["", "", state(ours)]
    for tool in others:
        e = by_tool.get(tool)
        cells.append(duration(minimum(e)) if right(e) else state(e))
    ratio = ""
    if right(ours) and right(by_tool.get(base)):
        ratio = f"{minimum(by_tool[base]) / minimum(ours):.2f}"
    timed = {t: minimum(e) for t, e in by_tool.items() if right(e)}
    return [*cells, ratio, target(eval_, *key), min(timed, key=timed.__getitem__) if timed else ""]


def target(eval_: str, function: str, description: str) -> str:
    """What the row must reach, for people."""
    if function in PRIMAL:
        return ""
    where = description.rpartition(", ")[2]
    for bar in BARS.get(eval_, ()):
        if any(where == r or (not r[-1:].isdigit() and where.startswith(r)) for r in bar.rows):
            return f"{bar.ratio:g}, {bar.compiled:g} s"
    return ""


def right(e: dict[str, Any] | None) -> TypeGuard[dict[str, Any]]:
    """Whether there are times of right answers."""
    return bool(e and e["runs"] and e["valid"])


def minimum(e: dict[str, Any]) -> float:
    """Seconds of the fastest run."""
    return float(min(e["runs"]))


def state(e: dict[str, Any] | None) -> str:
    """Why there are no times."""
    if e is None:
        return "-"
    if e["valid"] is None or not e["runs"]:
        return "failed"
    return "wrong"
