"""What the tests of the seeds share: commands, notebooks and examples, as a reader of a README has
them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path | None = None) -> str:
    """What a Python command prints; it must succeed, without warnings."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def notebook(name: str) -> tuple[str, str]:
    """The code of a notebook, and the text that it shows; that it runs is tested elsewhere."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    outputs: list[Any] = [output for cell in code for output in cell["outputs"]]
    texts = ["".join(output.get("text", [])) for output in outputs]
    texts += ["".join(output.get("data", {}).get("image/svg+xml", [])) for output in outputs]
    return "\n".join("".join(cell["source"]) for cell in code), "\n".join(texts)
