"""Payloads by key in the folder of the cache, of which those that were not used for longest go when
there are too many.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from ..locks import Lock
from .entries import HALF, SUFFIX, read, remove, write
from .folder import most_bytes, opened
from .keys import are_sources_old

KEPT_OF = 0.8
"""What stays of the most that files may take, when some go."""
ABANDONED = 3600.0
"""Seconds behind which a file that was being written is no longer."""
LARGEST = 0.25
"""The part of all that one payload may take."""


class Entry(NamedTuple):
    """A file: where it is, its bytes, and when it was last used."""

    path: str
    size: int
    used: float


_lock = Lock()
_sizes: dict[str, int] = {}
"""How much the files of folders take, as far as this process knows."""


def load(key: str) -> bytes | None:
    """What was stored under a key, by this process or another; None if there is nothing whole."""
    folder = opened(make=False)
    return None if folder is None else read(_file(folder, key), key)


def store(key: str, payload: bytes) -> None:
    """Keep a payload, if that is possible: a disk that is full or only read is no error."""
    most = most_bytes()
    folder = opened(make=True) if len(payload) <= LARGEST * most else None
    if folder is None or not are_sources_old():
        return
    try:
        size = write(_file(folder, key), key, payload)
    except (OSError, ValueError, MemoryError):
        return
    with _lock:
        if folder in _sizes:
            _sizes[folder] += size
        else:
            _sizes[folder] = sum(entry.size for entry in entries(folder))
        if _sizes[folder] > most:
            _sizes[folder] = shrink(folder, int(KEPT_OF * most))


def shrink(folder: str, most: int) -> int:
    """Remove what was not used for longest until files take no more than that; what they take."""
    found = sorted(entries(folder), key=lambda entry: entry.used, reverse=True)
    total = 0
    for entry in found:
        total += entry.size
        if total > most:
            total -= entry.size
            remove(entry.path)
    return total


def clear(folder: str) -> list[Entry]:
    """Remove all files of the cache, and no others; those that are gone."""
    found = entries(folder, halves=True)
    for entry in found:
        remove(entry.path)
    with _lock:
        _sizes.pop(folder, None)
    return [entry for entry in found if not os.path.lexists(entry.path)]


def entries(folder: str, *, halves: bool = False) -> list[Entry]:
    """The files of the cache. What was being written long ago is removed, or is one of them."""
    found = []
    try:
        with os.scandir(folder) as inside:
            for file in inside:
                is_half = file.name.endswith(HALF)
                if not is_half and not file.name.endswith(SUFFIX):
                    continue
                try:
                    status = file.stat(follow_symlinks=False)
                except OSError:  # another process has removed it
                    continue
                if not is_half or halves:
                    found.append(Entry(file.path, status.st_size, status.st_mtime))
                elif status.st_mtime < time.time() - ABANDONED:
                    remove(file.path)
    except OSError:
        return []
    return found


def _file(folder: str, key: str) -> str:
    return os.path.join(folder, key + SUFFIX)
