"""An entry as a file: bytes under a key, and what tells that they are whole.

    what     bytes
    MAGIC    16: the format
    hash     32: SHA-256 of all behind it
    key      32
    payload  the rest

Nothing of a file is used before its hash and its key are what they should be.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading

from .folder import distrusted

MAGIC = b"micrograd cache1"
HASHED, KEYED = len(MAGIC) + 32, len(MAGIC) + 64
SUFFIX = ".kept"
HALF = ".half"
"""Behind the names of files that are being written."""

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def packed(key: str, payload: bytes) -> bytes:
    """The contents of a file."""
    body = bytes.fromhex(key) + payload
    return MAGIC + hashlib.sha256(body).digest() + body


def unpacked(key: str, contents: bytes) -> bytes | None:
    """The payload; None if the contents are damaged, of another format, or of another key."""
    if contents[: len(MAGIC)] != MAGIC or contents[HASHED:KEYED] != bytes.fromhex(key):
        return None
    if hashlib.sha256(memoryview(contents)[HASHED:]).digest() != contents[len(MAGIC) : HASHED]:
        return None
    return contents[KEYED:]


def read(path: str, key: str) -> bytes | None:
    """The payload of a file, which is marked as used now; None if there is none to be trusted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or distrusted(status):
        os.close(descriptor)
        return None
    with open(descriptor, "rb", buffering=0) as file:
        try:
            found = unpacked(key, file.readall())
        except (OSError, MemoryError):
            return None
        if found is not None:
            try:
                os.utime(descriptor)
            except OSError:  # a folder that is only read has no order of use
                return found
        return found


def write(path: str, key: str, payload: bytes) -> int:
    """Put a payload in place, whole or not at all, whoever else does so; its file's size.

    Raises OSError where that is not possible. It is not waited for the disk: what a crash of the
    machine leaves of a file is seen when it is read.
    """
    half = f"{path}.{os.getpid()}.{threading.get_ident()}{HALF}"
    contents = packed(key, payload)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NOFOLLOW
    descriptor = os.open(half, flags, 0o600)
    try:
        with open(descriptor, "wb", buffering=0) as file:
            left = memoryview(contents)
            while left:
                left = left[file.write(left) :]
        os.replace(half, path)
    except BaseException:  # Ctrl-C, too
        remove(half)
        raise
    return len(contents)


def remove(path: str) -> None:
    """Let a file be gone, if that is possible."""
    try:
        os.unlink(path)
    except OSError:
        return
