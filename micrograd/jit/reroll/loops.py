"""Graph -> Program by its loop tree: loops that carry values, triangles, ragged loops, nests.

The trace is looked at as a string (`strings`), in which loops are found bottom-up (`recognise`);
each op of their bodies becomes a static with iteration vectors (`statics`), whose operands are
affine accesses (`operands`); what needs the iteration before runs in loops in order (`distribute`).
The program is proved against the graph before it is used (`prove`).

Requires a verified graph; establishes a verified program with the same outputs. The operations,
and the order of every sum, are the graph's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ... import ops as table
from ...checking import is_checking
from ...errors import CompilerError
from ..ir.extents import is_number
from ..ir.graph import CONSTANT, Graph, op_of
from ..ir.nests import Ints
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Order,
    Part,
    Program,
    Role,
    Statement,
    entry,
)
from . import found
from .as_traced import as_traced
from .classes import declare_leaves
from .distribute import Ordered, Step, distribute
from .homes import Home, Leaf, Number, Operand, Task, Whole
from .in_order import in_creation_order
from .operands import NoLoops, Operands
from .outputs import write_outputs
from .prove import illegal, mismatch
from .recognise import recognise
from .statics import Level, Map, Static, statics_of
from .strings import Ops
from .tables import layout, step_of
from .tree import Tree

ATTEMPTS = 24
"""How often what is no loop after all is written out, or no sum after all a loop in order."""
DEPTHS = (1, 2)
"""Depths of local classes by which loops are looked for."""
FEW = 20
"""Statements of a program for which no shorter one is looked for."""
GOOD = 60
"""The same, if they are hardly more than what the loops are made of."""

MANY = 100_000
"""Ops of a trace that is not looked at twice if its program is good."""


def looped(graph: Graph, output: str, most: int, *, in_order: bool = False) -> Program | None:
    """The program of the loops in the graph; None if it would have more than `most` statements.

    in_order   also None if its derivatives would not be added up in the order of the trace
    """
    search = _Search(graph, output)
    for form in ORDERED if in_order else (Form(False, True, False),):
        found = search.program(most, form)
        if found is not None:
            return found
    return None


class _Search:
    """Looks for the loops of a graph by local classes of depth 1, and of depth 2."""

    def __init__(self, graph: Graph, output: str) -> None:
        self.graph = graph
        self.output = output
        self.ops = Ops(graph)
        self.trees: dict[int, Tree] = {}
        self._statics: dict[int, int] = {}

    def tree(self, depth: int) -> Tree:
        """The tree, as it was found."""
        if depth not in self.trees or self.trees[depth].is_written_out:
            self.trees[depth] = recognise(self.ops, depth)
            self._statics[depth] = self.trees[depth].statics
        return self.trees[depth]

    def statics(self, depth: int) -> int:
        """Of how many ops its loops are made."""
        if depth not in self._statics:
            self.tree(depth)
        return self._statics[depth]

    def program(self, most: int, form: Form) -> Program | None:
        """The shorter of both programs, as far as their statics tell before they are made."""
        statics = self.statics(1)
        tried = min(most, max(FEW, min(GOOD, statics + statics // 4)))
        best = self._program(1, tried, form)
        if best is not None:
            few = len(best.statements) <= FEW
            if few or len(self.ops) > MANY or self.statics(2) >= statics:
                return best
            return self._program(2, len(best.statements) - 1, form) or best
        first, second = sorted(DEPTHS, key=self.statics)
        bound = min(most, max(FEW, self.statics(second)))
        if first == 2 or bound > 2 * tried:
            best, tried = self._program(first, bound, form), bound
        if best is None:
            best = self._program(second, most, form)
        if best is None and tried < most:
            best = self._program(first, most, form)
        return best

    def _program(self, depth: int, most: int, form: Form) -> Program | None:
        return _program(self.graph, self.tree(depth), self.output, most, form)


class Form(NamedTuple):
    """What a program of loops is to be.

    in_order   its derivatives are added up in the order of the trace
    inline     what one operand needs is part of its expression, if it was computed long before, too
    as_traced  its loops are the trace's, not distributed
    """

    in_order: bool
    inline: bool
    as_traced: bool


ORDERED = (Form(True, True, False), Form(True, False, False), Form(True, False, True))
"""Those in order, as they are tried."""


def _program(graph: Graph, tree: Tree, output: str, most: int, form: Form) -> Program | None:
    ops = tree.ops
    outputs = ops.number[np.array(graph.outputs, dtype=np.int64)]
    prefixes: set[int] = set()
    statics: list[Static] = []
    for _ in range(ATTEMPTS):
        if len(tree.sequence) > most:
            return None
        statics = statics or statics_of(tree)
        try:
            operands = Operands(ops, statics, outputs, most, prefixes, inline=form.inline)
            steps = as_traced(operands) if form.as_traced else distribute(operands)
            break
        except NoLoops as failed:
            if not prefixes.issuperset(failed.prefixes):
                prefixes.update(failed.prefixes)
            elif failed.broken:
                fewest = min(failed.broken, key=lambda s: len(s.ops))
                tree.write_out(fewest.ops[:1])
                statics, prefixes = [], set()
            else:
                return None
    else:
        return None
    if len(operands.tasks) > most:
        return None
    writer = _Writer(graph, operands, steps)
    program = writer.program(output)
    wrong = mismatch(program, operands.values, writer.claims, output) or illegal(program)
    if wrong is not None:
        if is_checking():
            raise CompilerError(f"the loops found in the trace are not its own: {wrong}")
        return None
    if form.in_order and not in_creation_order(program, operands.values, writer.claims):
        return None
    return program


class _Writer:
    """Writes tasks in their loops as a program."""

    def __init__(self, graph: Graph, operands: Operands, steps: list[Step]) -> None:
        self.graph = graph
        self.ops = operands.ops
        self.operands = operands
        self.steps = steps
        self.result = declare_leaves(graph)
        self.counts: dict[int, int] = {}
        self.tables: dict[bytes, str] = {}
        self.data: dict[bytes, str] = {}
        self.claims: dict[int, Ints] = {}

    def program(self, output: str) -> Program:
        """The program."""
        kept = {task.home.number: task.home for task in self.operands.tasks}
        for home in kept.values():
            shape = home.shape or (1,)
            self.result.declare(f"t{home.number}", Role.TEMPORARY, shape)
        self.result.body = self._nodes(self.steps)
        values: list[Expr] = [self._output(node) for node in self.graph.outputs]
        write_outputs(self.result, output, values)
        self.result.found = found.loops(self.result)
        return self.result

    def _nodes(self, steps: list[Step]) -> list[Node]:
        nodes: list[Node] = []
        for step in steps:
            if isinstance(step, Ordered):
                order = Order.FREE if step.free else Order.FORWARD
                nodes.append(Loop(self._count(step.level), order, self._nodes(step.body)))
            else:
                nodes += self._statements(step)
        return nodes

    def _statements(self, task: Task) -> list[Statement]:
        domain = tuple(map(self._count, task.path))
        if task.target is None:
            assert task.target_points is not None
            target = self._at_points(task.home, task.target_points, task.points, task.path)
        else:
            target = self._access(task.home, task.target)
        if task.depth is None or task.static is None:
            expr = self._value(task, task.points)
            made = Statement(target, expr, domain, origin=self._origin(task))
            self.claims[id(made)] = self.operands.values_of(task)
            return [made]
        outer = domain[: task.depth]
        assert task.start is not None
        assert task.start_points is not None
        start = self._operand(task.start, task.start_points, task.path[: task.depth])
        op = op_of(task.static.code)
        (operand,) = task.operands
        term = self._operand(operand, task.points, task.path)
        if not op.reduces:  # a difference is a sum of what it takes away
            op, term = table.add, table.neg(term)
        keep = tuple(target.strides[: task.depth])
        begin = Statement(Access(target.array, target.offset, keep), start, outer)
        add = Statement(target, term, domain, op, self._origin(task))
        self.claims[id(begin)] = self.operands.starts_of(task)
        self.claims[id(add)] = task.static.ops
        return [begin, add]

    def _origin(self, task: Task) -> Ints:
        """The nodes that a task is."""
        if task.static is None:
            return np.zeros(0, dtype=np.int64)
        found, stack = [], [task]
        while stack:
            each = stack.pop()
            assert each.static is not None
            found.append(self.ops.node[each.static.ops])
            stack += [
                self.operands.inlined[x.static.number]
                for x in each.operands
                if isinstance(x, Whole)
            ]
        return np.concatenate(found)

    # -- expressions -----------------------------------------------------------------------------

    def _value(self, task: Task, points: Ints) -> Expr:
        """What a task computes at its points."""
        args = tuple([self._operand(x, points, task.path) for x in task.operands])
        return args[0] if task.static is None else Apply(op_of(task.static.code), args)

    def _operand(self, operand: Operand, points: Ints, path: tuple[Level, ...]) -> Expr:
        if isinstance(operand, Whole):
            return self._value(self.operands.inlined[operand.static.number], points)
        if isinstance(operand, Number):
            return self._number(operand.values, points, path)
        if isinstance(operand, Leaf):
            name = self.ops.leaves[operand.kind]
            if operand.map is None:
                return self._entry(name, operand.elements, points, path)
            matrix, vector = operand.map
            strides = matrix[:, 0].tolist()
            parts: tuple[Part, ...] = ()
            if operand.turn is not None:
                loop = operand.turn.loop
                along = tuple(int(d == loop) for d in range(len(strides)))
                scale, strides[loop] = strides[loop], 0
                parts = (Part("mod", operand.turn.count, operand.turn.shift, along, scale),)
            return Access(name, int(vector[0]), tuple(strides), parts)
        if operand.map is None:
            return self._at_points(operand.home, operand.points, points, path)
        return self._access(operand.home, operand.map)

    def _at_points(self, home: Home, there: Ints, points: Ints, path: tuple[Level, ...]) -> Access:
        """The access to points of a home that follow no map."""
        return self._entry(f"t{home.number}", home.elements(there), points, path)

    def _access(self, home: Home, map: Map) -> Access:
        return Access(f"t{home.number}", *home.flat(map))

    def _output(self, node: int) -> Expr:
        """A value of the graph, behind all loops."""
        op = int(self.ops.number[node])
        if op < 0:
            code, payload = int(self.graph.codes[node]), int(self.graph.x[node])
            if code == CONSTANT:
                return float(self.graph.constants[payload])
            return Access(*self.graph.element(code, payload))
        static = self.operands.statics[int(self.operands.static_of[op])]
        home = self.operands.task_of[static.number].home
        point = static.points[self.operands.row_of[op]][: home.rank]
        return Access(f"t{home.number}", int(home.elements(point)))

    # -- data ------------------------------------------------------------------------------------

    def _number(self, numbers: Ints, points: Ints, path: tuple[Level, ...]) -> Expr:
        """A number that all points share, or data with the loops that it varies over."""
        values = self.graph.constants[numbers]
        bits = values.view(np.int64)
        if (bits == bits[0]).all():
            return float(values[0])
        strides, size, flat = layout(bits, points, path)
        data = np.zeros(size)
        data[flat] = values
        key = data.tobytes()
        if key not in self.data:
            self.data[key] = f"c{len(self.data)}"
            self.result.declare(self.data[key], Role.CONSTANT, size, data)
        return Access(self.data[key], 0, strides)

    def _entry(self, array: str, elements: Ints, points: Ints, path: tuple[Level, ...]) -> Access:
        """Elements in no order, through an index array; in a ragged loop, of where rows begin."""
        if not all(is_number(self._count(level)) for level in path):
            step = step_of(elements, points)
            if step:
                first = self._entry(array, elements - step * points[:, -1], points, path)
                return replace(first, strides=(*first.strides[:-1], step))
        strides, size, flat = layout(elements, points, path)
        entries = np.zeros(size, dtype=np.int64)
        entries[flat] = elements
        return entry(array, self._table(entries), 0, strides)

    def _table(self, entries: Ints) -> str:
        key = entries.tobytes()
        if key not in self.tables:
            self.tables[key] = self.result.table(f"index{len(self.tables)}", entries)
        return self.tables[key]

    def _count(self, level: Level) -> int:
        """The trip count of a loop."""
        if id(level) not in self.counts:
            self.counts[id(level)] = level.trip_count(self._table)
        return self.counts[id(level)]
