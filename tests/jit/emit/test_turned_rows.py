"""What loops in order write along rows of the things in lanes is turned, and stored in rows."""

from __future__ import annotations

from unittest import mock

import pytest

from micrograd.jit.emit import turned_rows
from tests.jit.emit.nested import Form
from tests.turned_rows import check

SEEDS = range(100, 112)
TURNED = 100


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("vector_bits", [128, 256, 512])
def test_random_loops_along_rows(bits: int, vector_bits: int) -> None:
    form: Form = bits, vector_bits, False
    turned = [any(check(seed, form)) for seed in SEEDS]
    assert any(turned) is (vector_bits // bits >= turned_rows.LEAST_LANES)


def test_squares_that_are_not_turned_are_noticed() -> None:
    with (
        mock.patch.object(turned_rows, "transpose", lambda b, rows: list(rows)),
        pytest.raises(AssertionError, match="differs at"),
    ):
        check(TURNED, (64, 512, False))


def test_strict_code_has_none() -> None:
    assert not any(any(check(seed, (64, 512, True))) for seed in SEEDS)
