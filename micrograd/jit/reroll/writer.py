"""Tasks in their loops -> Program: statements, data, and what each statement claims to compute.

Requires tasks that `distribute` or `as_traced` has put into loops; establishes a program, which is
to be proved (`prove`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ... import ops as table
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
    row_major,
)
from . import found
from .classes import declare_leaves
from .distribute import Ordered, Step
from .homes import Home, Leaf, Number, Operand, Task, Whole
from .operands import Operands
from .outputs import write_outputs
from .statics import Level, Map
from .switches import Switch
from .tables import layout, step_of


class Writer:
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
        self.result.declare(output, Role.OUTPUT, len(values))
        write_outputs(self.result, output, values, self.graph.outputs)
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
        origin, starts = self._origin(task), self.operands.starts_of(task)
        begin.origin = np.concatenate([origin, self._computed(starts)])
        add = Statement(target, term, domain, op, origin)
        self.claims[id(begin)] = starts
        self.claims[id(add)] = task.static.ops
        return [begin, add]

    def _computed(self, values: Ints) -> Ints:
        """The nodes that values are of, but leaves."""
        nodes = self.ops.node
        return nodes[values[(values >= 0) & (values < len(nodes))]]

    def _origin(self, task: Task) -> Ints:
        """The nodes that a task is, or whose values it copies."""
        if task.static is None:
            return self._computed(self.operands.values_of(task))
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
            parts = tuple([_part(switch, int(switch.by[0])) for switch in operand.switches])
            if operand.turn is not None:
                loop = operand.turn.loop
                along = tuple(int(d == loop) for d in range(len(strides)))
                scale, strides[loop] = strides[loop], 0
                parts = (Part("mod", operand.turn.count, operand.turn.shift, along, scale),)
            return Access(name, int(vector[0]), tuple(strides), parts)
        if operand.map is None:
            return self._at_points(operand.home, operand.points, points, path)
        access = self._access(operand.home, operand.map)
        shape = np.array(row_major(operand.home.shape), dtype=np.int64)
        led = [_part(switch, int(switch.by @ shape)) for switch in operand.switches]
        return replace(access, parts=tuple(led))

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
        task = self.operands.task_of[static.number]
        assert task.target is not None
        matrix, vector = task.target
        point = static.points[self.operands.row_of[op]] @ matrix + vector
        return Access(f"t{task.home.number}", int(task.home.elements(point)))

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


def _part(switch: Switch, scale: int) -> Part:
    """What of an access a switch is."""
    return Part("div", switch.count, switch.shift, switch.along, scale)
