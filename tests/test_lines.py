"""Eager Values keep their lines where that is asked for, and compute the same."""

from __future__ import annotations

import pytest

from micrograd import Value, exp, jit, keep_lines
from micrograd.errors import Place
from micrograd.jit.call import value_slots
from micrograd.lines import KEPT
from micrograd.nn import MLP


def computed(w: Value, model: MLP) -> Value:
    score = model([w, w * 2.0])
    penalty = sum(p * p for p in model.parameters())
    late = exp(w) / 3
    late += 1.0
    return score + 0.1 * penalty - late


LINES = {"score = ", "penalty = ", "late = ", "late += ", "return score"}


def lines_of(loss: Value, w: Value) -> list[str]:
    """The lines of code that a kernel of a Value knows."""
    kernel = jit(loss, wrt=[w])
    places: list[Place] = kernel._shown.graph.places
    assert all(place.file == __file__ for place in places)
    with open(__file__) as file:
        texts = file.read().splitlines()
    return [texts[place.line - 1].strip() for place in places]


@pytest.mark.parametrize("by_code", [False, True])
def test_values_keep_the_lines_that_compute_them(by_code: bool) -> None:
    if by_code and not value_slots.begin():
        pytest.skip("machine code does not compute Values here")
    model = MLP(2, [3, 1])
    w = Value(0.5)
    plain = computed(w, model)
    with keep_lines():
        kept = computed(w, model)
    after = computed(w, model)
    assert plain.data == kept.data == after.data
    found = lines_of(kept, w)
    assert len(found) == len(LINES)
    assert all(any(text.startswith(line) for text in found) for line in LINES)
    assert lines_of(plain, w) == lines_of(after, w) == []


def test_blocks_nest() -> None:
    w = Value(2.0)
    with keep_lines():
        with keep_lines():
            x = w * w
        y = x + w
    z = y * w
    assert x._serial in KEPT
    assert y._serial in KEPT
    assert z._serial not in KEPT


def test_they_end_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError), keep_lines():
        1 / 0  # noqa: B018
    assert (Value(1.0) * 2.0)._serial not in KEPT
