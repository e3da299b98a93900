"""Loops that are the same but for the arrays that they touch: one function, and a call for each.

The layers of a deep network give such loops. So compiling takes time by the network's structure,
not by its depth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lowering.bindings import ir

from ..ir.extents import Extent
from ..ir.program import Access, Statement, map_accesses
from ..schedule.lanes import VectorLoop
from ..schedule.schedule import Schedule
from .builder import Builder
from .call_memory import CallMemory
from .loop import LoopEmitter
from .parts import Part, call_once
from .storage import Storage

LEAST = 4
"""So many loops that are the same are a function."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a loop is, its arrays numbered; and these, in that order."""

    key: tuple[object, ...]
    arrays: tuple[str, ...]


def likeness(loop: VectorLoop, schedule: Schedule) -> Likeness | None:
    """None for a loop that is not like another: it goes through tables, or sets a register."""
    group, own = loop.group, {*loop.tiles, *loop.strips}
    numbers: dict[str, int] = {}

    def numbered(a: Access) -> Access:
        return a.of(f"a{numbers.setdefault(a.array, len(numbers))}")

    def alike(s: Statement) -> str:
        target = numbered(s.target)
        return str(replace(s, target=target, expr=map_accesses(s.expr, numbered)))

    if any(a.parts for s in group.statements for a in s.accesses):
        return None
    lines = tuple(map(alike, group.statements))
    if not schedule.registers.isdisjoint(numbers):
        return None
    facts = tuple([_facts(loop, schedule, name) for name in numbers])
    passes = tuple([(tuple(p.statements), p.unroll, p.abreast) for p in loop.passes])
    how = (tuple(loop.lanes), loop.width, passes, loop.block, group.count, group.in_turn)
    extents = {c.name: None for s in group.statements for c in s.domain if isinstance(c, Extent)}
    passed = [name for name in numbers if name not in own]
    return Likeness((lines, facts, how), (*passed, *extents))


def _facts(loop: VectorLoop, schedule: Schedule, name: str) -> tuple[object, ...]:
    """What the code of a loop depends on, of an array."""
    a, private = schedule.program.arrays[name], loop.group.private.get(name)
    own = loop.tiles.get(name), loop.strips.get(name), private
    return a.role, a.dtype, a.size, name in schedule.within, *own


class SharedLoops:
    """The loops of a schedule that are functions."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._alike: dict[int, Likeness] = {}
        steps = [step for steps in schedule.functions for step in steps]
        for step in steps:
            found = likeness(step, schedule) if isinstance(step, VectorLoop) else None
            if found is not None:
                self._alike[id(step)] = found
        self._counts = Counter(found.key for found in self._alike.values())

    def emit(self, b: Builder, loop: VectorLoop, storage: Storage) -> None:
        """The loop at the present point: its code, or a call of it."""
        found = self._alike.get(id(loop))
        if found is not None and not storage.has_bases(found.arrays):
            found = None
        if found is not None and storage.team is not None and loop.is_shared:
            self._in_parts(b, loop, storage, found)
            return
        if found is None or self._counts[found.key] < LEAST:
            LoopEmitter(b, loop, storage).emit()
            return
        key = ("loop", found.key)
        name = b.shared.get(key)
        if name is None:
            name = b.shared[key] = f"loop{len(b.shared)}"
            same = self._same(found)
            if b.origins is not None:
                b.origins.share([other.statements for other in same])
            with b.inside(), b.repeated(len(same)), b.made_for(*loop.statements):
                self._function(b.twin(b.lanes), name, loop, found.arrays)
        b.call(name, storage.bases_of(found.arrays))

    def _same(self, found: Likeness) -> list[VectorLoop]:
        """The loops that are one function."""
        return [
            step
            for steps in self._schedule.functions
            for step in steps
            if isinstance(step, VectorLoop)
            and (other := self._alike.get(id(step))) is not None
            and other.key == found.key
        ]

    def _in_parts(self, b: Builder, loop: VectorLoop, storage: Storage, found: Likeness) -> None:
        """A call that threads share."""

        def build(w: Builder, memory: CallMemory, passed: Sequence[ir.Value], part: Part) -> None:
            touched = [self._schedule.program.arrays[name] for name in found.arrays]
            inner = Storage(w, self._schedule, touched, (), passed[: len(touched)])
            LoopEmitter(w, loop, inner).emit(part)
            inner.memory.release()

        key, bases = ("loop", found.key), storage.bases_of(found.arrays)
        call_once(b, key, bases, build, storage.team, loop.work, self._mark(found.arrays))

    def _mark(self, arrays: Sequence[str]) -> str:
        """What LLVM is told of the addresses of arrays: whether all lie apart."""
        return "{llvm.noalias}" if self._schedule.within.keys().isdisjoint(arrays) else "{}"

    def _function(self, b: Builder, name: str, loop: VectorLoop, arrays: Sequence[str]) -> None:
        marks = ir.Attribute.parse(f"[{', '.join([self._mark(arrays)] * len(arrays))}]")
        attributes = {"no_inline": ir.UnitAttr.get(), "arg_attrs": marks}
        attributes |= b.as_written
        entry = b.function(name, [b.ptr] * len(arrays), internal=True, attributes=attributes)
        touched = [self._schedule.program.arrays[name] for name in arrays]
        storage = Storage(b, self._schedule, touched, (), list(entry.arguments))
        LoopEmitter(b, loop, storage).emit()
        storage.memory.release()
        b.leave()
