"""Derivatives of random trees of loops: in reverse, forwards and both, against Values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import GIVEN, Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import forward, loop_flows, reverse
from micrograd.jit.passes.forward import jacobian, jvp
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.trace.trace import Element

from ... import carried, nested_programs
from ...carried import FEATURES, SMOOTH, WHOLE, WILD
from ...on_values import run_on_values

NUMBERS = {
    "whole": (WHOLE, [-2.0, -1.0, 0.0, 1.0, 2.0]),
    "smooth": (SMOOTH, [0.3, -0.7, 1.1, 0.9, -1.3]),
    "wild": (WILD, [0.0, 1.0, -1.0, 2.0, math.inf, math.nan, 0.5]),
}
"""What is computed, and of which numbers: exact in any order; smooth; with poles and kinks."""
KNOWN = frozenset(FEATURES) - {"input gather", "extent"}
"""Features by which it is known where derivatives reach, before the code runs."""
LARGE = 2.0**50
"""Below this, sums of whole numbers are exact, halves of them, too."""


def agree(found: Any, expected: Any, *, exact: bool) -> bool:
    """Whether numbers are equal, or up to rounding; nan and infinities where they should be."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    special = ~np.isfinite(expected)
    if not np.array_equal(found[special], expected[special], equal_nan=True):
        return False
    found, expected = found[~special], expected[~special]
    size = float(np.abs(expected).max(initial=1.0))
    if exact and size < LARGE:
        return np.array_equal(found, expected)
    return bool(np.isfinite(found).all()) and np.allclose(
        found, expected, rtol=1e-9, atol=1e-9 * size
    )


def check_reverse(
    p: Program, given: Any, wrt: Sequence[Element], *, exact: bool, value: bool
) -> Program | None:
    """Assert that the gradient is that of Values; None if there is none, as an error says."""
    try:
        g = gradient(p, ("out", 0), wrt, keep_value=value)
    except CompilerError as error:
        if "known only when the code runs" not in str(error):
            raise
        return None
    verify(g, "reverse")
    results = interpret(g, given)
    expected = run_on_values(p, given).gradient(("out", 0), wrt)
    assert agree(results["grad"], expected, exact=exact), f"{p}\n{given}\n{g}"
    if value:
        assert np.array_equal(results["out"], interpret(p, given)["out"], equal_nan=True)
    return g


def check_forward(
    p: Program, given: Any, wrt: Sequence[Element], of: str, *, exact: bool, looped: bool
) -> None:
    """Assert that tangents are those of Values: along one direction, and along all."""
    ran = run_on_values(p, given)
    along = [float(1 + k % 3) for k in range(len(wrt))]
    f = verify(jvp(p, wrt, [("along", len(wrt))], of, "tangent"), "forward")
    found = interpret(f, {**given, "along": along})["tangent"]
    expected: Any = ran.tangents(of, dict(zip(wrt, along, strict=True)))
    assert agree(found, expected, exact=exact), f"{p}\n{given}\n{f}"
    rows = p.arrays[of].size
    expected = np.array([ran.tangents(of, {e: 1.0}) for e in wrt]).T
    for unrolled in [10**9, -1][: 1 + looped]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(forward, "UNROLLED", unrolled)
            places = np.indices((rows, len(wrt))).reshape(2, -1)
            f = verify(jacobian(p, wrt, of, "m", places), "forward")
        matrix = interpret(f, given)["m"].reshape(rows, len(wrt))
        assert agree(matrix, expected, exact=exact), f"{p}\n{given}\n{f}"


def drawn(mode: str, seed: int) -> tuple[Program, Any, list[Element], set[str]]:
    """A program, what it is given, and what it is differentiated by."""
    random = Random(f"{seed} {mode}")
    table, numbers = NUMBERS[mode]
    features = KNOWN if mode == "wild" else frozenset(FEATURES)
    p, used = carried.random_program(random, table, features)
    given = carried.random_data(random, verify(p), numbers)
    wrt = [(name, k) for name in "xy" for k in range(p.arrays[name].size)]
    return p, given, random.choice([wrt, wrt[3:], random.sample(wrt, 4)]), used


@pytest.mark.parametrize("start", range(0, 90, 30))
@pytest.mark.parametrize("mode", NUMBERS)
def test_gradients(mode: str, start: int) -> None:
    for seed in range(start, start + 30):
        p, given, wrt, _ = drawn(mode, seed)
        check_reverse(p, given, wrt, exact=mode == "whole", value=seed % 2 == 0)


@pytest.mark.parametrize("mode", NUMBERS)
def test_tangents_and_second_derivatives(mode: str) -> None:
    """Of the reversed program, too: of loops in reverse order, and of scatters."""
    second = 0
    for seed in range(100, 112):
        p, given, wrt, _ = drawn(mode, seed)
        g = check_reverse(p, given, wrt, exact=mode == "whole", value=False)
        if g is not None:
            second += 1
            how = {"exact": mode == "whole", "looped": mode != "wild"}
            check_forward(p, given, wrt, "out", **how)
            check_forward(g, given, wrt, "grad", **how)
    assert second >= 8


@pytest.mark.parametrize("whole", [True, False])
def test_programs_of_the_whole_grammar(whole: bool) -> None:
    refused = 0
    for seed in range(30):
        how = {"small": True, "whole": whole, "smooth": True, "state": False}
        p = nested_programs.random_program(Random(seed), **how)
        given = nested_programs.random_inputs(p, Random(seed), whole=whole)
        arrays = [a for a in p.with_role(*GIVEN) if not a.is_index]
        wrt = [(a.name, k) for a in arrays for k in range(a.size)]
        g = check_reverse(p, given, wrt, exact=whole, value=True)
        refused += g is None
        if g is not None and seed < 5:
            check_forward(p, given, wrt[:5], "y", exact=whole, looped=True)
            check_forward(g, given, wrt[:5], "grad", exact=whole, looped=True)
    assert refused < 6


def test_every_feature_is_drawn() -> None:
    counts = Counter(feature for seed in range(90) for feature in drawn("whole", seed)[3])
    shapes = {"loop", "square", "free", "disjoint"}  # which are kinds of arrays
    assert set(counts) == set(FEATURES) - shapes
    assert min(counts.values()) >= 3


@pytest.mark.parametrize("damage", ["order", "mask", "single"])
def test_wrong_derivatives_are_noticed(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test."""
    if damage == "order":
        monkeypatch.setattr(reverse, "OPPOSITE", {order: order for order in reverse.OPPOSITE})
    elif damage == "mask":
        monkeypatch.setattr(
            reverse._Backward, "masked", lambda self, flow, domain, live: flow.cotangent
        )
    else:
        monkeypatch.setattr(
            loop_flows.LoopFlows,
            "_find_single",
            lambda self: [x.assigns.extend([True] * len(x.reads)) for x in self.sent],
        )
    noticed = 0
    mode = "wild" if damage == "mask" else "whole"
    for seed in range(60):
        try:
            check_reverse(*drawn(mode, seed)[:3], exact=mode == "whole", value=False)
        except (AssertionError, CompilerError):
            noticed += 1
    assert noticed >= 3
