"""Regular scalar code for the tests: loop nests as Python source, unrolled by running it.

Every generated function takes two lists `x` and `y` of twelve numbers. With whole numbers all
its sums are exact in any order, so what the reroller makes of it is compared with `==`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from micrograd import Value, relu
from micrograd.errors import CompilerError
from micrograd.jit.ir.graph import Graph
from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.points import elements
from micrograd.jit.ir.program import (
    Access,
    Loop,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    map_statements,
    statements,
)
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll.reroll import reroll
from micrograd.jit.trace.trace import trace

SIZE = 12
"""Elements of `x`, and of `y`."""

Function = Callable[..., Any]

# --- tracing and checking -----------------------------------------------------------------------


@dataclass
class Traced:
    """A function traced on numbers: its graph, and what eager micrograd says about it."""

    graph: Graph
    given: dict[str, list[float]]
    leaves: dict[str, list[Value]]
    outputs: list[Value]

    @property
    def wrt(self) -> list[tuple[str, int]]:
        """All the leaves."""
        return [(name, k) for name, values in self.leaves.items() for k in range(len(values))]

    def partials(self) -> list[float]:
        """The gradient of the first output, by `backward`."""
        for values in self.leaves.values():
            for v in values:
                v.grad = 0.0
        self.outputs[0].backward()
        return [float(v.grad) for values in self.leaves.values() for v in values]


def traced(f: Function, *numbers: Sequence[float]) -> Traced:
    """`f` of lists of numbers, which are called x, y, z, w; it gives a Value or a list of them."""
    given = {
        name: [float(v) for v in column]
        for name, column in zip("xyzw", numbers, strict=False)
        if len(column)
    }
    leaves = {name: [Value(v) for v in column] for name, column in given.items()}
    result = f(*leaves.values())
    outputs = list(result) if isinstance(result, (list, tuple)) else [result]
    return Traced(trace(outputs, leaves, ()).graph, given, leaves, outputs)


def equal(xs: Sequence[float], ys: Sequence[float]) -> bool:
    """`==`, but nan equals nan."""
    return len(xs) == len(ys) and all(
        a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(xs, ys, strict=True)
    )


def agrees(program: Program, t: Traced, *, partials: bool = True) -> bool:
    """Whether a program has the outputs of the graph, and its gradient that of `backward`."""
    if not equal(interpret(program, t.given)["out"].tolist(), interpret_graph(t.graph, t.given)):
        return False
    if not partials:
        return True
    g = verify(gradient(program, ("out", 0), t.wrt), "differentiate")
    return equal(interpret(g, t.given)["grad"].tolist(), t.partials())


def rerolled(f: Function, *numbers: Sequence[float], partials: bool = True) -> Program:
    """The verified program of `f`, after asserting that it agrees with the interpreter."""
    t = traced(f, *numbers)
    program = verify(reroll(t.graph), "reroll")
    assert agrees(program, t, partials=partials), f"{program}"
    return program


def whole(n: int, seed: int = 0, size: int = 3) -> list[float]:
    """Whole numbers, none of them 0, which would hide what it is multiplied with."""
    rng = np.random.default_rng(seed)
    return [float(v) for v in rng.integers(1, size + 1, n) * rng.choice([-1, 1], n)]


def floats(n: int, seed: int = 0) -> list[float]:
    """Numbers in (-1, 1), all different."""
    return [float(v) for v in np.random.default_rng(seed).uniform(-1.0, 1.0, n)]


def tree(terms: Sequence[Any]) -> Any:
    """Their sum, as a balanced tree."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return tree(terms[:half]) + tree(terms[half:])


# --- mutations ----------------------------------------------------------------------------------


