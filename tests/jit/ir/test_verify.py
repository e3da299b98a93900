"""The verifier, tested by breaking each of its rules, and the stages, by what passes give."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import ops
from micrograd.errors import CompilerError
from micrograd.jit.ir.extents import Affine
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.points import is_recurrence
from micrograd.jit.ir.program import Access, Apply, Part, Program, Role
from micrograd.jit.ir.rules import RULES, STAGES
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.forward import jacobian
from micrograd.jit.passes.like_terms import combine
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import expand, simplify
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.target import Target
from micrograd.ops import Op

from ... import legal
from ...damage_programs import KINDS, damaged
from ...fuzz.campaign import SMALL
from ...fuzz.choices import Choices
from ...fuzz.kernels import Derived
from ...fuzz.programs import program as drawn
from ...nested_programs import random_inputs, random_program

# --- rules ------------------------------------------------------------------------------------

LEGAL = """
input a[12]
param b[8]
const k[6] = 1.0 2.0 3.0 4.0 5.0 6.0
temp c[6]
output out[1]
const two[2] i32 = 0 1
const six[6] i32 = 5 4 3 2 1 0
const large[6] i32 = 0 1 2 3 4 6
input given[6] i64 < 6
input wide[6] i64 < 7

c[i] = 0.0  for i < 6
c[2*i + j] += mul(a[4*i + k], b[j + 2*k])  for i < 3, j < 2, k < 4
out = 0.0
out += mul(tanh(c[six[i]]), k[i])  for i < 6
"""
SETS, SUMS, STARTS, ADDS = LEGAL.strip().split("\n")[-4:]

BROKEN: dict[str, tuple[str, str, str, str, int]] = {
    # what: (rule, text, what it becomes, message, statement)
    "undeclared array": (
        "declared", "a[4*i + k]", "nowhere[k]", "array nowhere is not declared", 1),
    "undeclared index array": ("declared", "[six[i]]", "[t[i]]", "array t is not declared", 3),
    "an entry of numbers": ("declared", "[six[i]]", "[k[i]]", "k is no index array, of dtype", 3),
    "an index array as numbers": (
        "declared", "), k[i])", "), six[i])", "six is an index array, whose entries are no", 3),
    "an entry of numbers as a trip count": (
        "declared", "0.0  for i < 6", "0.0  for i < 6, j < k[i]", "k is no index array", 0),
    "trip count": (
        "extents", "i < 3, ", "i < -1, ", "a trip count of (-1, 2, 4) is below 0", 1),
    "more iterations than it says": (
        "extents", "j < 2, ", "j < i <= 1, ", "extent i is 2 in places, more than the 1", 1),
    "more entries than it says": (
        "extents", "k < 4", "k < two[j] <= 0", "two[j] is 1 in places, more than the 0", 1),
    "an entry outside the index array": (
        "extents", "k < 4", "k < two[i]", "two[i] reaches from 0 to 2, outside 0..1 of two", 1),
    "more given entries than it says": (
        "extents", "k < 4", "k < given[i] <= 4", "extent given[i] is 5 in places", 1),
    "a remainder of what is below 0": (
        "inside", "a[4*i + k]", "a[(i - 1) mod 3]", "the number before mod is as low as -1", 1),
    "a quotient of what is below 0": (
        "inside", "a[4*i + k]", "a[(i - 1) div 3 + 1]", "the number before div is as low as -1", 1),
    "a remainder by 0": (
        "inside", "a[4*i + k]", "a[(i) mod 0]", "the number behind mod is below 1", 1),
    "given entry outside the array": (
        "inside", "six[i]", "wide[i]", "c[wide[i]] reaches from 0 to 6, outside 0..5", 3),
    "writes through given entries": (
        "once", "c[i] = 0.0", "c[given[i]] = 0.0", "`=` writes through entries of given, which", 0),
    "above bounds": (
        "inside", "4*i + k]", "4*i + k + 1]", "reaches from 1 to 12, outside 0..11", 1),
    "below bounds": ("inside", "4*i + k]", "4*i - 1*j]", "reaches from -1 to 8, outside 0..11", 1),
    "target out of bounds": (
        "inside", "0.0  for i < 6", "0.0  for i < 7", "reaches from 0 to 6, outside 0..5", 0),
    "position outside the index array": (
        "inside", "six[i]", "two[i]", "two[i] in c[two[i]] reaches from 0 to 5, outside 0..1 ", 3),
    "entry outside the array": (
        "inside", "six[i]", "large[i]", "c[large[i]] reaches from 0 to 6, outside 0..5", 3),
    "arity": (
        "operands", "tanh(c[six[i]])", "tanh(1.0, 2.0)", "tanh takes 1 operands, has 2", 3),
    "arity inside": ("operands", "tanh(c", "neg(add(c", "add takes 2 operands, has 1", 3),
    "writes an input": ("given", "c[i] =", "a[i] =", "a is read-only", 0),
    "writes a parameter": ("given", "c[i] =", "b[i] =", "b is read-only", 0),
    "writes a constant": ("given", "c[i] =", "k[i] =", "k is read-only", 0),
    "reads what it writes": (
        "carried", "tanh(c[six[i]])", "tanh(out)",
        "it reads elements of out that it writes in its own loops", 3),
    "`=` that reduces": ("once", "out += ", "out = ", "`=` writes one element more than once", 3),
    "assigned twice": ("order", SETS, f"{SETS}\n{SETS}", "c[0] is assigned twice", 1),
    "read before it is assigned": (
        "order", SETS, f"out = c[5]\n{SETS}", "c[5] is read before it is assigned", 0),
    "partly read before it is assigned": (
        "order", f"6\n{SUMS}", "5", "c[5] is read before it is assigned", 2),
    "accumulates before it is assigned": (
        "order", f"{SETS}\n", "", "c[0] is accumulated into before it is assigned", 0),
    "partly assigned": (
        "order", "0.0  for i < 6", "0.0  for i < 5", "c[5] is accumulated into before it is", 1),
}  # fmt: skip


def broken(old: str, new: str, text: str = LEGAL) -> Program:
    """A text with a change, as a program."""
    assert text.count(old) == 1
    changed = text.replace(old, new)
    if new.startswith("neg(add("):
        changed = changed.replace("c[six[i]])", "c[six[i]]))")
    return parse(changed)


def test_the_program_is_legal() -> None:
    p = parse(LEGAL)
    assert verify(p) is p


@pytest.mark.parametrize("what", BROKEN)
def test_verifier_notices(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, old, new, message, number = BROKEN[what]
    p = broken(old, new)
    with pytest.raises(CompilerError) as caught:
        verify(p, "sabotage")
    text = str(caught.value)
    assert message in text
    assert f"program after sabotage, statement {number}: " in text  # the pass, and where
    assert f"\n> {p.statements[number].text(0, p.arrays)}" in text  # the statement, marked
    assert said_without(rule, p, monkeypatch) != text


def said_without(rule: str, p: Program, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of a program if a rule does not hold."""
    rules = tuple(name for name in STAGES["program"] if name != rule)
    monkeypatch.setitem(STAGES, "without", rules)
    try:
        verify(p, "sabotage", stage="without")
    except Exception as error:
        return str(error)
    return ""


