"""What derivatives use again is computed once: and not a bit is different."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd.errors import CompilerError
from micrograd.jit.compile import optimized
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Apply, Program, statements
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import reused, reverse
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.target import Target

from ... import carried
from ...whole_programs import Compiled

TABLE = ("exp", "tanh", "div", "sqrt", "log", "sigmoid", "mul", "add", "sub", "maximum")
NUMBERS = [0.3, -0.7, 1.1, 0.0, 2.0]


def differentiated(p: Program, wrt: Any, strict: bool, *, again: bool = False) -> Program | None:
    """The gradient; with `again`, of a program in which everything is computed where it is used."""
    target = Target.host(np.float64, strict=strict)
    with pytest.MonkeyPatch.context() as patch:
        if again:
            patch.setattr(reverse, "reused", lambda program, depending, strict: program)
        try:
            return verify(gradient(p, ("out", 0), wrt, target=target, keep_value=True))
        except CompilerError as error:
            if "known only when the code runs" not in str(error):
                raise
            return None


def slow(p: Program) -> int:
    """How often functions are computed."""

    def count(e: Any) -> int:
        return sum(map(count, e.args)) + reused.is_slow(e) if isinstance(e, Apply) else 0

    return sum(count(s.expr) * s.points for s in statements(p.body))


def drawn(
    seed: int, features: frozenset[str] = frozenset(carried.FEATURES)
) -> tuple[Program, Any, Any]:
    random = Random(f"{seed} reused")
    p, _ = carried.random_program(random, TABLE, features)
    given = carried.random_data(random, verify(p), NUMBERS)
    return p, given, [(name, k) for name in "xy" for k in range(p.arrays[name].size)]


def test_an_expression_and_its_derivative_read_one_array() -> None:
    p = parse("""input x[2, 3]
output out[1]
temp t[2, 3]

t[i, j] = div(1.0, add(exp(neg(x[i, j])), 1.0))  for i < 2, j < 3
out = 0.0
out += exp(t[i, j])  for i < 2, j < 3
""")
    found = differentiated(p, [("x", k) for k in range(6)], strict=False)
    assert str(found).splitlines()[-10:] == [
        "t_exp[i, j] = exp(neg(x[i, j]))  for i < 2, j < 3",
        "t[i, j] = div(1.0, add(t_exp[i, j], 1.0))  for i < 2, j < 3",
        "out = 0.0",
        "out_exp[i, j] = exp(t[i, j])  for i < 2, j < 3",
        "out += out_exp[i, j]  for i < 2, j < 3",
        "ct_out = 1.0",
        "ct_out_exp[i, j] = ct_out  for i < 2, j < 3",
        "ct_t[i, j] = mul(ct_out_exp[i, j], out_exp[i, j])  for i < 2, j < 3",
        "ct_t_exp[i, j] = neg(mul(mul(ct_t[i, j], t[i, j]), t[i, j]))  for i < 2, j < 3",
        "grad[i, j] = neg(mul(ct_t_exp[i, j], t_exp[i, j]))  for i < 2, j < 3",
    ]


def test_strict_cotangents_keep_their_order() -> None:
    """Of what is added to `x`, that of the product comes after that of tanh."""
    p = parse("""input x[3]
input w[3]
output out[1]
temp t[3]

t[i] = mul(mul(x[i], x[i]), tanh(x[i]))  for i < 3
t[i] += div(x[i], exp(w[i]))  for i < 3
out = 0.0
out += t[i]  for i < 3
""")
    wrt = [("x", k) for k in range(3)]
    again = differentiated(p, wrt, strict=True, again=True)
    for strict in (True, False):
        found = differentiated(p, wrt, strict)
        assert ("t_tanh" in str(found)) is not strict
    strict_one = differentiated(p, wrt, strict=True)
    assert strict_one is not None
    assert again is not None
    given = {"x": [0.1, 0.7, 1.3], "w": [0.3, -0.2, 0.9]}
    assert interpret(strict_one, given)["grad"].tolist() == interpret(again, given)["grad"].tolist()


@pytest.mark.parametrize("seed", [3420])
def test_seeds_that_differed(seed: int) -> None:
    p, given, wrt = drawn(seed)
    once = differentiated(p, wrt, strict=True)
    again = differentiated(p, wrt, strict=True, again=True)
    assert once is not None
    assert again is not None
    assert interpret(once, given)["grad"].tolist() == interpret(again, given)["grad"].tolist()


@pytest.mark.parametrize("start", range(0, 80, 40))
def test_not_a_bit_changes(start: int) -> None:
    less = 0
    for seed in range(start, start + 40):
        p, given, wrt = drawn(seed)
        once = differentiated(p, wrt, strict=True)
        again = differentiated(p, wrt, strict=True, again=True)
        assert (once is None) == (again is None)
        if once is None or again is None:
            continue
        less += slow(once) < slow(again)
        found, expected = interpret(once, given), interpret(again, given)
        for name in ("out", "grad"):
            assert np.array_equal(found[name], expected[name], equal_nan=True), p
            assert np.array_equal(np.signbit(found[name]), np.signbit(expected[name])), p
    assert less > 10


@pytest.mark.parametrize("start", range(100, 140, 20))
def test_programs_that_are_not_strict_differ_by_rounding(start: int) -> None:
    for seed in range(start, start + 20):
        p, given, wrt = drawn(seed)
        once = differentiated(p, wrt, strict=False)
        again = differentiated(p, wrt, strict=False, again=True)
        if once is None or again is None:
            assert once is again
            continue
        found, expected = interpret(once, given)["grad"], interpret(again, given)["grad"]
        assert np.allclose(found, expected, rtol=1e-9, atol=1e-12, equal_nan=True), p


@pytest.mark.parametrize("vector_bits", [128, 256, 512])
@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("strict", [False, True])
def test_compiled(bits: int, vector_bits: int, strict: bool) -> None:
    given_whole = {"extent", "input gather"}  # which `Compiled` does not pass
    for seed in range(4):
        p, given, wrt = drawn(seed + bits, frozenset(carried.FEATURES) - given_whole)
        g = differentiated(p, wrt, strict)
        if g is None:
            continue
        dtype = np.dtype(f"f{bits // 8}")
        g = optimized(g, Target.host(dtype, strict=strict, vector_bits=vector_bits))
        expected = interpret(g, given)
        found = Compiled(g, bits, vector_bits, exact=strict).run(given)
        tolerance = 1e-9 if bits == 64 else 1e-3
        for name in ("out", "grad"):
            close = np.allclose(
                np.asarray(found[name], float).reshape(-1),
                expected[name],
                rtol=tolerance,
                atol=tolerance,
                equal_nan=True,
            )
            assert close, p
