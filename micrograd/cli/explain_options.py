"""The command that writes a page about a function of a script, and its options."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import MicrogradError
from ..lines import keep_lines
from . import arguments as types
from . import shared_options as shared
from . import subject_options
from .scripts import loaded
from .subjects import kernel_of

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
    subject_options.add(
        command,
        what="the default but for kernels, which are shown as they are",
        default="value_and_grad",
    )
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
    path, asked = subject_options.asked(arguments)
    if arguments.serve:
        if arguments.output:
            raise MicrogradError("--serve writes no file; leave out --output")
        from .live import serve

        serve(path, asked, arguments.port, show=arguments.open)
        return
    output = arguments.output or Path(f"{asked.name.rpartition('.')[2]}.html")
    with subject_options.errors(path, asked), keep_lines():
        kernel = kernel_of(loaded(path), asked)
        page = kernel.page(output)
    print(f"{page} ({page.stat().st_size / 1000:,.0f} kB) is about {kernel!r}")
    if arguments.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
