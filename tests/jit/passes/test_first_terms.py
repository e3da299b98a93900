"""Sums that begin with their first terms."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from micrograd import ops
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Loop, Node, Program, Role, accesses
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.first_terms import first_terms

from ...nested_programs import random_inputs, random_program


def program_of(text: str) -> Program:
    return verify(parse(re.sub("^        ", "", text, flags=re.MULTILINE)))


HEAD = """
        input x[4]
        input y[4, 3]
        temp t[4]
        output g[4]

        """


def body(program: Program) -> list[str]:
    return str(program).split("\n\n")[1].split("\n")


@pytest.mark.parametrize(
    ("op", "nothing"), [("+", "-0.0"), ("*", "1.0"), ("max", "-inf"), ("min", "inf")]
)
def test_nothing_is_left_out(op: str, nothing: str) -> None:
    program = program_of(
        HEAD
        + f"""g[i] = {nothing}  for i < 4
        t[i] = mul(2.0, x[i])  for i < 4
        g[i] {op}= t[i]  for i < 4
        g[i] {op}= y[i, j]  for i < 4, j < 3
        """
    )
    found = first_terms(program)
    assert body(found) == [
        "t[i] = mul(2.0, x[i])  for i < 4",
        "g[i] = t[i]  for i < 4",
        f"g[i] {op}= y[i, j]  for i < 4, j < 3",
    ]
    given = {"x": np.array([-0.0, 0.0, np.nan, np.inf]), "y": np.full(12, -0.0)}
    one, other = interpret(found, given)["g"], interpret(program, given)["g"]
    assert np.array_equal(one, other, equal_nan=True)
    assert np.signbit(one).tolist() == np.signbit(other).tolist()


@pytest.mark.parametrize(
    "rest",
    [
        "g[i] = 0.0  for i < 4\n        g[i] += x[i]  for i < 4",  # 0.0 and -0.0 are 0.0
        "g[i] = -0.0  for i < 4\n        g[i] += y[i, j]  for i < 4, j < 3",
        "g[i] = -0.0  for i < 4\n        g[i] += x[i]  for i < 3",
        "g[i] = -0.0  for i < 4\n        g[i] += x[-1*i + 3]  for i < 4\n"
        "        t[i] = g[i]  for i < 4",
        "g[i] = -0.0  for i < 4\n        t[i] = g[i]  for i < 4\n        g[i] += x[i]  for i < 4",
        "g[i] = 1.0  for i < 4\n        g[i] += x[i]  for i < 4",
        "g[i] = -0.0  for i < 4\n        g[i] min= x[i]  for i < 4",
    ],
)
def test_what_begins_otherwise_stays(rest: str) -> None:
    program = program_of(HEAD + rest + "\n        ")
    found = first_terms(program)
    assert (found is program) == ("-1*i" not in rest)


def split(body: list[Node], program: Program, rng: Random) -> list[Node]:
    """The nodes with some assignments as reductions of one number each, which begin before: in
    front of them, or further up, where that is not noticed.
    """
    found: list[Node] = []
    for node in body:
        if isinstance(node, Loop):
            found.append(replace(node, body=split(node.body, program, rng)))
            continue
        target, role = node.target, program.arrays[node.target.array].role
        own = any(a.array == target.array for a in accesses(node.expr))
        splits = node.accumulate is None and not target.parts and not own
        if splits and role in (Role.TEMPORARY, Role.OUTPUT) and rng.random() < 0.7:
            op = rng.choice([ops.add, ops.mul, ops.maximum, ops.minimum])
            assert op.identity is not None
            at = len(found)
            while at and target.array not in str(found[at - 1]) and rng.random() < 0.7:
                at -= 1
            found.insert(at, replace(node, expr=float(op.identity)))
            node = replace(node, accumulate=op)
        found.append(node)
    return found


def test_random_programs_compute_the_same() -> None:
    changed = 0
    for seed in range(150):
        rng = Random(seed)
        whole = random_program(rng, whole=True)
        program = verify(replace(whole, body=split(whole.body, whole, rng)))
        found = verify(first_terms(program))
        changed += len(program.statements) - len(found.statements)
        given = random_inputs(program, Random(seed), whole=True)
        expected = interpret(whole, given)
        for name, numbers in interpret(found, given).items():
            assert np.array_equal(numbers, expected[name], equal_nan=True), (seed, name)
            assert (np.signbit(numbers) == np.signbit(expected[name])).all(), (seed, name)
    assert changed > 150
