"""Object code between processes: the protocol, and what is stored."""

from __future__ import annotations

import hashlib
import json
from typing import Protocol

START, STOP = "lowering.start", "lowering.stop"
"""The functions that run a module's constructors and its destructors (startup.py)."""


class ObjectCache(Protocol):
    """Where `compile` keeps object code. A dict, a directory or a database will do.

    The key covers everything that the code depends on: the IR, the options, the processor and the
    LLVM version.
    """

    def load(self, key: str) -> bytes | None:
        """What was stored under the key, or None."""

    def store(self, key: str, code: bytes) -> None:
        """Keeps the code. May do nothing."""


def pack(names: list[str], code: bytes) -> bytes:
    """Object code with its symbols and a checksum in front."""
    body = json.dumps(names).encode() + b"\n" + code
    return hashlib.sha256(body).digest() + body


def unpack(data: bytes) -> tuple[list[str], bytes] | None:
    """The symbols and the object code; None when the data is damaged, which counts as not
    stored.
    """
    digest, body = data[:32], data[32:]
    if hashlib.sha256(body).digest() != digest:
        return None
    names, _, code = body.partition(b"\n")
    return json.loads(names), code
