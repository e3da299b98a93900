"""Emits what finds the classes of the nodes of a graph.

    void count(i64 n, const i64 *code, x, y, z, i32 *used)
    i64 join(i64 n, const i64 *code, x, y, const i32 *used, i32 *root, number, sums, first)
    i64 classify(const i64 *limits, void *const *columns)
    void list(i64 n, const i32 *cls, position, const i64 *offset, i64 *members)

`join` finds the sums of more than two terms: `root` is the last `+` of that which a `+` is part of,
else -1; `number` of a last `+` is that of its sum. `classify` numbers classes as it meets them, and
says how many there are, or NONE.
"""

from __future__ import annotations

from lowering.bindings import ir

from ... import ops
from ..ir.graph import FIRST_OP, code_of
from .memory import Elements, Memory

NONE = -1
"""What `classify` says where there are too many classes, or they are too deep."""
CHEAP, COMMUTATIVE = 1, 2
"""What is known of an op, as bits."""
SUM, INLINED = 1, 2
"""What is known of a class."""
LIMITS = ("nodes", "known", "classes", "arrays", "inlined", "deepest", "mask")
COLUMNS = {
    **dict.fromkeys(("code", "x", "y", "z"), 64),
    **dict.fromkeys(("used", "root", "cls", "position"), 32),
    "facts": 8,
    **dict.fromkeys(("first", "filled", "terms", "deep"), 32),
    **dict.fromkeys(("mixed", "key", "rest"), 64),
    **dict.fromkeys(("entry", "depth", "size", "kind", "oldest", "many"), 32),
}
"""What `classify` reads and writes, and how wide it is: of nodes; of codes; of sums, and their
terms; of the table of hashes; of classes, one place behind their numbers, for 0 stands for none."""
_ADD = code_of(ops.add)
_MIXERS = tuple(k - 2**64 for k in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class ClassCode(Memory):
    """Appends the functions to the module of a builder."""

    def emit(self) -> None:
        """All of them."""
        self._count()
        self._join()
        self._numbered()
        self._classify()
        self._list()

    def _count(self) -> None:
        """How often each node is an operand."""
        b = self.b
        n, *columns, used = b.function("count", [b.i64, *[b.ptr] * 5]).arguments
        code, *operands = (self.column(column, 64) for column in columns)
        uses = self.column(used, 32)
        with b.each(n) as node, b.when(self.is_op(code[node])):
            for operand in operands:
                at = operand[node]
                with b.when(self.less(-1, at)):
                    uses.add(at, 1)
        b.leave()

    def is_op(self, code: ir.Value) -> ir.Value:
        """Whether a node is no leaf."""
        return self.less(FIRST_OP - 1, code)

    def _join(self) -> None:
        b = self.b
        n, *columns = b.function("join", [b.i64, *[b.ptr] * 8], b.i64).arguments
        widths = 64, 64, 64, *[32] * 5
        code, x, y, used, root, number, sums, first = map(self.column, columns, widths)
        with b.each(n) as k:
            node = self.minus(self.minus(n, 1), k)
            with b.when(self.equal(code[node], _ADD)):
                own = root[node]
                own = b.select(self.less(own, 0), node, own)
                root[node] = own
                for operand in (x, y):
                    o = operand[node]
                    is_link = b.both(self.equal(code[o], _ADD), self.equal(used[o], 1))
                    with b.when(is_link):
                        root[o] = own
                    with b.when(b.negated(is_link)):
                        number.add(own, 1)
        found, terms = self.variable(0), self.variable(0)
        with b.each(n) as node, b.when(self.equal(code[node], _ADD)):
            length = number[node]
            is_last = self.equal(root[node], node)
            is_long = self.less(2, length)
            with b.when(b.both(is_last, is_long)):
                at = found.add(0, 1)
                sums[at] = node
                number[node] = at
                terms.add(0, length)
                first[self.plus(at, 1)] = terms[0]
            with b.when(b.both(is_last, b.negated(is_long))):
                number[node] = b.integer(0)
                root[node] = b.integer(-1)
        b.leave(found[0])

    def _mixed(self, x: ir.Value) -> ir.Value:
        """A number that looks like any (splitmix64's finaliser; Steele, Lea, Flood 2014)."""
        first, second, third = _MIXERS
        h = self.times(self.plus(x, 1), first)
        h = self.times(self.xor(h, self.shifted(h, 30)), second)
        h = self.times(self.xor(h, self.shifted(h, 27)), third)
        return self.xor(h, self.shifted(h, 31))

    def _numbered(self) -> None:
        """The number of a class by its two keys: that of an entry of the table of hashes, or the
        next; 0 where there may be no more.

            i64 number(columns, limits, i64 *count, key, rest)
        """
        b = self.b
        types = [b.ptr, b.ptr, b.ptr, b.i64, b.i64]
        start = b.function("number", types, b.i64, internal=True)
        columns, limits, counted, key, rest = start.arguments
        keys, rests, entries = (self.of(columns, name) for name in ("key", "rest", "entry"))
        mask = self.column(limits, 64)[LIMITS.index("mask")]
        at = self.variable(0)
        at[0] = b.integer_op("llvm.and", self._mixed(self.xor(key, self._mixed(rest))), mask)

        def other() -> ir.Value:
            here = at[0]
            same = b.both(self.equal(keys[here], key), self.equal(rests[here], rest))
            return b.both(self.less(0, entries[here]), b.negated(same))

        with b.as_long_as(other):
            at[0] = b.integer_op("llvm.and", self.plus(at[0], 1), mask)
        here = at[0]
        found = self.variable(0)
        found[0] = entries[here]
        with b.when(self.equal(found[0], 0)):
            count = self.column(counted, 64)
            new = self.plus(count[0], 1)
            with b.when(self.less(new, self.column(limits, 64)[LIMITS.index("classes")])):
                keys[here], rests[here], entries[here] = key, rest, new
                count[0] = found[0] = new
        b.leave(found[0])

    def of(self, columns: ir.Value, name: str) -> Elements:
        """One of the columns that `classify` gets."""
        address = self.b.element(columns, list(COLUMNS).index(name), self.b.ptr)
        return self.column(self.b.load(address, self.b.ptr), COLUMNS[name])

    def _classify(self) -> None:
        b = self.b
        self.limits, self.columns = b.function("classify", [b.ptr, b.ptr], b.i64).arguments
        self.m = {name: self.of(self.columns, name) for name in COLUMNS}
        given = self.column(self.limits, 64)
        self.given = {name: given[k] for k, name in enumerate(LIMITS)}
        self.classes, self.arrays, self.failed, nodes = (self.variable(0) for _ in range(4))
        self.classes[0] = self.given["known"]

        def going() -> ir.Value:
            return b.both(self.less(nodes[0], self.given["nodes"]), self.equal(self.failed[0], 0))

        with b.as_long_as(going):
            node = nodes.add(0, 1)
            with b.when(self.is_op(self.m["code"][node])):
                is_part = self.less(-1, self.m["root"][node])
                b.either(is_part, lambda: self._add_terms(node), lambda: self._operation(node))
        b.leave(b.select(self.equal(self.failed[0], 0), self.classes[0], b.integer(NONE)))

    def _add_terms(self, node: ir.Value) -> None:
        """Those of a `+` to its sum, which has a class if that is the last `+`."""
        b, m = self.b, self.m
        root = m["root"][node]
        number = m["position"][root]
        for name in ("x", "y"):
            operand = m[name][node]
            of = m["root"][operand]
            is_link = b.both(self.less(-1, of), b.negated(self.equal(of, operand)))
            with b.when(b.negated(is_link)):
                term = self.plus(m["cls"][operand], 1)
                m["terms"][m["filled"].add(number, 1)] = operand
                m["mixed"].add(number, self._mixed(term))
                m["deep"][number] = self.larger(m["deep"][number], m["depth"][term])
        with b.when(self.equal(root, node)):
            length = self.minus(m["filled"][number], m["first"][number])
            key = self.xor(m["mixed"][number], self._mixed(length))
            depth = self.plus(m["deep"][number], 1)
            self._enter(node, (key, b.integer(-1)), depth, b.integer(0), b.integer(SUM))

    def _operation(self, node: ir.Value) -> None:
        b, m = self.b, self.m
        code = m["code"][node]
        facts = m["facts"][code]
        found, size, depth = [], b.integer(1), b.integer(0)
        for name in ("x", "y", "z"):
            operand = m[name][node]
            is_there = self.less(-1, operand)
            own = m["cls"][b.select(is_there, operand, b.integer(0))]
            own = b.select(is_there, self.plus(own, 1), b.integer(0))
            found.append(own)
            size = self.plus(size, m["size"][own])
            depth = self.larger(depth, m["depth"][own])
        x, y, z = found
        is_turned = b.both(self.less(y, x), self.bit(facts, COMMUTATIVE))
        x, y = b.select(is_turned, y, x), b.select(is_turned, x, y)
        is_cheap = b.both(self.bit(facts, CHEAP), self.less(size, self.given["inlined"]))
        is_part = b.both(is_cheap, self.equal(m["used"][node], 1))
        size = b.select(is_part, size, b.integer(0))
        kind = b.select(is_part, b.integer(INLINED), b.integer(0))
        keys = self.beside(x, y), self.beside(z, self.plus(self.times(code, 4), kind))
        self._enter(node, keys, self.plus(depth, 1), size, kind)

    def _enter(
        self,
        node: ir.Value,
        keys: tuple[ir.Value, ir.Value],
        depth: ir.Value,
        size: ir.Value,
        kind: ir.Value,
    ) -> None:
        """A node of the class with these keys; `size` is that of an inlined expression, else 0."""
        b, m = self.b, self.m
        before = self.classes[0]
        own = b.call("number", [self.columns, self.limits, self.classes.base, *keys], b.i64)
        with b.when(self.equal(own, 0)):
            self.failed[0] = b.integer(1)
        with b.when(self.less(before, own)):
            m["depth"][own], m["size"][own], m["kind"][own] = depth, size, kind
            m["oldest"][own] = node
            with b.when(b.negated(self.bit(kind, INLINED))):
                self.arrays.add(0, 1)
            is_deep = self.less(self.given["deepest"], depth)
            with b.when(is_deep):
                self.failed[0] = b.integer(1)
            with b.when(self.less(self.given["arrays"], self.arrays[0])):
                self.failed[0] = b.integer(1)
        m["cls"][node] = self.minus(own, 1)
        m["position"][node] = m["many"].add(own, 1)

    def _list(self) -> None:
        b = self.b
        n, *columns = b.function("list", [b.i64, *[b.ptr] * 4]).arguments
        cls, position, offset, members = map(self.column, columns, (32, 32, 64, 64))
        with b.each(n) as node:
            own = cls[node]
            with b.when(self.less(-1, own)):
                first = offset[own]
                with b.when(self.less(-1, first)):
                    members[self.plus(first, position[node])] = node
        b.leave()
