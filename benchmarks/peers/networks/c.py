"""C by hand: c/networks.c."""

from __future__ import annotations

import ctypes
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.native import library
from benchmarks.peers import Clock, Prepared
from benchmarks.peers.c import versions
from benchmarks.peers.networks import Array, images, timed, weights

__all__ = ["CONTESTANTS", "digits", "memory", "versions"]

_REAL = {"f32": "float", "f64": "double"}


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _library(setting: dict[str, Any], inputs: int, hidden: int, outputs: int) -> ctypes.CDLL:
    sizes = (f"-DI={inputs}", f"-DH={hidden}", f"-DO={outputs}", f"-DB={setting['batch']}")
    real = _REAL[setting["dtype"]]
    return library("networks.c", real, *sizes, "-mprefer-vector-width=512")


def digits(setting: dict[str, Any]) -> Prepared:
    """Of a network of two layers, even sizes, and whole batches of a multiple of 4 samples."""
    start, (x, y) = weights(setting), images(setting)
    clock = Clock()
    loaded = _library(setting, *setting["sizes"])
    phases = {"compile": clock()}
    losses = np.empty((setting["epochs"], -(-len(x) // setting["batch"])))
    passed = [ctypes.c_long(len(x)), *map(_pointer, (x, y)), ctypes.c_double(setting["rate"])]

    def again() -> None:
        loaded.set_parameters(*map(_pointer, start))

    def train(_: Any) -> None:
        for row in losses:
            loaded.epoch(*passed, _pointer(row))

    train(again())
    loaded.squares.restype = ctypes.c_double
    answer = [*losses.ravel(), loaded.squares()]
    return Prepared(answer, timed(again, train), phases)


def memory(setting: dict[str, Any]) -> Prepared:
    """As often as there are steps, all weights read and written once: what memory alone takes;
    with `forward`, they are read once more before.
    """
    loaded = _library(setting, 4, 4, 4)
    start = weights(setting)
    numbers = np.ones(sum(w.size for w in start), start[0].dtype)
    steps = setting["epochs"] * -(-setting["samples"] // setting["batch"])
    passed = [ctypes.c_long(n) for n in (steps, numbers.size, int(setting["forward"]))]

    def run(count: int) -> float:
        began = perf_counter()
        for _ in range(count):
            loaded.touch(*passed, _pointer(numbers))
        return perf_counter() - began

    run(1)
    return Prepared([0.0], run)


CONTESTANTS = {"digits": digits, "memory": memory}
