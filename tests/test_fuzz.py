"""A few hundred programs of the fuzzer, and tests of the fuzzer itself: what is broken is found."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret_graph
from micrograd.jit.wanted import Wanted
from micrograd.ops import OPS

from .damage import compile_damaged, failing, lane_twice, off
from .fuzz.__main__ import main
from .fuzz.campaign import SMALL, attempt, problem
from .fuzz.choices import Choices
from .fuzz.kernels import Derived, Form, Tally
from .fuzz.programs import program
from .fuzz.shrink import shrink

PROGRAMS, PARTS = 240, 8


@pytest.mark.parametrize("part", range(PARTS))
def test_programs(part: int) -> None:
    tally = Tally()
    failures = []
    for seed in range(part, PROGRAMS, PARTS):
        failures += attempt(seed, tally, each=1, only=2, seconds=10.0)
    assert not failures, "\n\n".join(map(str, failures))
    assert tally.kernels >= PROGRAMS // PARTS
    # what rounding leaves open says nothing; it must be little
    assert tally.vague < 0.05 * tally.numbers


def test_programs_have_every_feature() -> None:
    """The test of the test: what is drawn reaches everything."""
    seen: set[str] = set()
    lengths: set[int] = set()
    for seed in range(300):
        case = program(Choices(seed), SMALL)
        seen.update(name for name in OPS if f"{name}(" in case.text)
        seen.update(word for word in ("** 2", "for k in [", "u[1]*", "range(i + 1)", "h = tanh",
                                      "[::-1]", "[0.0] *", "maximum", "// 2", "] = v", "]*")
                    if word in case.text)  # fmt: skip
        lengths.update(shape[0] for shape in case.shapes if shape)
        if case.live:
            seen.add("live")
        seen.add("single" if case.single else "several")
        seen.add(f"{len(case.shapes)} parameters")
    assert {"tanh", "where", "erf", "atan2", "softplus", "exp", "log1p", "relu"} <= seen
    assert {"** 2", "for k in [", "u[1]*", "range(i + 1)", "h = tanh", "[::-1]"} <= seen
    assert {"live", "single", "several", "1 parameters", "3 parameters"} <= seen
    assert {2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65} <= lengths


@pytest.mark.parametrize("seed", range(40))
def test_functions_are_traced_as_they_compute(seed: int) -> None:
    """The function on floats, and its graph."""
    case = program(Choices(seed), SMALL)
    if case.live or np.isnan(case.points).any():
        return
    derived = Derived(case, 1000)
    arguments = case.arguments(case.points[:, 0])
    given: dict[str, Any] = {}
    for (name, size), x in zip(derived.recording.trace.graph.inputs, arguments, strict=True):
        given[name] = np.ravel(x).tolist()
        assert size == len(given[name])
    flat: list[float] = []

    def collect(x: Any) -> None:
        if isinstance(x, dict):
            x = list(x.values())
        if isinstance(x, (list, tuple)):
            for item in x:
                collect(item)
        else:
            flat.append(float(x))

    function = case.function
    # Python's own sum of floats, but not of Values, is compensated from 3.12 on
    function.__globals__["sum"] = lambda xs, start=0.0: functools.reduce(operator.add, xs, start)
    collect(function(*arguments))
    assert np.array_equal(
        interpret_graph(derived.recording.trace.graph, given), flat, equal_nan=True
    )


def test_the_same_seed_is_the_same_program() -> None:
    assert str(program(Choices(5))) == str(program(Choices(5)))
    choices = Choices(5)
    case = program(choices)
    assert str(program(Choices(given=choices.made))) == str(case)


def test_choices_are_made_smaller() -> None:
    assert shrink([5, 9, 3, 7, 8], lambda c: sum(c) > 10) == [3, 8]
    assert shrink([3, 0, 0, 9], lambda c: 9 in c) == [9]


# -- what is broken is found -----------------------------------------------------------------


def found(kinds: tuple[Wanted, ...], seeds: range, points: int = 0) -> int:
    """How many kernels of these seeds are wrong."""
    wrong = 0
    for seed in seeds:
        derived = Derived(program(Choices(seed), SMALL), 60)
        for wanted in kinds:
            if wanted in derived.wanted:
                form = Form(wanted, 256, "f8", False, points, 0)
                wrong += problem(derived, form, Tally()) is not None
    return wrong


VALUES = (Wanted.VALUE, Wanted.VJP)


def test_sound_code_is_passed() -> None:
    assert found(VALUES, range(12)) == 0
    assert found((Wanted.VALUE,), range(6), points=17) == 0


def test_a_wrong_lane_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_damaged(monkeypatch, lane_twice(1))
    assert found(VALUES, range(12)) > 0


def test_a_product_that_is_a_little_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By 1e-12, in code for arrays."""
    compile_damaged(monkeypatch, off("llvm.fmul", 1e-12))
    assert found((Wanted.VALUE,), range(6), points=17) > 0


def test_a_campaign_reports_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--seed", "3", "--each", "1"]) == 0
    assert "1 programs" in capsys.readouterr().out
    compile_damaged(monkeypatch, failing)
    monkeypatch.setattr("tests.fuzz.campaign.SECONDS", 0.0)
    assert main(["--seed", "3", "--each", "1"]) == 1
    said = capsys.readouterr().out
    assert "broken on purpose" in said
    assert "python -m tests.fuzz --seed 3" in said