def mutations(program: Program, given: Mapping[str, Any]) -> Iterator[tuple[str, Program]]:
    """Programs that are wrong in one place, and what is wrong with them.

    A stride of one off, where the loop runs more than once; a statement that is missing; a sum
    that forgets what was there; a loop that ends early; a table with its entries rotated. Left out
    is what reads the same numbers as before, adds nothing, or writes what nobody reads.
    """
    memory = _memory(program, given)
    read = {a.name: np.ones(a.size, dtype=bool) for a in program.with_role(Role.OUTPUT)}
    for s in program.statements:
        for a in accesses(s.expr):
            mask = read.setdefault(a.array, np.zeros(program.arrays[a.array].size, dtype=bool))
            mask[elements(a, s.domain, program)] = True

    body = program.statements
    ordered = {id(s) for n in program.body if isinstance(n, Loop) for s in statements(n.body)}

    def put(k: int, instead: Statement | None) -> Program:
        changed = map_statements(program.body, lambda s: instead if s is body[k] else s)
        return Program(deepcopy(program.arrays), changed)

    def change(k: int, what: str, **changes: Any) -> tuple[str, Program]:
        return f"statement {k}, {body[k]}: {what}", put(k, replace(body[k], **changes))

    def is_same(a: Access, b: Access, s: Statement) -> bool:
        x, y = elements(a, s.domain, program), elements(b, s.domain, program)
        inside = y.min() >= 0 and y.max() < len(memory[a.array])
        return bool(inside and np.array_equal(memory[a.array][x], memory[a.array][y]))

    for k, s in enumerate(body):
        if s.accumulate and s.expr == 0.0:
            continue
        used = read.get(s.target.array)
        if used is None or not used[elements(s.target, s.domain, program)].any():
            continue
        yield f"statement {k}, {s}: dropped", put(k, None)
        if s.accumulate:
            yield change(k, "= instead of +=", accumulate=None)
        for d, count in enumerate(s.domain):
            if count == 1:
                continue
            for by in (-1, 1):
                yield change(k, f"target, loop {d} by {by}", target=_bent(s.target, d, by))
                for a in dict.fromkeys(accesses(s.expr)):
                    bent = _bent(a, d, by)
                    if _in_table(bent, s, program) and is_same(a, bent, s):
                        continue
                    expr = map_accesses(s.expr, lambda b, a=a, bent=bent: bent if b == a else b)
                    yield change(k, f"{a}, loop {d} by {by}", expr=expr)
            if id(s) not in ordered:
                yield change(k, f"loop {d} one shorter", domain=_shorter(s, d))
    for table in program.arrays.values():
        if table.is_index and table.data is not None:
            mutant = deepcopy(program)
            mutant.arrays[table.name].data = rolled = np.roll(table.data, 1)
            if not np.array_equal(rolled, table.data):
                yield f"table {table.name} rotated", mutant


