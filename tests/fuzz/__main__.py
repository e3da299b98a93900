"""`python -m tests.fuzz`: compile random programs for as long as one likes.

    --seed N        the program of that seed alone
    --seconds S     as many programs as fit
    --processes P   by default one for each processor
    --start N       the first seed; by default another one every second
    --each K        ways in which each kernel of a program is compiled

Ends with 1 if a kernel was wrong, raised, or ended its process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import wait
from typing import Any

from .campaign import EACH, attempt, work
from .kernels import Tally

MOST_FAILURES = 100
"""After so many, a process that ended is not begun again."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--start", type=int, default=int(time.time()) * 1000)
    parser.add_argument("--each", type=int, default=EACH)
    given = parser.parse_args(arguments)
    total, failures = Tally(), []
    began = time.time()
    if given.seed is not None:
        failures = [str(f) for f in attempt(given.seed, total, given.each)]
        for failure in failures:
            print(f"\n{failure}")
    else:
        print(f"seeds from {given.start} on", flush=True)
        failures = _campaign(given, total)
    _report(total, failures, time.time() - began)
    return 1 if failures else 0


def _campaign(given: Any, total: Tally) -> list[str]:
    """Run processes until the time is over; one that ends early is a failure, and begun again."""
    context = multiprocessing.get_context("spawn")
    until = time.time() + given.seconds
    failures: list[str] = []
    running: dict[Any, tuple[Any, int]] = {}

    def begin(first: int) -> None:
        ours, theirs = context.Pipe(duplex=False)
        args = (theirs, first, given.processes, until, given.each)
        process = context.Process(target=work, args=args, daemon=True)
        process.start()
        theirs.close()
        running[ours] = (process, first)

    for k in range(given.processes):
        begin(given.start + k)
    shown = time.time()
    while running:
        for ready in wait(list(running), timeout=1.0):
            process, seed = running[ready]
            try:
                word, seed, tally, found = ready.recv()  # type: ignore[union-attr]
            except EOFError:
                process.join()
                del running[ready]
                failures.append(f"seed {seed}: the process ended with {process.exitcode}")
                print(f"\n{failures[-1]}", flush=True)
                if time.time() < until and len(failures) < MOST_FAILURES:
                    begin(seed + given.processes)
                continue
            running[ready] = (process, seed)
            if word == "end":
                del running[ready]
            if tally is not None:
                total += tally
            for failure in found:
                failures.append(failure)
                print(f"\n{failure}", flush=True)
        if time.time() - shown > 30.0:
            shown = time.time()
            print(
                f"{total.programs} programs, {total.kernels} kernels, {len(failures)} failures",
                file=sys.stderr,
                flush=True,
            )
    return failures


def _report(total: Tally, failures: list[str], seconds: float) -> None:
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(total.kinds.items()))
    share = 100.0 * total.vague / max(1, total.numbers)
    print(
        f"\n{total.programs} programs, {total.kernels} kernels compared ({kinds}), "
        f"{total.numbers} numbers, {share:.2g} % of them beyond what rounding lets one say, "
        f"{total.whole_programs} programs of whole numbers, {seconds:.0f} seconds: "
        f"{len(failures)} failures"
    )


if __name__ == "__main__":
    sys.exit(main())
