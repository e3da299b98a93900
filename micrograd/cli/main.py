"""Arguments -> a command run, and the exit code: 0, 1 for an error, 2 for wrong usage, 130 for
Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from ..errors import MicrogradError
from . import cache_options, explain_options, export_options, moons_options, network_options

WRONG_USAGE = 2  # as argparse has it
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

DESCRIPTION = """\
Autograd that compiles: micrograd's demo and networks on moons, digits and MNIST, trained as native
code, and measured; pages that show what code became; and code for C. Names may be written with
underscores too: train_digits.
"""


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    main = argparse.ArgumentParser(prog="micrograd", description=DESCRIPTION)
    main.add_argument("--version", action="version", version=f"micrograd {_version()}")
    commands = main.add_subparsers(dest="command", metavar="COMMAND")
    moons_options.add(commands)
    network_options.add(commands)
    cache_options.add(commands)
    explain_options.add(commands)
    export_options.add(commands)
    return main


def spelt(given: Sequence[str]) -> list[str]:
    """Arguments with the names of the command and of options as this project spells them.

    >>> spelt(["train_digits", "--batch_size=8", "--save", "my_model.npz"])
    ['train-digits', '--batch-size=8', '--save', 'my_model.npz']
    """
    found = []
    for k, text in enumerate(given):
        name, is_given, value = text.partition("=")
        if k == 0 or name.startswith("--"):
            name = name.replace("_", "-")
        found.append(name + is_given + value)
    return found


def _version() -> str:
    try:
        return version("micrograd-mlir")
    except PackageNotFoundError:  # run from a source tree
        return "(not installed)"


def main(given: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    takes = parser()
    arguments = takes.parse_args(spelt(sys.argv[1:] if given is None else given))
    if arguments.command is None:
        takes.print_help(sys.stderr)
        return WRONG_USAGE
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        print("micrograd: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (MicrogradError, OSError) as error:
        print(f"micrograd: {error}", file=sys.stderr)
        return 1
    except MemoryError as error:
        said = str(error) or "not enough memory for so many samples or neurons"
        print(f"micrograd: {said}", file=sys.stderr)
        return 1
    return 0
