"""Which arrays hold no -0.0: told from their statements, and never of one that does."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from micrograd import jit, maximum
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Role
from micrograd.jit.schedule.signs import without_negative_zero
from tests.targets import assumed


def found(body: str) -> set[str]:
    head = "input x[4]\ntemp a[4]\ntemp b[4]\noutput out[4]\n\n"
    return without_negative_zero(parse(head + body))


@pytest.mark.parametrize(
    ("body", "without"),
    [
        ("a[i] = exp(x[i])  for i < 4", {"a"}),
        ("a[i] = x[i]  for i < 4", set()),
        ("a[i] = neg(exp(x[i]))  for i < 4", set()),
        ("a[i] = mul(exp(x[i]), abs(x[i]))  for i < 4", {"a"}),
        ("a[i] = mul(exp(x[i]), x[i])  for i < 4", set()),
        ("a[i] = add(exp(x[i]), 0.5)  for i < 4", {"a"}),
        ("a[i] = sub(exp(x[i]), 0.5)  for i < 4", set()),
        ("a[i] = where(x[i], 0.0, exp(x[i]))  for i < 4", {"a"}),
        ("a[i] = where(x[i], -1.0, exp(x[i]))  for i < 4", {"a"}),
        ("a[i] = where(x[i], -0.0, exp(x[i]))  for i < 4", set()),
        ("a[i] = -0.0  for i < 4\na[i] += exp(x[i])  for i < 4", set()),
        ("a[i] = 0.0  for i < 4\na[i] += where(x[i], -1.0, -0.0)  for i < 4", {"a"}),
        ("a[i] = 0.0  for i < 4\na[i] += mul(x[i], x[i])  for i < 4", set()),
        (
            "b[i] = mul(x[i], -1.0)  for i < 4\na[i] = 0.0  for i < 4\na[i] += b[i]  for i < 4",
            set(),
        ),
        ("b[i] = -1.0  for i < 4\na[i] = 0.0  for i < 4\na[i] += b[i]  for i < 4", {"a", "b"}),
        ("a[i] = 1.0  for i < 4\nfor i < 3 in order:\n  a[i + 1] = exp(a[i])", {"a"}),
        ("a[i] = 1.0  for i < 4\nfor i < 3 in order:\n  a[i + 1] = neg(a[i])", set()),
    ],
)
def test_what_statements_tell(body: str, without: set[str]) -> None:
    written = {line.split("[")[0].strip() for line in body.split("\n")}
    assert found(body) & written == without


SOURCES = ["x[i]", "a[i]", "b[i]", "0.0", "-0.0", "1.5", "-2.0"]
FORMS = [
    "{}", "exp({})", "abs({})", "neg({})", "add({}, {})", "sub({}, {})", "mul({}, {})",
    "div({}, {})", "where({}, {}, {})", "maximum({}, {})", "minimum({}, {})",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_no_array_that_is_told_ever_holds_one(seed: int) -> None:
    r = Random(seed)
    lines = ["a[i] = 0.0  for i < 4", "b[i] = -1.0  for i < 4", "out[i] = 1.0  for i < 4"]
    for _ in range(r.randint(1, 6)):
        form = r.choice(FORMS)
        expr = form.format(*[r.choice(SOURCES) for _ in range(form.count("{}"))])
        lines.append(f"{r.choice(['a', 'b', 'out'])}[i] {r.choice(['=', '+='])} {expr}  for i < 4")
    text = "input x[4]\noutput a[4]\noutput b[4]\noutput out[4]\n\n" + "\n".join(lines)
    program = parse(text)
    told = without_negative_zero(program)
    for x in ([0.0, -0.0, 1.0, -1.0], [np.inf, np.nan, -np.inf, 5e-324]):
        with np.errstate(all="ignore"):
            results = interpret(program, {"x": np.array(x)})
        for a in program.with_role(Role.OUTPUT):
            wrong = (results[a.name] == 0.0) & np.signbit(results[a.name])
            assert a.name not in told or not wrong.any(), text


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_zeros_are_added_in_blocks_only_where_they_change_something(bits: int) -> None:
    """A partial that may be -0.0 becomes 0.0 in a block in which the maximum stays, as outside."""

    def f(x: list[float], scaled: float) -> float:
        top = x[0]
        for v in x[1:]:
            top = maximum(top, v)
        return top + sum(v * scaled for v in x)

    x = [float(k * 7 % 300) for k in range(400)]
    with assumed(vector_bits=bits):
        kernel = jit(f).value_and_grad
        for scaled in (-0.0, 0.0, -1.0):
            _, (partials, _) = kernel(x, scaled)
            assert [*map(str, partials)] == [str(scaled + 0.0 + (v == 299.0)) for v in x]
