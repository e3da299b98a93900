"""Random programs of whole numbers, scheduled, emitted and run; the interpreter says what is right.

Whole numbers are added, multiplied and compared without rounding, so whatever order a schedule
takes, the results must be equal. What is drawn is what schedules are made of: several statements
over one loop, arrays that belong to an iteration or are shared, stretches of every length, windows,
steps of 2, backwards, transposed, through tables, sums into numbers, rows, columns and elements
that were just stored, sums that scatter, loops in order. Trip counts lie around vectors' widths.

    python -m tests.whole_programs SECONDS [FIRST_SEED]
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from random import Random
from typing import Any

import numpy as np

from lowering.bindings import ir
from micrograd import ops
from micrograd.errors import CompilerError
from micrograd.jit.code import compile_program
from micrograd.jit.emit.array_main import emit_block
from micrograd.jit.emit.function import emit
from micrograd.jit.emit.interface import BLOCK, ENTRY, Interface
from micrograd.jit.emit.making import set_pointer
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    dump,
    entry,
    map_accesses,
)
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.schedule import Schedule
from micrograd.jit.target import Target
from micrograd.ops import Op

COUNTS = (2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40, 64, 65)
MOST_POINTS = 4000
"""Of one statement: the interpreter takes a microsecond for each."""
LIMIT = 2.0**20
"""No number is larger: float32 has whole numbers up to 2**24."""
INPUTS = {"x": 9, "y": 70, "z": 33}


@dataclass
class Drawing:
    """A program that is being drawn; `most` is a bound on the numbers of each array."""

    random: Random
    program: Program = field(default_factory=Program)
    most: dict[str, float] = field(default_factory=dict)
    number: int = 0
    patterns: dict[Any, tuple[int, tuple[int, ...]]] = field(default_factory=dict)

    def declare(self, role: Role, size: int, most: float, data: Any = None) -> str:
        name = f"{role.value[0]}{self.number}"
        self.number += 1
        self.program.declare(name, role, size, data)
        self.most[name] = most
        return name

    # -- accesses ----------------------------------------------------------------------------

    def access(self, name: str, domain: tuple[int, ...], own: int = 0) -> Access:
        """A way to read an array; `own`: the stretch of it that belongs to an iteration."""
        r, size = self.random, self.program.arrays[name].size
        if own and r.random() < 0.8:
            inner = self.affine(own, domain[1:])
            return Access(name, inner[0], (own, *inner[1]))
        if r.random() < 0.25:  # with a pattern that the array was read with before, if it was
            known = self.patterns.get((name, domain))
            offset, strides = known or self.affine(size, domain)
            return entry(name, self.table(size), offset, strides)
        offset, strides = self.affine(size, domain)
        self.patterns[name, domain] = offset, strides
        return Access(name, offset, strides)

    def table(self, size: int) -> str:
        """An index table with as many entries as an array has elements; often one there is."""
        r = self.random
        tables = self.program.index_arrays
        old = [a.name for a in tables if a.size == size]
        if old and r.random() < 0.5:
            return r.choice(old)
        entries = [r.randrange(size) for _ in range(size)]
        return self.program.table(f"index{len(tables)}", entries)

    def affine(self, size: int, domain: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """An offset and strides that stay inside of `size` elements."""
        r = self.random
        strides = [0] * len(domain)
        room = size - 1
        order = list(range(len(domain)))
        r.shuffle(order)
        dense = 1
        for d in order:
            reach = room // max(1, domain[d] - 1)
            options = [0, 1, 2, dense, -1, reach]
            stride = r.choice([s for s in options if abs(s) <= reach])
            strides[d] = stride
            room -= abs(stride) * (domain[d] - 1)
            dense *= domain[d]
        low = sum(s * (c - 1) for s, c in zip(strides, domain, strict=True) if s < 0)
        offset = -low + (r.randrange(room + 1) if r.random() < 0.5 else 0)
        return offset, tuple(strides)

    def expression(
        self, domain: tuple[int, ...], owned: dict[str, int], depth: int = 3
    ) -> tuple[Expr, float]:
        """An expression over what may be read here, and a bound on it."""
        r = self.random
        if depth == 0 or r.random() < 0.25:
            if r.random() < 0.12:
                number = float(r.choice([-1, 2, 3]))
                return number, abs(number)
            recent = list(self.most)[-6:]
            name = r.choice(recent if r.random() < 0.7 else list(self.most))
            return self.access(name, domain, owned.get(name, 0)), self.most[name]
        (a, m), (b, n) = (self.expression(domain, owned, depth - 1) for _ in range(2))
        kind = r.choice(["add", "add", "sub", "mul", "max", "where", "neg"])
        if kind == "mul" and m * n <= LIMIT / 64:
            return Apply(ops.mul, (a, b)), m * n
        if kind == "max":
            return Apply(ops.maximum, (a, b)), max(m, n)
        if kind == "where":
            return Apply(ops.where, (Apply(ops.lt, (a, b)), a, b)), max(m, n)
        if kind == "neg":
            return Apply(ops.neg, (a,)), m
        return Apply(ops.sub if kind == "sub" else ops.add, (a, b)), m + n

    def bounded(self, domain: tuple[int, ...], owned: dict[str, int], terms: int = 1) -> Any:
        """An expression so small that `terms` of it may be added up."""
        e, most = self.expression(domain, owned)
        if most * terms > LIMIT / 16:
            e = Apply(ops.maximum, (-3.0, Apply(ops.minimum, (e, 3.0))))
            most = 3.0
        return e, most * terms

    # -- statements --------------------------------------------------------------------------

    def domain(self, count: int, most: int) -> tuple[int, ...]:
        """The first loop, and up to two more."""
        r, domain = self.random, [count]
        for _ in range(r.choice([0, 1, 1, 1, 2])):
            small = [c for c in COUNTS if prod(domain) * c <= most]
            if small:
                domain.append(r.choice(small))
        return tuple(domain)

    def loop(self, count: int) -> None:
        """Some statements over a loop of `count`, of which some belong together."""
        r = self.random
        owned: dict[str, int] = {}
        for _ in range(r.randrange(1, 7)):
            domain = self.domain(count, MOST_POINTS)
            if r.random() < 0.45:
                inner = domain[1:]
                stretch = prod(inner)
                e, most = self.bounded(domain, owned)
                name = self.declare(Role.TEMPORARY, count * stretch, most)
                order = _dense(inner, r)
                self.add(Access(name, 0, (stretch, *order)), e, domain)
                owned[name] = stretch
            elif owned and r.random() < 0.5:
                self.into_own(domain, owned)
            else:
                self.into_shared(domain, owned)

    def into_own(self, domain: tuple[int, ...], owned: dict[str, int]) -> None:
        """A sum into what belongs to an iteration and was just stored."""
        name = self.random.choice(list(owned))
        size = owned[name]
        offset, strides = self.affine(size, domain[1:])
        if self.random.random() < 0.4:
            strides = (0,) * len(strides)
        e, most = self.bounded(domain, owned, prod(domain[1:]))
        if self.most[name] + most > LIMIT:
            return
        self.most[name] += most
        self.add(Access(name, offset, (size, *strides)), e, domain, accumulate=ops.add)

    def into_shared(self, domain: tuple[int, ...], owned: dict[str, int]) -> None:
        """A sum into an array of its own, over some of the loops; or into an earlier one."""
        r = self.random
        e, most = self.bounded(domain, owned, prod(domain))
        old = [n for n, a in self.program.arrays.items() if a.role is Role.TEMPORARY]
        if old and r.random() < 0.3:
            name = r.choice(old)
            if self.most[name] + most > LIMIT:
                return
            target = self.access(name, domain)
            if any(a.array == name for a in accesses(e)):
                return
        else:
            name = self.declare(Role.TEMPORARY, r.choice([1, 4, domain[0], prod(domain[1:])]), 3.0)
            size = self.program.arrays[name].size
            self.add(Access(name, 0, (1,)), float(r.choice([0, -1, 3])), (size,))
            target = self.access(name, domain)
            if not target.parts and r.random() < 0.4:
                target = Access(name, target.offset, (0, *target.strides[1:]))
        self.most[name] += most
        self.add(target, e, domain, accumulate=ops.add)

    def in_order(self, count: int) -> None:
        """A few carried values: start values, then a loop in order."""
        r = self.random
        carried = []
        for _ in range(r.randrange(1, 4)):
            name = self.declare(Role.TEMPORARY, count + 1, 4.0)
            self.add(Access(name), float(r.choice([0, 1, -2])), ())
            carried.append(name)
        before = [Access(name, 0, (1,)) for name in carried]
        steps: list[Node] = []
        for name in carried:
            e: Expr = r.choice(before)
            for _ in range(r.randrange(1, 3)):
                other: Expr = r.choice([*before, self.access("i0", (count,)), 2.0])
                e = Apply(r.choice([ops.add, ops.sub, ops.maximum, ops.mul]), (e, other))
            e = Apply(ops.maximum, (-4.0, Apply(ops.minimum, (e, 4.0))))
            steps.append(Statement(Access(name, 1, (1,)), e, (count,)))
            if r.random() < 0.5:
                before.append(Access(name, 1, (1,)))
        self.program.body.append(Loop(count, Order.FORWARD, steps))

    def add(
        self, target: Access, e: Expr, domain: tuple[int, ...], *, accumulate: Op | None = None
    ) -> None:
        """Append a statement; its loops inside the first in any order."""
        order = list(range(1, len(domain)))
        self.random.shuffle(order)
        order = [0, *order] if domain else []

        def turned(a: Access) -> Access:
            return a.with_strides(lambda strides: tuple(strides[d] for d in order))

        self.program.body.append(
            Statement(
                turned(target),
                map_accesses(e, turned),
                tuple(domain[d] for d in order),
                accumulate,
            )
        )


def _dense(counts: tuple[int, ...], r: Random) -> tuple[int, ...]:
    """The strides of a dense array, its dimensions in any order."""
    order = list(range(len(counts)))
    r.shuffle(order)
    strides, size = [0] * len(counts), 1
    for d in order:
        strides[d] = size
        size *= counts[d]
    return tuple(strides)


def draw(seed: int) -> Program:
    """The program of a seed: whole numbers, verified, with two outputs at least."""
    while True:
        r = Random(seed)
        d = Drawing(r)
        for size in INPUTS.values():
            d.declare(Role.INPUT, size, 3.0)
        d.declare(Role.PARAMETER, 20, 3.0)
        data = np.array([float(r.randrange(-3, 4)) for _ in range(40)])
        d.declare(Role.CONSTANT, 40, 3.0, data)
        count = r.choice(COUNTS)
        for _ in range(r.randrange(1, 4)):
            if r.random() < 0.15:
                d.in_order(count)
            else:
                d.loop(count if r.random() < 0.7 else r.choice(COUNTS))
        program = d.program
        kept = [s.target.array for s in program.statements]
        for k, name in enumerate(dict.fromkeys(reversed(kept))):
            if k < 2 or r.random() < 0.3:
                program.arrays[name].role = Role.OUTPUT
        try:
            return verify(program, "its drawing")
        except CompilerError:
            seed += 1 << 32  # what cannot be is drawn again


def arguments(program: Program, seed: int) -> dict[str, Any]:
    """Whole numbers for its inputs and parameters."""
    r = np.random.default_rng(seed % (1 << 32))
    return {
        a.name: r.integers(-3, 4, a.size).astype(float)
        for a in program.with_role(Role.INPUT, Role.PARAMETER)
    }


class Compiled:
    """A program, compiled for vectors of `vector_bits`, as `main` and as `main_block`.

    plan, damage   a schedule instead of its own, and what happens to the text of the code: so that
                   tests can show that they notice
    """

    def __init__(
        self,
        program: Program,
        bits: int,
        vector_bits: int,
        *,
        exact: bool = False,
        points: bool = False,
        level: int = 2,
        plan: Schedule | None = None,
        damage: Callable[[str], str] | None = None,
    ) -> None:
        self.program, self.bits = program, bits
        self.dtype = np.dtype(f"f{bits // 8}")
        target = Target.host(self.dtype, strict=exact, vector_bits=vector_bits)
        made = emit_block if points else emit

        def emitted(*given: Any) -> ir.Module:
            module = made(*given)
            self.mlir = str(module)
            return module if damage is None else ir.Module.parse(damage(self.mlir))

        interface = Interface(frozenset(), None)
        self.code = compile_program(program, target, interface, emit=emitted, points=points)
        if plan is not None:
            self.code.schedule = plan
        self.schedule = self.code.schedule
        self.schedule.opt_level = level
        self.native = self.code.native
        self.kept: list[Any] = []

    def run(self, given: dict[str, Any]) -> dict[str, Any]:
        """`main` on these numbers."""
        inputs = self._given(given)
        outputs = self._outputs(())
        pointers = [x.ctypes.data for x in [*inputs, *outputs.values()]]
        main = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(pointers))
        main(self.native.address(ENTRY))(*pointers)
        return outputs

    def run_at(self, given: dict[str, Any], n: int) -> dict[str, Any]:
        """`main_block` on the numbers of n points, given as rows."""
        inputs = self._given(given)
        outputs = self._outputs((n,))
        columns = [row.ctypes.data for x in [*inputs, *outputs.values()] for row in x]
        table = np.array(columns, dtype=np.int64)
        block = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
        block(self.native.address(BLOCK))(table.ctypes.data, n)
        return outputs

    def _given(self, given: dict[str, Any]) -> list[Any]:
        for a in self.program.with_role(Role.PARAMETER):
            if a.name in self.native.symbols:
                numbers = np.ascontiguousarray(given[a.name], np.float64)
                self.kept.append(numbers)
                set_pointer(self.native, a.name, numbers.ctypes.data)
        inputs = self.program.with_role(Role.INPUT)
        return [np.ascontiguousarray(given[a.name], self.dtype) for a in inputs]

    def _outputs(self, points: tuple[int, ...]) -> dict[str, Any]:
        return {
            a.name: np.full((a.size, *points), np.nan, self.dtype)
            for a in self.program.with_role(Role.OUTPUT)
        }


FORMS = [
    (bits, vector_bits, exact, points)
    for bits in (64, 32)
    for vector_bits in (128, 256, 512)
    for exact in (False, True)
    for points in (False, True)
    if not (exact and vector_bits < 512)
]


def check(seed: int, form: int | None = None, damage: Callable[[str], str] | None = None) -> None:
    """Compile the program of a seed in one form, and compare; AssertionError if it is wrong.

    `damage` changes the text of the program that is compiled, not of the one that is interpreted.
    """
    program, given = draw(seed), arguments(draw(seed), seed)
    compiled_program = parse(damage(dump(program))) if damage else program
    bits, vector_bits, exact, points = FORMS[seed % len(FORMS) if form is None else form]
    level = 2 if seed % 5 == 0 else 0  # LLVM takes most of the time
    compiled = Compiled(
        compiled_program, bits, vector_bits, exact=exact, points=points, level=level
    )
    if points:
        n = Random(seed).choice([1, 3, 8, 17, 33])
        shifts = np.random.default_rng(seed).integers(0, 3, (n,))
        inputs = {a.name for a in program.with_role(Role.INPUT)}
        rows = {
            k: np.stack([np.roll(v, s) for s in shifts], 1) if k in inputs else v
            for k, v in given.items()
        }
        found = compiled.run_at(rows, n)
        sampled = {0, n // 2, n - 1}
        pairs = [
            ({k: v[:, p] for k, v in found.items()},
             {k: v[:, p] if k in inputs else v for k, v in rows.items()})
            for p in sampled
        ]  # fmt: skip
    else:
        pairs = [(compiled.run(given), given)]
    for got, numbers in pairs:
        expected = interpret(program, numbers)
        for name, x in expected.items():
            assert np.array_equal(got[name].astype(float), x), (
                f"seed {seed}, form {(bits, vector_bits, exact, points)}: {name} differs at "
                f"{np.flatnonzero(got[name] != x)[:8]}\n{program}\n\n{compiled.schedule}"
            )


def main(seconds: float, seed: int) -> None:
    """Check one program after the other; print how many, and what was found."""
    end, began = time.monotonic() + seconds, time.monotonic()
    seen: Counter[str] = Counter()
    while time.monotonic() < end:
        try:
            check(seed)
        except AssertionError as wrong:
            seen["wrong"] += 1
            print(f"WRONG: {wrong}"[:3000], flush=True)
        except Exception as failed:
            seen["failed"] += 1
            print(f"FAILED: seed {seed}: {type(failed).__name__}: {failed}"[:2000], flush=True)
        seen["programs"] += 1
        if seen["programs"] % 500 == 0:
            print(f"{dict(seen)} in {time.monotonic() - began:.0f} s, at seed {seed}", flush=True)
        seed += 1
    print(f"{dict(seen)} in {time.monotonic() - began:.0f} s")
    sys.exit(bool(seen["wrong"] or seen["failed"]))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
