"""Optimisers against PyTorch's and closed forms; eager steps against the same rule compiled."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit
from micrograd.errors import TrainingError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Access, Program, Role
from micrograd.nn import MLP
from micrograd.optim import (
    SGD,
    Adam,
    AdamW,
    Optimizer,
    constant,
    cosine,
    linear,
    rate_at,
    tabulate,
)

VARIANTS: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "sgd": (SGD, {"lr": 0.1}),
    "sgd decay": (SGD, {"lr": 0.1, "weight_decay": 0.02}),
    "momentum": (SGD, {"lr": 0.1, "momentum": 0.9}),
    "nesterov": (SGD, {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.02}),
    "adam": (Adam, {}),
    "adam decay": (Adam, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    "adamw": (AdamW, {}),
    "adamw options": (AdamW, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    "adamw without decay": (AdamW, {"weight_decay": 0.0}),
}

variants = pytest.mark.parametrize(("kind", "options"), VARIANTS.values(), ids=list(VARIANTS))


def gradients(rng: random.Random, n: int) -> list[float]:
    """Of either sign, over some orders of magnitude."""
    return [rng.uniform(-1, 1) * 10.0 ** rng.uniform(-3, 2) for _ in range(n)]


def trajectory(optimizer: Optimizer, steps: int) -> list[list[float]]:
    """The parameters after every one of some steps, with gradients of a fixed seed."""
    rng = random.Random(5)
    seen = []
    for _ in range(steps):
        for p, g in zip(
            optimizer.parameters, gradients(rng, len(optimizer.parameters)), strict=True
        ):
            p.grad = g
        optimizer.step()
        seen.append([p.data for p in optimizer.parameters])
    return seen


START = [1.5, -0.25, 3.0, 0.0, -2.0]


# --- against other definitions ----------------------------------------------------------------


@variants
def test_steps_are_pytorchs(kind: type[Optimizer], options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    rng = random.Random(5)
    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.optim, kind.__name__)([p], **options)
    for mine in trajectory(kind(map(Value, START), **options), 200):
        p.grad = torch.tensor(gradients(rng, len(START)), dtype=torch.float64)
        theirs.step()
        assert mine == pytest.approx(p.tolist(), rel=1e-10, abs=1e-12)


def test_defaults_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    for kind in (SGD, Adam, AdamW):
        p = torch.zeros(1, requires_grad=True)
        theirs = getattr(torch.optim, kind.__name__)([p]).defaults
        mine = kind([Value(0.0)])
        assert mine.schedule(0) == theirs["lr"]
        for name in ("momentum", "nesterov", "weight_decay", "betas", "eps"):
            assert getattr(mine, name, None) == theirs.get(name)


def test_plain_sgd_is_the_update_of_the_demo_bit_for_bit() -> None:
    random.seed(1)
    model, twin = MLP(2, [4, 1]), MLP(2, [4, 1])
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        q.data = p.data
    optimizer = SGD(model.parameters(), lr=linear(1.0, 0.1, 100))
    for k in range(30):
        for net in (model, twin):
            loss = sum((1 + -y * net([x, 1.0 - x])).relu() for x, y in [(0.3, 1), (2.0, -1)])
            net.zero_grad()
            loss.backward()
        optimizer.step()
        for p in twin.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        assert [p.data for p in model.parameters()] == [p.data for p in twin.parameters()]


def test_momentum_of_a_constant_gradient_is_a_geometric_sum() -> None:
    w = Value(0.0)
    optimizer = SGD([w], lr=1.0, momentum=0.5)
    for _ in range(3):
        w.grad = 1.0
        optimizer.step()
    assert w.data == -(1.0 + 1.5 + 1.75)
    assert optimizer.state["momentum"].tolist() == [1.75]


def test_nesterov_looks_ahead() -> None:
    w = Value(0.0)
    optimizer = SGD([w], lr=1.0, momentum=0.5, nesterov=True)
    w.grad = 1.0
    optimizer.step()
    assert w.data == -(1.0 + 0.5 * 1.0)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient(size: float) -> None:
    w = Value(1.0)
    optimizer = Adam([w], lr=0.01, eps=0.0)
    w.grad = -size
    optimizer.step()
    assert w.data == pytest.approx(1.01, rel=1e-14)


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_eps_is_added_to_the_corrected_root(kind: type[Optimizer]) -> None:
    w = Value(0.0)
    optimizer = kind([w], lr=1.0, eps=0.5)  # type: ignore[call-arg]
    w.grad = 2.0
    optimizer.step()
    assert w.data == pytest.approx(-2.0 / (2.0 + 0.5), rel=1e-14)


def test_adamw_decays_what_has_no_gradient_and_adam_does_not() -> None:
    w, v = Value(2.0), Value(2.0)
    for optimizer in (AdamW([w], lr=0.1, weight_decay=0.5), Adam([v], lr=0.1)):
        optimizer.step()
    assert (w.data, v.data) == (2.0 * (1.0 - 0.05), 2.0)


def test_a_zero_gradient_without_eps_is_nan_as_the_machine_says() -> None:
    w = Value(1.0)
    Adam([w], eps=0.0).step()
    assert math.isnan(w.data)


# --- one rule, on floats and on expressions -----------------------------------------------------


@variants
def test_eager_steps_are_the_interpreted_rule(
    kind: type[Optimizer], options: dict[str, Any]
) -> None:
    optimizer = kind(map(Value, START), **options)
    slots, n = optimizer.slots, len(optimizer.per_step(0))
    program = Program()
    names = ["p", "g", *slots]
    for name in names:
        program.declare(name, Role.INPUT, len(START))
        program.declare(f"new_{name}", Role.OUTPUT, len(START))
    program.declare("rates", Role.INPUT, n)
    each = {name: Access(name, 0, (1,)) for name in names}
    made = optimizer.rule(
        each["p"],
        each["g"],
        tuple(Access("rates", k, (0,)) for k in range(n)),
        *(each[s] for s in slots),
    )
    for name, expr in zip(["p", *slots], made, strict=True):
        program.assign(Access(f"new_{name}", 0, (1,)), expr, (len(START),))

    rng = random.Random(5)
    arrays = {name: np.zeros(len(START)) for name in slots} | {"p": np.array(START)}
    for k, mine in enumerate(trajectory(optimizer, 20)):
        arrays |= {"g": np.array(gradients(rng, len(START))), "rates": optimizer.per_step(k)}
        done = interpret(program, arrays)
        arrays |= {name: done[f"new_{name}"] for name in ["p", *slots]}
        assert arrays["p"].tolist() == mine
    for name in slots:
        assert optimizer.state[name].tolist() == arrays[name].tolist()


@variants
def test_eager_steps_are_the_compiled_rule_bit_for_bit(
    kind: type[Optimizer], options: dict[str, Any]
) -> None:
    optimizer = kind([Value(1.5)], **options)
    rule = optimizer.rule
    kernel = jit(
        lambda p, g, rates, state: list(rule(p, g, tuple(rates), *state)), dtype="f64", strict=True
    )
    rng = random.Random(5)
    numbers = [1.5] + [0.0] * len(optimizer.slots)
    for k, mine in enumerate(trajectory(optimizer, 20)):
        numbers = kernel(numbers[0], gradients(rng, 1)[0], list(optimizer.per_step(k)), numbers[1:])
        assert numbers[0] == mine[0]


@pytest.mark.parametrize(
    ("optimizer", "ops"),
    [
        (SGD([Value(0.0)], lr=0.1), "sub(p, mul(rate0, g))"),
        (SGD([Value(0.0)], lr=0.1, momentum=0.5), "sub(p, mul(rate0, add(mul(0.5, s0), g)))"),
        (
            SGD([Value(0.0)], lr=0.1, weight_decay=0.5),
            "sub(p, mul(rate0, add(g, mul(0.5, p))))",
        ),
        (
            AdamW([Value(0.0)], betas=(0.5, 0.75), weight_decay=0.0),
            "sub(p, div(mul(rate0, add(mul(0.5, s0), mul(0.5, g))), "
            "add(sqrt(add(mul(0.75, s1), mul(0.25, mul(g, g)))), rate1)))",
        ),
    ],
)
def test_options_that_are_off_leave_no_operations(optimizer: Optimizer, ops: str) -> None:
    rates = tuple(Access(f"rate{k}") for k in range(len(optimizer.per_step(0))))
    state = [Access(f"s{k}") for k in range(len(optimizer.slots))]
    assert str(optimizer.rule(Access("p"), Access("g"), rates, *state)[0]) == ops


@variants
def test_a_plan_has_what_each_step_has_of_its_own(
    kind: type[Optimizer], options: dict[str, Any]
) -> None:
    optimizer = kind([Value(1.0)], **{**options, "lr": linear(1.0, 0.0, 10)})
    trajectory(optimizer, 3)
    rates, rows = optimizer.plan(3, 4000)
    assert rates.dtype == rows.dtype == np.float64
    assert rates.tolist() == [optimizer.schedule(k) for k in range(3, 4003)]
    assert rows.tolist() == [list(optimizer.per_step(k)) for k in range(3, 4003)]  # every bit
    assert not [x.size for x in optimizer.plan(3, 0) if x.size]


def test_a_plan_asks_what_a_subclass_overrides() -> None:
    class Halved(Adam):
        def scalars(self, rate: float, step: int) -> tuple[float, ...]:
            return (rate / 2, self.eps)

    class Own(SGD):
        def per_step(self, step: int) -> tuple[float, ...]:
            return (float(step),)

    assert Halved([Value(1.0)], lr=1.0).plan(0, 2)[1].tolist() == [[0.5, 1e-8]] * 2
    assert Own([Value(1.0)]).plan(5, 2)[1].tolist() == [[5.0], [6.0]]


# --- state --------------------------------------------------------------------------------------


@variants
def test_training_goes_on_from_a_saved_state(
    kind: type[Optimizer], options: dict[str, Any]
) -> None:
    first = kind(map(Value, START), **options)
    trajectory(first, 5)
    saved = first.state_dict()
    second = kind([Value(p.data) for p in first.parameters], **options)
    second.load_state_dict(saved)
    assert trajectory(first, 5) == trajectory(second, 5)
    assert saved["steps"] == 5  # a copy
    for name in first.slots:
        assert (saved[name] != first.state[name]).any()


def test_a_state_comes_back_from_an_npz_file(tmp_path: Path) -> None:
    first = Adam([Value(1.0)])
    trajectory(first, 3)
    np.savez(tmp_path / "state.npz", **first.state_dict())
    second = Adam([Value(first.parameters[0].data)])
    with np.load(tmp_path / "state.npz") as saved:
        second.load_state_dict(saved)
    assert second.steps == 3
    assert trajectory(first, 3) == trajectory(second, 3)


def test_live_parameters_are_updated_in_place() -> None:
    w = Value(1.0)
    kernel = jit(lambda x: w * x, dtype="f64")
    assert kernel(2.0) == 2.0
    w.grad = 1.0
    SGD([w], lr=0.5).step()
    assert kernel(2.0) == 1.0


def test_zero_grad_clears_every_gradient() -> None:
    leaves = [Value(1.0), Value(2.0)]
    for p in leaves:
        p.grad = 3.0
    SGD(leaves, lr=0.1).zero_grad()
    assert [p.grad for p in leaves] == [0, 0]


def test_a_step_that_fails_changes_nothing() -> None:
    leaves = [Value(1.0), Value(2.0)]
    optimizer = Adam(leaves)
    leaves[0].grad, leaves[1].grad = 1.0, "two"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="two"):
        optimizer.step()
    assert [p.data for p in leaves] == [1.0, 2.0]
    assert optimizer.steps == 0
    assert not optimizer.state["m"].any()


def test_an_optimiser_says_what_it_is() -> None:
    optimizer = Adam([Value(1.0)])
    optimizer.step()
    assert repr(optimizer) == "Adam of 1 parameter, 1 steps taken"


# --- schedules ----------------------------------------------------------------------------------


def test_schedules_begin_and_end_where_they_should() -> None:
    assert tabulate(constant(0.3), 3).tolist() == [0.3] * 3
    assert tabulate(linear(1.0, 0.5, 4), 6).tolist() == [1.0, 0.875, 0.75, 0.625, 0.5, 0.5]
    half = tabulate(cosine(1.0, 0.2, 10), 12)
    assert (half[0], half[10], half[11]) == (1.0, 0.2, 0.2)
    assert half[5] == pytest.approx(0.6)
    assert (np.diff(half) <= 0.0).all()


def test_warmup_grows_in_equal_parts_and_then_the_cosine_begins() -> None:
    rates = tabulate(cosine(0.8, 0.0, 12, warmup=4), 13)
    assert rates[:5].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert rates[4:].tolist() == pytest.approx(tabulate(cosine(0.8, 0.0, 8), 9).tolist())


def test_the_demos_schedule_is_linear_bit_for_bit() -> None:
    rates = tabulate(linear(1.0, 0.1, 100), 100)
    assert rates.tolist() == [1.0 - 0.9 * k / 100 for k in range(100)]


def test_tabulate_asks_once_per_step_and_can_begin_later() -> None:
    asked: list[int] = []
    table = tabulate(lambda k: asked.append(k) or k / 2, 3, first=4)  # type: ignore[func-returns-value]
    assert (asked, table.tolist()) == ([4, 5, 6], [2.0, 2.5, 3.0])
    asked.clear()
    Adam([Value(1.0)], lr=lambda k: asked.append(k) or 0.1).plan(0, 3)  # type: ignore[func-returns-value]
    AdamW([Value(1.0)], lr=lambda k: asked.append(k) or 0.1).plan(0, 3)  # type: ignore[func-returns-value]
    assert asked == [0, 1, 2] * 2


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (math.nan, "float nan"),
        (math.inf, "float inf"),
        (-0.5, "float -0.5"),
        (None, "NoneType None"),
        ("0.1", "str '0.1'"),
        ([0.1], r"list \[0.1\]"),
    ],
)
def test_a_schedule_that_gives_no_rate(bad: Any, said: str) -> None:
    message = f"finite number, 0 or more; the schedule gave {said} for step 3"

    def schedule(step: int) -> Any:
        return 0.1 if step < 3 else bad

    with pytest.raises(TrainingError, match=message):
        tabulate(schedule, 10)
    with pytest.raises(TrainingError, match=message):
        rate_at(schedule, 3)
    w = Value(1.0)
    optimizer = SGD([w], lr=schedule)
    with pytest.raises(TrainingError, match=message):
        trajectory(optimizer, 10)
    assert optimizer.steps == 3


def test_an_error_of_the_schedule_itself_is_seen() -> None:
    def schedule(step: int) -> float:
        return 1.0 / step

    with pytest.raises(ZeroDivisionError):
        tabulate(schedule, 3)


# --- errors -------------------------------------------------------------------------------------

W = Value(1.0, label="w")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD([], 0.1), "no parameters to train; give model.parameters"),
        (lambda: SGD(W, 0.1), r"should be a list of Values, .* got Value Value\(data=1.0"),
        (lambda: SGD(MLP(1, [1]), 0.1), "should be a list of Values, .* got MLP MLP of"),  # type: ignore[arg-type]
        (lambda: SGD([W, 2.0], 0.1), "parameter 1 should be a Value, got float 2.0"),  # type: ignore[list-item]
        (lambda: SGD([W * W], 0.1), r"parameter 0, Value\(.*\), is computed \(op '\*'\)"),
        (lambda: SGD([W, Value(0.0), W], 0.1), "parameter 2 is parameter 0 again"),
        (lambda: SGD([W], -0.1), "lr should be a finite number, 0 or more, got float -0.1"),
        (lambda: SGD([W], "fast"), "lr should be a finite number, 0 or more, got str 'fast'"),  # type: ignore[arg-type]
        (lambda: SGD([W], 0.1, momentum=math.nan), "momentum should be a finite number"),
        (lambda: SGD([W], 0.1, weight_decay=-1.0), "weight_decay should be a finite number"),
        (lambda: SGD([W], 0.1, nesterov=True), "nesterov=True needs a momentum"),
        (lambda: Adam([W], betas=(0.9, 1.0)), r"betas should be two .* got tuple \(0.9, 1.0\)"),
        (lambda: Adam([W], betas=(-0.1, 0.9)), "betas should be two"),
        (lambda: Adam([W], betas=0.9), "betas should be two numbers, .* got float 0.9"),  # type: ignore[arg-type]
        (lambda: Adam([W], betas=(0.9,)), "betas should be two"),  # type: ignore[arg-type]
        (lambda: Adam([W], eps=-1.0), "eps should be a finite number"),
        (lambda: AdamW([W], weight_decay=math.inf), "weight_decay should be a finite number"),
        (lambda: constant(-1.0), "rate should be a finite number"),
        (lambda: linear(1.0, -1.0, 3), "end should be a finite number"),
        (lambda: linear(1.0, 0.1, 0), "steps should be a whole number, 1 or more, got int 0"),
        (lambda: linear(1.0, 0.1, 2.5), "steps should be a whole number, 1 or more, got float 2.5"),  # type: ignore[arg-type]
        (lambda: cosine(math.nan, 0.1, 3), "start should be a finite number"),
        (lambda: cosine(1.0, 0.1, 3, warmup=3), "warmup should be less than the 3 steps, got 3"),
        (
            lambda: cosine(1.0, 0.1, 3, warmup=-1),
            "warmup should be a whole .* 0 or more, got int -1",
        ),
    ],
)
def test_bad_options(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        make()


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ({"steps": 1}, r"SGD has the state \['momentum', 'steps'\], got \['steps'\]"),
        ({"steps": 1, "momentum": [0.0, 0.0]}, r"momentum should have shape \(1,\), .* got \(2,\)"),
        ({"steps": -1, "momentum": [0.0]}, "steps should be a whole .* 0 or more, got int -1"),
        (
            {"steps": True, "momentum": [0.0]},
            "steps should be a whole .* 0 or more, got bool True",
        ),
        (
            {"steps": 10**30, "momentum": [0.0]},
            r"a whole number below 2\*\*62, got int 1000",
        ),
        ({"steps": 2, "momentum": ["a"]}, r"momentum should hold real numbers, got list \['a'\]"),
        ({"steps": 2, "momentum": [1j]}, "momentum should hold real numbers, got list"),
        ({"steps": 2, "momentum": [[1], [1, 2]]}, "momentum should have shape"),
        ({"steps": 2, "momentum": None}, r"momentum should have shape \(1,\), .* got \(\)"),
        (5, r"a state is what state_dict\(\) gives, got int 5"),
        ({1: 2, "steps": 3}, r"got \['1', 'steps'\]"),
    ],
)
def test_a_foreign_state(saved: dict[str, Any], message: str) -> None:
    optimizer = SGD([Value(1.0)], lr=0.1, momentum=0.9)
    with pytest.raises(TrainingError, match=message):
        optimizer.load_state_dict(saved)
    assert optimizer.steps == 0


def test_what_many_steps_are_given_is_what_each_is() -> None:
    """Bit for bit, also where powers are nothing beside 1, and behind the end of a schedule."""
    rng = random.Random(1)
    betas = [0.0, 1e-300, 0.5, 0.85, 0.999, 1.0 - 2.0**-53, rng.random()]
    for _ in range(60):
        rate = linear(rng.random(), rng.choice([0.0, rng.random()]), rng.randrange(1, 4000))
        optimizer = Adam([Value(1.0)], lr=rate, betas=(rng.choice(betas), rng.choice(betas)))
        first, count = rng.randrange(6000), rng.randrange(200)
        rates, rows = optimizer.plan(first, count)
        steps = range(first, first + count)
        assert rates.tolist() == [rate(k) for k in steps]
        assert rows.tolist() == [list(optimizer.scalars(rate(k), k)) for k in steps]
