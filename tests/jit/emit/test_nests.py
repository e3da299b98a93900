"""Loops that are emitted as they stand: of every order, extent, access and reduction."""

from __future__ import annotations

import re
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd.errors import ShapeError, SignatureError
from micrograd.jit.ir.bounds import interpret_bounded
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.nest import Nest

from ...nested_programs import random_inputs
from ...whole_programs import Compiled
from .nested import FORMS, Form, Nested, check

SIZES = (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 33)
"""Trip counts around vectors' widths."""

PROGRAMS = {
    "a recurrence of a run-time number of steps": """
        input x[20, {n}]
        param w[{n}, {n}]
        extent steps <= 20
        temp h[21, {n}]
        temp a[20, {n}]
        state last[{n}]

        h[0, i] = last[i]  for i < {n}
        for i < steps in order:
          a[i, j] = x[(i + 1) mod 20, j]  for j < {n}
          a[i, j] += mul(w[j, k], h[i, k])  for j < {n}, k < {n}
          h[i + 1, j] = maximum(-2.0, minimum(2.0, a[i, j]))  for j < {n}
          last[j] = h[i + 1, j]  for j < {n}
        """,
    "in reverse order from a last step that is not known": """
        input x[20]
        extent steps <= 20
        state h[21, {n}]

        for i < steps in reverse order:
          h[i, j] = maximum(-5.0, sub(x[i], h[i + 1, j]))  for j < {n}
        """,
    "sums into elements that lie apart": """
        input x[20, {n}]
        input c[20]
        extent some <= {n}
        state d[{n}, 9]
        state e[{n}, 3]

        d[j, 3] += mul(c[i], x[i, j])  for i < 20, j < {n}
        d[-1*j + {n} - 1, 5] += x[-1*i + 19, j]  for i < 20, j < {n}
        d[j, k + 6] += mul(x[i + k, j], c[i])  for i < 18, j < {n}, k < 3
        d[j, 4] += x[i, j]  for i < 20, j < some
        e[j, 1] max= x[i, j]  for i < 20, j < {n}
        for i < 20 in order:
          e[j, 0] += mul(x[i, j], c[k])  for j < {n}, k < i
          d[j, 0] += e[j, 0]  for j < {n}
        """,
    "long sums beside each other": """
        input x[70, {n}]
        input c[70, 7]
        input w[7]
        state d[7, {n}]
        state e[{n}, 9]
        state g[39]
        state most[5, {n}]
        state top[39]

        d[k, j] += mul(mul(c[i, k], x[i, j]), w[k])  for i < 70, k < 7, j < {n}
        d[-1*k + 6, -1*j + {n} - 1] += mul(c[-1*i + 69, k], x[i, j])  for i < 70, k < 6, j < {n}
        e[j, k + 1] += mul(c[i, k], x[i, j])  for i < 70, k < 7, j < {n}
        g[j + k] += mul(c[i, k], x[i, j])  for i < 70, k < 7, j < {n}
        most[k, j] max= add(c[i, k], x[i, j])  for i < 70, k < 5, j < {n}
        top[j + k] max= add(c[i, k], x[i, j])  for i < 70, k < 7, j < {n}
        """,
    "a triangle": """
        input q[{n}, 5]
        input k[{n}, 5]
        temp s[{n}, {n}]
        output most[{n}]
        output total[{n}]
        output o[{n}, 5]

        s[i, j] = 0.0  for i < {n}, j < i + 1
        s[i, j] += mul(q[i, k], k[j, k])  for i < {n}, j < i + 1, k < 5
        most[i] = -inf  for i < {n}
        most[i] max= s[i, j]  for i < {n}, j < i + 1
        total[i] = 0.0  for i < {n}
        total[i] += sub(s[i, j], most[i])  for i < {n}, j < i + 1
        o[i, j] = -0.0  for i < {n}, j < 5
        o[i, k] += mul(s[i, j], k[j, k])  for i < {n}, j < i + 1, k < 5
        """,
    "triangles that begin empty, or end so": """
        input x[{n}, {n}]
        output below[{n}]
        output above[{n}]
        output far[{n}, {n}]

        below[i] = 0.5  for i < {n}
        below[i] += x[i, j]  for i < {n}, j < i
        above[i] = 0.5  for i < {n}
        above[i] *= minimum(1.0, maximum(-1.0, x[i, j]))  for i < {n}, j < -1*i + {n} - 2
        far[i, j] = 7.0  for i < {n}, j < {n}
        far[i, j] += x[j, i]  for i < {n}, j < i - 2
        """,
    "ragged by a constant and by an input": """
        const long[5] i32 = 0 {n} 1 0 {n}
        input short[5] i64 < {m}
        input x[5, {n}]
        output rows[5]
        output least[5]
        temp t[5, {n}]

        rows[i] = 0.0  for i < 5
        rows[i] += x[i, j]  for i < 5, j < long[i]
        least[i] = inf  for i < 5
        least[i] min= x[i, j]  for i < 5, j < short[i]
        """,
    "gathered, and added up where it was": """
        input tokens[7, {n}] i32 < 27
        input labels[7] i64 < 27
        input table[27, {n}]
        output read[7, {n}]
        output grad[27, {n}]
        output count[27]

        read[i, j] = 0.0  for i < 7, j < {n}
        read[i, k] += table[tokens[i, j], k]  for i < 7, j < {n}, k < {n}
        grad[i, j] = 0.0  for i < 27, j < {n}
        grad[tokens[i, j], k] += sub(read[i, k], table[labels[i], k])  for i < 7, j < {n}, k < {n}
        count[i] = 0.0  for i < 27
        count[tokens[i, j]] max= 1.0  for i < 7, j < {n}
        """,
    "added up here, or where the next one is": """
        input x[{n}, 4]
        input c[3]
        input t[{n}] i32 < 2
        temp h[4]
        output y[{m}]

        y[i] = 0.0  for i < {m}
        h = 1.0
        for u < 3 in order:
          h[u + 1] = add(h[u], c[u])
          y[i + t[i]] += mul(x[i, j], h[u])  for i < {n}, j < 4
        """,
    "windows by mod and div": """
        input x[3, {n}]
        output a[{n}, 6]
        output b[6]

        a[i, j] = x[(i + j) mod 3, i]  for i < {n}, j < 6
        b[i] = 0.0  for i < 6
        b[i] += x[(i) div 2, (i + 5*j) mod {n}]  for i < 6, j < {n}
        """,
    "state inside of three loops": """
        input x[4, {n}]
        state w[4, {n}]
        state h[5]

        for i < 4 in reverse order:
          for j < i + 1 in order:
            w[i, k] = sub(w[i, k], mul(x[j, k], h[j]))  for k < {n}
            w[i, k] = minimum(9.0, maximum(-9.0, w[i, k]))  for k < {n}
          h[i + 1] = maximum(-3.0, minimum(3.0, add(h[i], w[i, 0])))
        """,
    "iterations of a free loop, each with a loop in order": """
        input x[{n}, 6]
        input at[{n}, 6] i32 < 5
        input table[5]
        param w[6, 6]
        temp h[{n}, 7, 6]
        temp a[{n}, 6, 6]
        output o[{n}, 6]
        output total[6]
        output most[1]
        output least[{n}]

        total[i] = 0.5  for i < 6
        most = -inf
        for i < {n}:
          h[i, 0, j] = table[at[i, j]]  for j < 6
          for j < 6 in order:
            a[i, j, k] = x[i, k]  for k < 6
            a[i, j, k] += mul(w[k, l], h[i, j, l])  for k < 6, l < k + 1
            h[i, j + 1, k] = maximum(-2.0, minimum(2.0, a[i, j, k]))  for k < 6
          o[i, j] = h[i, 6, j]  for j < 6
          total[j] += h[i, j + 1, k]  for j < 6, k < 6
          most max= a[i, j, k]  for j < 6, k < 6
          least[i] = inf
          least[i] min= h[i, j, k]  for j < 7, k < 6
        """,
    "a run-time number of them": """
        input x[{n}, 6]
        extent count <= {n}
        temp h[{n}, 7]
        state o[{n}]
        state grad[6]
        output first[1]

        first = 9.0
        for i < count:
          h[i, 0] = 1.0
          for j < 6 in order:
            h[i, j + 1] = maximum(-2.0, minimum(2.0, sub(x[i, j], mul(h[i, j], 2.0))))
          o[i] = sub(o[i], h[i, 6])
          grad[j] += mul(x[i, j], h[i, j])  for j < 6
          first min= h[i, j]  for j < 7
        """,
    "read across its rows when it has just been written": """
        input x[9, {n}]
        state w[{n}, {n}]
        output b[4, 9, {n}]

        for i < 4 in order:
          w[j, k] = minimum(3.0, maximum(-3.0, sub(w[j, k], x[(i) mod 3, k])))  for j < {n}, k < {n}
          b[i, j, k] = 0.0  for j < 9, k < {n}
          b[i, j, k] += mul(w[k, l], x[j, l])  for j < 9, k < {n}, l < {n}
        """,
    "prefixes": """
        input x[{n}]
        output sums[{m}]
        output most[{m}]

        sums = 0.0
        most = -inf
        for i < {n} in order:
          sums[i + 1] = add(sums[i], x[i])
          most[i + 1] = maximum(most[i], x[i])
        """,
    "free loops around loops in order": """
        input x[5, {n}]
        temp h[5, {m}]
        output o[5]

        for i < 5:
          h[i, 0] = 1.0
          for j < {n} in order:
            h[i, j + 1] = minimum(4.0, maximum(-4.0, sub(x[i, j], h[i, j])))
          o[i] = h[i, {n}]
        """,
}  # fmt: skip


