"""MLIR module of a training loop, which calls a kernel and an update by their addresses.

Establishes

    @run(state)     steps of training, until the last is done or the budget of calls is used up

`state` is a table of 64-bit words, by the names in FIELDS: where the loop stands, and addresses of
what it works on. A call of `run` goes on where the last one stopped, so Python can look around in
between. Parameters and the history are float64, and so is the state, if its `numbers` are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np

from lowering.bindings import ir

from ..jit.dialect.blocks import new_module
from ..jit.dialect.operations import float_type
from ..jit.emit.builder import Builder
from ..jit.target import Target
from .rules import Takes

RUN = "run"

FIELDS = (
    "step",  # the step that comes next
    "until",  # the step to stop before
    "budget",  # calls of the kernel that may still be made
    "kernel",  # its address
    "gradient",  # what it writes, in its own element type
    "losses",  # f64[steps], with room for those before `until`
    "rates",  # f64[steps, rates], of which those before `until` are there
    "runs",  # i64[run_count, 4]: parameters in a row in memory, see RUN_WORDS
    "run_count",
    "slots",  # addresses of the optimiser's state, each of a number a parameter
    "totals",  # f64[totals]: its sums over all parameters
    "sums",  # the address of the code that adds to them, given the gradient as the kernel gives it
    "sums_wide",  # the same for gradients in float64
    "update",  # the address of the code that sets parameters and state
    "update_wide",
)
"""The words of a state, in order."""

RUN_WORDS = ("parameters", "gradient", "state", "count")
"""Of a run: the address of its first parameter; its first place in the gradient and in the state;
how many parameters it has."""


def emit_training(takes: Takes, target: Target) -> ir.Module:
    """The module of a loop that calls `number kernel(number *gradient)`, verified."""
    with new_module() as module:
        TrainingEmitter(module, takes, target).run()
    return module


class TrainingEmitter:
    """Emits the functions that training loops of any kind have."""

    fields: tuple[str, ...] = FIELDS

    def __init__(self, module: ir.Module, takes: Takes, target: Target) -> None:
        # parameters are float64, whatever the kernel's numbers are
        wide = replace(target, dtype=np.dtype(np.float64), strict=True)
        self.b = Builder(module, wide)
        self.takes = takes
        self.width = wide.lanes
        self.kernel_type = float_type(target.bits)
        self.state: ir.Value
        self.entry: ir.Block

    # -- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Steps of one kernel call each: loss and gradient, the history, the update."""
        b = self.b
        (self.state,) = self.function(RUN, [b.ptr], internal=False)
        with self._while(
            lambda: self.b.both(self._less("step", "until"), self._positive("budget"))
        ):
            gradient = self._pointer("gradient")
            loss = self._call_kernel([gradient])
            self._update_all(gradient, self.kernel_type)
            self._note(loss)
            self._add("budget", -1)
        b.leave()

    def _call_kernel(self, arguments: Sequence[ir.Value], name: str = "kernel") -> ir.Value:
        """The result, as float64, of the function whose address is in a field."""
        return self.b.converted(self.b.call(self._pointer(name), arguments, self.kernel_type))

    def _note(self, loss: ir.Value) -> None:
        """The end of a step: its loss noted, the next one begun."""
        b = self.b
        b.store(loss, b.element(self._pointer("losses"), self._field("step"), b.f64))
        self._add("step", 1)

    def _update_all(self, gradient: ir.Value, type: ir.Type) -> None:
        """Update all parameters, given the gradient in numbers of a type."""
        b = self.b
        row = b.integer_op("llvm.mul", self._field("step"), b.integer(self.takes.rates))
        rates = b.element(self._pointer("rates"), row, b.f64)
        wide = "" if type == self.kernel_type else "_wide"
        totals = []
        if self.takes.totals:
            totals = [self._pointer("totals")]
            for k in range(self.takes.totals):
                b.store(b.constant(0.0), b.element(totals[0], k, b.f64))
            self._call_on_runs(f"sums{wide}", gradient, type, rates, totals)
        self._call_on_runs(f"update{wide}", gradient, type, rates, totals)

    def _call_on_runs(
        self,
        code: str,
        gradient: ir.Value,
        type: ir.Type,
        rates: ir.Value,
        totals: Sequence[ir.Value],
    ) -> None:
        """Call the code at an address, of one of the programs in rules, for every run."""
        b = self.b
        address, slots, table = (self._pointer(name) for name in (code, "slots", "runs"))
        state = [b.load(b.element(slots, k, b.ptr), b.ptr) for k in range(self.takes.slots)]
        own = float_type(self.takes.numbers.bits)
        with b.loop(self._field("run_count")) as k:
            row = b.element(table, b.integer_op("llvm.mul", k, b.integer(len(RUN_WORDS))), b.i64)
            first, partial, place = (b.load(b.element(row, i, b.i64), b.i64) for i in range(3))
            passed = [
                b.build("llvm.inttoptr", [b.ptr], [first]),
                b.element(gradient, partial, type),
                rates,
                *(b.element(column, place, own) for column in state),
                *totals,
                b.element(row, RUN_WORDS.index("count"), b.i64),
            ]
            b.call(address, passed)

    def _elementwise(self, count: ir.Value, body: Callable[[ir.Value, int], None]) -> None:
        """`body(first, width)` for vectors that cover `count` elements, then for single ones."""
        b = self.b
        width = b.integer(self.width)
        full = b.integer_op("llvm.sdiv", count, width)
        done = b.integer_op("llvm.mul", full, width)
        left = b.integer_op("llvm.sub", count, done)
        with b.when(self._below(b.integer(0), full)), b.loop(full) as k:
            body(b.integer_op("llvm.mul", k, width), self.width)
        with b.when(self._below(b.integer(0), left)), b.loop(left) as k:
            body(b.integer_op("llvm.add", k, done), 1)

    # -- state -----------------------------------------------------------------------------------

    def _word(self, name: str) -> ir.Value:
        """The address of a field."""
        return self.b.element(self.state, self.fields.index(name), self.b.i64)

    def _field(self, name: str) -> ir.Value:
        """An integer of the state."""
        return self.b.load(self._word(name), self.b.i64)

    def _pointer(self, name: str) -> ir.Value:
        """An address of the state."""
        return self.b.load(self._word(name), self.b.ptr)

    def _add(self, name: str, n: int) -> None:
        """Add to an integer of the state."""
        b = self.b
        b.store(b.build("llvm.add", [b.i64], [self._field(name), b.integer(n)]), self._word(name))

    def _set(self, name: str, x: ir.Value) -> None:
        """Set a word of the state."""
        self.b.store(x, self._word(name))

    # -- small things ----------------------------------------------------------------------------

    def function(
        self, name: str, types: Sequence[ir.Type], *, internal: bool = True
    ) -> list[ir.Value]:
        """Begin a function without a result; its arguments."""
        self.entry = self.b.function(name, types, internal=internal)
        return list(self.entry.arguments)

    def _while(self, condition: Callable[[], ir.Value]) -> AbstractContextManager[None]:
        """A loop that tests before each round."""
        return self.b.as_long_as(condition)

    def _less(self, x: str, y: str) -> ir.Value:
        return self._below(self._field(x), self._field(y))

    def _positive(self, x: str) -> ir.Value:
        return self._below(self.b.integer(0), self._field(x))

    def _below(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The i1 of x < y."""
        return self.b.compare_integers("slt", x, y)

    def _least(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.build("llvm.intr.umin", [self.b.i64], [x, y])

    def _add_column(self, sums: ir.Value, terms: ir.Value, type: ir.Type, count: ir.Value) -> None:
        """Add numbers of a type to as many of float64."""
        b = self.b

        def body(at: ir.Value, width: int) -> None:
            address = b.element(sums, at, b.f64)
            term = b.load_row(b.element(terms, at, type), type, width)
            both = [b.load_row(address, b.f64, width), term]
            b.store_row(b.build("llvm.fadd", [term.type], both), address, b.f64)

        self._elementwise(count, body)
