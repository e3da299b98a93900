"""Programs that several tests compile, and the count of compilations."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

import lowering
import micrograd
from micrograd.nn import MLP

from .test_engine import readme

README = (24.70408163265306, (138.83381924198252, 645.5772594752186))
"""The README expression at (-4, 2) and its partials, as PyPI micrograd 0.1.0 prints them."""


def plain_readme(a: Any, b: Any) -> Any:
    return readme(a, b, micrograd.relu)


def network(seed: int, nin: int, nouts: Sequence[int]) -> MLP:
    random.seed(seed)
    return MLP(nin, nouts)


def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows by one with every compilation."""
    made: list[Any] = []
    compile_ = lowering.compile

    def counted(*args: Any, **kwargs: Any) -> Any:
        made.append(args)
        return compile_(*args, **kwargs)

    monkeypatch.setattr(lowering, "compile", counted)
    return made