def _memory(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of all arrays when the program is done."""
    shown = deepcopy(program)
    for a in shown.with_role(Role.TEMPORARY):
        a.role = Role.OUTPUT
    constants = {a.name: a.data for a in program.with_role(Role.CONSTANT)}
    arrays = {name: np.array(numbers) for name, numbers in given.items()}
    return arrays | constants | interpret(shown, given)


def _in_table(a: Access, s: Statement, program: Program) -> bool:
    """Whether an access stays inside its table, if it has one."""
    for part in a.parts:
        at = elements(Access("", part.offset, part.strides), s.domain, program)
        if at.min() < 0 or at.max() >= program.arrays[str(part.by)].size:
            return False
    return True


def _bent(a: Access, d: int, by: int) -> Access:
    strides = list(a.strides)
    strides[d] += by
    return replace(a, strides=tuple(strides))


def _shorter(s: Statement, d: int) -> tuple[int, ...]:
    return tuple(count - (k == d) for k, count in enumerate(s.domain))


def caught_by(mutant: Program, given: Any, expected: dict[str, Any]) -> str:
    """`verifier`, `numbers`, or nothing: what notices that a program is wrong."""
    try:
        found = interpret(mutant, given)
    except IndexError:
        return "verifier"
    if any(not equal(found[n].tolist(), expected[n].tolist()) for n in expected):
        return "numbers"
    try:
        verify(mutant)
    except CompilerError:
        return "verifier"
    return ""


# --- random loop nests --------------------------------------------------------------------------


@dataclass
class Source:
    """The text of a function `f(x, y)` of loops, and the function."""

    text: str

    @property
    def function(self) -> Function:
        scope: dict[str, Any] = {"relu": relu, "tree": tree}
        exec(self.text, scope)
        return scope["f"]  # type: ignore[no-any-return]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How Hypothesis shows an example."""
        printer.text(self.text)


@st.composite
def sources(draw: st.DrawFn) -> Source:
    """Loop nests over lists: maps and reductions, affine indices, and what breaks a pattern."""
    readable = {"x": SIZE, "y": SIZE}
    lines = ["def f(x, y):"]

    def index(array: str, loops: dict[str, int]) -> str:
        size = readable[array]
        if draw(st.integers(0, 7)) == 0:  # not affine
            terms = "".join(f" + {draw(st.integers(1, 7))}*{name}*{name}" for name in sorted(loops))
            return f"{array}[({draw(st.integers(0, 5))}{terms}) % {size}]"
        low = high = 0
        text = ""
        for name, count in loops.items():
            reach = (size - 1 - (high - low)) // max(1, count - 1)
            stride = draw(st.integers(-min(reach, 4), min(reach, 4)))
            text += f" + {stride}*{name}"
            low += min(0, stride * (count - 1))
            high += max(0, stride * (count - 1))
        return f"{array}[{draw(st.integers(-low, size - 1 - high))}{text}]"

    def operand(loops: dict[str, int]) -> str:
        kind = draw(st.integers(0, 9))
        if kind == 0:
            return draw(st.sampled_from(["1.0", "-1.0", "2.0"]))
        if kind == 1 and loops:  # a constant that varies
            return f"float({draw(st.sampled_from(sorted(loops)))} - 1)"
        return index(draw(st.sampled_from(sorted(readable))), loops)

    def expression(loops: dict[str, int], depth: int = 2) -> str:
        form = draw(st.integers(0, 6))
        if depth == 0 or form < 2:
            return index(draw(st.sampled_from(sorted(readable))), loops)
        a, b = expression(loops, depth - 1), operand(loops)
        return (
            f"({a} + {b})", f"({b} - {a})", f"({a} * {b})", f"relu({a})", f"(-{a})"
        )[form - 2]  # fmt: skip

    for k in range(draw(st.integers(1, 3))):
        outer = {n: draw(st.integers(1, 7)) for n in "ij"[: draw(st.sampled_from([0, 1, 2, 2]))]}
        indent = "    "
        lines.append(f"{indent}a{k} = []")
        for name, count in outer.items():
            lines.append(f"{indent}for {name} in range({count}):")
            indent += "    "
        count = draw(st.integers(1, 6))
        style = draw(st.sampled_from(["map", "left", "right", "sum", "start", "tree", "ragged"]))
        inner = {**outer, "k": count}
        term = expression(outer if style == "map" else inner)
        if style == "map":
            if outer and draw(st.integers(0, 2)) == 0:  # an element that differs
                name = draw(st.sampled_from(sorted(outer)))
                odd = draw(st.sampled_from(["== 0", f"== {outer[name] - 1}", "% 2"]))
                term = f"({expression(outer)}) if {name} {odd} else ({term})"
            lines.append(f"{indent}a{k}.append({term})")
        elif style in ("left", "right", "ragged"):
            limit = f"min({count}, i + 1)" if style == "ragged" and "i" in outer else str(count)
            added = f"{term} + s" if style == "right" else f"s + {term}"
            lines += [
                f"{indent}s = {operand(outer)}",
                f"{indent}for k in range({limit}):",
                f"{indent}    s = {added}",
                f"{indent}a{k}.append(s)",
            ]
        elif style == "tree":
            lines.append(f"{indent}a{k}.append(tree([{term} for k in range({count})]))")
        else:
            start = f", {operand(outer)}" if style == "start" else ""
            lines.append(f"{indent}a{k}.append(sum(({term} for k in range({count})){start}))")
        readable[f"a{k}"] = math.prod(outer.values())
    total = " + ".join(f"sum({name})" for name in readable if name.startswith("a"))
    lines.append(f"    return {total} + 0.0 * (x[0] + y[0])")
    return Source("\n".join(lines))
