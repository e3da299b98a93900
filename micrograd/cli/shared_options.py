"""Commands as all are described, and the options that several of them take."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TypeAlias

from . import arguments as types
from .pictures import ENDINGS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where commands are added."""


def add_command(
    commands: Commands,
    name: str,
    help: str,
    description: str,
    examples: str,
    aliases: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """A new command."""
    return commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=examples,
        aliases=aliases,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_epochs(command: argparse.ArgumentParser, default: int, what: str) -> None:
    """--epochs: how long."""
    command.add_argument(
        "--epochs",
        type=types.count,
        default=default,
        metavar="N",
        help=f"{what} (default: {default})",
    )


def add_dtype(command: argparse.ArgumentParser) -> None:
    """--dtype: f32 or f64."""
    command.add_argument(
        "--dtype", choices=["f32", "f64"], default="f32", help="precision (default: f32)"
    )


def add_seed(command: argparse.ArgumentParser, what: str) -> None:
    """--seed: of all that is random."""
    command.add_argument(
        "--seed", type=types.seed, default=1337, metavar="N", help=f"{what} (default: 1337)"
    )


def add_every(command: argparse.ArgumentParser, what: str) -> None:
    """--every: how often is reported."""
    command.add_argument(
        "--every", type=types.count, metavar="N", help=f"report every N {what} (default: 10 times)"
    )


def add_plot(command: argparse.ArgumentParser, what: str) -> None:
    """--plot: a picture."""
    command.add_argument(
        "--plot",
        type=types.output(*ENDINGS),
        metavar="FILE",
        help=f"draw {what} (.png, .svg or .pdf)",
    )


def add_save(command: argparse.ArgumentParser) -> None:
    """--save: what was learnt."""
    command.add_argument(
        "--save",
        type=types.output(".npz", ".safetensors"),
        metavar="FILE",
        help="save the parameters (.npz or .safetensors)",
    )


def add_benchmark(command: argparse.ArgumentParser, rounds: int, packages: str) -> None:
    """--rounds, --peer, --csv, --markdown: what benchmarks take."""
    option = command.add_argument
    option(
        "--rounds",
        type=types.count,
        default=rounds,
        metavar="N",
        help=f"repetitions (default: {rounds})",
    )
    option(
        "--peer",
        type=types.peer,
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help=f"the interpreter that has {packages}, if it is not this one; repeatable",
    )
    option("--csv", type=types.output(), metavar="FILE", help="write every sample")
    option("--markdown", type=types.output(), metavar="FILE", help="write the tables")
