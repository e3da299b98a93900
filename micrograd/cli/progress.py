"""Progress bars, by tqdm where it is installed and somebody looks; lines of text either way."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from .report import duration

FIRST = 10.0
"""Seconds after which work that shows nothing is told of; then after twice as long, and so on."""


class Progress:
    """A bar of `total` parts on standard error, below the lines of standard output.

    Use it in a `with`.
    """

    def __init__(self, total: int, what: str) -> None:
        self._bar: Any = None
        if sys.stderr.isatty():
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=total, desc=what, leave=False, file=sys.stderr)

    def advance(self, parts: int = 1) -> None:
        """So many more parts are done."""
        if self._bar is not None:
            self._bar.update(parts)

    def say(self, line: str) -> None:
        """Print a line."""
        if self._bar is not None:
            self._bar.clear()
        print(line, flush=True)

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """Inside, what takes long is told of on standard error now and then."""
        done = Event()
        teller = Thread(target=self._tell, args=(doing, done), daemon=True)
        teller.start()
        try:
            yield
        finally:
            done.set()
            teller.join()

    def _tell(self, doing: str, done: Event) -> None:
        began, wait = time.perf_counter(), FIRST
        while not done.wait(wait):
            wait = time.perf_counter() - began
            line = f"{doing}, {duration(wait)} so far"
            if self._bar is None:
                print(line, file=sys.stderr, flush=True)
            else:
                self._bar.set_postfix_str(line)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
