"""Parsing is the inverse of printing; grammar, printer and parser agree; errors say where."""

from __future__ import annotations

import math
import re
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from micrograd import Value, jit, ops
from micrograd.errors import CompilerError, MicrogradError, ParseError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import (
    INDEX_NAMES,
    NO_ENTRY,
    Access,
    Apply,
    Program,
    Role,
    Statement,
    dump,
)
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import simplify
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.trace.trace import trace
from micrograd.ops import OPS

from ...checks import SPECIAL
from ...fuzz.campaign import SMALL
from ...fuzz.choices import Choices
from ...fuzz.kernels import Derived
from ...fuzz.programs import program as drawn
from ...grammar import Grammar
from ...nests import gather_scatter, matmul
from ...programs import Scalars, identical, loops, scalars
from ...regular import SIZE, sources, traced
from ...test_random_programs import bounded
from ...whole_programs import draw
from ..reroll.test_steps import CASES

# --- the inverse of printing -------------------------------------------------------------------


def shown(p: Program) -> Program:
    """What `str` shows of a program: no data, no entries, and small temporaries where assigned."""
    q = deepcopy(p)
    for a in q.arrays.values():
        a.data = None
    for name, entries in q.tables.items():
        q.tables[name] = np.full_like(entries, NO_ENTRY)
    named = [s.target.array for s in q.body]
    single = [n for n, a in q.arrays.items() if a.role is Role.TEMPORARY and a.size == 1]
    arrays = {n: a for n, a in q.arrays.items() if n not in single}
    arrays |= {n: q.arrays[n] for n in dict.fromkeys(named) if n in single}
    return Program(arrays, q.tables, q.body)


def check(p: Program) -> None:
    """Assert that both printed forms read back."""
    assert identical(parse(dump(p)), p), dump(p)
    assert identical(parse(str(p)), shown(p)), str(p)


def check_with_gradient(p: Program) -> None:
    check(p)
    inputs = p.with_role(Role.INPUT, Role.PARAMETER)
    wrt = [(a.name, k) for a in inputs for k in range(a.size)]
    g = gradient(p, (p.with_role(Role.OUTPUT)[0].name, 0), wrt, keep_value=True)
    check(g)
    check(simplify(g))


def test_programs_by_hand() -> None:
    for p in (matmul(), gather_scatter()):
        check_with_gradient(p)


@pytest.mark.parametrize("first", range(0, 2000, 500))
def test_random_programs(first: int) -> None:
    """Several statements over a loop, tables, constants, steps in turn."""
    seen: set[str] = set()
    for seed in range(first, first + 500):
        p = draw(seed)
        check(p)
        seen.update(w for w in ("const", "table", "param", "in turn", "+=", " - ") if w in str(p))
    assert seen == {"const", "table", "param", "in turn", "+=", " - "}


@bounded(150)
@given(loops())
def test_random_loops(program: Program) -> None:
    check_with_gradient(program)


@bounded(150)
@given(scalars(outputs=2))
def test_random_scalar_programs(program: Scalars) -> None:
    leaves = [Value(x) for x in program.leaves]
    check_with_gradient(straight_line(trace(program.run(leaves), {"x": leaves}, ()).graph))


def test_rerolled_programs_of_the_fuzzer() -> None:
    for seed in range(40):
        graph = Derived(drawn(Choices(seed), SMALL), 60).recording.trace.graph
        check(reroll(graph))


@bounded(60)
@given(sources())
def test_rerolled_code(source: Any) -> None:
    numbers = [[0.1 * k + 0.3 for k in range(SIZE)] for _ in "xy"]
    t = traced(source.function, *numbers)
    check_with_gradient(reroll(t.graph))


@pytest.mark.parametrize("what", CASES)
def test_repetition_in_time(what: str) -> None:
    function, numbers = CASES[what]
    check_with_gradient(reroll(traced(function, *numbers).graph))


def test_what_kernels_show() -> None:
    x = [Value(0.1 * k, label=f"x{k}") for k in range(70)]
    kernel = jit(sum(v * v * x[3] - k % 3 for k, v in enumerate(x)), wrt=x, dtype="f64")
    for stages in (kernel.stages(), kernel.value_and_grad.stages()):
        for stage in ("program", "simplified"):
            assert str(parse(stages[stage])) == stages[stage]


def test_steps_read_back() -> None:
    def f(v: list[Any]) -> Any:
        angle, speed = v
        for _ in range(40):
            angle, speed = angle + 0.1 * speed, speed - 0.1 * ops.sin(angle)
        return angle

    leaves = [Value(0.5), Value(0.25)]
    p = reroll(trace([f(leaves)], {"v": leaves}, ()).graph)
    assert "in turn" in str(p)
    check_with_gradient(p)


