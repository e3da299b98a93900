"""Memory that training and compiled code take, asked for before they begin."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .locks import importing

PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
GROUP_FILES = (
    (GROUPS, "memory.max", "memory.current"),
    (GROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Where groups of processes, such as containers, have their limits: of both versions."""
LINE = 64
"""Bytes of a line of the cache, and of the longest vectors."""
MANY = 2**27
"""Bytes from which on it is asked whether they are there."""


def zeros(size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """So many zeros, the first at the beginning of a line: no vector of them lies in two.

    >>> zeros(3, "f4").ctypes.data % 64
    0
    """
    length = size * np.dtype(dtype).itemsize
    raw = np.zeros(length + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + length].view(dtype)


def available() -> int | None:
    """Bytes that this process could still have: as the system says, and the limits of its group and
    its own; None if nothing is known.

    >>> available() != 0
    True
    """
    return min(
        (n for n in (_of_system(), _of_group(), _of_process()) if n is not None), default=None
    )


def _of_system() -> int | None:
    return _field(PROC / "meminfo", "MemAvailable:", 1024)


def _of_group() -> int | None:
    """The least room that the group of this process and those around it have."""
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    paths = {Path(line.split(":", 2)[2].lstrip("/")) for line in lines if line.count(":") >= 2}
    found = []
    for root, limit, used in GROUP_FILES:
        for group in {p for path in paths for p in (path, *path.parents)}:
            numbers = [_number(root / group / name) for name in (limit, used)]
            if None not in numbers:
                cached = _field(root / group / "memory.stat", "inactive_file", 1) or 0
                found.append(max(0, numbers[0] - numbers[1] + cached))  # type: ignore[operator]
    return min(found, default=None)


def _of_process() -> int | None:
    """What the limit of addresses, `ulimit -v`, leaves."""
    try:
        with importing:
            import resource
    except ImportError:  # no Unix
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = _number(PROC / "self" / "statm")
    if limit == resource.RLIM_INFINITY or used is None:
        return None
    return max(0, limit - used * resource.getpagesize())


def _number(path: Path) -> int | None:
    """The number that a file begins with, if there is one."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _field(path: Path, name: str, unit: int) -> int | None:
    """The number behind a name in a file of such lines."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.split()[:1] == [name]]
    return int(found[0]) * unit if found else None


def require(bytes: Mapping[str, int]) -> None:
    """Raise MemoryError if there is less than this, by what it is for."""
    there, needed = available(), sum(bytes.values())
    if there is not None and needed > there:
        parts = ", ".join(f"{name} {_shown(n)}" for name, n in bytes.items() if n)
        raise MemoryError(
            f"training takes about {_shown(needed)} more ({parts}), and {_shown(there)} are there; "
            "give fewer samples, a smaller batch_size, or a smaller model"
        )


def require_now(bytes: int) -> None:
    """Raise MemoryError if the system does not give so much in one piece, as code asks it to."""
    try:
        np.empty(bytes, np.uint8)
    except MemoryError:
        raise MemoryError(
            f"the compiled code takes {_shown(bytes)} for what it computes on the way, and the "
            "system gives no such piece; compute less in one call, or with smaller arrays"
        ) from None


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


KEPT, ALONE = 16 << 20, 4 << 20
"""Bytes that the C library shall keep, and of a block from which on it has memory of its own."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, in malloc.h of the GNU C library


def keep_freed() -> None:
    """Let the C library keep some of what is freed, where the environment says to keep nothing.

    Compiled code allocates what it needs for a block of rows, and frees it behind that. Dask's
    workers have MALLOC_TRIM_THRESHOLD_=65536, by which the system has to give that memory anew for
    every block; computing took three times as long.
    """
    if not os.environ.get("MALLOC_TRIM_THRESHOLD_"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, KEPT)
        mallopt(_MMAP_THRESHOLD, ALONE)
