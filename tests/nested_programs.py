"""Random legal programs over the whole grammar: nests of loops of every kind, gathers, sums, state.

    program = random_program(random.Random(seed), ragged=False)
    given = random_inputs(program, random.Random(seed))

Sizes lie around vector widths. What is computed arrives in `out`, one number, and in `y`, an array.
With `whole`, all data and all results are whole numbers, small enough that sums are exact in every
order; else numbers stay tame, so that rounding does not grow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod
from random import Random
from typing import Any

import numpy as np

from micrograd import ops
from micrograd.jit.ir.extents import Affine, Entries, Extent, is_number
from micrograd.jit.ir.places import most_of, span, steps
from micrograd.jit.ir.program import (
    GIVEN,
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
    row_major,
)
from micrograd.jit.ir.verify import verify
from micrograd.ops import OPS, Op

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33)
MOST = 700
"""Points of one statement."""
Where = tuple[int, tuple[int, ...], tuple[Part, ...]]
"""One place: offset, strides, parts."""


@dataclass(frozen=True)
class Features:
    """What programs may have."""

    whole: bool = False  # whole numbers, in data and results
    small: bool = False  # few points, for what is slow
    smooth: bool = False  # ops that have derivatives everywhere; sums and products only
    loops: bool = True  # around statements
    order: bool = True  # loops in order and in reverse order
    triangles: bool = True
    ragged: bool = True
    ragged_inputs: bool = True  # by lengths that are inputs
    zero: bool = True  # trip counts of 0
    extents: bool = True  # given when the program runs
    mod: bool = True
    div: bool = True
    tables: bool = True  # gathers through constants
    gathers: bool = True  # and through inputs
    scatters: bool = True
    products: bool = True
    extremes: bool = True  # reductions by max and min
    disjoint: bool = True  # several statements that write parts of one array
    state: bool = True


@dataclass
class Readable:
    """An array of which everything may be read, given the indices of the loops around it.

    `exact` is the domain whose points alone may be read, each by itself.
    """

    name: str
    shape: tuple[int, ...]
    depth: int = 0
    exact: tuple[int, ...] | None = None


@dataclass
class Around:
    """The loops around a body, and what may be read there."""

    domain: tuple[int, ...] = ()
    orders: tuple[Order, ...] = ()
    pool: list[Readable] = field(default_factory=list)


def random_program(random: Random, **features: bool) -> Program:
    """A verified program; `features` that are not wanted are False."""
    made = _Maker(random, Features(**features)).make()
    return verify(made, "its drawing")


def random_inputs(program: Program, random: Random, *, whole: bool = False) -> dict[str, Any]:
    """What a program is given, by name: numbers, entries, and extents."""
    given: dict[str, Any] = {}
    for a in program.arrays.values():
        if a.role is Role.EXTENT:
            given[a.name] = random.choice([0, 1, a.size, random.randint(0, a.size)])
            given[a.name] = min(given[a.name], a.size)
        elif a.is_index and a.role in GIVEN:
            given[a.name] = [random.randrange(a.below) for _ in range(a.size)]
        elif a.role in GIVEN:
            draw = random.randint if whole else random.uniform
            given[a.name] = [float(draw(-3, 3)) for _ in range(a.size)]
    return given


class _Maker:
    def __init__(self, random: Random, features: Features) -> None:
        self.random, self.features = random, features
        self.program = Program()
        self.sizes: tuple[int, ...]
        self.sizes, self.most = (SIZES[:7], 60) if features.small else (SIZES, MOST)
        self.names = 0
        self.outer = Around()

    def make(self) -> Program:
        r, p = self.random, self.program
        for role in [Role.INPUT, Role.INPUT, r.choice([Role.PARAMETER, Role.CONSTANT])]:
            shape = tuple(r.choice(self.sizes[:9]) for _ in range(r.choice([1, 1, 2, 2, 3])))
            shape = shape if prod(shape) <= 400 else shape[:1]
            name = self.name("x")
            data = None
            if role is Role.CONSTANT:
                draw = r.randint if self.features.whole else r.uniform
                data = np.array([float(draw(-3, 3)) for _ in range(prod(shape))])
            p.declare(name, role, shape, data)
            self.outer.pool.append(Readable(name, shape))
        if self.features.state and r.random() < 0.4:
            shape = (r.choice(self.sizes),)
            p.declare("w", Role.STATE, shape)
            self.outer.pool.append(Readable("w", shape))
        for _ in range(r.randint(1, 4)):
            self.something(p.body, self.outer)
        self.finish()
        return p

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def finish(self) -> None:
        """Everything that was computed is summed up into `out`; an array of it is `y`."""
        p = self.program
        done = [x for x in self.outer.pool if p.arrays[x.name].role is Role.TEMPORARY]
        p.declare("out", Role.OUTPUT)
        p.assign(Access("out"), 0.0)
        for x in done or self.outer.pool[:1]:
            domain = x.shape if x.exact is None else x.exact
            read = self.tame(Access(x.name, 0, row_major(domain)))
            target = Access("out", 0, (0,) * len(domain))
            p.assign(target, read, domain, accumulate=ops.add)
        last = [x for x in done or self.outer.pool if x.exact is None][-1:] or self.outer.pool[:1]
        shape = last[0].shape
        p.declare("y", Role.OUTPUT, shape)
        own = Access("y", 0, row_major(shape))
        p.assign(own, Apply(ops.mul, (own.of(last[0].name), 2.0)), shape)

    # --- nodes ------------------------------------------------------------------------------

    def something(self, body: list[Node], at: Around) -> None:
        """Add what computes one array or more to a body."""
        f, r = self.features, self.random
        kinds: list[Callable[[list[Node], Around], None]] = [self.map, self.reduction]
        if f.scatters and (f.tables or f.gathers) and not at.domain:
            kinds.append(self.scatter)
        if f.disjoint:
            kinds.append(self.parts)
        if "w" in self.program.arrays and all(o is not Order.FREE for o in at.orders):
            kinds.append(self.update)
        if f.loops and len(at.domain) < 3 and _most(at.domain) <= self.most // 4:
            kinds += [self.nest] * (4 if not at.domain else 1)
            if f.order:
                kinds += [self.recurrence] * (3 if not at.domain else 1)
        r.choice(kinds)(body, at)

    def map(self, body: list[Node], at: Around) -> None:
        """An array that has an element for every point."""
        domain = self.domain(at.domain, self.random.randint(0 if at.domain else 1, 2))
        self.assign(body, at, domain, self.expression(at, domain))

    def assign(self, body: list[Node], at: Around, domain: tuple[int, ...], expr: Expr) -> str:
        """Assign to a new array, whose dimensions are the loops, some backwards."""
        name, shape = self.name("t"), tuple(map(int, domain)) or (1,)
        self.program.declare(name, Role.TEMPORARY, shape)
        offset, strides = 0, list(row_major(domain))
        for d in range(len(at.domain), len(domain)):
            if is_number(domain[d]) and domain[d] > 0 and self.random.random() < 0.15:
                offset += strides[d] * (domain[d] - 1)
                strides[d] = -strides[d]
        body.append(Statement(Access(name, offset, tuple(strides)), expr, domain))
        depth = len(at.domain)
        if all(map(is_number, domain[depth:])):
            self.readable(at, Readable(name, shape, depth))
        elif not offset:
            at.pool.append(Readable(name, shape, depth, exact=domain))
        return name

    def readable(self, at: Around, x: Readable) -> None:
        """From here on it may be read."""
        at.pool.append(x)
        if at is not self.outer and all(map(is_number, at.domain)):
            self.outer.pool.append(replace(x, depth=-1))  # when the nest is done

    def reduction(self, body: list[Node], at: Around) -> None:
        """An array that starts with something and is reduced into."""
        r = self.random
        kept = self.domain(at.domain, r.randint(0, 1), plain=True)
        domain = self.domain(kept, r.randint(1, 2))
        op = self.op()
        first = max(-9.0, min(9.0, op.identity or 0.0))  # no infinity where nothing is reduced
        start = r.choice([0.0, -0.0, 1.0, first]) if r.random() < 0.7 else None
        begin = self.expression(at, kept) if start is None else start
        depth = len(at.domain)
        name = self.assign(body, at, kept, begin)
        at.pool.pop()  # not yet
        if at is not self.outer and all(map(is_number, at.domain)):
            self.outer.pool.pop()
        written = body[-1]
        assert isinstance(written, Statement)
        own = written.target
        target = Access(name, own.offset, (*own.strides, *[0] * (len(domain) - len(kept))))
        body.append(Statement(target, self.factor(op, self.expression(at, domain)), domain, op))
        shape = self.program.arrays[name].shape
        self.readable(at, Readable(name, shape, depth))

    def scatter(self, body: list[Node], at: Around) -> None:
        """A sum into elements that an index array says."""
        r, f = self.random, self.features
        shape = (
            r.choice(self.sizes[:8]),
            *([r.choice(self.sizes[:6])] if r.random() < 0.5 else []),
        )
        name = self.name("t")
        self.program.declare(name, Role.TEMPORARY, shape)
        body.append(Statement(Access(name, 0, row_major(shape)), r.choice([0.0, -0.0]), shape))
        domain = self.domain(at.domain, r.randint(1, 2))
        table = f.tables and not (f.gathers and r.random() < 0.5)
        places = [self.entry(shape[0], domain, table)]
        places += [self.place(count, domain) for count in shape[1:]]
        statement = Statement(
            _access(name, shape, places), self.expression(at, domain), domain, ops.add
        )
        count = domain[0]
        if f.loops and r.random() < 0.4:
            body.append(Loop(count, self.order(), [statement]))
        else:
            body.append(statement)
        self.readable(at, Readable(name, shape, len(at.domain)))

    def parts(self, body: list[Node], at: Around) -> None:
        """Two statements that write parts of one array: halves, or every other element."""
        r = self.random
        n, m = r.choice(self.sizes[1:]), r.choice(self.sizes[:3])
        outside = tuple(map(int, at.domain))
        if prod(outside) * n * m > self.most:
            return self.map(body, at)
        name, shape = self.name("t"), (*outside, n, m)
        self.program.declare(name, Role.TEMPORARY, shape)
        strides, depth = steps(shape), len(outside)
        cut = r.randint(1, n - 1)
        pieces = [(0, 1, cut), (cut, 1, n - cut)]
        if r.random() < 0.5:
            pieces = [(1, 2, n // 2), (0, 2, n - n // 2)]
        for first, step, count in pieces:
            domain = (*at.domain, count, m)
            target = Access(
                name, first * m, (*strides[:depth], step * m, 1)
            )  # the others' elements lie between
            body.append(Statement(target, self.expression(at, domain), domain))
        self.readable(at, Readable(name, shape, depth))
        return None

    def update(self, body: list[Node], at: Around) -> None:
        """State, rewritten in place."""
        (n,) = self.program.arrays["w"].shape
        domain = (*at.domain, n)
        own = Access("w", 0, (*[0] * len(at.domain), 1))
        pool = [x for x in at.pool if x.name != "w"]
        inside = replace(at, pool=pool)
        if self.random.random() < 0.3:
            body.append(Statement(own, self.expression(inside, domain), domain, ops.add))
            return
        other = self.expression(inside, domain)
        expr = self.tame(Apply(self.random.choice([ops.add, ops.sub]), (own, other)))
        body.append(Statement(own, expr, domain))

    def nest(self, body: list[Node], at: Around) -> None:
        """A loop around several nodes."""
        extent = self.count(at.domain)
        order = self.order()
        inside = Around((*at.domain, extent), (*at.orders, order), list(at.pool))
        inner: list[Node] = []
        for _ in range(self.random.randint(1, 3)):
            self.something(inner, inside)
        body.append(Loop(extent, order, inner))
        self.close()

    def recurrence(self, body: list[Node], at: Around) -> None:
        """An array whose row in each iteration is computed from the one before it."""
        r = self.random
        own = self.domain(at.domain, r.randint(0, 1), plain=True)[len(at.domain) :]
        extent = self.count((*at.domain, *own))
        if not is_number(extent) and isinstance(extent, Affine | Entries):
            extent = self.count(at.domain)
        order = r.choice([Order.FORWARD, Order.REVERSE])
        back = order is Order.REVERSE and is_number(extent)
        order = Order.REVERSE if back else Order.FORWARD
        outside, depth = tuple(map(int, at.domain)), len(at.domain)
        name, shape = self.name("h"), (*outside, int(extent) + 1, *map(int, own))
        self.program.declare(name, Role.TEMPORARY, shape)
        strides = tuple(steps(shape))
        row = strides[depth]
        first = int(extent) * row if back else 0
        start = Access(name, first, (*strides[:depth], *strides[depth + 1 :]))
        domain = (*at.domain, *own)
        body.append(Statement(start, self.expression(at, domain), domain))
        inside = Around((*at.domain, extent), (*at.orders, order), list(at.pool))
        domain = (*at.domain, extent, *own)
        before, after = (row, 0) if back else (0, row)
        read = Access(name, before, strides)
        if own and own[0] > 1 and r.random() < 0.5:  # from the neighbour's, or the first's
            move = (*strides[: depth + 1], 0)
            mirrored = Access(name, before + own[0] - 1, (*strides[: depth + 1], -1))
            read = r.choice([Access(name, before, move), mirrored])
        expr = self.tame(Apply(r.choice([ops.add, ops.sub, ops.mul]), (
            read, self.expression(inside, domain))), always=True)  # fmt: skip
        inner: list[Node] = [Statement(Access(name, after, strides), expr, domain)]
        # the row that was written, for what follows in this iteration
        if r.random() < 0.6 and own:
            s = self.name("t")
            self.program.declare(s, Role.TEMPORARY, (*outside, max(1, int(extent))))
            here = Access(s, 0, (*steps((*outside, max(1, int(extent)))), 0))
            around = Access(s, 0, here.strides[:-1])
            inner.append(Statement(around, 0.0, (*at.domain, extent)))
            written = Access(name, after, strides)
            inner.append(Statement(here, self.tame(written), domain, ops.add))
            if int(extent) and is_number(extent):
                self.readable(at, Readable(s, (*outside, int(extent)), depth))
            else:
                inside.pool.append(Readable(s, (*outside, max(1, int(extent))), depth + 1))
        if r.random() < 0.4:
            self.something(inner, inside)
        body.append(Loop(extent, order, inner))
        if is_number(extent):
            self.readable(at, Readable(name, shape, depth))
        self.close()

    def close(self) -> None:
        """What a nest has computed may be read outside, when no loop is open any more."""
        for x in self.outer.pool:
            if x.depth < 0:
                x.depth = 0

    # --- loops ------------------------------------------------------------------------------

    def order(self) -> Order:
        return self.random.choice(list(Order)) if self.features.order else Order.FREE

    def domain(self, outside: tuple[int, ...], loops: int, plain: bool = False) -> tuple[int, ...]:
        for _ in range(loops):
            outside = (*outside, self.count(outside, plain))
        return outside

    def count(self, outside: tuple[int, ...], plain: bool = False) -> int:
        """A trip count inside of loops."""
        f, r, p = self.features, self.random, self.program
        most = max(1, self.most // max(1, _most(outside)))
        sizes = [n for n in self.sizes if n <= most]
        n = r.choice(sizes)
        if plain or r.random() < 0.5:
            return 0 if f.zero and not plain and r.random() < 0.05 else n
        kind = r.choice(["extent", "triangle", "triangle", "ragged"])
        if kind == "extent" and f.extents:
            known = [a for a in p.with_role(Role.EXTENT) if a.size <= most]
            if known and r.random() < 0.6:
                return Extent(known[0].name, known[0].size)
            return p.extent(self.name("count"), n)
        loops = [d for d, c in enumerate(outside) if int(c) > 0]
        if kind == "triangle" and f.triangles and loops:
            d = r.choice(loops)
            stride = r.choice([1, 1, 1, -1, 2])
            offset = r.randint(0, 2) if stride > 0 else int(outside[d]) - r.randint(0, 1)
            offset -= 2 * (f.zero and r.random() < 0.2)
            strides = tuple(stride * (k == d) for k in range(len(outside)))
            high = most_of(offset, strides, outside)
            if 0 < high <= most:
                return Affine(offset, strides, high)
        if kind == "ragged" and f.ragged and loops:
            position, size = self.position(outside)
            name = self.name("n")
            if f.ragged_inputs and r.random() < 0.4:
                p.declare(name, Role.INPUT, size, None, "i64", n + 1)
                return Entries(name, *position, n)
            lengths = [r.randint(0 if f.zero else 1, n) for _ in range(size)]
            p.table(name, lengths)
            return Entries(name, *position, max(lengths))
        return n

    def position(self, domain: tuple[int, ...]) -> tuple[tuple[int, tuple[int, ...]], int]:
        """An affine number of at least 0, and what it is below."""
        r = self.random
        strides = tuple(r.choice([0, 1, 1, -1, 2]) if int(c) > 1 else 0 for c in domain)
        low, high = span(strides, domain)
        offset = r.randint(0, 2) - low
        return (offset, strides), offset + high + 1

    # --- accesses ---------------------------------------------------------------------------

    def access(self, at: Around, domain: tuple[int, ...]) -> Access | None:
        """A read of something that is there."""
        found = [x for x in at.pool if x.depth >= 0 and (x.exact is None or _fits(x, domain))]
        x = self.random.choice(found[-4:] if self.random.random() < 0.5 else found)
        if x.exact is not None:
            strides = row_major(x.exact)
            return Access(x.name, 0, (*strides, *[0] * (len(domain) - len(strides))))
        if 0 in x.shape:
            return None
        inner = x.shape[x.depth :] if x.shape != (1,) else (1,)
        places: list[Where] = []
        if x.shape != (1,) or not x.depth:
            for d in range(x.depth):
                places.append((0, tuple(int(k == d) for k in range(len(domain))), ()))
        else:
            places = []
        places += [self.place(count, domain) for count in inner]
        return _access(x.name, x.shape, places[: len(x.shape)])

    def place(self, count: int, domain: tuple[int, ...]) -> Where:
        """Somewhere in a dimension."""
        r, f = self.random, self.features
        still = (0,) * len(domain)
        kinds = {"mod": f.mod, "div": f.div, "table": f.tables, "gather": f.gathers}
        kind = r.choice([*["affine"] * 6, *[kind for kind, wanted in kinds.items() if wanted]])
        if kind in ("mod", "div") and domain:
            (offset, strides), end = self.position(domain)
            by = r.randint(1, count) if kind == "mod" else -(-end // count)
            most = by - 1 if kind == "mod" else (end - 1) // by
            return r.randint(0, count - 1 - most), still, (Part(kind, by, offset, strides),)
        if kind in ("table", "gather"):
            return self.entry(count, domain, kind == "table")
        for _ in range(6):
            chosen = [r.choice([0, 0, 1, 1, -1, 2]) if int(c) > 0 else 0 for c in domain]
            if sum(map(bool, chosen)) > 2:
                continue
            low, high = span(chosen, domain)
            if high - low < count:
                return r.randint(-low, count - 1 - high), tuple(chosen), ()
        return r.randrange(count), still, ()

    def entry(self, count: int, domain: tuple[int, ...], table: bool) -> Where:
        """Where an index array says, a constant or an input."""
        r, p = self.random, self.program
        (offset, strides), size = self.position(domain)
        name = self.name("at")
        below = r.randint(1, count)
        if table:
            p.table(name, [r.randrange(below) for _ in range(size)])
        else:
            p.declare(name, Role.INPUT, size, None, r.choice(["i32", "i64"]), below)
        part = Part("entry", name, offset, strides)
        return r.randint(0, count - below), (0,) * len(domain), (part,)

    # --- expressions ------------------------------------------------------------------------

    def op(self) -> Op:
        """What to reduce by."""
        f = self.features
        found = [ops.add, ops.add]
        if f.products:
            found.append(ops.mul)
        if f.extremes and not f.smooth:
            found += [ops.maximum, ops.minimum]
        return self.random.choice(found)

    def expression(self, at: Around, domain: tuple[int, ...]) -> Expr:
        """An expression of one to three operands."""
        r, f = self.random, self.features
        binary = [ops.add, ops.sub, ops.mul]
        unary = [ops.neg]
        if f.whole:
            binary += [ops.maximum, ops.minimum]
            unary += [ops.relu, OPS["abs"]]
        else:
            unary += [ops.tanh, ops.sin]
            if not f.smooth:
                binary.append(ops.maximum)
                unary += [ops.relu, OPS["abs"]]
        literal = r.choice([2.0, -1.0, 1.0, 3.0] if f.whole else [2.0, 0.5, -1.5])
        expr: Expr = self.access(at, domain) or literal
        for _ in range(r.randint(0, 2)):
            other: Expr = literal if r.random() < 0.15 else self.access(at, domain) or literal
            expr = Apply(r.choice(binary), (expr, other) if r.random() < 0.5 else (other, expr))
            if r.random() < 0.3:
                expr = Apply(r.choice(unary), (expr,))
        return self.tame(expr)

    def tame(self, expr: Expr, *, always: bool = False) -> Expr:
        """The expression between bounds: always, if it is of whole numbers."""
        if self.features.whole:
            return ops.minimum(ops.maximum(expr, -8.0), 8.0)  # type: ignore[no-any-return]
        if isinstance(expr, float) or not (always or self.random.random() < 0.6):
            return expr
        return Apply(ops.tanh, (expr,))

    def factor(self, op: Op, expr: Expr) -> Expr:
        """What is reduced: factors of products are near 1."""
        if op is not ops.mul:
            return expr
        if self.features.whole:
            return ops.minimum(ops.maximum(expr, -1.0), 1.0)  # type: ignore[no-any-return]
        return Apply(ops.add, (Apply(ops.mul, (Apply(ops.tanh, (expr,)), 0.25)), 1.0))


def _fits(x: Readable, domain: tuple[int, ...]) -> bool:
    assert x.exact is not None
    return domain[: len(x.exact)] == x.exact


def _most(domain: tuple[int, ...]) -> int:
    return prod(max(1, int(c)) for c in domain)


def _access(name: str, shape: tuple[int, ...], places: list[Where]) -> Access:
    """The access to these places."""
    sizes = steps(shape)
    offset = sum(size * place[0] for size, place in zip(sizes, places, strict=True))
    columns = zip(*[place[1] for place in places], strict=True)
    strides = tuple(sum(n * s for n, s in zip(sizes, column, strict=True)) for column in columns)
    parts = tuple(
        replace(part, scale=part.scale * size)
        for size, place in zip(sizes, places, strict=True)
        for part in place[2]
    )
    return Access(name, offset, strides, parts)
