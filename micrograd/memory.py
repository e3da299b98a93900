"""Memory that training and compiled code take, asked for before they begin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
MANY = 2**27
"""Bytes from which on it is asked whether they are there."""


def available() -> int | None:
    """Bytes that the system could still give; None if it does not say.

    >>> available() != 0
    True
    """
    try:
        lines = MEMINFO.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def require(bytes: Mapping[str, int]) -> None:
    """Raise MemoryError if there is less than this, by what it is for."""
    there, needed = available(), sum(bytes.values())
    if there is not None and needed > there:
        parts = ", ".join(f"{name} {_shown(n)}" for name, n in bytes.items() if n)
        raise MemoryError(
            f"training takes about {_shown(needed)} more ({parts}), and {_shown(there)} are there; "
            "give fewer samples, a smaller batch_size, or a smaller model"
        )


def require_for_code(bytes: int) -> None:
    """Raise MemoryError if compiled code would get less than this when it runs."""
    there = available() if bytes >= MANY else None
    if there is not None and bytes > there:
        raise MemoryError(
            f"the compiled code takes {_shown(bytes)} for what it computes on the way, and "
            f"{_shown(there)} are there; compute less in one call, or with smaller arrays"
        )


def _shown(n: int) -> str:
    return f"{n / 2**30:.2f} GiB" if n >= 2**27 else f"{n / 2**20:.2f} MiB"
