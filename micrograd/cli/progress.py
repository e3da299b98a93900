"""Progress bars, by tqdm where it is installed and somebody looks; lines of text either way."""

from __future__ import annotations

import sys
from typing import Any


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

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
