"""The command for the cache of compiled code: `micrograd cache info`, `micrograd cache clear`."""

from __future__ import annotations

import argparse
import time

from ..cache import folder, store
from ..cache.keys import surroundings, users_ops
from . import shared_options as shared

CACHE = """\
What is compiled is kept in a folder, so that later processes find it. MICROGRAD_CACHE_DIR names the
folder, MICROGRAD_CACHE_SIZE how many megabytes there may be, MICROGRAD_CACHE=0 turns it off.
"""
EXAMPLES = """\
examples:
  micrograd cache          where it is, and how much is in it
  micrograd cache clear    remove what is in it
"""


def add(commands: shared.Commands) -> None:
    """Add the command."""
    command = shared.add_command(
        commands, "cache", "show or clear what was compiled before", CACHE, EXAMPLES
    )
    command.add_argument(
        "what", nargs="?", choices=["info", "clear"], default="info", help="by default info"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print what is there, or what is gone."""
    place = folder.path()
    if place is None:
        print("there is no folder for it, as this user has no home; name one: MICROGRAD_CACHE_DIR")
        return
    opened = folder.opened(make=False)
    if arguments.what == "clear":
        gone = store.clear(opened) if opened else []
        print(f"removed {_said(gone)} from {place}")
        return
    found = store.entries(opened) if opened else []
    print(f"folder   {place}")
    print(f"state    {_state(opened is not None)}")
    print(f"kept     {_said(found)}, of at most {folder.most_bytes() / 2**20:.4g} MB")
    if found:
        ages = [(time.time() - entry.used) / 86400 for entry in found]
        print(f"used     {min(ages):.1f} to {max(ages):.1f} days ago")


def _state(is_there: bool) -> str:
    if folder.is_off():
        return "off, by MICROGRAD_CACHE, or because this process is another user's"
    if users_ops():
        return "off, because ops were defined"
    if surroundings() is None:
        return "off, because the sources of this package are no files, or have changed just now"
    if not is_there:
        return "on; the folder is not there yet, or not trusted"
    return "on, and all that is found is compared" if folder.is_checked() else "on"


def _said(found: list[store.Entry]) -> str:
    size = sum(entry.size for entry in found)
    return f"{len(found)} file{'s' * (len(found) != 1)}, {size / 2**20:.4g} MB"
