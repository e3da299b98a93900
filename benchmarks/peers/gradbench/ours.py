"""This project: GradBench's evals as `benchmarks/gradbench` has them."""

from __future__ import annotations

import importlib
from time import process_time
from typing import Any

from benchmarks.gradbench import small
from benchmarks.gradbench.tool import OBJECTIVES, plain
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.ours import versions

__all__ = ["CONTESTANTS", "versions"]


def evaluation(setting: dict[str, Any]) -> Prepared:
    """One function of an eval on its small input."""
    eval_ = setting["eval"]
    prepare = getattr(importlib.import_module(f"{OBJECTIVES}.{eval_}"), setting["function"])
    clock, began = Clock(), process_time()
    run, answer = prepare(small.inputs()[eval_])
    result = run()
    phases = {"first": clock(), "first, CPU": process_time() - began}
    found = small.numbers(eval_, plain(answer(result)))
    return Prepared(found, python_loop("run()", run=run), phases)


CONTESTANTS = {"evaluation": evaluation}
