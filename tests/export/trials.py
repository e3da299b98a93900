"""Random functions that are exported and compared, for as long as one likes."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from micrograd.errors import MicrogradError

Check = Callable[[Sequence[int], Path, Counter[str]], None]
"""Compares the functions of some seeds, in a folder, and counts them by kind."""


def main(check: Check, together: int) -> None:
    """`python -m tests.export.NAME SECONDS SEED`: try seeds until the time is over; exit with 1 if
    any of them fails.
    """
    end, seed = time.monotonic() + float(sys.argv[1]), int(sys.argv[2])
    tally, failures = Counter[str](), 0
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(range(seed, seed + together), Path(folder), tally)
            except (AssertionError, MicrogradError) as error:
                failures += 1
                print(f"seeds from {seed}: {error}", flush=True)
        seed += together
    print(f"{failures} failures, up to seed {seed}; {dict(tally)}")
    sys.exit(failures > 0)
