"""Random programs that look rows up, a few of them: see lookup_programs.py."""

from __future__ import annotations

import pytest

from .lookup_programs import Unfit, problems


@pytest.mark.parametrize("seed", [2, 52, 57, 70])
def test_random_lookups_are_the_interpreters(seed: int) -> None:
    try:
        assert not list(problems(seed))
    except Unfit:
        pytest.skip("no integers fit this program")
