"""A block of samples: text in, text out; and it is the weighted sum of its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.over_samples import over_samples

SAMPLE = """
input x[2]
input y[1]
param p0[4]
temp h[2]
output out[2]

h[i] = p0[i + 2]  for i < 2
h[i] += mul(p0[i], x[i])  for i < 2
w = tanh(p0)
s = 0.0
s += tanh(h[i])  for i < 2
out = mul(w, mul(sub(s, y), sub(s, y)))
out[1] = mul(p0, 2.0)
"""
"""A loss of one sample, and a penalty."""

BLOCK = """\
input x[976, 2]
input y[976]
param p0[4]
temp h[976, 2]
temp s[976]
input weights[976]
input share[1]
extent count <= 976
temp each[976]
output out[1]

h[i, j] = p0[j + 2]  for i < count, j < 2
h[i, j] += mul(p0[j], x[i, j])  for i < count, j < 2
w = tanh(p0)
s[i] = 0.0  for i < count
s[i] += tanh(h[i, j])  for i < count, j < 2
each[i] = mul(w, mul(sub(s[i], y[i]), sub(s[i], y[i])))  for i < count
penalty = mul(p0, 2.0)
total = -0.0
total += mul(each[i], weights[i])  for i < count
out = add(total, mul(share, penalty))"""
"""What depends on the data has a dimension of samples in front; w, of parameters alone, has not."""


def made(text: str) -> Program:
    """The block of a sample's text."""
    found = over_samples(verify(parse(text)))
    assert found is not None
    return verify(found, "over_samples")


def test_what_depends_on_the_data_has_a_dimension_of_samples() -> None:
    assert str(made(SAMPLE)) == BLOCK


def difference(block: str) -> Any:
    """What a block computes beyond the weighted sum of its samples and the share of the penalty."""
    rng = np.random.default_rng(1)
    program, sample = parse(block), parse(SAMPLE)
    given = {a.name: rng.normal(size=a.size) for a in program.with_role(Role.INPUT, Role.PARAMETER)}
    given["weights"] = np.where(np.arange(976) % 97 == 5, given["weights"], 0.0)
    given["count"] = 976
    expected = given["share"][0] * 2.0 * given["p0"][0]
    for k in np.flatnonzero(given["weights"]):
        one = {"x": given["x"][2 * k : 2 * k + 2], "y": given["y"][k : k + 1], "p0": given["p0"]}
        expected += given["weights"][k] * interpret(sample, one)["out"][0]
    return interpret(program, given)["out"][0] - expected


def test_a_block_is_the_weighted_sum_of_its_samples() -> None:
    assert abs(difference(BLOCK)) < 1e-12  # eleven samples of order 1, and the penalty


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("x[i, j]", "x[i + 976*j]"),
        ("sub(s[i], y[i])))", "sub(s[i], y)))"),
        ("h[i, j] = p0[j + 2]", "h[i, j] = p0[j]"),
        ("mul(each[i], weights[i])", "each[i]"),
        ("mul(share, penalty)", "penalty"),
    ],
)
def test_a_wrong_block_is_noticed(right: str, wrong: str) -> None:
    """The test of the test."""
    assert BLOCK.count(right) == 1
    assert abs(difference(BLOCK.replace(right, wrong))) > 1e-3


def test_steps_in_order_have_no_block() -> None:
    text = """
        input x[2]
        temp h[9]
        output out[1]

        h = x
        for i < 8 in order:
          h[i + 1] = mul(h[i], x[1])
        out = h[8]
    """
    assert over_samples(verify(parse(text))) is None
