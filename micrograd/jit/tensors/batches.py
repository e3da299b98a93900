"""Which calls share one compiled code: those that differ in how many samples their batches have.

The first call of a function is compiled for its shapes. Where the first axes of some arguments have
another size in another call, all the same, these are batches, and the function is traced for any
number of samples. If that fails, as the function does something else for every number, or one of
its parts cannot be compiled so, there is code for every size, as there is for what is no batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .arguments import Leaves


class AnySize(Protocol):
    """Code for any number of samples."""

    @property
    def is_stale(self) -> bool:
        """Whether it is not what the function is now."""

    @property
    def apart(self) -> frozenset[int]:
        """Numbers of samples that it is not for."""

    @property
    def most(self) -> int:
        """How many there are at most."""


@dataclass(slots=True)
class Family:
    """Calls whose arguments differ in the sizes of their first axes only.

    first    these sizes in the first call
    found    by the arguments that are batches, the code for any number of samples; None if there is
             none
    """

    first: tuple[int, ...]
    found: dict[frozenset[int], AnySize | None] = field(default_factory=dict)

    def batches(self, leaves: Leaves) -> tuple[frozenset[int], int]:
        """The arguments that are batches, and of how many samples; none if sizes do not agree."""
        leads = leaves.leads
        which = [k for k, (n, m) in enumerate(zip(leads, self.first, strict=True)) if n != m]
        sizes = {(leads[k], self.first[k]) for k in which}
        if len(sizes) != 1:
            return frozenset(), 0
        return frozenset(which), leads[which[0]]

    def code(
        self, leaves: Leaves, make: Callable[[frozenset[int], int], AnySize]
    ) -> AnySize | None:
        """Code for any number of samples, which is made if there is none; None if it cannot be."""
        which, samples = self.batches(leaves)
        if not which:
            return None
        code = self.found.get(which)
        if which not in self.found or (code and (code.is_stale or samples > code.most)):
            try:
                code = make(which, samples)
            except Exception:  # whatever it is, a trace for this size shows it
                code = None
            self.found[which] = code
        return None if code is None or samples in code.apart else code
