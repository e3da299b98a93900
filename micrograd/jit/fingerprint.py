"""What a graph and a program compute, as numbers: equal ones compute the same, op for op.

A value's fingerprint is 64 bits that are mixed from its op and the fingerprints of its operands; of
a leaf, from what it is. So a program is run as it stands, in its order, on fingerprints in place of
numbers, and what it gives is compared with the fingerprints of the graph's outputs. Two values that
differ have the same one with a chance of about 2**-64. A difference is the sum with what is
negated, as in IEEE arithmetic.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lowering.bindings import context

from .. import ops
from ..locks import Lock
from .dialect.blocks import new_module
from .emit.builder import Builder
from .emit.native import native
from .ir.graph import CONSTANT, FIRST_OP, INPUT, Graph, code_of
from .ir.points import elements
from .ir.program import Access, Expr, Program, Role, Statement, accesses
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

    keys   what stands for each array of its parameters and inputs
    """
    with np.errstate(over="ignore"):
        found = np.zeros(len(graph) + 1, dtype=np.uint64)
        found[-1] = _NOTHING
        constant = graph.codes == CONSTANT
        found[:-1][constant] = of_numbers(graph.constants)[graph.x[constant]]
        for code, declared in ((INPUT, graph.inputs), (INPUT - 1, graph.parameters)):
            if declared:
                leaves = np.concatenate([of_leaves(keys[name], size) for name, size in declared])
                there = graph.codes == code
                found[:-1][there] = leaves[graph.x[there]]
    columns = [np.ascontiguousarray(c) for c in (graph.codes, graph.x, graph.y, graph.z)]
    negation, difference, total = map(code_of, (ops.neg, ops.sub, ops.add))
    _mixer()(
        len(graph),
        *(c.ctypes.data for c in columns),
        found.ctypes.data,
        negation,
        difference,
        total,
    )
    return [int(found[node]) for node in graph.outputs]


def of_program(
    program: Program, output: str, keys: Mapping[str, int], given: Mapping[str, Any]
) -> list[int]:
    """Those of an output of a program.

    keys    what stands for each array of its parameters and inputs
    given   extents, entries, and the numbers of inputs that have none of `keys`
    """
    with np.errstate(over="ignore"):
        program = program.running(given)
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
        run_in_order(program, lambda s: _Step(s, program, memory).run)
        return [int(x) for x in memory[output]]


class _Step:
    """A statement whose elements are looked up once, to be run a range of points at a time."""

    def __init__(self, s: Statement, program: Program, memory: dict[str, Prints]) -> None:
        self.s = s
        self.memory = memory
        self.where = elements(s.target, s.domain, program)
        self.read = {a: elements(a, s.domain, program) for a in accesses(s.expr)}

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
            return self.memory[expr.array][self.read[expr][some]]
        operands = [self._values(x, some, size) for x in expr.args]
        if expr.op.coefficients == (1.0, -1.0):
            operands[1] = _mixed(code_of(ops.neg), operands[1:])
            return _mixed(code_of(ops.add), operands)
        return _mixed(code_of(expr.op), operands)


# -- graphs, by machine code ---------------------------------------------------------------------

_lock = Lock()
_made: list[tuple[Any, Callable[..., None]]] = []


def _mixer() -> Callable[..., None]:
    """`mix(n, code*, x*, y*, z*, found*, negation, difference, total)`: the ops of a graph, whose
    leaves are there, and behind them what is for no operand.
    """
    with _lock:
        if not _made:
            with context():
                target = Target.host(np.float64, strict=True)
                with new_module() as module:
                    _emit(Builder(module, target))
                made = native(module, target, opt_level=1, passes=False)
            types = [ctypes.c_ssize_t, *[ctypes.c_size_t] * 5, *[ctypes.c_ssize_t] * 3]
            _made.append((made, ctypes.CFUNCTYPE(None, *types)(made.address("mix"))))
        return _made[0][1]


def _emit(b: Builder) -> None:
    start = b.function("mix", [b.i64, *[b.ptr] * 5, *[b.i64] * 3], attributes=b.as_written)
    n, code, x, y, z, found, negation, difference, total = start.arguments

    def signed(factor: int) -> Any:
        return b.integer(factor - (1 << 64) if factor >> 63 else factor)

    def stirred(value: Any) -> Any:
        shifted = b.integer_op("llvm.lshr", value, b.integer(_SHIFT))
        return b.integer_op("llvm.xor", value, shifted)

    def mixed(op: Any, operands: Sequence[Any]) -> Any:
        value = b.integer_op("llvm.mul", op, signed(_FACTORS[0]))
        for operand, factor in zip(operands, _FACTORS[1:], strict=True):
            value = b.integer_op("llvm.add", stirred(value), operand)
            value = b.integer_op("llvm.mul", value, signed(factor))
        return stirred(value)

    with b.each(n) as node:

        def word(array: Any) -> Any:
            return b.load(b.element(array, node, b.i64), b.i64)

        op = word(code)
        with b.when(b.compare_integers("sge", op, b.integer(FIRST_OP))):
            operands = []
            for column in (x, y, z):
                at = word(column)
                there = b.compare_integers("sge", at, b.integer(0))
                at = b.build("llvm.select", [b.i64], [there, at, n])
                operands.append(b.load(b.element(found, at, b.i64), b.i64))
            nothing = signed(_NOTHING)
            negated = mixed(negation, [operands[1], nothing, nothing])
            takes = b.compare_integers("eq", op, difference)
            op = b.build("llvm.select", [b.i64], [takes, total, op])
            operands[1] = b.build("llvm.select", [b.i64], [takes, negated, operands[1]])
            b.store(mixed(op, operands), b.element(found, node, b.i64))
    b.leave()
