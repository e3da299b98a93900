"""The environment -> the folder of the cache, if there is one and it can be trusted.

Machine code is run, and pickles are read, of what lies there. So the folder and its files have to
be this user's, and nobody else may write to them.
"""

from __future__ import annotations

import os
import stat
import warnings

OFF = frozenset({"0", "off", "no", "false"})
ON = frozenset({"", "1", "on", "yes", "true"})
CHECK = "check"
MEGABYTES = 512
"""How much the files may take, unless MICROGRAD_CACHE_SIZE says otherwise."""

_warned: set[str] = set()


def is_off() -> bool:
    """Whether the environment turns the cache off, by MICROGRAD_CACHE=0; or this is a process of
    another user than who started it, whose environment says nothing.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != os.getuid():
        return True
    said = os.environ.get("MICROGRAD_CACHE", "").lower()
    if said not in OFF | ON | {CHECK}:
        warn(
            "MICROGRAD_CACHE should be 1 (or on, yes, true), 0 (or off, no, false), or check, "
            f"got {said!r}, which is taken for 1"
        )
    return said in OFF


def is_checked() -> bool:
    """Whether all that is found is made anew and compared, by MICROGRAD_CACHE=check."""
    return os.environ.get("MICROGRAD_CACHE", "").lower() == CHECK


def most_bytes() -> int:
    """How much the files may take, by MICROGRAD_CACHE_SIZE in megabytes."""
    said = os.environ.get("MICROGRAD_CACHE_SIZE", "")
    try:
        found = int(float(said) * 2**20) if said else MEGABYTES << 20
    except (ValueError, OverflowError):
        found = -1
    if found >= 0:
        return found
    warn(
        f"MICROGRAD_CACHE_SIZE should be a number of megabytes, 0 or more, got {said!r}, which is "
        f"taken for {MEGABYTES}"
    )
    return MEGABYTES << 20


def path() -> str | None:
    """Where the folder is, or would be: MICROGRAD_CACHE_DIR, or `micrograd` in the folder that the
    system has for caches; None without a home.

    Source: XDG Base Directory Specification, which has paths that do not begin at the root ignored.
    """
    said = os.environ.get("MICROGRAD_CACHE_DIR", "")
    if said:
        return os.path.abspath(os.path.expanduser(said))
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "micrograd") if os.path.isabs(base) else None


def opened(*, make: bool) -> str | None:
    """The folder, made if it is missing and shall be; None if it is not there, or not trusted."""
    found = path()
    if found is None:
        return None
    most_bytes()  # says what is wrong with the size, whether something is kept or only found
    try:
        if make:
            os.makedirs(found, mode=0o700, exist_ok=True)
        status = os.stat(found)
    except (OSError, ValueError):
        return None
    if not stat.S_ISDIR(status.st_mode):
        return None
    if why := distrusted(status):
        warn(
            f"{found} is not used as a cache of compiled code, because {why}; make it yours alone, "
            "or name another folder in MICROGRAD_CACHE_DIR"
        )
        return None
    return found


def distrusted(status: os.stat_result) -> str:
    """Why what has this status is not trusted; empty if it is."""
    if status.st_uid != os.geteuid():
        return "it belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it"
    return ""


def warn(message: str) -> None:
    """Say it once in a process."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
