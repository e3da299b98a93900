"""The command that writes a function of a script as files for C, and its options."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from ..errors import ExportError
from . import shared_options as shared
from . import subject_options
from .scripts import loaded
from .subjects import kernel_of

DESCRIPTION = """\
Compile a function, a Value, a model or a kernel of a script ahead of time: a header, an object
file, libraries, files for CMake and pkg-config, an example in C, and a module that calls the
library by ctypes. The script is run as an import runs it.
"""
EXAMPLES = """\
examples:
  micrograd export script.py:f                           writes build/f.h, build/libf.a, ...
  micrograd export script.py:loss --args '[1.0, 2.0], 3' --value-and-grad
  micrograd export script.py:loss --target aarch64-linux-gnu --output arm
  micrograd export script.py:model --args '[0.5, 1.0]' --parameters passed
"""


def add(commands: shared.Commands) -> None:
    """Add the command."""
    command = shared.add_command(
        commands, "export", "compile a function of a script for C", DESCRIPTION, EXAMPLES
    )
    subject_options.add(command, what="the default", default="value")
    option = command.add_argument
    option(
        "--output",
        type=Path,
        default=Path("build"),
        metavar="FOLDER",
        help="where the files go (default: build)",
    )
    option(
        "--name", help="of the function in C (default: that in Python, and what is exported of it)"
    )
    option(
        "--target",
        type=machine,
        metavar="MACHINE",
        help="what the code is for, as x86_64-v3, aarch64-linux-gnu, riscv64 or wasm32 (default: "
        "this machine, with all that its processor can do)",
    )
    option(
        "--parameters",
        choices=["baked", "passed"],
        default="baked",
        help="whether live parameters become constants or an argument (default: baked)",
    )
    option("--overwrite", action="store_true", help="replace files that are there")
    command.set_defaults(run=run)


def machine(text: str) -> str:
    """The name of a machine, if it is one."""
    import lowering

    try:
        lowering.machine(text)
    except lowering.CompileError as error:
        raise argparse.ArgumentTypeError(f"expected a machine: {error}") from None
    return text


def run(arguments: argparse.Namespace) -> None:
    """Write the files."""
    path, asked = subject_options.asked(arguments)
    with subject_options.errors(path, asked), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # as Python does
        kernel = kernel_of(loaded(path), asked, default="value")
        try:
            files = kernel.export(
                arguments.output,
                name=arguments.name,
                target=arguments.target,
                parameters=arguments.parameters,
                overwrite=arguments.overwrite,
            )
        except ExportError as error:
            said_here = str(error).replace("overwrite=True", "--overwrite")
            raise ExportError(said_here.replace("by name=", "by --name")) from None
    for file in files:
        print(f"{file} ({file.stat().st_size:,} bytes)")
    for each in said:
        print(f"note: {each.message}")
