"""C by hand: c/train.c around the gradient of c/moons*.c."""

from __future__ import annotations

import ctypes
from time import perf_counter
from typing import Any

from benchmarks.native import library
from benchmarks.peers import Clock, Prepared
from benchmarks.peers.c import versions
from benchmarks.peers.train import parameters, timed

__all__ = ["CONTESTANTS", "moons", "versions"]

_VECTORISED = {"f32": "moons.c", "f64": "moons_lanes.c"}
_MOST = 16384  # samples that the gradient takes at once


def moons(setting: dict[str, Any]) -> Prepared:
    """Vectorised by hand, or `plain` loops."""
    dtype, steps = setting["dtype"], setting["steps"]
    source = "moons_plain.c" if setting.get("plain") else _VECTORISED[dtype]
    clock = Clock()
    real = {"f32": "float", "f64": "double"}[dtype]
    loaded = library("train.c", real, f'-DGRADIENT="{source}"')
    phases = {"compile": clock()}
    start, losses = _doubles(parameters()), (ctypes.c_double * steps)()
    points = _doubles([x for point in setting["points"] for x in point])
    labels = _doubles(setting["labels"])
    data = (points, labels)
    if setting["form"] == "epoch":
        order = (ctypes.c_long * len(labels))()
        train = loaded.epoch
        numbers = [ctypes.c_long(x) for x in (steps, setting["size"], setting["seed"])]
        arguments = (start, *numbers, order, *data, ctypes.c_double(setting["rate"]), losses)
    elif len(labels) > _MOST:
        train = loaded.blocked
        arguments = (start, ctypes.c_long(steps), ctypes.c_long(len(labels)), *data, losses)
    else:
        loaded.set_data(ctypes.c_long(len(labels)), *data)
        train, arguments = loaded.whole, (start, ctypes.c_long(steps), losses)
    train.restype = None

    def once() -> float:
        began = perf_counter()
        train(*arguments)
        return perf_counter() - began

    once()
    final = (ctypes.c_double * len(start))()
    loaded.parameters(final)
    return Prepared([*losses, sum(p * p for p in final)], timed(once), phases)


def _doubles(numbers: list[float]) -> ctypes.Array[ctypes.c_double]:
    return (ctypes.c_double * len(numbers))(*numbers)


CONTESTANTS = {"moons": moons}
