"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file to write, which takes the place of `path` when the block ends.

    If the block is left by an error or by Ctrl-C, the old file is as it was. What is written lies
    in the same directory until then, so that the last step is one rename; it is on the disk before
    that, so that a power failure leaves one of the two files, whole.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a directory; give the name of a file in it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no directory {target.parent} to write {path} in")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    _sync_directory(target.parent)


def _sync_directory(path: Path) -> None:
    """Have the rename on the disk, where directories can be opened; elsewhere it comes later."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