@pytest.mark.parametrize("x", [*SPECIAL, 1e22, 5e-324, 0.1, 123456789.0, -1e-7])
def test_numbers_read_back_exactly(x: float) -> None:
    p = Program()
    p.declare("c", Role.CONSTANT, 2, np.array([x, -x]))
    p.declare("out", Role.OUTPUT)
    p.assign(Access("out"), Apply(ops.add, (x, Access("c"))))
    check(p)
    found = parse(dump(p)).arrays["c"].data
    assert found is not None
    assert math.copysign(1.0, found[0]) == math.copysign(1.0, x) or math.isnan(x)


def test_names_may_be_those_of_words_and_numbers() -> None:
    names = ["nan", "inf", "i", "for", "const", "table", "in", "turn", "tanh", "über", "_"]
    p = Program()
    for name in names:
        p.declare(name, Role.INPUT, 3)
    p.declare("out", Role.OUTPUT, 3)
    total: Any = math.nan
    for name in names:
        total = total + Access(name, 0, (0,)) * Access(name, 1, (1,))
    p.assign(Access("out", 0, (1,)), ops.tanh(total), (2,))
    p.assign(Access("inf"), math.inf)
    p.assign(Access("table", 1), Access("for", 2))
    check(p)


def test_a_number_of_numpy_prints_as_a_number() -> None:
    p = Program()
    p.declare("out", Role.OUTPUT)
    p.assign(Access("out"), np.float64(0.5))
    assert str(p.body[0]) == "out = 0.5"
    check(p)


def test_long_data_is_dumped_and_not_printed() -> None:
    p = Program(tables={"t": np.arange(9000)})
    p.declare("c", Role.CONSTANT, 9000, np.linspace(0.0, 1.0, 9000))
    p.declare("out", Role.OUTPUT, 9000)
    p.assign(Access("out", 0, (1,)), Access("c", 0, (1,), "t"), (9000,))
    check(p)
    assert len(str(p)) < 100 < 9000 < len(dump(p))


# --- what people write --------------------------------------------------------------------------


def test_comments_blank_lines_and_spaces() -> None:
    text = """
    ; the sum of squares
    input  x [ 3 ]      ; numbers

    output out[1]
    out=0.0
    ;
    out+=mul( x[i],x[ i ] )   for i<3 ; ends here\r
    """
    p = verify(parse(text))
    assert str(p) == ("input x[3]\noutput out[1]\n\nout = 0.0\nout += mul(x[i], x[i])  for i < 3")
    assert interpret(p, {"x": [1.0, 2.0, 3.0]})["out"].tolist() == [14.0]


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("out = x[1 + 2]", "out = x[3]"),
        ("out = x[0]", "out = x"),
        ("out = x[i + i - 1]  for i < 2", "out = x[2*i - 1]  for i < 2"),
        ("out = x[3 + -1*i]  for i < 2", "out = x[-1*i + 3]  for i < 2"),
        ("out[j] = x[2*j + k]  for j < 2, k < 3", "out[i] = x[2*i + j]  for i < 2, j < 3"),
        ("out = add(1, -2e3)", "out = add(1.0, -2000.0)"),
        ("out = x  for i < 2 in turn 0", "out = x  for i < 2"),
        ("out = nan", "out = nan"),
        ("out = nan[0]", "out = nan[0]"),
        ("out = -inf", "out = -inf"),
    ],
)
def test_what_is_written_in_another_way(written: str, printed: str) -> None:
    assert str(parse(written).body[0]) == printed


def test_what_is_left_out_is_not_made_up() -> None:
    """No numbers for a constant, no entries for a table: the verifier refuses, nothing is read."""
    p = parse("input x[2]\nconst c[2]\noutput out[1]\n\nout = c[1]")
    with pytest.raises(CompilerError, match="constant c does not have 2 numbers"):
        verify(p)
    p = parse("input x[2]\noutput out[1]\ntable t[3]\n\nout = x[t[1]]")
    with pytest.raises(CompilerError, match="table t has no entries"):
        verify(p)
    with pytest.raises(IndexError):
        interpret(p, {"x": [1.0, 2.0]})
    assert str(p) == dump(p)


