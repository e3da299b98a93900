"""The parameters of a Value: what they are called, and what is made of them."""

from __future__ import annotations

import pytest

from micrograd import Value, jit
from micrograd.errors import SignatureError
from micrograd.jit.trace.leaf_parameters import LeafParameters
from micrograd.jit.trace.parameters import Parameter


def test_each_is_called_by_its_label_or_by_its_place() -> None:
    found = LeafParameters(["a", "", "b", "b", "not a name"])
    assert [p.name for p in found] == ["a", "x1", "x2", "x3", "x4"]
    assert len(found) == 5
    assert found[0] == Parameter("a")
    assert found[-1] == Parameter("x4")
    assert found[3:] == [Parameter("x3"), Parameter("x4")]
    assert found[5:] == []
    with pytest.raises(IndexError):
        found[5]


def test_words_that_are_names_are_no_keywords() -> None:
    found = LeafParameters(["out", "where", "where"])
    assert found.unused(frozenset({"out", "where", "dtype"})) == {"where", "dtype"}
    out, other = Value(2.0, label="out"), Value(3.0)
    assert jit(out * other, wrt=[out, other])(out=4.0, x1=5.0) == 20.0


def test_a_call_that_does_not_fit_names_them() -> None:
    leaves = [Value(1.0, label="a"), Value(2.0)]
    kernel = jit(leaves[0] * leaves[1], wrt=leaves)
    with pytest.raises(SignatureError, match=r"takes 2 arguments \(a, x1\), got 1"):
        kernel(1.0)
    with pytest.raises(SignatureError, match=r"takes 3 arguments \(a, x1, direction\), got 2"):
        kernel.jvp(1.0, 2.0)
    assert kernel(x1=3.0, a=5.0) == 15.0
    assert kernel.jvp(5.0, 3.0, [1.0, 1.0]) == (15.0, 8.0)


def test_leaves_keep_their_elements_whatever_else_there_is() -> None:
    """Constants among them, some that are not used, some in another store already."""
    leaves = [Value(float(k)) for k in range(6)]
    first = jit(leaves[4] * 2.0, wrt=[leaves[4]]).value_and_grad
    assert first() == (8.0, (2.0,))
    root = leaves[0] * leaves[1] + leaves[3] * leaves[4] + leaves[2]
    wrt = [leaves[5], leaves[4], leaves[3], leaves[1]]
    kernel = jit(root, wrt=wrt, dtype="f64").value_and_grad
    assert kernel() == (14.0, (0.0, 3.0, 4.0, 0.0))
    leaves[3].data, leaves[4].data, leaves[2].data = 7.0, 10.0, -1.0  # the last is a constant
    assert kernel() == (72.0, (0.0, 7.0, 10.0, 0.0))
