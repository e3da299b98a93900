"""The verifier, tested by breaking each of its rules, and the stages, by what passes give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import ops
from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret, is_recurrence
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Access, Apply, Program, Role
from micrograd.jit.ir.progress import Broken, Progress
from micrograd.jit.ir.rules import REACH, RULES, STAGES
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.forward import jacobian
from micrograd.jit.passes.like_terms import combine
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import expand, simplify
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.target import Target
from micrograd.ops import Op

from ...fuzz.campaign import SMALL
from ...fuzz.choices import Choices
from ...fuzz.kernels import Derived
from ...fuzz.programs import program as drawn

# --- rules ------------------------------------------------------------------------------------

LEGAL = """
input a[12]
param b[8]
const k[6] = 1.0 2.0 3.0 4.0 5.0 6.0
temp c[6]
output out[1]
table two[2] = 0 1
table six[6] = 5 4 3 2 1 0
table large[6] = 0 1 2 3 4 6
table negative[6] = -1 0 1 2 3 4
table unknown[6]

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
    "undeclared table": ("declared", "[six[i]]", "[t[i]]", "table t is not declared", 3),
    "trip count": ("ranks", "i < 3, ", "i < 0, ", "a trip count of (0, 2, 4) is below 1", 1),
    "above bounds": (
        "inside", "4*i + k]", "4*i + k + 1]", "reaches from 1 to 12, outside 0..11", 1),
    "below bounds": ("inside", "4*i + k]", "4*i - 1*j]", "reaches from -1 to 8, outside 0..11", 1),
    "target out of bounds": (
        "inside", "0.0  for i < 6", "0.0  for i < 7", "reaches from 0 to 6, outside 0..5", 0),
    "position outside the table": ("inside", "six[i]", "two[i]", "from 0 to 5, outside 0..1", 3),
    "entry outside the array": (
        "inside", "six[i]", "large[i]", "reaches outside 0..5 through its table", 3),
    "negative entry": (
        "inside", "six[i]", "negative[i]", "reaches outside 0..5 through its table", 3),
    "no entries": ("inside", "six[i]", "unknown[i]", "table unknown has no entries", 3),
    "arity": (
        "operands", "tanh(c[six[i]])", "tanh(1.0, 2.0)", "tanh takes 1 operands, has 2", 3),
    "arity inside": ("operands", "tanh(c", "neg(add(c", "add takes 2 operands, has 1", 3),
    "writes an input": ("given", "c[i] =", "a[i] =", "a is read-only", 0),
    "writes a parameter": ("given", "c[i] =", "b[i] =", "b is read-only", 0),
    "writes a constant": ("given", "c[i] =", "k[i] =", "k is read-only", 0),
    "reads what it writes": (
        "carried", "tanh(c[six[i]])", "tanh(out)",
        "it reads elements of out that it writes, and not in turn", 3),
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
    assert f"\n> {p.body[number]}" in text  # the statement, marked
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
    "literal": (
        3, {"expr": Apply(ops.tanh, (1,))}, "1 is no expression; literals are floats"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("what", UNWRITTEN)
def test_verifier_notices_what_no_text_says(what: str) -> None:
    number, changes, message = UNWRITTEN[what]
    p = parse(LEGAL)
    for name, value in changes.items():
        setattr(p.body[number], name, value)
    with pytest.raises(CompilerError, match=f"statement {number}: .*{message}"):
        verify(p)


def test_verifier_notices_an_output_that_is_not_set() -> None:
    p = broken("output out[1]", "output out[2]")
    with pytest.raises(
        CompilerError, match=r"^program after a pass: output element out\[1\] is ne"
    ):
        verify(p, "a pass")


@pytest.mark.parametrize("numbers", ["", " = 1.0 2.0 3.0"])
def test_verifier_notices_a_constant_without_its_numbers(numbers: str) -> None:
    with pytest.raises(CompilerError, match=r"^program: constant k does not have 2 numbers$"):
        verify(parse(f"const k[2]{numbers}\noutput out[1]\n\nout = 1.0"))


RECURRENCE = """
input x[1]
output out[5]

out = x
out[i + 1] = mul(out[i], 2.0)  for i < 4 in turn 1
"""


def test_recurrence_is_verified_iteration_by_iteration() -> None:
    p = verify(parse(RECURRENCE))
    assert is_recurrence(p.body[1], p)
    assert interpret(p, {"x": [3.0]})["out"].tolist() == [3.0, 6.0, 12.0, 24.0, 48.0]
    with pytest.raises(CompilerError, match=r"statement 1: out\[1\] is read too early"):
        verify(broken("out[i],", "out[i + 1],", RECURRENCE))
    with pytest.raises(CompilerError, match="reads elements of out that it writes"):
        verify(broken(" in turn 1", "", RECURRENCE))


TURNS = """
input x[3]
temp a[7]
temp b[7]
output out[1]

a = x
b = x[1]
a[i + 1] = b[i]  for i < 6 in turn 1
b[i + 1] = add(mul(a[i], x[2]), tanh(a[i + 1]))  for i < 6 in turn 1
out = add(b[6], a[3])
"""
IN_TURN: dict[str, tuple[str, str, str, int]] = {
    "reads what comes behind it": ("= b[i] ", "= b[i + 1] ", r"b\[1\] is read too early", 2),
    "assigned before": ("a[i + 1] = ", "a[i] = ", "an element of a is assigned twice", 2),
    "assigned in every step": ("b[i + 1] = ", "b[1] = ", "an element of b is assigned twice", 3),
    "other trip counts": (
        "1]))  for i < 6", "1]))  for i < 5", ".* runs in turn with a loop of 6", 3),
    "out of bounds": (
        "b[i + 1] = ", "b[i + 2] = ", r"b\[i \+ 2\] reaches from 2 to 7, outside 0..6", 3),
    "writes an input": ("a[i + 1] = b", "x[0] = b", "x is read-only", 2),
    "a sum into what is not there": ("a[i + 1] = ", "a[i + 1] += ", r"a\[1\] is read too early", 2),
    "another turn": ("6 in turn 1\nout", "6 in turn 2\nout", r"b\[1\] is read too early", 2),
}  # fmt: skip


@pytest.mark.parametrize("what", IN_TURN)
def test_the_rules_of_turns(what: str) -> None:
    old, new, message, number = IN_TURN[what]
    verify(parse(TURNS))
    p = broken(old, new, TURNS)
    with pytest.raises(
        CompilerError, match=f"after a pass, statement {number}: {message}"
    ) as caught:
        verify(p, "a pass")
    assert f"\n> {p.body[number]}" in str(caught.value)


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

HEAD = "input x[2]\nconst k[2] = 1.0 2.0\noutput out[1]\ntable t[2] = 1 0\n\n"
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
    assert f"> {p.body[number]}" in context


def test_nothing_may_be_declared_for_nothing() -> None:
    with pytest.raises(CompilerError, match=r"^program: nothing reads k$"):
        verify(parse(HEAD + "out = x[t[0]]"), stage="simplified")
    with pytest.raises(CompilerError, match=r"^program: nothing reads through table t$"):
        verify(parse(HEAD + "out = k"), stage="simplified")


def test_tables_have_names_of_their_own() -> None:
    p = parse(HEAD + "out = k[t[0]]")
    p.tables["x"] = p.tables.pop("t")
    p.body[0].expr = Access("k", 0, (), "x")
    verify(p, stage="simplified")
    with pytest.raises(CompilerError, match="x is an array and a table"):
        verify(p, stage="schedulable")


def test_entries_of_tables_fit_into_32_bits() -> None:
    """Larger ones would be cut off, and read something else."""
    p = parse(HEAD + "out = k[t[0]]")
    progress = Progress(p)
    progress.begin(p.body[0])
    check = RULES["reach"].each
    assert check is not None
    check(p.body[0], progress)
    p.arrays["k"].size = REACH + 1
    with pytest.raises(Broken, match="whose entries are below 2147483648"):
        check(p.body[0], progress)
    assert np.int32(REACH - 1) == REACH - 1
    assert np.array([REACH]).astype(np.int32)[0] != REACH


def test_ops_that_are_in_no_table() -> None:
    def odd(**how: Any) -> Op:
        return Op("odd", "x", 1, lambda x: x, (None,), "odd", **how)

    p = parse(HEAD + "out = k[t[0]]")
    p.body[0].expr = Apply(odd(), (p.body[0].expr,))
    verify(p)
    with pytest.raises(CompilerError, match="odd is no op of the table, so it has no derivative"):
        verify(p, stage="rerolled")
    with pytest.raises(CompilerError, match="odd has no emission; see its entry in the op table"):
        verify(p, stage="expanded")


def test_every_rule_of_every_stage_is_broken_above() -> None:
    tried = {rule for rule, *_ in BROKEN.values()} | {*STAGE_RULES}
    assert tried | {"complete", "symbols", "reach", "entries"} == set(RULES)
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
