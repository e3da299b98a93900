"""The options that say which function of a script a command is about, and how it is compiled."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import MicrogradError, SignatureError, TraceError
from .scripts import frames_in, where
from .subjects import Asked, split

WANTED = {
    "value": "the value alone",
    "grad": "the gradient alone",
    "value_and_grad": "both",
    "jacobian": "the Jacobian",
    "hessian": "the Hessian",
}


def add(command: argparse.ArgumentParser, *, what: str, default: str) -> None:
    """Add them; `what` is said of the default among WANTED."""
    option = command.add_argument
    option(
        "subject",
        type=split,
        metavar="SCRIPT.py:NAME",
        help="a function, Value, model or kernel; NAME may have dots, as in kernel.grad",
    )
    option(
        "--args",
        metavar="ARGUMENTS",
        help="call it with these once, as Python with the script's names: '[1.0, 2.0], n=3'; "
        "needed where a function takes more than numbers",
    )
    option(
        "--wrt",
        metavar="NAMES",
        help="differentiate with respect to these: parameters of the function, or an expression "
        "of the script's names that gives Values",
    )
    wanted = command.add_mutually_exclusive_group()
    for name, help in WANTED.items():
        wanted.add_argument(
            f"--{name.replace('_', '-')}",
            dest="wanted",
            action="store_const",
            const=name,
            help=help + f": {what}" * (name == default),
        )
    option("--dtype", choices=["f32", "f64"], help="precision (default: that of jit)")
    option("--strict", action="store_true", help="neither reassociate sums nor fuse products")


def asked(arguments: argparse.Namespace) -> tuple[Path, Asked]:
    """The script, and what is asked for of it."""
    path, name = arguments.subject
    found = Asked(name, arguments.args, arguments.wrt, arguments.wanted, arguments.dtype)
    return path, found.as_strict() if arguments.strict else found


@contextmanager
def errors(path: Path, asked: Asked) -> Iterator[None]:
    """A block that runs functions of the script, whose errors are said for the command line."""
    try:
        yield
    except SignatureError as error:
        if asked.args is not None or "not been called" not in str(error):
            raise
        cause = error.__cause__ if isinstance(error.__cause__, TraceError) else error
        raise MicrogradError(f"{cause}; here by --args '0.5, [1.0, 2.0]', as in Python") from error
    except MicrogradError:
        raise
    except Exception as error:
        if not frames_in(error, path):
            raise
        raise MicrogradError(f"{asked.name} cannot be run: {where(error, path)}") from error