def test_only_what_is_assigned_is_declared_by_itself() -> None:
    p = parse("output out[1]\n\nt = 1.0\nout = add(t, u)")
    assert [*p.arrays] == ["out", "t"]
    with pytest.raises(CompilerError, match="array u is not declared"):
        verify(p)
    p = parse("output out[1]\n\nt[i] = 1.0  for i < 2\nout = t")
    assert p.arrays["t"].size == 1
    with pytest.raises(CompilerError, match=r"reaches from 0 to 1, outside 0\.\.0"):
        verify(p)


def test_programs_that_break_rules_are_texts_as_well() -> None:
    p = parse("const c[3] = 1.0\noutput out[1]\n\nout = tanh(1.0, 2.0)")
    assert p.body[0].expr == Apply(ops.tanh, (1.0, 2.0))
    check(p)


# --- errors -------------------------------------------------------------------------------------

ERRORS: dict[str, tuple[str, int, str]] = {
    "a character": ("out = x ! y", 9, "'!' has no meaning here"),
    "an expression": ("out = add(x, )", 14, "expected an array, a number or an op, got ')'"),
    "nothing": ("out = ", 6, "expected an array, a number or an op, got the end of the line"),
    "no assignment": ("out 3", 5, "expected `=` or `+=`, got '3'"),
    "a number first": ("3 = x", 1, "expected an array, got '3'"),
    "an op": ("out = tnah(x)", 7, "'tnah' is no op of the table; did you mean tanh?"),
    "no op like it": ("out = zzzzzz(x)", 7, "'zzzzzz' is no op of the table"),
    "a bracket": ("out = add(x, y", 15, "expected `,` or `)`, got the end of the line"),
    "a place": ("out = x[]", 9, "expected a whole number or an index, got ']'"),
    "a place that is no whole number": (
        "out = x[1.5]", 9, "expected a whole number or an index, got '1.5'"),
    "a product of indices": ("out = x[i*i]  for i < 2", 10, "expected `+`, `-` or `]`, got '*'"),
    "an index": (
        "out = x[j]  for i < 2", 9, "j is no index of this statement, whose loops are over i"),
    "no loops": ("out = x[i]", 9, "i is no index of this statement, which has no loops"),
    "a table in a table": (
        "out = x[t[u[i]]]  for i < 2", 11, "u is no index of this statement, whose"),
    "a loop": (
        "out = x  for i < n", 18, "expected how often the loop runs: a number, or an extent, got"),
    "half a loop": ("out = x  for i", 15, "expected `<`, got the end of the line"),
    "a loop twice": ("out = x  for i < 2, i < 3", 21, "expected another index, one of i to w"),
    "a name that is no index": ("out = x  for ab < 2", 14, "expected another index, one of i to w"),
    "a turn": ("out = x  for i < 2 in 1", 23, "expected `turn`, got '1'"),
    "behind the end": ("out = x y", 9, "expected the end of the line, got 'y'"),
    "a negative nan": ("out = -nan", 8, "expected an array, a number or an op, got 'nan'"),
    "a role": ("local y[1]", 1, "expected input, param, const, extent, temp, output, table, or a"),
    "a size": ("input y", 8, "expected `[`, got the end of the line"),
    "a size that is none": ("input y[n]", 9, "expected how many elements it has, got 'n'"),
    "declared twice": ("output x[2]", 8, "x is declared already"),
    "data of an input": ("input y[1] = 2.0", 12, "expected the end of the line, got '='"),
    "data": ("const c[2] = 1.0, 2.0", 17, "expected a number, got ','"),
    "entries": ("table t[2] = 1 0.5", 16, "expected a whole number, got '0.5'"),
    "too few entries": ("table t[3] = 1 2", 9, "table t has 3 entries, but 2 are given"),
    "digits": ("table t[1] = 9999999999999999999", 14, "a whole number has at most 18 digits"),
}  # fmt: skip


@pytest.mark.parametrize("what", ERRORS)
def test_errors_say_where_and_what_was_expected(what: str) -> None:
    line, column, message = ERRORS[what]
    with pytest.raises(ParseError) as caught:
        parse(f"input x[2]\n\n{line}")
    said, text, caret = str(caught.value).split("\n")
    assert said.startswith(f"line 3, column {column}: ")
    assert message in said
    assert "did you mean" not in said or "did you mean" in message
    assert text == f"  {line}"
    assert caret == " " * (column + 1) + "^"
    assert (caught.value.line, caught.value.column) == (3, column)


def test_declarations_stand_above_statements() -> None:
    with pytest.raises(ParseError, match="line 2, column 1: declarations stand above all"):
        parse("t = 1.0\ninput x[1]")


def test_a_table_is_not_assigned_to() -> None:
    with pytest.raises(ParseError, match="line 2, column 1: t is a table, which is not assigned"):
        parse("table t[1] = 0\nt = 1.0")


