"""Random programs whose statements say where they come from: tests/statement_origins.py has how."""

from __future__ import annotations

import pytest

from .statement_origins import check


@pytest.mark.parametrize("seed", [6, 7, 10, 11])
def test_statements_say_where_they_come_from(seed: int) -> None:
    check(seed, matrices=False)
