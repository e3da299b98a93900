"""Parsing is the inverse of printing; grammar, printer and parser agree; errors say where."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from micrograd import Value, jit, ops
from micrograd.errors import CompilerError, MicrogradError, ParseError
from micrograd.jit.ir.extents import Entries
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.points import Unknown
from micrograd.jit.ir.program import (
    INDEX_NAMES,
    Access,
    Apply,
    Program,
    Role,
    Statement,
    dump,
    entry,
)
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import simplify
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.trace.trace import trace
from micrograd.ops import OPS

from ...checks import SPECIAL, all_same
from ...fuzz.campaign import SMALL
from ...fuzz.choices import Choices
from ...fuzz.kernels import Derived
from ...fuzz.programs import program as drawn
from ...grammar import Grammar
from ...nested_programs import random_inputs, random_program
from ...nests import gather_scatter, matmul
from ...programs import Scalars, identical, loops, scalars
from ...regular import SIZE, sources, traced
from ...test_random_programs import bounded
from ...whole_programs import draw
from ..reroll.test_steps import CASES

# --- the inverse of printing -------------------------------------------------------------------


def check_shown(p: Program) -> None:
    """Assert that what `str` shows reads back: all but data, and small temporaries that are
    assigned nowhere.
    """
    q = parse(str(p))
    if not any(isinstance(c, Entries) for s in p.statements for c in s.domain):  # most of the data
        assert identical(Program(p.arrays, q.body), p), str(p)
    for name, a in q.arrays.items():
        assert replace(p.arrays[name], data=None) == a


def check(p: Program) -> None:
    """Assert that both printed forms read back."""
    text = dump(p)
    assert identical(parse(text), p), text
    check_shown(p)


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


@pytest.mark.parametrize("first", range(0, 800, 200))
def test_random_programs(first: int) -> None:
    """Several statements over a loop, tables, constants, steps in turn."""
    seen: set[str] = set()
    for seed in range(first, first + 200):
        p = draw(seed)
        check(p)
        text = str(p)
        seen.update(w for w in ("const", "i32", "param", "in order", "+=", " - ") if w in text)
    assert seen == {"const", "i32", "param", "in order", "+=", " - "}


WORDS = ("in order:", "in reverse order:", "max=", "min=", "*=", ") mod ", ") div ", "i64 <",
         "i32 <", "extent", "state", "\n      ", " < i + 1", ", -1*")  # fmt: skip


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_random_programs_of_the_whole_grammar(first: int) -> None:
    seen: set[str] = set()
    for seed in range(first, first + 100):
        p = random_program(Random(seed), whole=seed % 2 == 0)
        check(p)
        text = dump(p)
        seen.update(word for word in WORDS if word in text)
        if seed % 10 == 0:
            given = random_inputs(p, Random(seed))
            expected, found = interpret(p, given), interpret(parse(text), given)
            for name in expected:
                assert all_same(found[name].tolist(), expected[name].tolist())
    assert seen == set(WORDS)


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
    assert "in order" in str(p)
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
    names = ["nan", "inf", "i", "for", "const", "mod", "in", "order", "max", "tanh", "über", "_"]
    p = Program()
    for name in names:
        p.declare(name, Role.INPUT, 3)
    p.declare("out", Role.OUTPUT, 3)
    total: Any = math.nan
    for name in names:
        total = total + Access(name, 0, (0,)) * Access(name, 1, (1,))
    p.assign(Access("out", 0, (1,)), ops.tanh(total), (2,))
    p.assign(Access("inf"), math.inf)
    p.assign(Access("const", 1), Access("for", 2))
    for name in ("for", "mod", "max"):
        p.assign(Access(name), 1.0, accumulate=ops.maximum)
    check(p)


def test_a_number_of_numpy_prints_as_a_number() -> None:
    p = Program()
    p.declare("out", Role.OUTPUT)
    p.assign(Access("out"), np.float64(0.5))
    assert str(p.body[0]) == "out = 0.5"
    check(p)


def test_long_data_is_dumped_and_not_printed() -> None:
    p = Program()
    p.table("t", np.arange(9000))
    p.declare("c", Role.CONSTANT, 9000, np.linspace(0.0, 1.0, 9000))
    p.declare("out", Role.OUTPUT, 9000)
    p.assign(Access("out", 0, (1,)), entry("c", "t", 0, (1,)), (9000,))
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
        ("out max = x", "out max= x"),
        ("out = y[1, 2]", "out = y[1, 2]"),
        ("out = y[6]", "out = y[1, 2]"),
        ("out = y[4*i + j]  for i < 3, j < 4", "out = y[i, j]  for i < 3, j < 4"),
        ("out = y[4*j + i]  for i < 4, j < i", "out = y[j, i]  for i < 4, j < i"),
        ("out = y[2, -1*i + 3]  for i < 4", "out = y[2, -1*i + 3]  for i < 4"),
        ("out = y[-1*i + 11]  for i < 4", "out = y[2, -1*i + 3]  for i < 4"),
        ("out = y[3*i + 3]  for i < 3", "out = y[i, -1*i + 3]  for i < 3"),
        ("out = y[5*i]  for i < 3", "out = y[i, i]  for i < 3"),
        ("out = y[i]  for i < 12", "out = y[i]  for i < 12"),
        ("out = y[4*i + j]  for i < 3, j < 5", "out = y[4*i + j]  for i < 3, j < 5"),
        ("out = y[t[i], i]  for i < 3", "out = y[t[i], i]  for i < 3"),
        ("out = y[4*t[i] + i]  for i < 3", "out = y[t[i], i]  for i < 3"),
        ("out = y[i + 4*t[i]]  for i < 5", "out = y[4*t[i] + i]  for i < 5"),
        ("out = y[(i) div 4, (i) mod 4]  for i < 12", "out = y[(i) div 4, (i) mod 4]  for i < 12"),
        ("out = y[4*((i) div 4) + i]  for i < 8", "out = y[4*((i) div 4) + i]  for i < 8"),
        ("out = y[2 - t[0], 1]", "out = y[-1*t[0] + 2, 1]"),
        ("out = x  for j < 3, i < j + 1", "out = x  for i < 3, j < i + 1"),
        ("out = x  for i < 3, j < 2*i - 1", "out = x  for i < 3, j < 2*i - 1"),
        ("out = x  for i < 3, j < i <= 2", "out = x  for i < 3, j < i"),
        ("out = x  for i < 3, j < i <= 7", "out = x  for i < 3, j < i <= 7"),
        ("out = x  for i < 3, j < t[i]", "out = x  for i < 3, j < t[i]"),
        ("out = x  for i < 3, j < t[i] <= 3", "out = x  for i < 3, j < t[i] <= 3"),
        ("out = x  for i < 1 + 2", "out = x  for i < 3"),
        ("out = nan", "out = nan"),
        ("out = nan[0]", "out = nan[0]"),
        ("out = -inf", "out = -inf"),
    ],
)
def test_what_is_written_in_another_way(written: str, printed: str) -> None:
    p = parse(f"input y[3, 4]\nconst t[5] i32 = 2 0 1 1 0\n{written}")
    assert p.statements[0].text(0, p.arrays) == printed
    check(p)


def test_what_is_left_out_is_not_made_up() -> None:
    """No numbers for a constant, no entries of an index array: the verifier refuses that."""
    p = parse("input x[2]\nconst c[2]\noutput out[1]\n\nout = c[1]")
    with pytest.raises(CompilerError, match="constant c does not have 2 numbers"):
        verify(p)
    p = parse("input x[2]\noutput out[1]\nconst t[3] i32\n\nout = x[t[1]]")
    with pytest.raises(CompilerError, match="constant t does not have 3 numbers"):
        verify(p)
    with pytest.raises(Unknown):
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
    assert p.statements[0].expr == Apply(ops.tanh, (1.0, 2.0))
    check(p)


# --- errors -------------------------------------------------------------------------------------

ERRORS: dict[str, tuple[str, int, str]] = {
    "a character": ("out = x ! y", 9, "'!' has no meaning here"),
    "an expression": ("out = add(x, )", 14, "expected an array, a number or an op, got ')'"),
    "nothing": ("out = ", 6, "expected an array, a number or an op, got the end of the line"),
    "no assignment": ("out 3", 5, "expected `=`, `+=`, `*=`, `max=`, `min=`, got '3'"),
    "a number first": ("3 = x", 1, "expected an array, got '3'"),
    "an op": ("out = tnah(x)", 7, "'tnah' is no op of the table; did you mean tanh?"),
    "no op like it": ("out = zzzzzz(x)", 7, "'zzzzzz' is no op of the table"),
    "a bracket": ("out = add(x, y", 15, "expected `,` or `)`, got the end of the line"),
    "a place": ("out = x[]", 9, "expected a whole number or an index, got ']'"),
    "a place that is no whole number": (
        "out = x[1.5]", 9, "expected a whole number or an index, got '1.5'"),
    "a product of indices": (
        "out = x[i*i]  for i < 2", 10, "expected `+`, `-`, `,` or `]`, got '*'"),
    "an index": (
        "out = x[j]  for i < 2", 9, "j is no index of this statement, whose loops are over i"),
    "no loops": ("out = x[i]", 9, "i is no index of this statement, which has no loops"),
    "an entry of an entry": (
        "out = x[t[u[i]]]  for i < 2", 11, "u is no index of this statement, whose"),
    "a loop": (
        "out = x  for i < n", 18, "expected how often the loop runs: a number, an index, an ext"),
    "half a loop": ("out = x  for i", 15, "expected `<`, got the end of the line"),
    "a loop twice": ("out = x  for i < 2, i < 3", 21, "expected another index, one of i to w"),
    "a name that is no index": ("out = x  for ab < 2", 14, "expected another index, one of i to w"),
    "a mark": ("out <= x", 5, "expected `=`, `+=`, `*=`, `max=`, `min=`, got '<='"),
    "a reduction": ("out avg= x", 1, "expected input, param"),
    "an index of no loop outside": ("out = x  for i < 2, j < j", 25, "expected how often the loop"),
    "an index of a loop further in": (
        "out = x  for i < j, j < 3", 18, "expected how often the loop"),
    "an order": ("for i < 2 in turn:", 14, "expected `order`, got 'turn'"),
    "no colon": (
        "for i < 2", 10, "expected `in order:`, `in reverse order:` or `:`, got the end of"),
    "no body": ("for i < 2:", 1, "the loop has no body: lines below it that are indented more"),
    "indented for nothing": ("x = 1.0\n  x = 2.0", 3, "this line is not indented as any above"),
    "places": ("out = x[0, 1]", 7, "x has 2 places here, but 1 dimensions"),
    "places of an entry": ("out = x[x[0, 1]]", 10, "x has 2 places here, but 1 dimensions"),
    "a remainder": ("out = x[(i)]  for i < 2", 12, "expected `mod` or `div`, got ']'"),
    "a remainder of nothing": ("out = x[() mod 2]", 10, "expected a whole number or an index, got"),
    "by what": ("out = x[(1) mod i]", 17, "expected a number behind mod, got 'i'"),
    "a bracket of a remainder": ("out = x[(1 mod 2]", 12, "expected `+`, `-` or `)`, got 'mod'"),
    "at most": ("out = x  for i < 2, j < i <= x", 30, "expected how much it is at most, got 'x'"),
    "at most of a number": ("out = x  for i < 2 <= 2", 20, "a number is what it is"),
    "a dtype": ("input y[1] f16", 12, "expected f32, f64, i32, i64, or the end of the line, got"),
    "below": ("input y[1] i64 < x", 18, "expected the number that every entry is below, got 'x'"),
    "below of numbers": ("input y[1] f64 < 3", 16, "expected the end of the line, got '<'"),
    "behind the end": ("out = x y", 9, "expected the end of the line, got 'y'"),
    "a negative nan": ("out = -nan", 8, "expected an array, a number or an op, got 'nan'"),
    "a role": ("local y[1]", 1, "temp, output, state, scratch, or a statement, got"),
    "a size": ("input y", 8, "expected `[`, got the end of the line"),
    "a size that is none": ("input y[n]", 9, "expected how many elements it has, got 'n'"),
    "declared twice": ("output x[2]", 8, "x is declared already"),
    "data of an input": ("input y[1] = 2.0", 12, "expected the end of the line, got '='"),
    "data": ("const c[2] = 1.0, 2.0", 17, "expected a number, got ','"),
    "entries": ("const t[2] i32 = 1 0.5", 20, "expected a whole number, got '0.5'"),
    "digits": ("const t[1] i64 = 9999999999999999999", 18, "a whole number has at most 18 digits"),
}  # fmt: skip


@pytest.mark.parametrize("what", ERRORS)
def test_errors_say_where_and_what_was_expected(what: str) -> None:
    lines, column, message = ERRORS[what]
    with pytest.raises(ParseError) as caught:
        parse(f"input x[2]\n\n{lines}")
    said, text, caret = str(caught.value).split("\n")
    last = lines.split("\n")[-1]
    number = 3 + lines.count("\n")
    assert said.startswith(f"line {number}, column {column}: ")
    assert message in said
    assert "did you mean" not in said or "did you mean" in message
    assert text == f"  {last}"
    assert caret == " " * (column + 1) + "^"
    assert (caught.value.line, caught.value.column) == (number, column)


def test_declarations_stand_above_statements() -> None:
    with pytest.raises(ParseError, match="line 2, column 1: declarations stand above all"):
        parse("t = 1.0\ninput x[1]")


NESTED = """
    input x[5]
    output out[5]

    out = 0.0
    for k < 2 in order:
         for j < 2 in reverse order:
           for l < 1:
             out[2*k + j + 1] = x[l]

    ; a comment at the margin closes nothing
