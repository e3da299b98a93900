"""Schedule of a program over a block of samples -> MLIR module, whose loops over samples run as
often as there are samples.

Requires a schedule of a program that `over_samples` made, differentiated or not. Establishes `main`
as `emit` does, but that the argument `count` points to an i64: how many samples there are, at least
1, at most the block's size, and a multiple of `lanes_of` the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence

from lowering.bindings import ir

from ..ir.program import Statement
from ..passes.over_samples import COUNT
from ..schedule.lanes import VectorLoop
from ..schedule.schedule import Schedule, Step
from ..target import Target
from .builder import Builder
from .function import ENTRY, Emitter, Interface
from .loop import LoopEmitter


def emit_samples(
    schedule: Schedule, interface: Interface, target: Target, *, size: int
) -> ir.Module:
    """The module, built in the current MLIR context and verified; `size` is the block's."""
    with ir.Location.unknown():
        module = ir.Module.create()
        emitter = _SampleEmitter(Builder(module, target), schedule, interface)
        emitter.size = size
        emitter.globals()
        emitter.kernel(ENTRY)
    module.operation.verify()
    return module


def lanes_of(schedule: Schedule, size: int) -> int:
    """Of how many the number of samples must be a multiple."""
    loops = [s for steps in schedule.functions for s in steps if isinstance(s, VectorLoop)]
    return max((s.width for s in loops if s.group.count == size and s.across), default=1)


class _SampleEmitter(Emitter):
    size: int

    def _body(self, steps: Sequence[Step]) -> None:
        b = self.builder
        count = b.load(self.storage.bases[COUNT], b.i64)
        for step in steps:
            if isinstance(step, Statement):
                self._assign(step)
            else:
                many = count if step.group.count == self.size else None
                LoopEmitter(b, self.program, step, self.storage, many).emit()
