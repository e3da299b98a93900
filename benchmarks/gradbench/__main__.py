"""python -m benchmarks.gradbench: run GradBench's evals, print tables, write JSON."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..environment import environment
from .connection import Record, connect
from .report import document
from .sizes import SIZES, SMALL, Size
from .suite import Suite

FASTEST = 10
"""How many runs of an evaluation are written down."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gradbench",
        description="Run GradBench's evals with our tool and the suite's, without containers.",
    )
    parser.add_argument("--suite", type=Path, required=True, metavar="PATH", help="a checkout")
    parser.add_argument(
        "--tools",
        nargs="+",
        default=["ours", "manual"],
        metavar="NAME[=PYTHON]",
        help="ours, and tools of the suite; with =, the Python that runs it (default: ours manual)",
    )
    parser.add_argument("--evals", nargs="+", choices=SIZES, default=list(SIZES), metavar="NAME")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that all runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--python", default=sys.executable, help="what runs the evals")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="where to build (default: a temporary one)"
    )
    parser.add_argument("--runs", type=int, default=5, help="at least so many (default: 5)")
    parser.add_argument("--seconds", type=float, default=0.1, help="and for so long (default: 0.1)")
    parser.add_argument(
        "--limit",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="for each tool at the sizes of an eval (default: that of the sizes)",
    )
    return parser.parse_args(arguments)


def run_eval(
    suite: Suite, eval_: str, sizes: tuple[Size, ...], tool: str, least: list[str], limit: float
) -> list[dict[str, Any]]:
    """What a tool took for the evaluations of an eval, at all its sizes, within a limit each."""
    found: list[dict[str, Any]] = []
    suite.build_judge(eval_)
    for size in sizes:
        arguments = [*size.split(), *(least if eval_ != "hello" else [])]
        record = connect(suite.judge(eval_, arguments), suite.tool(tool), min(limit, size.limit))
        found += rows(record, size)
        print(f"{eval_} {size.arguments} {tool}: {said(record)}", file=sys.stderr, flush=True)
    return found


def rows(record: Record, size: Size) -> list[dict[str, Any]]:
    """The evaluations of a record, with the seconds of compiling, and the fastest runs, of each."""
    found = []
    for e in record.evaluations:
        compiled = record.define + e.prepare
        compiled += e.runs[0] - min(e.runs) if e.runs else 0.0
        more = {"description": size.note + e.description, "compile": compiled}
        more |= {"runs": sorted(e.runs)[:FASTEST], "count": len(e.runs)}
        found.append(asdict(e) | more)
    return found


def said(record: Record) -> str:
    """How it went, for whoever waits."""
    right = sum(e.valid is True for e in record.evaluations)
    errors = [record.error, *(e.error for e in record.evaluations)]
    return f"{right} of {len(record.evaluations)} right " + next(filter(None, errors), "")[-300:]


def main(arguments: list[str]) -> int:
    """Run; the exit code says whether any answer of ours was wrong or missing."""
    parsed = parse(arguments)
    tools = {name: python or parsed.python for name, _, python in split(parsed.tools)}
    seconds = 0.0 if parsed.small else parsed.seconds
    least = ["--min-runs", str(parsed.runs), "--min-seconds", str(seconds)]
    record = {**environment(), "small": parsed.small}
    results: dict[str, Any] = {"environment": record, "evals": {}}
    with tempfile.TemporaryDirectory() as temporary:
        work = parsed.work or Path(temporary)
        suite = Suite(parsed.suite, work, tools, parsed.python)
        for eval_ in parsed.evals:
            sizes = (SMALL if parsed.small else SIZES)[eval_]
            results["evals"][eval_] = {
                tool: run_eval(suite, eval_, sizes, tool, least, parsed.limit)
                for tool in tools
                if suite.has(tool, eval_)
            }
            if parsed.json is not None:
                parsed.json.write_text(json.dumps(results, indent=1) + "\n")
    print(document(results))
    ours = [tools["ours"] for tools in results["evals"].values() if "ours" in tools]
    return int(any(not found or not all(e["valid"] for e in found) for found in ours))


def split(tools: list[str]) -> list[tuple[str, str, str]]:
    """Names and Pythons of tools."""
    return [tool.partition("=") for tool in tools]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
