"""C by hand: c/microgpt.c around the gradient of c/microgpt_*.c."""

from __future__ import annotations

import ctypes
from itertools import accumulate
from typing import Any

from benchmarks.native import library
from benchmarks.peers import Clock, Prepared
from benchmarks.peers.c import versions
from benchmarks.peers.microgpt import model

__all__ = ["CONTESTANTS", "train", "versions"]


def train(setting: dict[str, Any]) -> Prepared:
    """Plain loops, or positions as lanes."""
    clock = Clock()
    real = {"f32": "float", "f64": "double"}[setting["dtype"]]
    loaded = library("microgpt.c", real, f'-DGRADIENT="microgpt_{setting["form"]}.c"')
    phases = {"compile": clock()}
    loaded.train.restype = ctypes.c_double
    documents, steps = setting["documents"], setting["steps"]
    start = [p.data for p in model().parameters()]
    flat = [token for document in documents for token in document]
    tokens = (ctypes.c_int * len(flat))(*flat)
    starts = (ctypes.c_long * (len(documents) + 1))(*accumulate(map(len, documents), initial=0))
    losses = (ctypes.c_double * steps)()
    counts = ctypes.c_long(steps), ctypes.c_long(setting["batch"])

    def run(count: int) -> float:
        seconds = 0.0
        for _ in range(count):
            numbers = (ctypes.c_double * len(start))(*start)
            seconds += loaded.train(numbers, tokens, starts, *counts, losses)
        return seconds

    run(1)
    return Prepared([*losses][: setting["answers"]], run, phases)


CONTESTANTS = {"train": train}
