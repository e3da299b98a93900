"""python -m benchmarks: run cases, print tables, write JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from .cases import CASES, experiments
from .environment import environment
from .harness import SMALL, Harness, Plan
from .peers.client import OWN
from .report import document

SCHEMA = 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    width = max(map(len, CASES))
    cases = "\n".join(f"  {name:{width}}  {what}" for name, what in CASES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure this project beside others. Answers are checked before any timing.",
        epilog=f"cases:\n{cases}\n\n"
        "Peers are installed by `python -m benchmarks.peers install`; tables are made by\n"
        "`python -m benchmarks.report`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="case", help="which (default: all)")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that all runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument(
        "--peers",
        nargs="*",
        metavar="NAME[=PYTHON]",
        help="beside ours, C and NumPy (default: all installed); with =, the Python that has it",
    )
    parser.add_argument("--repetitions", type=int, metavar="N", help="samples each (default: 15)")
    parser.add_argument(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="what takes longer to prepare, or to time, is cut, and the table says so "
        "(default: 120)",
    )
    parsed = parser.parse_args(arguments)
    unknown = sorted(set(parsed.cases) - set(CASES))
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    return parsed


def plan_of(parsed: argparse.Namespace) -> Plan:
    """How to measure, from the command line."""
    chosen: dict[str, Any] = dict(SMALL) if parsed.small else {}
    if parsed.repetitions is not None:
        chosen["repetitions"] = parsed.repetitions
    if parsed.budget is not None:
        chosen["budget"] = parsed.budget
    if parsed.peers is not None:
        pairs = [p.partition("=") for p in parsed.peers]
        chosen["peers"] = {name: python for name, _, python in pairs if python}
        chosen["only"] = frozenset({*OWN, *(name for name, _, _ in pairs)})
    return Plan(small=parsed.small, **chosen)


def main(arguments: list[str]) -> int:
    """Run; the exit code says whether any answer was wrong or any contestant of ours failed."""
    parsed = parse(arguments)
    plan = plan_of(parsed)
    harness = Harness(plan)
    record = {
        **environment(),
        "repetitions": plan.repetitions,
        "budget": plan.budget,
        "small": plan.small,
    }
    cases = []
    try:
        for name in parsed.cases or CASES:
            cases.append(harness.case(name, experiments(name, small=plan.small)))
            results = {"schema": SCHEMA, "environment": record, "cases": cases}
            if parsed.json is not None:
                parsed.json.write_text(json.dumps(results, indent=1) + "\n")
    finally:
        harness.close()
    print(document([results]))
    reports = [c for case in cases for e in case["experiments"] for c in e["contestants"]]
    return int(any(c["status"] in ("wrong", "failed") for c in reports))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
