"""A process of `python serve.py MODULE NAME`: one who takes part in a benchmark.

It answers requests, one line of JSON each: `prepare` gives it data and weights, `train` has it
train from these weights, and asks for losses and seconds. MODULE is a file beside this one, whose
PEERS say how. Only the standard library is imported before a peer is chosen, so that the peer's
Python needs nothing of this project.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

Train = Callable[[], tuple[Any, float]]
"""Trains from the initial weights; what was lost, and the seconds of the training loop alone."""

Peers = Mapping[str, Callable[[dict[str, Any]], Train]]
"""By name: a setting -> how to train."""


def serve(peers: Peers, name: str) -> None:
    """Answer the requests on standard input."""
    prepared: dict[str, Train] = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if request["do"] == "prepare":
                prepared[request["id"]] = peers[name](request)
            else:
                answer["loss"], answer["seconds"] = prepared[request["id"]]()
        except Exception as error:  # it is the parent's to judge
            answer["error"] = f"{type(error).__name__}: {error}"
        try:
            print(json.dumps(answer), flush=True)
        except BrokenPipeError:  # whoever asked is gone
            os._exit(1)


def peers_of(module: str) -> Any:
    """The PEERS of a file beside this one, which is no package here."""
    spec = spec_from_file_location(module, Path(__file__).with_name(f"{module}.py"))
    assert spec is not None
    assert spec.loader is not None
    loaded = sys.modules[module] = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.PEERS


if __name__ == "__main__":
    serve(peers_of(sys.argv[1]), sys.argv[2])
