"""The types of the command line's arguments: text -> value, or what was expected."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

MOST = 10**9
"""More than anybody has time or memory for."""
MOST_SIZES = 10_000


def count(text: str) -> int:
    """A positive integer."""
    return _integer(text, 1, f"a whole number from 1 to {MOST}", MOST)


def seed(text: str) -> int:
    """A seed that both random generators take."""
    return _integer(text, 0, f"a whole number from 0 to {2**32 - 1}", 2**32 - 1)


def port(text: str) -> int:
    """The number of a port; 0: any that is free."""
    return _integer(text, 0, "the number of a port, from 0 to 65535", 65535)


def amount(text: str) -> float:
    """A finite number, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number, 0 or more, got {_shown(text)}")
    return number


def layers(text: str) -> list[int]:
    """Numbers of neurons: `16,16`."""
    return [count(part) for part in text.split(",")]


def sizes(text: str) -> list[int]:
    """Sizes in growing order: `20:200:20`, both ends included, or `20,50,100`."""
    if ":" not in text:
        return sorted({count(part) for part in text.split(",")})
    parts = [count(part) for part in text.split(":")]
    if len(parts) not in (2, 3) or parts[1] < parts[0]:
        raise argparse.ArgumentTypeError(
            f"expected FIRST:LAST:STEP or a list like 20,50,100, got {_shown(text)}"
        )
    first, last, step = [*parts, 1][:3]
    found = range(first, last + 1, step)
    if len(found) > MOST_SIZES:
        raise argparse.ArgumentTypeError(
            f"expected {MOST_SIZES} sizes at most, got {_shown(text)}, which is {len(found)}"
        )
    return list(found)


def names(*known: str) -> Callable[[str], list[str]]:
    """The type of a list of names: `normal,longer`, in the order in which they are known."""

    def some(text: str) -> list[str]:
        given = text.split(",")
        if not set(given) <= set(known):
            raise argparse.ArgumentTypeError(
                f"expected some of {','.join(known)}, got {_shown(text)}"
            )
        return [name for name in known if name in given]

    return some


def threads(text: str) -> int | None:
    """A number of threads, or `all`: None."""
    return None if text == "all" else count(text)


def workers(text: str) -> list[str]:
    """Numbers of threads, or `all`, or `dynamic`: `1,2,all`."""
    given = text.split(",")
    for part in given:
        if part not in ("all", "dynamic"):
            count(part)
    return list(dict.fromkeys(given))


def peer(text: str) -> tuple[str, str]:
    """A peer and the Python that has it: `torch=/path/to/python`."""
    name, found, python = text.partition("=")
    if not found or not Path(python).is_file():
        raise argparse.ArgumentTypeError(
            f"expected NAME=PATH with the path of a Python interpreter, got {_shown(text)}"
        )
    return name, python


def folder(text: str) -> Path:
    """A folder that exists."""
    if not text or not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"expected a folder that exists, got {_shown(text)}")
    return Path(text)


def output(*endings: str) -> Callable[[str], Path]:
    """The type of a file to write, in a directory that exists; any ending if none is given."""

    def file(text: str) -> Path:
        path = Path(text)
        if path.is_dir() or not path.parent.is_dir():
            raise argparse.ArgumentTypeError(
                f"expected the name of a file in a directory that exists, got {_shown(text)}"
            )
        try:
            with TemporaryFile(dir=path.parent):  # better to fail before a training than after it
                pass
        except OSError as error:
            raise argparse.ArgumentTypeError(
                f"expected the name of a file in a directory that can be written, got "
                f"{_shown(text)}: {error.strerror}"
            ) from None
        if endings and path.suffix not in endings:
            raise argparse.ArgumentTypeError(
                f"expected a name that ends with {' or '.join(endings)}, got {_shown(text)}"
            )
        return path

    return file


def _integer(text: str, least: int, expected: str, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"expected {expected}, got {_shown(text)}")
    return number


def _shown(text: str) -> str:
    """How an error shows what came."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
