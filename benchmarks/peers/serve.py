"""A contestant's process: `python serve.py NAME` answers JSON lines until its input ends.

    {"do": "versions", "key"}                         -> {"versions": {...}}
    {"do": "prepare", "id", "key", "setting": {...}}  -> {"answer", "phases", "facts"}
    {"do": "time", "id", "count": n}                  -> {"seconds": ...}

A key is a function's name in CONTESTANTS of `peers/NAME.py`, or of `peers/group/NAME.py` with the
group and a dot before it.

Runs in the contestant's own interpreter, which need not have this project: `benchmarks` is loaded
by its place, and the standard library is all that it imports.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def _load_benchmarks() -> None:
    """Make `benchmarks` importable without its parent folder, which has a `micrograd` as well."""
    spec = importlib.util.spec_from_file_location(
        "benchmarks", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmarks"] = module
    spec.loader.exec_module(module)


def _serve(name: str, reply: Any) -> None:
    prepared: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            group, _, key = request["key"].rpartition(".")
            module = ".".join(filter(None, ("benchmarks.peers", group, name)))
            answer = _answer(importlib.import_module(module), key, prepared, request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        reply.write(json.dumps(answer) + "\n")
        reply.flush()


def _peak_memory() -> int:
    """The most memory that this process has held, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before it started this one
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _answer(
    peer: Any, key: str, prepared: dict[str, Any], request: dict[str, Any]
) -> dict[str, Any]:
    identity = request.get("id", "")
    if request["do"] == "versions":
        return {"versions": {"python": sys.version.split()[0], **peer.versions()}}
    if request["do"] == "prepare":
        prepared.pop(identity, None)
        gc.collect()
        made = prepared[identity] = peer.CONTESTANTS[key](request["setting"])
        return {
            "answer": [float(x) for x in made.answer],
            "phases": made.phases,
            "facts": {**made.facts, "peak MB": _peak_memory()},
        }
    return {"seconds": prepared[identity].run(request["count"])}


if __name__ == "__main__":
    _load_benchmarks()
    _reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer
    _serve(sys.argv[1], _reply)
