"""Kernels of models, called with many inputs."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit
from micrograd.errors import SignatureError
from micrograd.nn import MLP, Layer, Module, Neuron

ROWS = [[0.5, -1.0], [2.0, 0.25], [-0.5, 3.0], [1.0, 1.0]]


@pytest.fixture
def model() -> MLP:
    random.seed(7)
    return MLP(2, [4, 3])


def eager(model: Any) -> Any:
    return [[v.data for v in model(row)] for row in ROWS]


def test_many_inputs_give_an_array_of_rows(model: MLP) -> None:
    k = jit(model, dtype="f64")
    for rows in (np.array(ROWS), ROWS, tuple(map(tuple, ROWS))):
        found = k(rows)
        assert found.shape == (4, 3)
        np.testing.assert_allclose(found, eager(model), rtol=1e-13)
    assert np.argmax(k(np.array(ROWS)), axis=1).shape == (4,)
    block = k(np.array(ROWS).reshape(2, 2, 2))
    assert block.shape == (2, 2, 3)
    np.testing.assert_array_equal(block.reshape(4, 3), k(ROWS))
    assert jit(model)(np.array(ROWS)).dtype == np.float32
    assert k(np.zeros((0, 2))).shape == (0, 3)


def test_one_input_gives_what_it_gave(model: MLP) -> None:
    k = jit(model, dtype="f64")
    for row in (ROWS[0], tuple(ROWS[0]), np.array(ROWS[0])):
        found = k(row)
        assert isinstance(found, list)
        assert found == pytest.approx(eager(model)[0], rel=1e-13)


def test_a_single_output_has_no_axis() -> None:
    for one in (MLP(2, [3, 1]), Layer(2, 1), Neuron(2)):
        assert jit(one)(np.array(ROWS)).shape == jit(one)(ROWS).shape == (4,)
    assert jit(Layer(2, 5))(ROWS).shape == (4, 5)


def test_derivatives_at_many_inputs(model: MLP) -> None:
    k = jit(model, dtype="f64")
    n = len(model.parameters())
    value, tangent = k.jvp(np.array(ROWS), np.ones(n))
    np.testing.assert_array_equal(value, k(ROWS))
    assert tangent.shape == (4, 3)
    value, partials = k.vjp(ROWS, [1.0, 0.0, 2.0])
    np.testing.assert_array_equal(value, k(ROWS))
    assert len(partials) == n
    assert partials[0].shape == (4,)


def test_rows_of_values(model: MLP) -> None:
    k = jit(model, dtype="f64")
    values = [[Value(v) for v in row] for row in ROWS]
    found = k(values)
    assert found.shape == (4, 3)
    np.testing.assert_allclose([[v.data for v in row] for row in found], eager(model), rtol=1e-13)
    found[2, 1].backward()
    assert values[2][0].grad != 0
    assert values[1][0].grad == 0


def test_out_has_the_results_along_its_first_axis(model: MLP) -> None:
    k = jit(model, dtype="f64")
    out = np.empty((3, 4))
    assert k(np.array(ROWS), out=out) is out
    np.testing.assert_array_equal(out.T, k(ROWS))


def test_lists_of_arrays_are_one_for_each_number(model: MLP) -> None:
    k = jit(model, dtype="f64")
    x, y = np.array(ROWS).T
    np.testing.assert_array_equal(k([x, y]), k(ROWS))


def test_rows_that_do_not_fit(model: MLP) -> None:
    k = jit(model)
    with pytest.raises(SignatureError, match=r"MLP takes x: 2 numbers, got 3"):
        k([[1.0, 2.0, 3.0]])
    with pytest.raises(SignatureError, match="or rows of so many; got rows of unequal length"):
        k([[1.0, 2.0], [3.0]])


def test_a_model_of_ones_own_takes_what_it_takes() -> None:
    class Sum(Module):
        def __call__(self, x: Any) -> Any:
            return [sum(v) if isinstance(v, list) else v for v in x]

    assert jit(Sum())([[1.0, 2.0], [3.0]]) == [3.0, 3.0]
    assert jit(Sum())(np.array(ROWS)).shape == (4, 2)