; nor here
           out[2*k + j + 1] += x[k]
"""


def test_lines_are_indented_as_far_as_one_likes() -> None:
    p = verify(parse(NESTED))
    assert str(p).split("\n")[3:] == [
        "out = 0.0",
        "for i < 2 in order:",
        "  for j < 2 in reverse order:",
        "    for k < 1:",
        "      out[2*i + j + 1] = x[k]",
        "    out[2*i + j + 1] += x[i]",
    ]
    check(p)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("         for j", "    for j", "line 7, column 5: expected a line of the loop's body"),
        ("           for l", "         for l", "line 8, column 10: expected a line of the loop's"),
        ("           out[", "          out[", "line 13, column 11: this line is not indented"),
        ("           out[", "              out[", "line 13, column 15: this line is not indented"),
        ("           out[", "  out[", "line 13, column 3: this line is not indented"),
        ("for l <", "for k <", "line 8, column 16: expected another index"),
        (
            "x[l]",
            "x[m]",
            "line 9, column 35: m is no index of this statement, whose loops are over",
        ),
    ],
)
def test_lines_that_belong_nowhere(old: str, new: str, message: str) -> None:
    assert NESTED.count(f"\n{old}" if old[0] == " " else old) == 1
    with pytest.raises(ParseError) as caught:
        parse(NESTED.replace(f"\n{old}", f"\n{new}") if old[0] == " " else NESTED.replace(old, new))
    assert str(caught.value).startswith(message)


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
    "integer": ["0", "-1", "3", "-0", "16", "1"],
    "number": ["0.0", "-0.0", "1", "2.5", "-1e-05", "5e-324", "1e+300", "inf", "-inf", "nan"],
}
CONTEXT = ("is no index of this statement", "expected another index", "is declared already",
           "is an extent", "is what it is", "expected how often the loop runs",
           " places here, but ", "not indented as any", "which is indented more",
           "the loop has no body")  # fmt: skip
"""What a grammar does not say: indices are of loops, and loops and names are different ones; lines
belong to the loop above them that they are indented below; an array has its dimensions."""


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
            if "\n\n" in f"\n{again}":
                lines = again.split("\n")
                assert grammar.has(start, lines[0 if start == "declaration" else -1]), again
    assert taken["declaration"] > 400
    assert taken["statement"] > 80


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
    assert taken > 60  # the others are refused for what a grammar does not say


PIECE = re.compile(r"[^\W\d]\w*|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|[+*]=|<=|[-+*=<:,()\[\]]")


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
            assert grammar.has("declaration", tight) or grammar.has("line", tight), text
    assert refused > 80


def test_loops_have_names_for_all_that_are_printed() -> None:
    p = Program()
    p.declare("out", Role.OUTPUT, 1)
    n = len(INDEX_NAMES)
    p.body.append(Statement(Access("out", 0, (1,) * n), 1.0, (1,) * n))
    check(p)
