"""What is done for each of many things, as one nest with the things in lanes."""

from __future__ import annotations

import sys
from unittest import mock

import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Loop, Program, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule import abreast as module
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.schedule.side_by_side import gathered, side_by_side
from micrograd.jit.target import Target
from tests import many_recurrences
from tests.many_samples import check

TARGET = Target.host(vector_bits=512)

MIXTURE = """
input w[10]
const c[640] = {numbers}
temp a[64, 10]
temp z[64, 10]
temp top[5, 64]
output out[1]
output sums[10]

a[i, j] = mul(c[10*i + j], w[j])  for i < 64, j < 10
z[i, j] = a[i, j]  for i < 64, j < 10
z[i, j + k] += mul(a[i, j], w[k])  for i < 64, j < 10, k < -1*j + 10
top[0, i] = z[i, 0]  for i < 64
for i < 4 in order:
  top[i + 1, j] = maximum(top[i, j], z[j, i + 1])  for j < 64
out = 0.0
out += top[4, i]  for i < 64
sums[i] = 0.0  for i < 10
sums[j] += mul(z[i, j], top[4, i])  for i < 64, j < 10
""".replace("{numbers}", " ".join(["0.5"] * 640))


def mixture(change: tuple[str, str] = ("", "")) -> Program:
    return verify(parse(MIXTURE.replace(*change)))


def test_loops_in_order_and_triangles_go_into_the_loop_over_things() -> None:
    found = gathered(mixture(), 64, TARGET)
    assert found is not None
    program, at, _ = found
    lines = dump(verify(program, "gathered")).splitlines()
    body = lines[lines.index("") + 1 :]
    assert at == 2
    assert body[2:] == [
        "for i < 64:",
        "  a[i, j] = mul(c[10*i + j], w[j])  for j < 10",
        "  z[i, j] = a[i, j]  for j < 10",
        "  z[i, j + k] += mul(a[i, j], w[k])  for j < 10, k < -1*j + 10",
        "  top[i, 0] = z[i, 0]",
        "  for j < 4 in order:",
        "    top[i, j + 1] = maximum(top[i, j], z[i, j + 1])",
        "  out += top[i, 4]",
        "  sums[j] += mul(z[i, j], top[i, 4])  for j < 10",
    ]


def test_sums_over_things_have_a_number_for_each_lane() -> None:
    text = str(schedule(mixture(), TARGET))
    assert "the same for each; 16 iterations at a time" in text
    assert "      lanes_sums[j, 0] += mul(z[16*j], top" in text
    assert "sums[i] += lanes_sums[i, j]  for i < 10, j < 8" in text  # of one vector


def test_what_lies_across_the_lanes_and_is_read_again_is_copied() -> None:
    again = ("a[i, j] = mul(c[10*i + j], w[j])  for i < 64, j < 10", (
        "a[i, j] = 0.0  for i < 64, j < 10\n"
        "a[i, j] += mul(c[10*i + k], w[j])  for i < 64, j < 10, k < 10"
    ))  # fmt: skip
    text = str(schedule(mixture(again), TARGET))
    assert "own_c[16*j] = c[10*i + j]  for j < 10  ; lanes: i" in text


def test_what_does_not_fit_the_cache_is_worth_more(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["micrograd.jit.schedule.side_by_side"]  # not the function of this name
    monkeypatch.setattr(module, "GAIN", 0.0)
    assert not side_by_side(mixture(), TARGET)[1]
    monkeypatch.setattr(module, "CACHED", 1000)
    assert side_by_side(mixture(), TARGET)[1]


def test_strict_sums_and_scalar_targets_stay_as_they_are() -> None:
    program = mixture()
    assert side_by_side(program, TARGET)[1]
    assert not side_by_side(program, Target.host(vector_bits=512, strict=True))[1]
    assert not side_by_side(program, Target.host(vector_bits=64))[1]


@pytest.mark.parametrize(
    ("near", "each", "abreast"),
    [(1024, 1 << 14, 16), (256, 1 << 14, 32), (256, 64, 16), (64, 1, 8)],
)
def test_more_vectors_share_each_sum_where_one_of_them_fills_the_cache(
    near: int, each: int, abreast: int
) -> None:
    with (
        mock.patch.object(module, "ABREAST_NUMBERS", near),
        mock.patch.object(module, "LANE_NUMBERS", each),
    ):
        text = str(schedule(mixture(), TARGET))
    assert f"the same for each; {abreast} iterations at a time" in text
    assert "sums[i] += lanes_sums[i, j]  for i < 10, j < 8" in text


def test_things_that_need_each_other_stay_as_they_are() -> None:
    program = mixture(("z[j, i + 1])", "z[i + 1, i])"))
    found = gathered(program, 64, TARGET)
    assert found is not None
    assert not any(isinstance(node, Loop) for node in found[0].body[found[1]].body)  # type: ignore[union-attr]


@pytest.mark.parametrize(("seed", "bits"), [(0, 128), (6, 256), (8, 512), (5, 512)])
def test_random_sums_over_samples(seed: int, bits: int) -> None:
    assert any(check(seed, (bits,)))


POLYNOMIAL = """
input x[COEFFICIENTS]
const t[THINGS] = {numbers}
temp power[THINGS, COEFFICIENTS]
temp left[THINGS]
output out[1]
output grad[COEFFICIENTS]

power[i, 0] = 1.0  for i < THINGS
for i < STEPS in order:
  power[j, i + 1] = mul(power[j, i], t[j])  for j < THINGS
left[i] = 0.5  for i < THINGS
left[i] += mul(power[i, j], x[j])  for i < THINGS, j < COEFFICIENTS
out = 0.0
out += mul(left[i], left[i])  for i < THINGS
grad[i] = -0.0  for i < COEFFICIENTS
grad[j] += mul(left[i], power[i, j])  for i < THINGS, j < COEFFICIENTS
"""


def polynomial(coefficients: int, things: int = 64) -> str:
    text = POLYNOMIAL.replace("{numbers}", " ".join(["0.5"] * things))
    text = text.replace("COEFFICIENTS", str(coefficients)).replace("THINGS", str(things))
    program = verify(parse(text.replace("STEPS", str(coefficients - 1))))
    return str(schedule(program, Target.host(vector_bits=256)))


@pytest.mark.parametrize(
    ("coefficients", "things", "abreast"),
    [(32, 64, 16), (128, 64, 16), (10, 64, 4), (128, 16, 16), (128, 21, 16), (128, 63, 16)],
)
def test_vectors_run_abreast_where_each_thing_has_a_long_loop_in_order(
    coefficients: int, things: int, abreast: int
) -> None:
    text = polynomial(coefficients, things)
    assert f"the same for each; {abreast} iterations at a time" in text
    assert f"lanes_grad[j, 0] += mul(left, power[{abreast}*j])" in text


def test_what_sums_begin_with_is_nobodys_part() -> None:
    text = polynomial(128).partition("the same for each")[0]
    assert "grad[i] = -0.0  for i < 128" in text


@pytest.mark.parametrize(
    ("seed", "bits"), [(2, 128), (4, 256), (5, 512), (6, 128), (5001, 128), (5001, 256)]
)
def test_random_recurrences_over_samples(seed: int, bits: int) -> None:
    many_recurrences.check(seed, (bits,))
