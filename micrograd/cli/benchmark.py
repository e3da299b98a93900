"""`micrograd benchmark-moons`: the sweep, and its tables, samples and charts."""

from __future__ import annotations

import csv
import io
import os
import platform
from argparse import Namespace

from ..errors import MicrogradError
from . import pictures, report
from .progress import Progress
from .sweep import Sweep, contestants

BASELINE = "interpreter"
COLUMNS = (
    "contestant", "dtype", "samples", "round", "seconds", "first_result_seconds", "last_loss_f64",
)  # fmt: skip


def benchmark_moons(arguments: Namespace) -> None:
    """Run the sweep, print the table, and write what is asked for."""
    if arguments.plot:
        pictures.figure(1, 1)  # better to fail before the benchmark than after it
    total = arguments.rounds * len(arguments.samples) * len(contestants())
    with Progress(total, "rounds") as progress:
        sweep = Sweep(arguments, progress)
        sweep.run()
    times = sweep.times()
    speedups = report.speedups(times, BASELINE)
    text = markdown(sweep, times, speedups)
    print(text)
    for what, path, content in (
        ("tables", arguments.markdown, text),
        ("samples", arguments.csv, samples(sweep)),
    ):
        if path:
            report.write(path, content)
            print(f"the {what} are in {path}")
    if arguments.plot:
        pictures.charts(arguments.plot, times, speedups, f"the {BASELINE}")
        print(f"the charts are in {arguments.plot}")
    wrong = [c for c in sweep.all if c.status.startswith(("wrong", "failed"))]
    if wrong:
        raise MicrogradError("; ".join(f"{c.name}: {c.status}" for c in wrong))


def markdown(sweep: Sweep, times: report.Series, faster: report.Series) -> str:
    """The tables, what they are about, and what is to be said about gaps."""
    parts = [
        f"Training MLP(2, [16, 16, 1]) on the moons, {sweep.epochs} steps of full-batch gradient "
        f"descent: the training loop alone, median of {sweep.rounds} round"
        f"{'s' * (sweep.rounds != 1)}. "
        f"{sweep.dtype}, the interpreter in f64, one thread; Python {platform.python_version()}, "
        f"{platform.machine()}, {os.cpu_count()} cores. All last losses, in f64, agree.",
        report.table("samples", sweep.sizes, times, report.duration),
    ]
    if any(faster.values()):
        compared = [size for size in sweep.sizes if any(size in s for s in faster.values())]
        parts.append("Times as fast as the interpreter:")
        parts.append(report.table("samples", compared, faster, report.digits))
    parts.append("From data to the first result, compiling included:")
    parts.append(report.table("samples", sweep.sizes, sweep.first(), report.duration))
    parts.append("\n".join(f"- {note}" for note in sweep.notes()))
    return "\n\n".join(filter(None, parts))


def samples(sweep: Sweep) -> str:
    """Every sample, a row each."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for c in sweep.all:
        for size in sweep.sizes:
            for k, seconds in enumerate(c.samples.get(size, [])):
                dtype = "f64" if c.interpreted else sweep.dtype
                told = (c.first.get(size, ""), c.losses.get(size, ""))
                writer.writerow([c.name, dtype, size, k, seconds, *told])
    return file.getvalue()
