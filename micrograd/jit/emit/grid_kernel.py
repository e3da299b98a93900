"""Schedule -> the kernel at points that threads of a grid divide among them, or its sums over rows.

Thread t of block b takes the point b * THREADS + t, and then every further one that is as many
behind as the grid has threads.

Establishes, with a pointer for each array of the arguments, `n` and how many blocks there are:

    @each(inputs..., outputs..., n, blocks)            the kernel at n points
    @rows(inputs..., partial, sums, n, blocks)         the sums of its results over some of n rows:
                                                       a row of them for each block
    @total(partial, sums, result, n, blocks)           the sums over n of these rows: a block for
                                                       each number

An array of which each point has its own lies in columns: element k of point i at k * n + i. In
sums, the order of additions depends on the number of rows and results alone, not on the processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lowering.bindings import ir

from ...errors import GraphError
from ..dialect.blocks import new_module
from ..ir.program import Array, Role
from ..schedule.schedule import Schedule
from ..target import Target
from .builder import Builder
from .call_memory import CallMemory
from .function import Emitter
from .grid import THREADS, Grid, Place
from .interface import Interface

EACH, ROWS, TOTAL = "each", "rows", "total"
"""The symbols."""
POINT = "point"


def emit_grid(
    schedule: Schedule,
    interface: Interface,
    target: Target,
    moving: frozenset[str],
    *,
    summed: bool,
) -> ir.Module:
    """The module, built in the current MLIR context and verified.

    moving   the inputs of which each point has its own
    summed   whether the results are summed up

    Raises GraphError for what threads cannot do.
    """
    with new_module() as module:
        grid = GridKernel(Builder(module, target), schedule, interface, moving)
        grid.kernel.globals()
        grid.kernel.kernel(POINT, internal=True)
        if summed:
            grid.function(ROWS, len(grid.inputs) + 2, [grid.add_rows, grid.add_threads])
            grid.function(TOTAL, 3, [grid.add_blocks, grid.add_all])
        else:
            grid.function(EACH, len(grid.inputs) + len(grid.outputs), [grid.at_points])
    _check(module, strict=target.strict)
    return module


def results_of(interface: Interface, arrays: Sequence[Array]) -> list[Array]:
    """The outputs of a program in the order of its results: what `main` returns comes first."""
    return sorted(arrays, key=lambda a: a.name != interface.returned)


class GridKernel(Grid):
    """Emits what threads do."""

    def __init__(
        self, builder: Builder, schedule: Schedule, interface: Interface, moving: frozenset[str]
    ) -> None:
        super().__init__(builder)
        self.kernel = Emitter(builder, schedule, interface)
        self.interface = interface
        self.moving = moving
        program = schedule.program
        self.inputs = program.with_role(Role.INPUT)
        self.outputs = results_of(interface, program.with_role(Role.OUTPUT))
        self.results = sum(a.size for a in self.outputs)

    # -- phases --------------------------------------------------------------------------------

    def at_points(self, given: Sequence[Any], place: Place) -> None:
        """The kernel at the thread's points."""
        b = self.b
        arrays, memory, buffers = self._begin(given)
        with self._points(place) as point:
            for x, k, address in self._results(arrays, buffers, point, place.n):
                at = b.integer_op("llvm.add", b.integer_op("llvm.mul", k, place.n), point)
                b.store(x, b.element(given[address], at, b.element_type))
        memory.release()

    def add_rows(self, given: Sequence[Any], place: Place) -> None:
        """The sums over the thread's rows: a row of `partial`."""
        b = self.b
        arrays, memory, buffers = self._begin(given)
        sums = memory.allocate(self.results, b.number, b.bits // 8)
        with self.numbers(self.results) as places:
            for k in places:
                b.store(b.constant(0.0), b.element(sums, k, b.number))
        first = self._first_columns()
        with self._points(place) as point:
            for x, k, output in self._results(arrays, buffers, point, place.n):
                number = b.integer_op("llvm.add", k, b.integer(first[output - len(self.inputs)]))
                to = b.element(sums, number, b.number)
                b.store(b.add(b.load(to, b.number), x), to)
        row = self.times(self.thread(place), self.results)
        with self.numbers(self.results) as places:
            for k in places:
                to = b.element(given[-2], b.integer_op("llvm.add", row, k), b.number)
                b.store(b.load(b.element(sums, k, b.number), b.number), to)
        memory.release()

    def add_threads(self, given: Sequence[Any], place: Place) -> None:
        """The sums over the threads of the block: its row of `sums`; a thread has some columns."""
        b = self.b
        partial, sums = given[-2:]
        start = self.times(place.block, THREADS * self.results)
        with self.every(place.thread, b.integer(THREADS), b.integer(self.results)) as k:
            first = b.integer_op("llvm.add", start, k)
            x = self.sum(b.integer(THREADS), partial, first, b.integer(self.results))
            to = b.integer_op("llvm.add", self.times(place.block, self.results), k)
            b.store(x, b.element(sums, to, b.number))

    def add_blocks(self, given: Sequence[Any], place: Place) -> None:
        """The sum over the thread's rows of `sums`, of the number that the block is for."""
        b = self.b
        partial, sums, _ = given
        with self.count(place.thread, b.integer(THREADS), place.n) as count:
            start = self.times(place.thread, self.results)
            first = b.integer_op("llvm.add", start, place.block)
            x = self.sum(count, sums, first, b.integer(THREADS * self.results))
            b.store(x, b.element(partial, self.thread(place), b.number))

    def add_all(self, given: Sequence[Any], place: Place) -> None:
        """The sum over the threads, by the first of them."""
        b = self.b
        partial, _, result = given
        with b.when(b.compare_integers("eq", place.thread, b.integer(0))):
            few = b.compare_integers("slt", place.n, b.integer(THREADS))
            count = b.select(few, place.n, b.integer(THREADS))
            first = self.times(place.block, THREADS)
            x = self.sum(count, partial, first, b.integer(1))
            b.store(x, b.element(result, place.block, b.number))

    # -- points --------------------------------------------------------------------------------

    def _begin(self, given: Sequence[Any]) -> tuple[dict[str, Any], CallMemory, dict[str, Any]]:
        """The arguments by name, the memory of the phase, and in it room for what a point has."""
        b = self.b
        memory = CallMemory(b, b.block)
        arrays = dict(zip([a.name for a in self.inputs], given, strict=False))
        own = [a for a in self.inputs if a.name in self.moving and not self._by_value(a)]
        own += [a for a in self.outputs if a.name != self.interface.returned]
        buffers = {a.name: memory.allocate(a.size, b.type_of(a), 8) for a in own}
        return arrays, memory, buffers

    def _by_value(self, a: Array) -> bool:
        return a.name in self.interface.by_value

    @contextmanager
    def _points(self, place: Place) -> Iterator[Any]:
        """Each of the thread's points."""
        step = self.times(place.blocks, THREADS)
        with self.every(self.thread(place), step, place.n) as point:
            yield point

    def _results(
        self, arrays: dict[str, Any], buffers: dict[str, Any], point: Any, n: Any
    ) -> Iterator[tuple[Any, Any, int]]:
        """The results at a point: the number, its place in the output, and which argument of `each`
        that is. What is done with it is repeated, in a loop, for the numbers of a large output.
        """
        b = self.b
        passed = {}
        for a in self.inputs:
            base, type = arrays[a.name], b.type_of(a)
            if a.name not in self.moving:
                passed[a.name] = b.load(base, type) if self._by_value(a) else base
            elif self._by_value(a):
                passed[a.name] = b.load(b.element(base, point, type), type)
            else:
                passed[a.name] = buffers[a.name]
                with self.numbers(a.size) as places:
                    for k in places:
                        at = b.integer_op("llvm.add", b.integer_op("llvm.mul", k, n), point)
                        x = b.load(b.element(base, at, type), type)
                        b.store(x, b.element(buffers[a.name], k, type))
        passed |= {a.name: buffers[a.name] for a in self.outputs if a.name in buffers}
        arguments = [passed[a.name] for a in self.kernel.arguments]
        returned = b.call(POINT, arguments, self.kernel.result)
        for argument, a in enumerate(self.outputs, len(self.inputs)):
            if a.name == self.interface.returned:
                yield returned, b.integer(0), argument
                continue
            with self.numbers(a.size) as places:
                for k in places:
                    yield b.load(b.element(buffers[a.name], k, b.number), b.number), k, argument

    def _first_columns(self) -> list[int]:
        """Which of all results is the first of each output."""
        found = [0]
        for a in self.outputs:
            found.append(found[-1] + a.size)
        return found


def _check(module: ir.Module, *, strict: bool) -> None:
    """Raises GraphError if the code calls what is not in it."""
    for view in module.body:
        function: Any = view.operation
        if function.name != "llvm.func" or list(function.regions[0].blocks):
            continue
        name = function.attributes["sym_name"].value
        if name == "malloc":
            raise GraphError("it needs more memory at a point than a thread of a grid has, 256 KiB")
        if not name.startswith("llvm.") and name != "free":
            why = " (strict code calls it; compile without strict=True)" if strict else ""
            raise GraphError(f"it calls {name}, and threads of a grid have no C library{why}")