@cache
def program_of(what: str, n: int) -> Program:
    text = PROGRAMS[what].replace("{n}", str(n)).replace("{m}", str(n + 1))
    return verify(parse(re.sub("^        ", "", text, flags=re.MULTILINE)))


@cache
def interpreted(what: str, n: int, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Whole numbers for a program, and what it gives for them in every form."""
    program = program_of(what, n)
    given = random_inputs(program, Random(n + seed), whole=True)
    return given, interpret(program, given)


@pytest.mark.parametrize("what", PROGRAMS)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_nests(what: str, form: Form) -> None:
    for n in SIZES if form[1] == 512 else SIZES[::3]:
        compiled = Nested(program_of(what, n), form, level=2 if n == 9 else 0)
        for seed in range(2):
            given, expected = interpreted(what, n, seed)
            compiled.check(given, signs=form[-1], expected=expected)


def test_run_time_counts_of_nests_may_be_anything() -> None:
    program = program_of("a recurrence of a run-time number of steps", 5)
    compiled = Nested(program, FORMS[0])
    given = random_inputs(program, Random(1), whole=True)
    for steps in range(21):
        compiled.check(given | {"steps": steps})


SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0])


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_extremes_keep_nan_and_the_sign_of_zeros(form: Form) -> None:
    """Also of parts of rows, one after the other and all at once."""
    text = """
        input x[40, 19]
        output most[40]
        output least[19]
        output product[40]

        most[i] = -inf  for i < 40
        most[i] max= x[i, j]  for i < 40, j < 19
        least[i] = inf  for i < 19
        least[i] min= x[j, i]  for i < 19, j < i + 3
        product[i] = 1.0  for i < 40
        product[i] *= x[i, j]  for i < 40, j < 19
        """
    compiled = Nested(verify(parse(text.replace("        ", ""))), form)
    for kinds in ((0, 1), (0, 1, 3), (0, 1, 2), range(7), (4, 5), (5, 6)):
        for seed in range(3):
            x = np.random.default_rng(seed).choice(SPECIAL[list(kinds)], (40, 19))
            compiled.check({"x": x}, signs=True)


@pytest.mark.parametrize("vector_bits", [128, 256, 512])
@pytest.mark.parametrize("bits", [32, 64])
def test_sums_are_as_exact_as_any_order_allows(bits: int, vector_bits: int) -> None:
    for n in (7, 16, 33):
        program = program_of("a triangle", n)
        compiled = Nested(program, (bits, vector_bits, False))
        given = {a.name: np.random.default_rng(n).normal(size=a.size).astype(f"f{bits // 8}")
                 for a in program.with_role(Role.INPUT)}  # fmt: skip
        found = compiled.run(given)
        for name, bounded in interpret_bounded(program, given, compiled.dtype).items():
            off = np.abs(found[name] - bounded.value[:, 0])
            assert (off <= bounded.error[:, 0]).all()


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_random_programs(first: int) -> None:
    assert sum(map(check, range(first, first + 40))) > 40


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [("llvm.fadd", "llvm.fsub"), ("llvm.intr.maximum", "llvm.intr.minimum"),
     ("llvm.intr.smax", "llvm.intr.smin")],
)  # fmt: skip
def test_what_is_wrong_is_noticed(sound: str, damaged: str) -> None:
    """The test of the tests: sums, extremes and trip counts that are others."""
    program = program_of("triangles that begin empty, or end so", 9)
    if "maximum" in sound:
        program = program_of("a triangle", 9)

    def damage(text: str) -> str:
        after = text.replace(sound, damaged)
        if "maximum" in sound:  # as some processors take it
            after = after.replace('"ogt"', '"olt"')
        assert after != text
        return after

    compiled = Nested(program, (64, 512, False), level=0, damage=damage)
    with pytest.raises(AssertionError, match="differs at"):
        compiled.check(random_inputs(program, Random(0), whole=True))


# --- how they are scheduled -----------------------------------------------------------------


def shown(what: str, n: int) -> list[str]:
    lines = str(Nested(program_of(what, n), (64, 512, False)).schedule).split("\n")
    return [line.strip() for line in lines]


def test_schedules_say_why_loops_stand_as_they_are_and_what_lies_in_lanes() -> None:
    ragged = shown("ragged by a constant and by an input", 16)
    assert "as it stands: j < long[i]" in ragged
    assert "rows[i] += x[i, j]  for j < long[i]  ; lanes: j" in ragged
    state = shown("state inside of three loops", 16)
    assert "as it stands: loops inside, in their order" in state
    assert "for i < 4 in reverse order:" in state


def test_long_sums_in_order_run_beside_each_other() -> None:
    compiled = Nested(program_of("long sums beside each other", 16), (64, 512, True))
    steps = [step for step in compiled.schedule.steps if isinstance(step, Nest)]
    assert [course.rows for step in steps for course in step.courses] == [2, 2, 2, 1, 2, 1]


def test_nests_share_a_loop_and_keep_what_one_iteration_needs() -> None:
    lines = shown("a triangle", 16)
    start = lines.index("as it stands: j < i + 1")
    assert lines[start : start + 8] == [
        "as it stands: j < i + 1",
        "for i < 16:",
        "s[0, j] = 0.0  for j < i + 1  ; lanes: j",
        "s[0, j] += mul(q[i, k], k[j, k])  for j < i + 1, k < 5  ; lanes: j, from a copy of k",
        "most[i] max= s[0, j]  for j < i + 1  ; lanes: j",
        "total[i] += sub(s[0, j], most[i])  for j < i + 1  ; lanes: j",
        "o[i, k] += mul(s[0, j], k[j, k])  for j < i + 1, k < 5  ; lanes: k",
        "apart: s[16]",
    ]


def test_iterations_at_a_time() -> None:
    lines = shown("iterations of a free loop, each with a loop in order", 16)
    start = lines.index("as it stands: loops in order inside; 8 iterations at a time")
    assert lines[start + 1] == "for i < 16:"
    assert all(
        " = " not in x or x.endswith("; lanes: i") for x in lines[start + 1 :] if "work" not in x
    )
    assert "workspace[0]: h[336]" in lines  # 8 lanes of 7 rows of 6
    lines = shown("iterations of a free loop, each with a loop in order", 7)
    assert not any("at a time" in line for line in lines)


def test_copies_are_made_where_nothing_writes_what_they_are_of() -> None:
    def copying(what: str) -> tuple[int, str]:
        """How many loops are around the copy, and the line that says so."""
        schedule = Nested(program_of(what, 16), (64, 512, False)).schedule
        (nest,) = [s for s in schedule.functions[0] if isinstance(s, Nest)]
        ((level,),) = [list(levels.values()) for levels in nest.levels if levels]
        (line,) = [line.strip() for line in str(schedule).split("\n") if "copy" in line]
        return level, line

    assert copying("a recurrence of a run-time number of steps") == (
        0,
        "a[0, j] += mul(w[j, k], h[i, k])  for j < 16, k < 16  ; lanes: j, from a copy of w",
    )
    assert copying("read across its rows when it has just been written")[0] == 1


def test_no_more_is_read_of_copies_than_there_is() -> None:
    """What lies behind may be denormal numbers, which are slow."""
    text = """
        input q[7, 4]
        input k[7, 4]
        output w[7, 7]

        w[i, j] = 0.5  for i < 7, j < 7
        w[i, j] += mul(q[i, l], k[j, l])  for i < 7, j < i + 1, l < 4
        """
    program = verify(parse(re.sub("^        ", "", text, flags=re.MULTILINE)))
    compiled = Nested(program, (64, 512, False))
    assert "from a copy of k" in str(compiled.schedule)
    lines = compiled.code.mlir.split("\n")
    assert not [x for x in lines if "llvm.load" in x and x.endswith("vector<8xf64>")]
    loads = [x for x in lines if "llvm.intr.masked.load" in x]
    assert len(loads) == 5  # of the target, and of the copy's four rows


ORDERED = {
    "products into one array keep their order": """
        input x[9, 9]
        output p[9]

        p[i] = 1.0  for i < 9
        p[j] *= x[i, j]  for i < 9, j < i + 1
        p[j] *= x[j, i]  for i < 9, j < i + 1
        """,
    "sums and extremes do not change places": """
        input x[9, 9]
        output p[9]
        output q[9]

        p[i] = 1.0  for i < 9
        q[i] = 1.0  for i < 9
        p[j] max= x[i, j]  for i < 9, j < i + 1
        q[i] += x[i, j]  for i < 9, j < i + 1
        p[j] += x[j, i]  for i < 9, j < i + 1
        """,
    "state is set again": """
        input x[9, 9]
        state w[9, 9]

        w[i, j] = x[i, j]  for i < 9, j < i + 1
        w[j, i] = x[j, j]  for i < 9, j < i + 1
        """,
    "what needs other iterations stays behind": """
        input x[9, 9]
        temp s[9, 9]
        output p[9]

        s[i, j] = 0.0  for i < 9, j < 9
        p[i] = 0.0  for i < 9
        s[i, j] += x[j, i]  for i < 9, j < i + 1
        p[i] += s[j, i]  for i < 9, j < i + 1
        """,
}  # fmt: skip


@pytest.mark.parametrize("what", ORDERED)
def test_what_does_not_commute_keeps_its_order(what: str) -> None:
    program = verify(parse(re.sub("^        ", "", ORDERED[what], flags=re.MULTILINE)))
    for form in FORMS:
        for seed in range(3):
            given = random_inputs(program, Random(seed), whole=True)
            Nested(program, form, level=0).check(given, signs=form[-1])


# --- index arrays that are given ------------------------------------------------------------


def test_entries_are_looked_at_before_anything_is_written() -> None:
    program = program_of("gathered, and added up where it was", 3)
    compiled = Nested(program, FORMS[0])
    given = random_inputs(program, Random(0), whole=True)
    tokens = [0] * 7 + [27] * 14
    wrong: dict[str, Any] = {
        r"tokens\[2, 1\] is 27, but entries of tokens are from 0 to 26": {"tokens": tokens},
        r"labels\[6\] is -1, but entries of labels are from 0 to 26": {"labels": [3] * 6 + [-1]},
        r"entries of labels are whole numbers, got float64": {"labels": [3.0] * 7},
    }  # fmt: skip
    for message, given_instead in wrong.items():
        with pytest.raises(SignatureError, match=message):
            compiled.run(given | given_instead)
    with pytest.raises(ShapeError, match="labels has 7 entries, got 8"):
        compiled.run(given | {"labels": [1] * 8})


def test_what_main_takes_is_declared() -> None:
    compiled = Nested(program_of("gathered, and added up where it was", 3), FORMS[0])
    names = [a.name for a in compiled.program.with_role(Role.INPUT)]
    assert compiled.interface.declaration(compiled.program, compiled.dtype, names) == (
        "void main(const int32_t tokens[21], const int64_t labels[7], const double table[81], "
        "double read[21], double grad[81], double count[27])"
    )


# --- other forms of code --------------------------------------------------------------------


@pytest.mark.parametrize("bits", [32, 64])
def test_nests_at_many_points_at_once(bits: int) -> None:
    """Numbers are vectors of points there, so that no loop has lanes of its own."""
    text = """
        input x[6]
        param w[7, 6]
        const at[6] i32 = 5 0 3 3 1 2
        temp h[8, 6]
        output o[6]
        output most[1]

        h[0, i] = x[at[i]]  for i < 6
        for i < 7 in order:
          h[i + 1, j] = 0.0  for j < 6
          h[i + 1, j] += mul(w[i, k], h[i, k])  for j < 6, k < j + 1
          h[i + 1, j] max= -3.0  for j < 6
        o[i] = minimum(3.0, h[7, (5*i + 1) mod 6])  for i < 6
        most = -inf
        most max= h[i, j]  for i < 8, j < 6
        """
    program = verify(parse(re.sub("^        ", "", text, flags=re.MULTILINE)))
    rng = np.random.default_rng(3)
    compiled = Compiled(program, bits, 512, points=True)
    assert str(compiled.schedule).count("as it stands") >= 3
    assert "lanes:" not in str(compiled.schedule)
    given = {
        "x": rng.integers(-3, 4, (6, 37)).astype(float),
        "w": rng.integers(-1, 2, 42).astype(float),
    }
    found = compiled.run_at(given, 37)
    for point in range(37):
        expected = interpret(program, {"x": given["x"][:, point], "w": given["w"]})
        for name, numbers in expected.items():
            assert found[name][:, point].tolist() == numbers.tolist()


def test_nests_in_several_functions() -> None:
    """What nests share lies in memory; temporaries of one of them, too."""
    straight = "\n".join(f"y[{k}] = mul(s, x[{k % 9}])" for k in range(1200))
    text = f"""
input x[9]
temp a[9, 9]
output y[1200]
output z[1200]
output out[1]

a[i, j] = x[j]  for i < 9, j < i + 1
s = 0.0
s max= a[i, j]  for i < 9, j < i + 1
{straight}
{straight.replace("y[", "z[")}
out = s
out *= minimum(1.0, maximum(-1.0, a[i, j]))  for i < 9, j < i + 1
"""
    program = verify(parse(text))
    compiled = Nested(program, FORMS[0])
    assert len(compiled.schedule.functions) > 1
    compiled.check({"x": [1.0, -2.0, 3.0, 1.0, -1.0, 2.0, 4.0, -3.0, 2.0]})
