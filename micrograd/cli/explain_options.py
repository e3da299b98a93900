"""The command that writes a page about a function of a script, and its options."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import MicrogradError, SignatureError, TraceError
from ..lines import keep_lines
from . import arguments as types
from . import shared_options as shared
from .scripts import frames_in, loaded, where
from .subjects import Asked, kernel_of, split

DESCRIPTION = """\
Write a page about a function, a Value, a model or a kernel of a script: what it became, line by
line, down to the instructions, and which lines take the time. The script is run as an import runs
it: what stands under `if __name__ == "__main__":` is not.
"""
EXAMPLES = """\
examples:
  micrograd explain script.py:loss                          writes loss.html
  micrograd explain script.py:loss --args '[1.0, 2.0], 3'   called so once, for shapes
  micrograd explain script.py:loss --grad --output k.html
  micrograd explain script.py:total --wrt 'model.parameters()'
  micrograd explain script.py:loss --serve                  and again whenever a file is saved
"""


def add(commands: shared.Commands) -> None:
    """Add the command."""
    command = shared.add_command(
        commands, "explain", "write a page about a function of a script", DESCRIPTION, EXAMPLES
    )
    option = command.add_argument
    option(
        "target",
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
    what = command.add_mutually_exclusive_group()
    for name, help in (
        ("value", "the value alone"),
        ("grad", "the gradient alone"),
        ("value_and_grad", "both: the default but for kernels, which are shown as they are"),
    ):
        what.add_argument(
            f"--{name.replace('_', '-')}",
            dest="wanted",
            action="store_const",
            const=name,
            help=help,
        )
    option("--dtype", choices=["f32", "f64"], help="precision (default: that of jit)")
    option("--strict", action="store_true", help="neither reassociate sums nor fuse products")
    option(
        "--output",
        type=types.output(".html", ".htm"),
        metavar="FILE",
        help="the page (default: NAME.html)",
    )
    option("--open", action="store_true", help="open it in a browser")
    option(
        "--serve",
        action="store_true",
        help="serve the page on this machine alone, and make it anew whenever a file of the "
        "script's folder that it uses is saved; Ctrl-C ends it",
    )
    option(
        "--port",
        type=types.port,
        default=0,
        metavar="N",
        help="of the server (default: any that is free)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the page, or serve it."""
    path, name = arguments.target
    asked = Asked(name, arguments.args, arguments.wrt, arguments.wanted, arguments.dtype)
    if arguments.strict:
        asked = asked.as_strict()
    if arguments.serve:
        if arguments.output:
            raise MicrogradError("--serve writes no file; leave out --output")
        from .live import serve

        serve(path, asked, arguments.port, show=arguments.open)
        return
    output = arguments.output or Path(f"{name.rpartition('.')[2]}.html")
    try:
        with keep_lines():
            kernel = kernel_of(loaded(path), asked)
            page = kernel.page(output)
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
        raise MicrogradError(f"{name} cannot be run: {where(error, path)}") from error
    print(f"{page} ({page.stat().st_size / 1000:,.0f} kB) is about {kernel!r}")
    if arguments.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
