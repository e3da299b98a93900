"""What something is made from -> the key that it is kept under.

A key is a hash of all that was given to what makes it, written out as a pickle would: every field
of every dataclass, so an option that is added is part of it by itself. With it come this package's
own sources, and the versions of what it is built on. What cannot be written out has no key, and is
made anew.
"""

from __future__ import annotations

import copyreg
import hashlib
import io
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from ..locks import BEGAN, Lock, late
from ..ops import BUILT_IN, OPS
from .folder import is_off

NOT_WRITTEN = (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError)
"""What pickle says of functions, of objects of this process, and of what is nested too deep."""

WRITTEN: dict[type, Callable[[Any], Any]] = {}
"""How objects of some classes are written out, as `__reduce__` would say it: without what does not
tell them apart."""

_lock = Lock()
_known: list[tuple[str, ...] | None] = []
_looked: list[float] = [0.0]
OFTEN = 2.0
"""Seconds between two looks at the sources."""


def key_of(kind: str, *made_from: Any) -> str | None:
    """The key of what is made from this; None where nothing is kept, or not of this.

    kind   of what is made; the same for all that the same code makes
    """
    if is_off() or users_ops():
        return None
    versions = surroundings()
    if versions is None:
        return None
    written = written_out((kind, versions, made_from))
    return None if written is None else hashlib.sha256(written).hexdigest()


def written_out(x: Any) -> bytes | None:
    """All that an object is, the same for equal ones that were made apart; None where that cannot
    be written.
    """
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=5)
    pickler.dispatch_table = copyreg.dispatch_table | WRITTEN
    pickler.fast = True  # what is the same object twice is written twice, as two equal ones are
    try:
        pickler.dump(x)
    except (*NOT_WRITTEN, MemoryError):
        return None
    return file.getvalue()


def fields_of(x: Any, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of a dataclass that it shows, for keys: sets in order."""
    found = {}
    for field in fields(x):
        if field.name not in without and field.repr:
            value = getattr(x, field.name)
            is_set = isinstance(value, (set, frozenset))
            found[field.name] = sorted(value) if is_set else value
    return found


def users_ops() -> bool:
    """Whether there are ops that are not this package's: functions, which no hash tells apart."""
    return OPS != BUILT_IN


def surroundings() -> tuple[str, ...] | None:
    """This package, Python and NumPy; None where the sources are no files, or have changed since
    they were imported.
    """
    with _lock:
        if not _known:
            sources = _digest_of_sources()
            version = sys.version, sys.implementation.cache_tag or "", np.__version__
            debug = str(hasattr(sys, "gettotalrefcount"))
            _known.append(None if sources is None else (sources, *version, debug))
        return _known[0]


def are_sources_old() -> bool:
    """Whether no source has changed since this process began, as far as is known: what is imported
    later would be of other sources than its keys say.
    """
    now = time.monotonic()
    with _lock:
        if now > _looked[0] + OFTEN:
            _looked[0] = now
            for folder in _folders():
                for path in _sources(folder):
                    try:
                        changed = os.stat(path).st_ctime > BEGAN
                    except OSError:
                        changed = True
                    if changed:
                        _known[:] = [None]
        return _known != [None]


def _folders() -> list[str]:
    """This package, and `lowering`."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [here, os.path.dirname(os.path.abspath(late.__code__.co_filename))]


def _digest_of_sources() -> str | None:
    digest = hashlib.sha256()
    for folder in _folders():
        count = 0
        for path in sorted(_sources(folder)):
            try:
                with open(path, "rb", buffering=0) as file:
                    changed = os.fstat(file.fileno()).st_ctime
                    contents = file.readall()
            except OSError:
                return None
            if changed > BEGAN:
                return None
            name = os.path.relpath(path, folder)
            digest.update(f"{name}\0{len(contents)}\0".encode())
            digest.update(contents)
            count += 1
        if not count:
            return None
    return digest.hexdigest()


def _sources(folder: str) -> Iterator[str]:
    for place, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".py"):
                yield os.path.join(place, name)
