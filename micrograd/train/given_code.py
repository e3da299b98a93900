"""MLIR modules of what Python does step by step: the update with a gradient that is there, and the
order of the samples of an epoch.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import ir

from ..jit.dialect.blocks import new_module
from ..jit.emit.native import native
from ..jit.target import Target
from ..real_types import WIDE
from .gather_code import FIELDS, GatherEmitter, Samples
from .rules import Takes
from .step_code import RUN, TrainingEmitter

_EPOCH = FIELDS.index("epoch")


def emit_given(takes: Takes, target: Target) -> ir.Module:
    """The module of a loop whose `kernel` is no function, but the f64 that is the loss."""
    with new_module() as module:
        _GivenEmitter(module, takes, target).run()
    return module


class _GivenEmitter(TrainingEmitter):
    """Emits a loop that finds the loss and the gradient of a step in memory."""

    def _call_kernel(self, arguments: Sequence[ir.Value], name: str = "kernel") -> ir.Value:
        return self.b.load(self._pointer(name), self.b.f64)


class Orders:
    """The order of the samples of every epoch: that of a BatchLoop with this seed."""

    def __init__(self, samples: int, seed: int) -> None:
        self._code = _shuffling(Target.host(WIDE.dtype, strict=True))
        self._shuffle = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(
            self._code.address(RUN)
        )
        self._order = np.zeros(samples, dtype=np.int64)
        self._state = (ctypes.c_int64 * len(FIELDS))()
        words = {"order": self._order.ctypes.data, "samples": samples, "seed": seed, "epoch": -1}
        for name, word in words.items():
            self._state[FIELDS.index(name)] = word

    def of(self, epoch: int) -> npt.NDArray[np.int64]:
        """The samples in their order: i64[samples], which the next epoch overwrites."""
        if self._state[_EPOCH] != epoch:
            self._shuffle(ctypes.addressof(self._state), epoch)
        return self._order


@functools.lru_cache(maxsize=4)
def _shuffling(target: Target) -> lowering.NativeModule:
    return native(lambda: _emit_order(target), target, ("order of samples",))


def _emit_order(target: Target) -> ir.Module:
    """The module of `run(state, epoch)`, which sets the order to that of an epoch."""
    with new_module() as module:
        emitter = GatherEmitter(module, Takes(0, 0, 0), target, Samples((), True))
        emitter.shuffle()
        b = emitter.b
        arguments = emitter.function(RUN, [b.ptr, b.i64], internal=False)
        b.call("shuffle", arguments)
        b.leave()
    return module
