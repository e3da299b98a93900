"""The page about `lowering` runs, and names what there is."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "lowering.md"


def test_the_page_runs() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False)
    assert outcome.attempted >= 6
    assert outcome.failed == 0