UNWRITTEN: dict[str, tuple[int, dict[str, Any], str]] = {
    "rank": (1, {"expr": Access("a", 0, (4, 1))}, "has 2 strides for 3 loops"),
    "rank of the target": (0, {"target": Access("c")}, "c has 0 strides for 1 loops"),
    "undeclared target": (
        0, {"target": Access("nowhere", 0, (1,))}, "array nowhere is not declared"),
    "rank of what goes through an index array": (
        3, {"target": Access("out", 0, (0,), (Part("mod", 3, 0, ()),))},
        r"\(0\) mod 3 in out\[\(0\) mod 3\] has 0 strides for 1 loops"),
    "rank of an extent": (
        1, {"domain": (3, 2, Affine(1, (1,), 4))}, r"extent i \+ 1 has 1 strides for 2 loops"),
    "an extent that is a number": (
        1, {"domain": (3, 2, Affine(4, (0, 0), 4))}, "extent 4 depends on no loop, so it is a num"),
    "a part of no kind": (
        3, {"target": Access("out", 0, (0,), (Part("rem", 3, 0, (1,)),))},
        "is not mod, div or entry"),
    "what does not reduce": (1, {"accumulate": ops.sub}, "sub is no op that a statement re"),
    "literal": (
        3, {"expr": Apply(ops.tanh, (1,))}, "1 is no expression; literals are floats"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNWRITTEN)
def test_verifier_notices_what_no_text_says(what: str) -> None:
    number, changes, message = UNWRITTEN[what]
    p = parse(LEGAL)
    for name, value in changes.items():
        setattr(p.statements[number], name, value)
    with pytest.raises(CompilerError, match=f"statement {number}: .*{message}"):
        verify(p)


def test_verifier_notices_an_output_that_is_not_set() -> None:
    p = broken("output out[1]", "output out[2]")
    with pytest.raises(
        CompilerError, match=r"^program after a pass: output element out\[1\] is ne"
    ):
        verify(p, "a pass")


def test_an_output_is_complete_whatever_entries_say() -> None:
    head = "input n[2] i64 < 4\nextent count <= 2\noutput out[2, 3]\n"
    text = f"{head}\nout[i, j] = 1.0  for i < 2, j < 3"
    verify(parse(text))
    verify(parse(text.replace("i < 2", "i < count")))  # as many as the caller asks for
    with pytest.raises(CompilerError, match=r"output element out\[5\] may be never set, as n says"):
        verify(parse(text.replace("j < 3", "j < n[i]")))


def test_the_ends_of_triangles_are_inside() -> None:
    head = "input x[10]\noutput out[10]\n\nout[i] = 0.0  for i < 10"
    text = f"{head}\nout[i] += x[i - 1*j]  for i < 10, j < i"
    verify(parse(text))
    verify(parse(text.replace("j < i", "j < i + 1")))
    with pytest.raises(CompilerError, match=r"x\[i - 1\*j\] reaches from -1 to 9, outside 0\.\.9"):
        verify(parse(text.replace("j < i", "j < i + 2")))


@pytest.mark.parametrize("numbers", ["", " = 1.0 2.0 3.0"])
def test_verifier_notices_a_constant_without_its_numbers(numbers: str) -> None:
    with pytest.raises(CompilerError, match=r"^program: constant k does not have 2 numbers$"):
        verify(parse(f"const k[2]{numbers}\noutput out[1]\n\nout = 1.0"))


DECLARED: dict[str, tuple[str, str]] = {
    "an entry below 0": ("const t[2] i32 = 0 -1", "an entry of t is not from 0 to 2147483647"),
    "an entry of too many bits": (
        "const t[2] i32 = 0 2147483648", "an entry of t is not from 0 to 2147483647"),
    "an index array that is computed": (
        "output t[2] i64", "index array t is neither a constant nor an input nor a count"),
    "an index array that is rewritten": ("state t[2] i64", "t is neither a constant nor an input"),
    "no bound": ("input t[2] i64", "the entries of t are below 0, which is not 1 to"),
    "a bound of too many bits": (
        "input t[2] i32 < 2147483649", "below 2147483649, which is not 1 to 2147483648"),
    "no entries": ("const t[2] i32", "constant t does not have 2 numbers"),
}  # fmt: skip


@pytest.mark.parametrize("what", DECLARED)
def test_verifier_notices_arrays(what: str) -> None:
    line, message = DECLARED[what]
    with pytest.raises(CompilerError) as caught:
        verify(parse(f"{line}\noutput out[1]\n\nout = 1.0"))
    assert str(caught.value).startswith("program: ")
    assert message in str(caught.value)


def test_verifier_notices_arrays_that_no_text_says() -> None:
    p = parse(LEGAL)
    p.arrays["a"].below = 3
    with pytest.raises(CompilerError, match="a is no index array, so no number bounds"):
        verify(p)
    p = parse(LEGAL)
    p.arrays["a"].dtype = "f16"
    with pytest.raises(CompilerError, match="a has the dtype f16, which is none of number, f32"):
        verify(p)
    p = parse(LEGAL)
    p.arrays["a"].shape = ()
    with pytest.raises(CompilerError, match="a has the shape \\(\\), not of one dimension or more"):
        verify(p)


# --- loops ------------------------------------------------------------------------------------

RECURRENCE = """
input x[1]
output out[5]

out = x
for i < 4 in order:
  out[i + 1] = mul(out[i], 2.0)
"""


def test_recurrence_is_verified_iteration_by_iteration() -> None:
    p = verify(parse(RECURRENCE))
    assert is_recurrence(p.statements[1], p)
    assert interpret(p, {"x": [3.0]})["out"].tolist() == [3.0, 6.0, 12.0, 24.0, 48.0]
    with pytest.raises(CompilerError, match="reads elements of out that it writes in its own"):
        verify(broken("out[i],", "out[i + 1],", RECURRENCE))
    with pytest.raises(CompilerError, match=r"out\[1\] is written in one iteration of the loop ov"):
        verify(broken(" in order", "", RECURRENCE))
    with pytest.raises(CompilerError, match=r"statement 1: out\[1\] is read too early"):
        verify(broken(" in order", " in reverse order", RECURRENCE))
    with pytest.raises(CompilerError, match="reads elements of out that it writes in its own"):
        verify(parse(RECURRENCE.split("for")[0] + "out[i + 1] = mul(out[i], 2.0)  for i < 4"))


LOOPS = """
input x[3]
input rows[6] i64 < 3
extent count <= 6
temp a[7]
temp b[7]
temp t[6, 6]
temp s[6, 3]
state w[6]
output out[1]
output y[6]

a = x
b = x[1]
for i < 6 in order:
  a[i + 1] = b[i]
  b[i + 1] = add(mul(a[i], x[2]), tanh(a[i + 1]))
for i < 6:
  t[i, j] = mul(a[i], b[j])  for j < i + 1
  y[i] = 0.0
  for j < i + 1 in reverse order:
    y[i] += t[i, -1*j + 5]  for k < j - 5
    y[i] += t[i, j]
  s[i, j] = -inf  for j < 3
  s[i, j] max= t[i, k]  for j < 2, k < i + 1
for i < count in reverse order:
  w[j] = mul(add(w[j], x[j mod 3]), y[rows[i]])  for j < 6
out = 0.0
out += s[i, rows[i]]  for i < 6
""".replace("j mod 3", "(j) mod 3")
INSIDE: dict[str, tuple[str, str, str, int]] = {
    "reads what comes behind it": ("= b[i]\n", "= b[i + 1]\n", r"b\[1\] is read too early", 2),
    "assigned before": ("a[i + 1] = ", "a[i] = ", r"a\[0\] is assigned twice", 2),
    "assigned in every step": ("b[i + 1] = ", "b[1] = ", r"b\[1\] is assigned twice", 3),
    "assigned in every step of a loop": ("y[i] = 0", "y = 0", r"y\[0\] is assigned twice", 5),
    "out of bounds": (
        "b[i + 1] = ", "b[i + 2] = ", r"b\[i \+ 2\] reaches from 2 to 7, outside 0..6", 3),
    "writes an input": ("a[i + 1] = b", "x[0] = b", "x is read-only", 2),
    "a sum into what is not there": (
        "a[i + 1] = b[i]\n", "a[i + 1] += b[i]\n", r"a\[1\] is accumulated into before", 2),
    "a sum into what comes behind": (
        "y[i] = 0.0", "y[i] += 0.0\n  y[i] = 0.0", r"y\[0\] is accumulated into too early", 5),
    "an order": ("6 in order", "6", "written in one iteration of the loop over i and used in", 3),
    "outside of the triangle": (
        "add(w[j], x[(j) mod 3])", "t[i, j]", r"t\[1\] is read before it is assigned", 10),
    "more of the triangle": (
        "max= t[i, k]  for j < 2, k < i + 1", "max= t[i, k]  for j < 2, k < 2",
        r"t\[1\] is read too early", 9),
    "another iteration's": ("max= t[i, k]", "max= t[k, i]", r"t\[1\] is read too early", 9),
    "an earlier iteration's": ("max= t[i, k]", "max= t[k, 0]", r"t\[0\] is written in one iter", 9),
    "state, at another point": ("add(w[j],", "add(w[-1*j + 5],", "reads elements of w that it", 10),
    "state, in any order": ("count in reverse order", "count", r"w\[0\] is written in one it", 10),
    "assigned outside": (
        "  w[j] = mul(add(w[j], ", "  a[j] = mul(add(1.0, ", r"a\[0\] is assigned twice", 10),
    "through entries, when it is not there": (
        "= -inf  for j < 3", "= -inf  for j < 2", r"s\[2\] is read before it is assigned", 12),
}  # fmt: skip


@pytest.mark.parametrize("what", INSIDE)
def test_the_rules_of_loops(what: str) -> None:
    old, new, message, number = INSIDE[what]
    verify(parse(LOOPS))
    p = broken(old, new, LOOPS)
    with pytest.raises(
        CompilerError, match=f"after a pass, statement {number}: .*({message})"
    ) as caught:
        verify(p, "a pass")
    assert f"\n> {p.statements[number].text(0, p.arrays)}" in str(caught.value)


def test_a_domain_has_the_loops_around() -> None:
    p = parse(LOOPS)
    p.statements[3].domain = (5,)
    with pytest.raises(CompilerError, match=r"statement 3: its domain begins with \(5\), but the"):
        verify(p)
    p = parse(LOOPS)
    p.statements[7].domain = (6, Affine(1, (1,), 7))
    with pytest.raises(CompilerError, match=r"begins with \(6, i \+ 1\), but the loops around are"):
        verify(p)


RUNTIME = """
input x[5]
input lengths[5] i64 < 4
extent count <= 5
extent n <= 5
temp t[5]
temp r[5, 3]
output out[1]

t[i] = x[i]  for i < count
r[i, j] = x[i]  for i < 5, j < lengths[i]
out = 0.0
out += mul(t[i], 2.0)  for i < count
out += r[i, j]  for i < 5, j < lengths[i]
"""
THERE: dict[str, tuple[str, str, str, int]] = {
    "a number": (
        "2.0)  for i < count", "2.0)  for i < 5", r"t\[0\] may not be there: .*as count says", 3),
    "another extent": ("2.0)  for i < count", "2.0)  for i < n", r"t\[0\] may not be there", 3),
    "the next": ("mul(t[i],", "mul(t[(i + 1) mod 5],", r"t\[1\] may not be there", 3),
    "another row": ("r[i, j]  for", "r[-1*i + 4, j]  for", r"r\[12\] may not be there", 4),
    "the last of a row": ("r[i, j]  for", "r[i, -1*j + 2]  for", r"r\[2\] may not be there", 4),
    "a whole row": ("r[i, j]  for i < 5, j < lengths[i]", "r[i, j]  for i < 5, j < 3",
                    r"r\[0\] may not be there", 4),
    "in a loop": ("out += mul(t[i], 2.0)  for i < count", "for i < 5:\n  out += t[i]",
                  r"t\[0\] may not be there", 3),
}  # fmt: skip


@pytest.mark.parametrize("what", THERE)
def test_what_there_may_not_be_is_not_used(what: str) -> None:
    old, new, message, number = THERE[what]
    verify(parse(RUNTIME))
    with pytest.raises(CompilerError, match=f"statement {number}: {message}"):
        verify(broken(old, new, RUNTIME))


def test_what_there_is_is_used_in_any_way() -> None:
    for old, new in (
        ("mul(t[i],", "mul(t[0],"),
        ("mul(t[i],", "mul(t[(i) div 2],"),
        ("r[i, j]  for", "r[i, 0]  for"),
        ("out += mul(t[i], 2.0)  for i < count", "for i < count:\n  out += t[j]  for j < i + 1"),
    ):
        verify(broken(old, new, RUNTIME))


@pytest.mark.parametrize("first", range(0, 90, 30))
def test_damaged_programs_are_refused(first: int) -> None:
    """As they are, point by point; of every kind many are."""
    refused = dict.fromkeys(KINDS, 0)
    for seed in range(first, first + 30):
        random = Random(seed)
        is_closed = seed % 3 > 0
        wanted = dict.fromkeys(["gathers", "ragged_inputs", "extents"], not is_closed)
        program = random_program(random, small=True, **wanted)
        for _ in range(1 if is_closed else 3):
            legal.check(program, random_inputs(program, random))
        for kind, p in damaged(program, random):
            is_legal = True
            for _ in range(1 if is_closed else 3):
                try:
                    legal.check(p, random_inputs(p, random))
                except legal.Illegal:
                    is_legal = False
            try:
                verify(p)
            except CompilerError:
                refused[kind] += 1
                assert not (is_legal and is_closed), f"{kind}\n{p}"
            else:
                assert is_legal, f"{kind}\n{p}"
    assert min(refused.values()) >= 5, refused


def test_error_shows_the_neighbourhood_only() -> None:
    lines = [f"out[{k}] = x" for k in range(100)]
    lines[50] = "out[50] = x[1]"
    p = parse("\n".join(["input x[1]", "output out[100]", "", *lines]))
    with pytest.raises(CompilerError) as caught:
        verify(p, "sabotage")
    assert str(caught.value).splitlines()[1:] == [
        "  out[48] = x", "  out[49] = x", "> out[50] = x[1]", "  out[51] = x", "  out[52] = x",
    ]  # fmt: skip


# --- stages -----------------------------------------------------------------------------------

HEAD = "input x[2]\nconst k[2] = 1.0 2.0\nconst t[2] i32 = 1 0\noutput out[1]\n\n"
STAGE_RULES: dict[str, tuple[str, str, str]] = {
    # rule: (stage, statements, message)
    "unread": ("rerolled", "out = k[t[1]]\nu = add(out, x)", "statement 1: output out is read"),
    "folded": (
        "simplified", "u = add(1.0, exp(2.0))\nout = mul(u, k[t[1]])",
        "statement 0: exp(2.0) is a number, and is not folded"),
    "needed": (
        "simplified", "u = x\nout = k[t[0]]\nv = x[1]\nv += u", "statement 2: nothing reads v"),
    "emission": (
        "expanded", "u = relu(x)\nout = add(u, k[t[1]])",
        "statement 0: relu has no emission of its own, and is not expanded"),
    "exact": (
        "schedulable strictly", "out = mul(k[t[1]], sigmoid(x))",
        "statement 0: sigmoid is not expanded, as strict results require"),
}  # fmt: skip


@pytest.mark.parametrize("rule", STAGE_RULES)
def test_a_stage_has_rules_of_its_own(rule: str) -> None:
    stage, statements, message = STAGE_RULES[rule]
    assert rule in STAGES[stage]
    p = verify(parse(HEAD + statements))  # what every pass may give
    with pytest.raises(CompilerError) as caught:
        verify(p, "sabotage", stage=stage)
    first, *context = str(caught.value).split("\n")
    assert first == f"program after sabotage, {message}"
    number = int(message.split(":")[0].removeprefix("statement "))
    assert f"> {p.statements[number].text(0, p.arrays)}" in context


def test_nothing_may_be_declared_for_nothing() -> None:
    with pytest.raises(CompilerError, match=r"^program: nothing reads k$"):
        verify(parse(HEAD + "out = x[t[0]]"), stage="simplified")
    with pytest.raises(CompilerError, match=r"^program: nothing reads t$"):
        verify(parse(HEAD + "out = k"), stage="simplified")


def test_ops_that_are_in_no_table() -> None:
    def odd(**how: Any) -> Op:
        return Op("odd", "x", 1, lambda x: x, (None,), "odd", **how)

    p = parse(HEAD + "out = k[t[0]]")
    s = p.statements[0]
    s.expr = Apply(odd(), (s.expr,))
    verify(p)
    with pytest.raises(CompilerError, match="odd is no op of the table, so it has no derivative"):
        verify(p, stage="rerolled")
    with pytest.raises(CompilerError, match="odd has no emission; see its entry in the op table"):
        verify(p, stage="expanded")


def test_every_rule_of_every_stage_is_broken_above() -> None:
    tried = {rule for rule, *_ in BROKEN.values()} | {*STAGE_RULES}
    assert tried | {"arrays", "ranks", "accumulates", "there", "complete", "entries"} == set(RULES)
    assert {name for names in STAGES.values() for name in names} == set(RULES)
    for names in STAGES.values():
        assert [*names] == [name for name in RULES if name in names]  # in the order of the table
        assert set(STAGES["program"]) <= set(names)


def test_a_stage_that_is_none() -> None:
    with pytest.raises(KeyError):
        verify(parse(LEGAL), stage="nowhere")


DERIVED: dict[str, Callable[[Program, Any], Program]] = {
    "value": lambda p, wrt: p,
    "gradient": lambda p, wrt: gradient(p, ("out", 0), wrt),
    "both": lambda p, wrt: gradient(p, ("out", 0), wrt, keep_value=True),
    "second": lambda p, wrt: jacobian(
        gradient(p, ("out", 0), wrt[:3]), wrt[:2], "grad", "h",
        np.indices((len(wrt[:3]), len(wrt[:2]))).reshape(2, -1)),
}  # fmt: skip


@pytest.mark.parametrize("part", range(4))
def test_passes_establish_what_their_stages_say(part: int) -> None:
    for seed in range(part, 40, 4):
        graph = Derived(drawn(Choices(seed), SMALL), 60).recording.trace.graph
        for strict in (False, True):
            program = straight_line(graph) if strict else reroll(graph)
            verify(program, "reroll", stage="rerolled")
            wrt = [
                (a.name, k)
                for a in program.with_role(Role.INPUT, Role.PARAMETER)
                for k in range(a.size)
            ]
            for derive in DERIVED.values():
                p = simplify(derive(program, wrt))
                verify(p, "simplify", stage="simplified")
                p = expand(p, Target.host(strict=strict))
                verify(p, "expand", stage="expanded")
                p = simplify(p)
                if strict:
                    verify(p, "simplify", stage="schedulable strictly")
                else:
                    verify(p, "simplify", stage="schedulable")
                    verify(simplify(combine(p)), "combine", stage="schedulable")
