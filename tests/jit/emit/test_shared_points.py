"""Statements of nests that run over the same points share their loops, where they may."""

from __future__ import annotations

from unittest import mock

import pytest

from micrograd.jit.emit import shared_points
from tests.jit.emit.nested import FORMS, Form
from tests.shared_points import check

SEEDS = range(300, 308)


@pytest.mark.parametrize("form", FORMS)
def test_random_statements_in_a_row(form: Form) -> None:
    assert any([any(check(seed, form)) for seed in SEEDS])


def test_statements_that_may_not_share_loops_are_noticed() -> None:
    with (
        mock.patch.object(shared_points, "_is_free", return_value=True),
        pytest.raises(AssertionError, match="differs at"),
    ):
        assert not [check(seed, (64, 512, True)) for seed in SEEDS]
