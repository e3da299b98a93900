"""A kernel on Values: its program, run on Values instead of numbers.

Input: the recording of a source, what is wanted of it, and Values or numbers for its arguments.
Output: Values, which are computed by the ops of the table from the arguments and the parameters, so
they have gradients, and can be compiled and differentiated again: this is how kernels and their
derivatives nest, to any order. Nothing is compiled here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ops
from ...copies import serial
from ...engine import Value
from ...errors import TraceError, user_location
from ...locks import importing
from ...traced import Scope, Traced
from ...value_arrays import ValueArray
from ..call.arguments import broadcast
from ..call.index_arguments import Indices, indices_of
from ..ir.program import Array, Program, Role
from ..reroll.outputs import OUTPUT
from ..target import Target
from ..trace.compiling import is_compiling
from ..trace.loops import call
from ..trace.recordings import Recording
from ..trace.signature import SCALAR, Structure, build, count
from ..trace.source import FunctionSource
from ..wanted import Extra, Wanted
from .prepared import Numbers, Prepared

if TYPE_CHECKING:
    from .kernel import Kernel


MOST_CHOSEN = 32
"""Choices of rows for which a program is kept as it is run."""


class Nested:
    """What a kernel computes for one structure of arguments, as a function of Values.

    extra        the parameters behind those of the source, with their structures
    structures   of all arguments
    """

    def __init__(
        self,
        name: str,
        recording: Recording,
        wanted: Wanted,
        extra: Extra,
        structures: Sequence[Structure],
        target: Target,
    ) -> None:
        with importing:
            from ..compile import program_of
            from ..derivatives import program_for
            from ..passes.simplify import simplify

        graph = recording.trace.graph
        program = program_of(graph, target)
        self.program = simplify(program_for(wanted, name, program, recording, extra, None))
        self.prepared = Prepared(self.program)
        self._chosen: dict[tuple[bytes, ...], Prepared] = {}
        self.is_called = bool(graph.regions)
        self.result = wanted.value.structure(recording)
        self.name = name
        self.structures = structures
        self.captured = recording.captured
        self.inputs = [a.name for a in self.program.numbers if a.name not in self.captured]
        outputs = self.program.with_role(Role.OUTPUT)
        first = [a for a in outputs if a.name == OUTPUT and a.size == 1]
        self.outputs = [*first, *(a for a in outputs if a not in first)]
        self.indices = indices_of(graph, list(zip(graph.given, structures, strict=False)))
        self.live = {
            parameter: [nan] * size for parameter, size in graph.parameters
        }  # those that it reads
        for leaf, (array, index) in recording.trace.elements.items():
            if array in self.live:
                self.live[array][index] = leaf  # type: ignore[call-overload]

    def __call__(self, columns: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> Any:
        """The result, at every point of the arrays where there are some.

        columns   for each argument a number, Value or array of them; for a container a list of
                  them, or one array with the numbers along its last axis
        """
        if not shapes:
            rows = [list(_leaves(c, s)) for c, s in zip(columns, self.structures, strict=True)]
            return build(self.result, iter(self._results(rows)))
        shape = broadcast(self.name, shapes)
        spread = [
            [np.broadcast_to(np.asarray(x, dtype=object), shape) for x in _leaves(c, s)]
            for c, s in zip(columns, self.structures, strict=True)
        ]
        points = [
            self._results([[x[point] for x in row] for row in spread])
            for point in np.ndindex(*shape)
        ]
        leaves = []
        for k in range(count(self.result)):
            leaf = np.empty(shape, dtype=object)
            leaf.reshape(-1)[:] = [numbers[k] for numbers in points]
            leaves.append(leaf.view(ValueArray))
        return build(self.result, iter(leaves))

    def _results(self, rows: Sequence[Numbers]) -> Numbers:
        """The leaves of the result, each a Value: a number is that of a constant."""
        prepared = self.prepared
        if self.indices is not None:
            prepared = self._looking_up(self._entries(self.indices, rows))
        given = dict(zip(self.inputs, rows, strict=True)) | self.live | self.captured
        scope = is_compiling() or _scope_of([x for row in given.values() for x in row])
        if self.is_called and scope is not None:
            return _called(scope, prepared.program, given, self.outputs)
        found = prepared.run(given)
        numbers = [x for a in self.outputs for x in found[a.name]]
        if scope is None:
            return [x if isinstance(x, Value) else Value(x) for x in numbers]
        # a leaf would be a live parameter of what is traced
        return [x if isinstance(x, Value) else scope.record(ops.neg, (-x,)) for x in numbers]

    def _looking_up(self, entries: Mapping[str, Any]) -> Prepared:
        """The program for the rows that integers choose, which is there for the next calls."""
        key = tuple(e.tobytes() for e in entries.values())
        found = self._chosen.get(key)
        if found is None:
            while len(self._chosen) >= MOST_CHOSEN:
                self._chosen.pop(next(iter(self._chosen)), None)
            found = self._chosen[key] = Prepared(self.program.running(entries))
        return found

    def lacks(self, columns: Sequence[Any]) -> bool:
        """Whether it looks rows up by integers that have no number yet."""
        if self.indices is None:
            return False
        used = {array for index in self.indices.arrays for array in index.arrays}
        given = [columns[self.indices.places[array]] for array in used]
        return any(map(_is_traced, given))

    def _entries(self, indices: Indices, rows: Sequence[Numbers]) -> dict[str, Any]:
        """The entries of index arrays, by name. Raises TraceError for integers not known yet."""
        used = {array for index in indices.arrays for array in index.arrays}
        for place in [indices.places[array] for array in used]:
            if any(isinstance(x, Value) for x in rows[place]):
                raise TraceError(
                    f"{user_location()}: {self.name} looks rows up by {indices.names[place]}, "
                    "which has no number yet here; call the Python function that it was made of"
                )
        given = [x if r else x[0] for x, r in zip(rows, indices.is_row, strict=False)]
        entries = indices.entries(self.name, given)
        return {a.name: e for a, e in zip(indices.arrays, entries, strict=True)}


def _is_traced(x: Any) -> bool:
    """Whether an integer, or one of some, is of a function that is being compiled."""
    return isinstance(x, Traced) or (isinstance(x, list) and any(map(_is_traced, x)))


def nested_of(kernel: Kernel, key: tuple[Structure, ...], columns: Sequence[Any]) -> Nested:
    """What a kernel computes for these structures, where it is called with these arguments.

    By integers of the function that calls it, rows are looked up there: what it does is recorded
    for this call alone then.
    """
    recording, extra = kernel._recorded(key, captures=True)
    options = kernel._options
    found = Nested(kernel.name, recording, kernel._wanted, extra, key, options.target)
    if not recording.captured:
        kernel._nested[key] = found
    source = kernel._source
    if not found.lacks(columns) or not isinstance(source, FunctionSource):
        return found
    outer = {
        k: x if isinstance(x, list) else [x]
        for k, (p, x) in enumerate(zip(source.parameters, columns, strict=False))
        if p.integer and _is_traced(x)
    }
    structures = key[: len(source.parameters)]
    recording = source.record(structures, captures=True, outer=outer)
    return Nested(kernel.name, recording, kernel._wanted, extra, key, options.target)


def _scope_of(numbers: Numbers) -> Scope | None:
    """The scope of a function that computes with these, but whose numbers are constants of it."""
    traced = [x for x in numbers if isinstance(x, Traced)]
    return max(traced, key=serial)._scope if traced else None


def _called(
    scope: Scope, program: Program, given: Mapping[str, Numbers], outputs: Sequence[Array]
) -> Numbers:
    """What a program gives that is a region of a function's graph, output after output."""
    if scope.is_over:
        raise scope.over()
    arrays = {
        a.name: replace(a, role=Role.CONSTANT, below=0) if a.is_index and a.data is not None else a
        for a in program.arrays.values()
    }
    program = replace(program, arrays=arrays)
    read = program.with_role(Role.INPUT, Role.PARAMETER)
    numbers = [x if isinstance(x, Value) else float(x) for a in read for x in given[a.name]]
    found = iter(call(scope, program, numbers, sum(a.size for a in outputs)))
    by_name = {a.name: [next(found) for _ in range(a.size)] for a in program.with_role(Role.OUTPUT)}
    return [x for a in outputs for x in by_name[a.name]]


def _leaves(column: Any, structure: Structure) -> Iterator[Any]:
    """The numbers or arrays of an argument: itself, or for a container each of them."""
    if structure is SCALAR:
        yield column.item() if isinstance(column, np.ndarray) and not column.ndim else column
    elif isinstance(column, np.ndarray):
        yield from (column.tolist() if column.ndim == 1 else np.moveaxis(column, -1, 0))
    else:
        yield from column
