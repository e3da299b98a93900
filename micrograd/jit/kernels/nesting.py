"""A kernel on Values: its program, run on Values instead of numbers.

Input: the recording of a source, what is wanted of it, and Values or numbers for its arguments.
Output: Values, which are computed by the ops of the table from the arguments and the parameters, so
they have gradients, and can be compiled and differentiated again: this is how kernels and their
derivatives nest, to any order. Nothing is compiled here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ops
from ...copies import serial
from ...engine import Value
from ...errors import TraceError, user_location
from ...locks import importing
from ...ops import Op
from ...traced import Scope, Traced
from ...value_arrays import ValueArray
from ..call.arguments import broadcast
from ..call.index_arguments import Indices, indices_of
from ..ir.asking import run_asking, with_counts
from ..ir.points import elements
from ..ir.program import Access, Array, Expr, Program, Role, Statement, accesses, asks
from ..ir.running import Run, run_in_order
from ..reroll.outputs import OUTPUT
from ..target import Target
from ..trace.compiling import is_compiling
from ..trace.loops import call
from ..trace.recordings import Recording
from ..trace.signature import SCALAR, Structure, build, count
from ..trace.source import FunctionSource
from ..wanted import Extra, Wanted

if TYPE_CHECKING:
    from .kernel import Kernel

Numbers = list[Any]
"""Values and floats."""


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
        self.is_called = bool(graph.regions)
        self.result = wanted.value.structure(recording)
        self.name = name
        self.structures = structures
        self.captured = recording.captured
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
        inputs = [a.name for a in self.program.numbers if a.name not in self.captured]
        program = self.program
        if self.indices is not None:
            program = program.running(self._entries(self.indices, rows))
        given = dict(zip(inputs, rows, strict=True)) | self.live | self.captured
        outputs = self.program.with_role(Role.OUTPUT)
        first = [a for a in outputs if a.name == OUTPUT and a.size == 1]
        ordered = [*first, *(a for a in outputs if a not in first)]
        scope = is_compiling() or _scope_of([x for row in given.values() for x in row])
        if self.is_called and scope is not None:
            return _called(scope, program, given, ordered)
        found = run(program, given)
        numbers = [x for a in ordered for x in found[a.name]]
        if scope is None:
            return [x if isinstance(x, Value) else Value(x) for x in numbers]
        # a leaf would be a live parameter of what is traced
        return [x if isinstance(x, Value) else scope.record(ops.neg, (-x,)) for x in numbers]

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


def run(program: Program, given: dict[str, Numbers]) -> dict[str, Numbers]:
    """The output arrays of a program, as `interpret` computes them, of Values or floats."""
    program = with_counts(program)
    memory: dict[str, Numbers] = {}
    shared = Shared()
    for a in program.arrays.values():
        if a.is_index:
            continue
        if a.role in (Role.INPUT, Role.PARAMETER):
            memory[a.name] = given[a.name]
        elif a.role is Role.CONSTANT:
            memory[a.name] = np.asarray(a.data, dtype=np.float64).tolist()
        else:
            memory[a.name] = [nan] * a.size

    def prepare(s: Statement) -> Run:
        return _Step(s, program, memory, shared).run

    def number(a: Access) -> float:
        found = memory[a.array][int(elements(a, (), program)[0])]
        return float(found.data if isinstance(found, Value) else found)

    if asks(program.body):
        run_asking(program, prepare, number)
    else:
        run_in_order(program, prepare)
    return {a.name: memory[a.name] for a in program.with_role(Role.OUTPUT)}


class _Step:
    """A statement whose elements are looked up once, to be run a range of points at a time."""

    def __init__(
        self, s: Statement, program: Program, memory: dict[str, Numbers], shared: Shared
    ) -> None:
        self.accumulate = s.accumulate
        self.shared = shared
        self.target = memory[s.target.array]
        self.where = elements(s.target, s.domain, program).tolist()
        read = {
            a: (memory[a.array], elements(a, s.domain, program).tolist()) for a in accesses(s.expr)
        }
        self.value = _evaluator(s.expr, read, shared)

    def run(self, points: range) -> None:
        """Run these points, in order."""
        target, where, value, shared = self.target, self.where, self.value, self.shared
        add = self.accumulate
        for point in points:
            element = where[point]
            if add:
                target[element] = shared.apply(add, (target[element], value(point)))
            else:
                target[element] = value(point)


def _evaluator(
    expr: Expr, read: dict[Access, tuple[Numbers, list[int]]], shared: Shared
) -> Callable[[int], Any]:
    """The function of a point that an expression is."""
    if isinstance(expr, float):
        return lambda point: expr
    if isinstance(expr, Access):
        memory, where = read[expr]
        return lambda point: memory[where[point]]
    op, args = expr.op, [_evaluator(x, read, shared) for x in expr.args]
    return lambda point: shared.apply(op, [arg(point) for arg in args])


class Shared:
    """The ops of one run, each on the same operands once.

    Derivatives of a statement's points ask for the same condition and the same cotangent many
    times, and where they are compiled, a loop over copies of one number is no loop to be fused.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Value] = {}

    def apply(self, op: Op, operands: Sequence[Any]) -> Any:
        """The op on Values or floats; nothing is recorded that is a number, or one of the operands.

        As in simplify.py, only what holds for every number is left out: x * 1 is x, but x * 0 is
        no 0.
        """
        if not any(isinstance(x, Value) for x in operands):
            return op.eval(*map(float, operands))
        if op.choice and not isinstance(operands[0], Value):
            return operands[1] if operands[0] != 0.0 else operands[2]
        if len(operands) == 2:
            x, y = operands
            if y.__class__ is float and op.is_neutral(1, y):
                return x
            if x.__class__ is float and op.is_neutral(0, x):
                return y
        key = (op, *[serial(x) if isinstance(x, Value) else float(x).hex() for x in operands])
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = op(*operands)
        return found
