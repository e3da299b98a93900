"""`micrograd run-digits-benchmark`: its tables, samples and chart."""

from __future__ import annotations

import csv
import io
import os
import platform
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from ..errors import MicrogradError
from . import pictures, report
from .network_sweep import COMPARED, NetworkSweep, entrants
from .progress import Progress

PUBLISHED = {
    "micrograd, published": {"mlp": 94.781},
    "pycrograd, published": {
        "mlp": 8.716, "normal": 121.291, "longer": 4610.141, "bigger": 13484.485,
    },
    "mocrograd, published": {"normal": 20.281, "longer": 56.842, "bigger": 94.953},
    "mocrograd's best workers, published": {"normal": 20.281, "longer": 55.059, "bigger": 78.058},
}  # fmt: skip
"""Seconds in the READMEs of pycrograd and mocrograd."""
SAID = (
    "Published figures are of 10 epochs of 100 (MLP), 1000, 100 and 10 samples, on a MacBook Pro "
    "M1; pycrograd's and micrograd's under a profiler, and with another batch, loss and rate each "
    "for the MLP; in Longer, mocrograd trained the last layer only."
)
COLUMNS = (
    "contestant", "workers", "dtype", "network", "samples", "epochs", "round", "whole_seconds",
    "training_seconds", "epochs_measured", "first_loss", "last_loss",
)  # fmt: skip


def run_digits_benchmark(arguments: Namespace) -> None:
    """Run the benchmark, print the tables, and write what is asked for."""
    if arguments.plot:
        pictures.figure(1, 1)  # better to fail before the benchmark than after it
    total = arguments.rounds * len(arguments.network) * len(entrants(arguments.threads))
    with tempfile.TemporaryDirectory() as folder, Progress(total, "trainings") as progress:
        sweep = NetworkSweep(arguments, Path(folder), progress)
        try:
            sweep.run()
        finally:
            if any(c.samples for c in sweep.all):
                _finish(arguments, sweep)
    wrong = [c for c in sweep.all if c.status.startswith(("wrong", "failed"))]
    if wrong:
        raise MicrogradError("; ".join(f"{c.label}: {c.status}" for c in wrong))


def _finish(arguments: Namespace, sweep: NetworkSweep) -> None:
    text = markdown(sweep)
    print("\n" + text)
    for what, path, content in (
        ("tables", arguments.markdown, text),
        ("samples", arguments.csv, samples(sweep)),
    ):
        if path:
            report.write(path, content)
            print(f"the {what} are in {path}")
    if arguments.plot:
        names = [case.name for case in sweep.cases]
        pictures.bars(arguments.plot, names, PUBLISHED | seconds(sweep, "whole"), "seconds")
        print(f"the chart is in {arguments.plot}")


def seconds(sweep: NetworkSweep, what: str) -> dict[str, dict[str, float]]:
    """The median seconds by contestant and network, `whole` or `loop`, of those who have any."""
    found = {c.label: dict(_medians(sweep, c, what)) for c in sweep.all}
    return {label: by_case for label, by_case in found.items() if by_case}


def _medians(sweep: NetworkSweep, c: object, what: str) -> Iterator[tuple[str, float]]:
    for case in sweep.cases:
        known = c.median(case.name, what)  # type: ignore[attr-defined]
        if known is not None:
            yield case.name, known


def markdown(sweep: NetworkSweep) -> str:
    """The tables, what they are about, and what is to be said about gaps."""
    setups = ", ".join(
        f"{case.name} {case.rows} samples, {min(case.batch, case.rows)} a batch"
        for case in sweep.cases
    )
    n = sweep.rounds
    loops = seconds(sweep, "loop")
    parts = [
        f"{sweep.epochs} epochs of gradient descent, every layer trained: {setups}. {sweep.dtype}, "
        f"the median of {n} round{'s' * (n != 1)}; one worker unless said; Python "
        f"{platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores. The losses of "
        f"{COMPARED} epochs agree in f64; as timed, that of the first.",
        "From the start of a process to the trained network, imports and compiling included:",
        _table(sweep, PUBLISHED | seconds(sweep, "whole")),
        SAID,
        "The training loop alone:",
        _table(sweep, loops),
        "\n".join(f"- {note}" for note in sweep.notes()),
    ]
    return "\n\n".join(filter(None, parts))


def _table(sweep: NetworkSweep, found: dict[str, dict[str, float]]) -> str:
    names = [case.name for case in sweep.cases]
    rows = [
        [label, *(report.duration(by[n]) if n in by else "" for n in names)]
        for label, by in found.items()
        if any(n in by for n in names)
    ]
    return report.rows(["", *names], rows, "---:")


def samples(sweep: NetworkSweep) -> str:
    """Every sample, a row each."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for c in sweep.all:
        dtype = {"micrograd": "f64", "pycrograd": "f32"}.get(c.name, sweep.dtype)
        for case in sweep.cases:
            epochs = c.epochs.get(case.name, sweep.epochs)
            for k, s in enumerate(c.samples.get(case.name, [])):
                about = (c.name, c.workers, dtype, case.name, case.rows, sweep.epochs, k)
                told = (s.whole, s.loop, epochs, s.losses[0], s.losses[-1])
                writer.writerow([*about, *told])
    return file.getvalue()
