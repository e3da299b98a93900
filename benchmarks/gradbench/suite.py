"""A checkout of the suite -> a copy to build in, and how its evals and tools are started.

Nothing is fetched. What differs in the copy: the header for JSON is the system's; runs of tools in
Python wait for their results; where the text for `lstm` is missing, ours is read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ..peers.client import environment
from .connection import Command

ROOT = Path(__file__).parents[2]
PARTS = ("python/gradbench", "cpp", "evals", "tools/manual")
JUDGED_BY_MANUAL = frozenset(str.split("llsq lse det ode gmm ba lstm ht kmeans"))
"""The evals that ask the suite's tool `manual` for the right answer."""

_RUN = "output = function(input)\n"
_WAITS = "output = _ready(function(input))\n"
_READY = '''

def _ready(output):
    """The same, computed: JAX returns before it has."""
    import sys

    jax = sys.modules.get("jax")
    return output if jax is None else jax.block_until_ready(output)
'''


class NoSuite(Exception):
    """A folder is not a checkout of GradBench, or lacks what is needed."""


class Suite:
    """A copy of the suite, in which tools are built as they are needed."""

    def __init__(self, checkout: Path, work: Path, tools: dict[str, str], python: str) -> None:
        """Copy what `tools` need.

        tools    the Python that runs each; it counts for tools in Python alone
        python   the Python that runs the evals
        """
        self.folder, self.tools, self.python = work, tools, python
        needed = [*PARTS, *(f"tools/{t}" for t in tools if t not in ("ours", "manual"))]
        for part in needed:
            if not (checkout / part).is_dir():
                raise NoSuite(f"{checkout} is no checkout of GradBench with {part}")
            shutil.copytree(checkout / part, work / part, dirs_exist_ok=True)
        header = work / "cpp" / "json.hpp"
        if not header.exists():
            header.write_text("#include <nlohmann/json.hpp>\n")
        self._wait_for_results()
        text = work / "evals/lstm/data/lstm_full.txt"
        if not text.exists():
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(own_text())

    def _wait_for_results(self) -> None:
        wrap = self.folder / "python/gradbench/gradbench/wrap.py"
        text = wrap.read_text()
        if _WAITS in text:  # the copy of an earlier run
            return
        if text.count(_RUN) != 2:
            raise NoSuite(f"{wrap} runs functions in another way than this runner knows")
        wrap.write_text(text.replace(_RUN, _WAITS) + _READY)

    def build_judge(self, eval_: str) -> None:
        """Make the program that an eval compares answers with, if there is one."""
        if eval_ not in JUDGED_BY_MANUAL or (self.folder / "tools/manual/bin" / eval_).exists():
            return
        made = subprocess.run(
            ["make", "-C", "tools/manual", f"bin/{eval_}"],
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if made.returncode:
            raise NoSuite(f"cannot build the judge of {eval_}:\n{made.stderr[-2000:]}")

    def has(self, tool: str, eval_: str) -> bool:
        """Whether a tool takes part in an eval."""
        if tool == "ours":
            return (Path(__file__).parent / "objectives" / f"{eval_}.py").exists()
        listed = self.folder / "tools" / tool / "evals.txt"
        return eval_ in listed.read_text().split()

    def judge(self, eval_: str, arguments: list[str]) -> Command:
        """How the eval is started."""
        start = [self.python, "-m", f"gradbench.evals.{eval_}.run", *arguments]
        return Command(start, *self._place())

    def tool(self, name: str) -> Command:
        """How a tool is started."""
        if name == "ours":
            variables = {**environment(1), "PYTHONPATH": str(ROOT)}
            return Command([sys.executable, "-m", "benchmarks.gradbench.tool"], ROOT, variables)
        package = self.folder / "python/gradbench/gradbench"
        script = package / "tools" / name / "run.py"
        if not script.exists():  # C++ alone
            return Command([self.python, str(package / "cpp.py"), name], *self._place())
        return Command([self.tools[name], str(script)], *self._place())

    def _place(self) -> tuple[Path, dict[str, str]]:
        """The folder and the variables of a process of the suite."""
        path = [str(self.folder / "python/gradbench"), os.environ.get("PYTHONPATH", "")]
        return self.folder, {**environment(1), "PYTHONPATH": os.pathsep.join(filter(None, path))}


def own_text() -> str:
    """A text for `lstm` of the characters' width of the suite's own, 14 bits."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    text = "".join(page.read_text(encoding="utf8") for page in pages)
    return "’" + "".join(c for c in text if ord(c) < 1 << 13)
