"""The commands of the command line with all their options, as a directive of the site's pages."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from micrograd.cli.main import parser


class Commands(Directive):  # type: ignore[misc]
    """What each command's `--help` prints, under its name."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        os.environ["COLUMNS"] = "88"  # what argparse breaks lines at
        return list(_sections())


def _sections() -> Iterator[nodes.Node]:
    for name, command in commands():
        section = nodes.section("", nodes.title(text=name), ids=[name.replace(" ", "-")])
        section += nodes.literal_block(text=command.format_help(), language="text")
        yield section


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The commands by their names, other names left out."""
    whole = parser()
    yield "micrograd", whole
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            seen = set[int]()
            for name, command in action.choices.items():
                if id(command) not in seen:
                    seen.add(id(command))
                    yield f"micrograd {name}", command


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
