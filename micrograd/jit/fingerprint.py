"""What a graph and a program compute, as numbers: equal ones compute the same, op for op.

A value's fingerprint is 64 bits that are mixed from its op and the fingerprints of its operands; of
a leaf, from what it is. So a program is run as it stands, in its order, on fingerprints in place of
numbers, and what it gives is compared with the fingerprints of the graph's outputs. Two values that
differ have the same one with a chance of about 2**-64. A difference is the sum with what is
negated, as in IEEE arithmetic; what is taken of a table is mixed from all its rows and the index.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from lowering.bindings import ir

from .. import ops
from ..locks import Lock
from ..lookups import ENTRY, Lookup
from .dialect.blocks import new_module
from .emit.builder import Builder
from .emit.native import native
from .ir.graph import (
    CONSTANT,
    FIRST_OP,
    INPUT,
    PARAMETER,
    Graph,
    code_of,
    is_take,
    op_of,
    tables_of_lookups,
)
from .ir.nests import Ints
from .ir.points import elements
from .ir.program import Access, Expr, Part, Program, Role, Statement, accesses
from .ir.running import run_in_order
from .target import Target

Prints = npt.NDArray[np.uint64]
"""u64[n]: fingerprints."""

_FACTORS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)
_SHIFT = 31
_NOTHING = 0x243F6A8885A308D3
"""Instead of an operand that there is not."""
_LITERAL = 1
"""What mixes into numbers, as their code; names of arrays have other ones."""


def _mixed(code: Any, operands: Sequence[Any]) -> Prints:
    """The fingerprint of an op on operands with these."""
    found = np.asarray(code, dtype=np.uint64) * np.uint64(_FACTORS[0])
    three = [*operands, *[np.uint64(_NOTHING)] * (3 - len(operands))]
    for operand, factor in zip(three, _FACTORS[1:], strict=True):
        found = (found ^ (found >> np.uint64(_SHIFT))) + operand
        found = found * np.uint64(factor)
    result: Prints = found ^ (found >> np.uint64(_SHIFT))
    return result


def of_numbers(numbers: npt.ArrayLike) -> Prints:
    """Those of literals."""
    bits = np.asarray(numbers, dtype=np.float64).reshape(-1).view(np.uint64)
    return _mixed(_LITERAL, [bits])


def of_leaves(key: int, size: int) -> Prints:
    """Those of the elements of an array of leaves, which a number of its own stands for."""
    return _mixed(_LITERAL + 1, [np.full(size, key, np.uint64), np.arange(size, dtype=np.uint64)])


def of_graph(graph: Graph, keys: Mapping[str, int]) -> list[int]:
    """Those of the outputs of a graph.

    keys   what stands for each array of its parameters and inputs, but tables of numbers
    """
    with np.errstate(over="ignore"):
        found = np.zeros(len(graph) + 1, dtype=np.uint64)
        found[-1] = _NOTHING
        constant = graph.codes == CONSTANT
        found[:-1][constant] = of_numbers(graph.constants)[graph.x[constant]]
        codes = graph.codes.copy()
        for code, declared in ((INPUT, graph.inputs), (PARAMETER, graph.parameters)):
            if declared:
                leaves = np.concatenate([_leaves(graph, name, n, keys) for name, n in declared])
                there = graph.codes == code
                found[:-1][there] = leaves[graph.x[there]]
                _take_leaves(graph, code, leaves, found, codes)
    columns = [np.ascontiguousarray(c) for c in (codes, graph.x, graph.y, graph.z)]
    rows, distances = tables_of_lookups()
    facts = [np.array(x, dtype=np.int64) for x in (rows, distances)]
    numbers = map(code_of, (ops.neg, ops.sub, ops.add, ENTRY))
    addresses = [c.ctypes.data for c in (*columns, found, *facts)]
    _mixer()(len(graph), *addresses, *numbers)
    return [int(found[node]) for node in graph.outputs]


def _leaves(graph: Graph, name: str, size: int, keys: Mapping[str, int]) -> Prints:
    return of_numbers(graph.data[name]) if name in graph.data else of_leaves(keys[name], size)


def _take_leaves(graph: Graph, code: int, leaves: Prints, found: Prints, codes: Ints) -> None:
    """Enter what is taken of tables of leaves, with their code, as if it were leaves itself."""
    takes = np.flatnonzero(is_take(graph.codes))
    takes = takes[graph.codes[graph.x[takes]] == code]
    for kind in np.unique(graph.codes[takes]):
        op, own = op_of(int(kind)), takes[graph.codes[takes] == kind]
        assert isinstance(op, Lookup)
        first = graph.x[graph.x[own]]
        rows = [leaves[first + k * op.distance] for k in range(op.rows)]
        found[own] = _taken(rows, found[graph.y[own]])
        codes[own] = CONSTANT


def _taken(rows: Sequence[Prints], index: Prints) -> Prints:
    """That of a row of a table, given those of all rows, and that of the index."""
    table = np.full(len(index), _NOTHING, dtype=np.uint64)
    for row in rows:
        table = _mixed(len(rows), [table, row])
    return _mixed(len(rows), [table, index])


def of_program(
    program: Program, output: str, keys: Mapping[str, int], given: Mapping[str, Any]
) -> list[int]:
    """Those of an output of a program.

    keys    what stands for each array of its parameters and inputs, those too that say which rows
            of tables are taken
    given   extents, entries, and the numbers of inputs that have none of `keys`
    """
    with np.errstate(over="ignore"):
        indices = {a.name for a in program.with_role(Role.INPUT) if a.is_index} & keys.keys()
        first = {name: np.zeros(program.arrays[name].size, dtype=np.int64) for name in indices}
        program = program.running({**given, **first})  # where everything is of the first row
        memory: dict[str, Prints] = {}
        for a in program.arrays.values():
            if a.name in keys:
                memory[a.name] = of_leaves(keys[a.name], a.size)
            elif a.role is Role.CONSTANT and not a.is_index:
                memory[a.name] = of_numbers(a.data)  # type: ignore[arg-type]
            elif a.role is Role.INPUT and not a.is_index:
                memory[a.name] = of_numbers(given[a.name])
            else:
                memory[a.name] = np.zeros(a.size, dtype=np.uint64)
        run_in_order(program, lambda s: _Step(s, program, memory, indices).run)
        return [int(x) for x in memory[output]]


class _Step:
    """A statement whose elements are looked up once, to be run a range of points at a time."""

    def __init__(
        self, s: Statement, program: Program, memory: dict[str, Prints], indices: Set[str]
    ) -> None:
        self.s = s
        self.memory = memory
        self.where = elements(s.target, s.domain, program)
        self.read = {a: elements(a, s.domain, program) for a in accesses(s.expr)}
        self.below = {name: program.arrays[name].below for name in indices}
        said = {p for a in self.read for p in a.parts if p.is_entry and p.by in indices}
        self.said = {
            p: elements(Access(str(p.by), p.offset, p.strides), s.domain, program) for p in said
        }

    def run(self, points: range) -> None:
        """Run these points; statements do not read what they write but to add to it."""
        some = slice(points.start, points.stop)
        where = self.where[some]
        if not len(where):
            return
        target, op = self.memory[self.s.target.array], self.s.accumulate
        values = self._values(self.s.expr, some, len(where))
        if op is None:
            target[where] = values
            return
        code = code_of(op)
        order = np.argsort(where, kind="stable")
        place = where[order]
        begins = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]]))
        counts = np.diff(begins, append=len(place))
        values = values[order]
        for k in range(int(counts.max())):
            those = begins[counts > k]
            at = place[those]
            target[at] = _mixed(code, [target[at], values[those + k]])

    def _values(self, expr: Expr, some: slice, size: int) -> Prints:
        if isinstance(expr, float):
            return np.repeat(of_numbers(expr), size)
        if isinstance(expr, Access):
            parts = [p for p in expr.parts if p in self.said]
            return self._read(self.memory[expr.array], self.read[expr][some], parts, some)
        operands = [self._values(x, some, size) for x in expr.args]
        if expr.op.coefficients == (1.0, -1.0):
            operands[1] = _mixed(code_of(ops.neg), operands[1:])
            return _mixed(code_of(ops.add), operands)
        return _mixed(code_of(expr.op), operands)

    def _read(self, array: Prints, at: Ints, parts: Sequence[Part], some: slice) -> Prints:
        """Elements, of those of which rows of tables are taken by the last of these parts."""
        if not parts:
            return array[at]
        *others, last = parts
        rows = [
            self._read(array, at + k * last.scale, others, some)
            for k in range(self.below[str(last.by)])
        ]
        return _taken(rows, self.memory[str(last.by)][self.said[last][some]])


# -- graphs, by machine code ---------------------------------------------------------------------

_lock = Lock()
_made: list[tuple[Any, Callable[..., None]]] = []


def _mixer() -> Callable[..., None]:
    """`mix(n, code*, x*, y*, z*, found*, rows*, distances*, negation, difference, total, entry)`:
    the ops of a graph, whose leaves are there, and behind them what is for no operand.

    rows, distances   of ops that take of tables, by their codes
    """
    with _lock:
        if not _made:
            target = Target.host(np.float64, strict=True)

            def module() -> ir.Module:
                with new_module() as module:
                    _emit(Builder(module, target))
                return module

            made = native(module, target, ("mix",), opt_level=1, passes=False)
            types = [ctypes.c_ssize_t, *[ctypes.c_size_t] * 7, *[ctypes.c_ssize_t] * 4]
            _made.append((made, ctypes.CFUNCTYPE(None, *types)(made.address("mix"))))
        return _made[0][1]


def _emit(b: Builder) -> None:
    start = b.function("mix", [b.i64, *[b.ptr] * 7, *[b.i64] * 4], attributes=b.as_written)
    n, code, x, y, z, found, rows, distances, negation, difference, total, entry = start.arguments
    nothing = _signed(_NOTHING, b)

    with b.each(n) as node:

        def word(array: Any, at: Any = node) -> Any:
            return b.load(b.element(array, at, b.i64), b.i64)

        op = word(code)
        with b.when(b.compare_integers("sge", op, b.integer(FIRST_OP))):
            operands = []
            for column in (x, y, z):
                at = word(column)
                there = b.compare_integers("sge", at, b.integer(0))
                at = b.build("llvm.select", [b.i64], [there, at, n])
                operands.append(word(found, at))
            negated = _emit_mixed(negation, [operands[1], nothing, nothing], b)
            takes = b.compare_integers("eq", op, difference)
            sums = b.build("llvm.select", [b.i64], [takes, total, op])
            second = b.build("llvm.select", [b.i64], [takes, negated, operands[1]])
            usual = _emit_mixed(sums, [operands[0], second, operands[2]], b)
            copies = b.compare_integers("eq", op, entry)
            usual = b.build("llvm.select", [b.i64], [copies, operands[0], usual])
            count, distance, first = word(rows, op), word(distances, op), word(x)

            def row(k: Any, carried: list[Any]) -> list[Any]:
                at = b.integer_op("llvm.add", first, b.integer_op("llvm.mul", k, distance))
                mixed = _emit_mixed(count, [carried[0], word(found, at), nothing], b)
                return [mixed]

            (table,) = b.loop_carried(count, [nothing], row)
            taken = _emit_mixed(count, [table, operands[1], nothing], b)
            is_taken = b.compare_integers("sgt", count, b.integer(0))
            b.store(
                b.build("llvm.select", [b.i64], [is_taken, taken, usual]),
                b.element(found, node, b.i64),
            )
    b.leave()


def _signed(factor: int, b: Builder) -> Any:
    return b.integer(factor - (1 << 64) if factor >> 63 else factor)


def _emit_mixed(op: Any, operands: Sequence[Any], b: Builder) -> Any:
    """What `_mixed` computes."""

    def stirred(value: Any) -> Any:
        shifted = b.integer_op("llvm.lshr", value, b.integer(_SHIFT))
        return b.integer_op("llvm.xor", value, shifted)

    value = b.integer_op("llvm.mul", op, _signed(_FACTORS[0], b))
    for operand, factor in zip(operands, _FACTORS[1:], strict=True):
        value = b.integer_op("llvm.add", stirred(value), operand)
        value = b.integer_op("llvm.mul", value, _signed(factor, b))
    return stirred(value)
