"""What threads that share a training step say to each other: words, and waiting for them."""

from __future__ import annotations

from collections.abc import Callable

from lowering.bindings import ir

from .gather_code import GatherEmitter

SPINS = 2000
"""How often a thread looks for work before it offers its processor to others."""


class ThreadEmitter(GatherEmitter):
    """Emits code that several threads run at a time."""

    def _wait(self, condition: Callable[[], ir.Value]) -> None:
        """Wait while it holds: at first by looking again and again, then by yielding."""
        b = self.b
        spins = self._local(SPINS)
        with self._while(condition):
            left = b.build("llvm.sub", [b.i64], [b.load(spins, b.i64), b.integer(1)])
            b.store(left, spins)
            with b.when(self._below(left, b.integer(0))):
                b.call("sched_yield", [], b.i32)

    def _local(self, n: int) -> ir.Value:
        """An integer variable on the stack of the function."""
        b = self.b
        with b.inside(ir.InsertionPoint.at_block_begin(self.entry)):
            place = b.alloca(1, b.i64)
        b.store(b.integer(n), place)
        return place

    def _atomic(self, name: str) -> ir.Value:
        """A word that another thread sets, and all that it has written before."""
        return self.b.atomic_load(self._word(name))

    def _store_atomic(self, name: str, x: ir.Value) -> None:
        """Set a word for other threads, behind all that was written before."""
        self.b.atomic_store(x, self._word(name))

    def _atomic_add(self, name: str, n: int) -> None:
        """Add to a word for other threads, behind all that was written before."""
        self.b.atomic_add(n, self._word(name))