def test_the_caret_stands_below_the_place_behind_tabs() -> None:
    with pytest.raises(ParseError) as caught:
        parse("\tout =\t!")
    assert str(caught.value).split("\n")[1:] == ["  \tout =\t!", "  \t     \t^"]


def test_what_is_nested_too_deep_is_an_error() -> None:
    with pytest.raises(ParseError, match=r"line 1, column \d+: an expression is nested too deep"):
        parse("out = " + "neg(" * 100_000 + "1.0" + ")" * 100_000)
    deep = "out = " + "neg(" * 200 + "1.0" + ")" * 200
    assert str(parse(deep).body[0]) == deep


def test_the_error_is_a_value_error() -> None:
    assert issubclass(ParseError, (ValueError,))
    assert issubclass(ParseError, (MicrogradError,))


# --- the grammar --------------------------------------------------------------------------------

SAMPLES = {
    "index": ["i", "i", "i", "j"],
    "name": ["x", "t8", "_y", "nan", "inf", "for", "const", "i", "tanh", "größe"],
    "op": list(OPS),
    "size": ["0", "1", "2", "007", "12"],
    "extent": ["0", "1", "2", "007", "12", "x"],
    "integer": ["0", "-1", "3", "-0", "16", "1"],
    "number": ["0.0", "-0.0", "1", "2.5", "-1e-05", "5e-324", "1e+300", "inf", "-inf", "nan"],
}
CONTEXT = ("is no index of this statement", "expected another index", "but 0 are given",
           "but 1 are given", "but 2 are given", "is declared already", "is a table",
           "is an extent", "or an extent")  # fmt: skip
"""What a grammar does not say: indices are of loops, and loops and names are different ones."""


def parsed(text: str) -> Program | None:
    """The program of a text of the grammar; None if it is refused for its context."""
    try:
        return parse(text)
    except ParseError as error:
        if any(c in str(error) for c in CONTEXT):
            return None
        raise


@pytest.mark.parametrize("seed", range(10))
def test_what_the_grammar_says_is_parsed(seed: int) -> None:
    grammar, random = Grammar(), Random(seed)
    taken = {"declaration": 0, "statement": 0}
    for start in taken:
        for _ in range(600):
            text = grammar.draw(start, random, SAMPLES)
            assert grammar.has(start, text), text
            p = parsed(text)
            if p is None:
                continue
            taken[start] += 1
            again = dump(p).strip("\n")
            assert identical(parse(again), p), text
            lines = again.split("\n")
            assert grammar.has(start, lines[0 if start == "declaration" else -1]), again
    assert taken["declaration"] > 400
    assert taken["statement"] > 150


def test_whole_programs_of_the_grammar_are_parsed() -> None:
    grammar, random = Grammar(), Random(0)
    samples = SAMPLES | {"index": ["i"]}
    taken = 0
    for _ in range(3000):
        text = grammar.draw("program", random, samples)
        p = parsed(text)
        if p is None:
            continue
        taken += 1
        check(p)
        assert grammar.has("program", dump(p))
    assert taken > 250  # the others are refused for what a grammar does not say


PIECE = re.compile(r"[^\W\d]\w*|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|\+=|<=|[-+*=<,()\[\]]")


@pytest.mark.parametrize("seed", range(6))
def test_what_is_no_program_is_refused_by_both(seed: int) -> None:
    """A word of a program is dropped or exchanged for another; spaces are no matter."""
    grammar, random = Grammar(), Random(seed)
    refused = 0
    for k in range(80):
        lines = dump(draw(1000 * seed + k)).split("\n")
        for at in random.sample([n for n in range(len(lines)) if lines[n]], 4):
            pieces = list(PIECE.finditer(lines[at][:400]))
            old, other = random.choice(pieces), random.choice(pieces)[0]
            new = random.choice(["", other])
            if old[0] in "+-*" or new in ("+", "-"):
                continue  # around these, spaces matter to the grammar
            text = lines[at][: old.start()] + new + lines[at][old.end() :]
            try:
                parse(text)
            except ParseError:
                refused += 1
                continue
            tight = re.sub(r" +", " ", text.strip()).replace(" for ", "  for ")
            assert grammar.has("declaration", tight) or grammar.has("statement", tight), text
    assert refused > 80


def test_loops_have_names_for_all_that_are_printed() -> None:
    p = Program()
    p.declare("out", Role.OUTPUT, 1)
    n = len(INDEX_NAMES)
    p.body.append(Statement(Access("out", 0, (1,) * n), 1.0, (1,) * n))
    check(p)
