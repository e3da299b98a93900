"""What flows in a loop, and where: what must be known before its reversed loop is written.

An iteration adds to cotangents that another one reads, so they have a number before the loop: a
zero, unless only one point adds to an element, which assigns it then. What only one iteration adds
to and reads gets its zeros in that iteration, so that no more than one iteration's need be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

import numpy as np

from ..ir.counted import counts
from ..ir.extents import Entries, is_number
from ..ir.nests import Ints, factor, pieces
from ..ir.points import touched
from ..ir.program import Access, Loop, Statement, statements
from ..ir.stretches import Own, own
from .cotangents import Cotangents
from .flows import Flow, holding
from .reaching import Bools, Step, Touch, spread

MOST_FILLS = 4
"""Statements that set some elements of an array to zero; more set all that have no number."""


@dataclass(slots=True)
class Sent(Step):
    """What one statement sends on.

    flows     what it sends, one for each that it reads; nothing, if nothing reaches it
    assigns   whether each flow is the only one to what it reaches
    """

    s: Statement | None = None
    flows: list[Flow] = field(default_factory=list)
    assigns: list[bool] = field(default_factory=list)


class LoopFlows:
    """What the statements of a loop send on, in the order in which they stand.

    The elements that they reach are marked, and filled where that is needed: before the loop, or by
    `zeros`, statements that its iterations begin with.
    """

    def __init__(
        self, arrays: Cotangents, loop: Loop, flows: Callable[[Statement], list[Flow] | None]
    ) -> None:
        self.arrays = arrays
        self.loop = loop
        self.sent: list[Sent] = []
        self.zeros: dict[tuple[int, ...], list[Statement]] = {}
        program = arrays.program
        self.counts = counts(program)
        for s in statements([loop]):
            found = flows(s)
            if found is not None:
                target = Touch.of(s.target, s.domain, program)
                reads = [
                    Touch.of(f.to, s.domain, program, holding(f.conditions, s.domain, program))
                    for f in found
                ]
                self.sent.append(Sent(target, reads, None, s, found))
        arrived = any(self._reached(x.target.array)[x.target.index].any() for x in self.sent)
        if arrived:
            self._find_live()
            self._find_single()
            self._fill()
        else:
            self.sent = []

    def _reached(self, array: str) -> Bools:
        self.arrays.sender = self._home(array)
        self.arrays.declare(array)
        return self.arrays.reached[self.arrays.name_of(array)]

    def _set(self, array: str) -> Bools:
        return np.frombuffer(self.arrays.declare(array), dtype=np.bool_)

    def _find_live(self) -> None:
        """Find out which points something reaches; drop what nothing reaches."""
        touched = [touch.array for x in self.sent for touch in (x.target, *x.reads)]
        spread(self.sent, {array: self._reached(array) for array in touched}, backwards=True)
        for x in self.sent:
            if x.live is not None and not x.live.any():
                x.flows, x.reads = [], []
            elif x.live is not None and x.live.all():
                x.live = None

    def _find_single(self) -> None:
        """Find out which flows are the only ones to what they reach."""
        uses: dict[str, Ints] = {}
        for x in self.sent:
            for read in x.reads:
                size = len(self._set(read.array))
                if read.array not in uses:
                    uses[read.array] = np.zeros(size, dtype=np.int64)
                if read.exact:
                    uses[read.array] += np.bincount(read.index, minlength=size)
                else:  # each element once, which any of the points may read
                    uses[read.array][read.index] += 2
        for x in self.sent:
            assert x.s is not None
            for read in x.reads:
                single = read.exact and self.arrays.is_sure(read.array, x.s.domain)
                single = single and bool((uses[read.array][read.index] == 1).all())
                x.assigns.append(single and not self._set(read.array)[read.index].any())

    def _fill(self) -> None:
        """Fill what has no number before the loop and is not assigned in it."""
        needed: dict[str, Bools] = {}
        assigned: dict[str, Bools] = {}
        for x in self.sent:
            if x.flows:
                for touch, single in zip([x.target, *x.reads], [False, *x.assigns], strict=True):
                    for marks in (needed, assigned):
                        if touch.array not in marks:
                            marks[touch.array] = np.zeros(len(self._set(touch.array)), dtype=bool)
                    (assigned if single else needed)[touch.array][touch.index] = True
        own = self._own()
        for array, mask in needed.items():
            self.arrays.sender = self._home(array)
            ready = self._set(array)
            missing = np.flatnonzero(mask & ~ready & ~assigned[array])
            if array in own and self._begin_with_zeros(array, own[array], missing):
                ready[missing] = True
                missing = missing[:0]
            if pieces(missing[None, :], MOST_FILLS) is None:
                missing = np.flatnonzero(~ready)
                assigned[array][:] = False
                for x in self.sent:
                    for k, read in enumerate(x.reads):
                        x.assigns[k] = x.assigns[k] and read.array != array
                if array in own and self._begin_with_zeros(array, own[array], missing):
                    ready[missing] = True
                    missing = missing[:0]
            self.arrays.fill(array, missing)
            self._set(array)[assigned[array]] = True

    def _home(self, array: str) -> Statement | None:
        """A statement that has to do with the cotangents of an array: one that computes it."""
        writing = (x.s for x in self.sent if x.target.array == array)
        reading = (x.s for x in self.sent if any(read.array == array for read in x.reads))
        return next(writing, None) or next(reading, None)

    def _begin_with_zeros(self, array: str, own: Own, missing: Ints) -> bool:
        """Set what is missing to zero where iterations begin, if each has a stretch of the array
        for itself, and the same of each is missing.
        """
        places = np.flatnonzero(touched(missing % own.length, own.length))
        times = prod(own.counts)
        if own.length * times != len(self._set(array)) or len(missing) != len(places) * times:
            return False
        parts = pieces(places[None, :], MOST_FILLS)
        for start, end in parts or []:
            nest = factor(places[None, start:end])
            assert nest is not None
            target = Access(
                array, own.offset + int(places[start]), (*own.strides, *nest.strides_of(0))
            )
            domain = (*own.counts, *nest.counts)
            zero = Statement(self.arrays.cotangent(target), -0.0, domain, derivative="adjoint")
            if self.arrays.sender is not None:
                zero.origin = self.arrays.sender.origin
            self.zeros.setdefault(own.path, []).append(zero)
        return parts is not None

    def _own(self) -> dict[str, Own]:
        """The arrays that iterations touch in stretches of their own."""
        inside = [x.s for x in self.sent if x.s is not None]
        found = own(self.loop, {a.array for s in inside for a in s.accesses})
        return {name: x for name, x in found.items() if all(map(self._is_known, x.counts))}

    def _is_known(self, count: int) -> bool:
        """Whether how often a loop runs is one number, or will be known once it has run."""
        entries = isinstance(count, Entries) and count.array in self.counts
        return entries or is_number(count)
