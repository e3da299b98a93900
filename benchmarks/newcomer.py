"""What a newcomer does, with times: `python -m benchmarks.newcomer [results.json]`.

The last commit is cloned, `make demo` makes an environment and the page of the moons, a browser
opens it, and what stands there first of where the time goes is read. Needs playwright and Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .environment import environment

ROOT = Path(__file__).parents[1]
BAR = 120.0
"""Seconds, in all."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FIRST = "#costliest-title + ol li"


def read(page: Path) -> str:
    """The first line of where the time goes, as the browser shows it."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        window = opened.new_page()
        window.goto(page.as_uri())
        found = " ".join(window.inner_text(FIRST).split())
        opened.close()
    return found


def path() -> dict[str, Any]:
    """Seconds of each step, and what was found."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="newcomer") as folder:
        place = Path(folder, "micrograd")
        own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "MICROGRAD"))}
        own["XDG_CACHE_HOME"] = folder  # nothing was compiled here before

        def step(name: str, run: Any) -> Any:
            began = time.perf_counter()
            found = run()
            seconds[name] = round(time.perf_counter() - began, 1)
            return found

        def command(*words: str, **how: Any) -> None:
            subprocess.run(words, check=True, env=own, stdout=subprocess.DEVNULL, **how)

        step("clone", lambda: command("git", "clone", "--quiet", str(ROOT), str(place)))
        step("make demo", lambda: command("make", "demo", cwd=place))
        found = step("open", lambda: read(place / "moons.html"))
    return {"seconds": seconds, "in all": round(sum(seconds.values()), 1), "found": found}


def main() -> None:
    """Measure once, print, and write the results down if a file is named."""
    result = {"bar": BAR, "environment": environment(), **path()}
    print(json.dumps(result, indent=1))
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(result["in all"] > BAR)


if __name__ == "__main__":
    main()
