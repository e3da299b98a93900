"""The table of primitives: what is said of a shape is what is made, an evaluation changes nothing
that it is given, and derivatives are central differences.
"""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, ops
from micrograd.errors import ShapeError
from micrograd.real_types import F32, F64
from micrograd.tensor import gradients
from micrograd.tensor.casting import I64
from micrograd.tensor.primitive import PRIMITIVES, define

INDEX = np.array([[2, 0], [1, -1]])
PAIR = [(3, 4), (3, 4)]

CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    *(("elementwise", [(3, 4)] * op.arity, {"op": op}) for op in ops.OPS.values()),
    ("elementwise", [(3, 1), (4,)], {"op": ops.mul}),
    ("elementwise", [(2, 1, 4), 2.0], {"op": ops.pow}),
    ("cast", [(3, 4)], {"dtype": F32.dtype}),
    ("cast", [(3, 4)], {"dtype": I64}),
    ("reduce", [(3, 4)], {"op": ops.add, "axes": (0,)}),
    ("reduce", [(3, 4, 2)], {"op": ops.mul, "axes": (0, 2)}),
    ("reduce", [(3, 4, 2)], {"op": ops.maximum, "axes": (1,)}),
    ("reduce", [(3, 4, 2)], {"op": ops.minimum, "axes": (0, 1, 2)}),
    ("reduce", [()], {"op": ops.add, "axes": ()}),
    ("broadcast_to", [(3, 1)], {"shape": (2, 3, 4)}),
    ("reshape", [(3, 4)], {"shape": (2, 6)}),
    ("reshape", [(1, 1)], {"shape": ()}),
    ("transpose", [(3, 4, 2)], {"order": (2, 0, 1)}),
    ("slice", [(5, 4)], {"places": ((1, 2, 2), (3, 4, -1))}),
    ("slice", [(5, 4)], {"places": (2, (0, 0, 1))}),
    ("slice", [(5, 4)], {"places": (4, 0)}),
    ("embed", [(2, 4)], {"shape": (5, 4), "places": ((4, 2, -2), (0, 4, 1))}),
    ("embed", [(2,)], {"shape": (5, 4), "places": ((4, 2, -2), 3)}),
    ("concat", [(3, 4), (3, 1), (3, 2)], {"axis": 1}),
    ("gather", [(5, 3), INDEX], {"axis": 1}),
    ("gather", [(3, 5), INDEX], {"axis": 0}),
    ("scatter_add", [(5, 2, 2, 2), INDEX], {"axis": 1, "sizes": (4,)}),
    ("scatter_add", [(2, 2), INDEX], {"axis": 0, "sizes": (3,)}),
    ("windows", [(2, 7, 3)], {"axis": 1, "size": 3, "stride": 2, "dilation": 1}),
    ("windows", [(7,)], {"axis": 0, "size": 2, "stride": 1, "dilation": 3}),
    ("overlap_add", [(2, 3, 2, 3)], {"axis": 1, "length": 7, "stride": 2, "dilation": 1}),
    ("contract", [(3, 4), (4, 2)], {"subscripts": "ik,kj->ij"}),
    ("contract", [(3, 4, 2), (4, 2, 5)], {"subscripts": "bik,ikj->jb"}),
    ("contract", [(3, 4), (3, 4)], {"subscripts": "ij,ij->ij"}),
    ("contract", [(3, 4), (3, 4)], {"subscripts": "ij,ij->"}),
    ("contract", [(3, 4), (2,)], {"subscripts": "ij,k->kji"}),
    ("contract", [(2, 3, 4), (2, 5, 4)], {"subscripts": "bik,bjk->bij"}),
    ("arg_reduce", [(3, 4)], {"op": ops.maximum, "axis": 1}),
    ("clip", [(3, 4)], {"low": 0.4, "high": 0.7}),
    ("clip", [()], {"low": -math.inf, "high": 0.5}),
    ("scan", [(3, 4, 2)], {"op": ops.add, "axis": 1}),
    ("scan", [(3, 4)], {"op": ops.mul, "axis": 0}),
    ("scan", [(5,)], {"op": ops.mul, "axis": 0}),
    ("scan", [(2, 3)], {"op": ops.maximum, "axis": 1}),
    ("scan", [(1, 3)], {"op": ops.minimum, "axis": 0}),
    ("of_values", [], {}),
]  # fmt: skip


def operands_of(shapes: list[Any], seed: int) -> list[Any]:
    """Tensors of numbers between 0.2 and 0.9, where every op has a derivative."""
    generator = np.random.default_rng(seed)
    return [
        s if isinstance(s, float)
        else Tensor(s) if isinstance(s, np.ndarray)
        else Tensor(generator.uniform(0.2, 0.9, s), dtype="f64", requires_grad=True)
        for s in shapes
    ]  # fmt: skip


def test_every_primitive_is_tested() -> None:
    assert {name for name, _, _ in CASES} == set(PRIMITIVES)


@pytest.mark.parametrize("case", CASES[:-1], ids=lambda c: f"{c[0]}-{c[2]}")
def test_shapes_and_dtypes_are_what_the_table_says(case: Any) -> None:
    name, shapes, how = case
    primitive = PRIMITIVES[name]
    operands = operands_of(shapes, 1)
    before = [x if isinstance(x, float) else x.numpy().copy() for x in operands]
    out = primitive(*operands, **how)
    assert out.shape == primitive.shape(
        *(() if isinstance(x, float) else x.shape for x in operands), **how
    )
    dtypes = [x.dtype for x in operands if not isinstance(x, float)]
    assert out.dtype is primitive.dtype(*dtypes, **how)
    for x, y in zip(operands, before, strict=True):
        np.testing.assert_array_equal(x if isinstance(x, float) else x.numpy(), y)
    if primitive.is_view and out.size:
        assert np.shares_memory(out.numpy(), operands[0].numpy())


@pytest.mark.parametrize("case", CASES[:-1], ids=lambda c: f"{c[0]}-{c[2]}")
def test_derivatives_are_central_differences(case: Any) -> None:
    name, shapes, how = case
    primitive = PRIMITIVES[name]
    operands = operands_of(shapes, 2)
    out = primitive(*operands, **how)
    if not out.requires_grad or how.get("dtype") is F32.dtype:
        return
    ct = np.random.default_rng(7).normal(size=out.shape)
    (out * ct).sum().backward()
    h = 1e-6
    for k, x in enumerate(operands):
        if isinstance(x, float) or x.dtype is not F64.dtype or not x.size:
            continue
        found = np.zeros(x.shape) if x.grad is None else x.grad.numpy()
        for place in np.ndindex(x.shape):
            ends = []
            for step in (h, -h):
                array = x.numpy().copy()
                array[place] += step
                moved = [*operands[:k], Tensor(array, dtype="f64"), *operands[k + 1 :]]
                ends.append(float((primitive(*moved, **how).numpy() * ct).sum()))
            slope = (ends[0] - ends[1]) / (2 * h)
            if how.get("op") is not ops.detach:
                assert found[place] == pytest.approx(slope, rel=1e-6, abs=1e-7), place


@pytest.mark.parametrize("case", CASES[:-1], ids=lambda c: f"{c[0]}-{c[2]}")
def test_derivatives_are_differentiated_again(case: Any) -> None:
    """The derivative of the gradient along a direction."""
    name, shapes, how = case
    primitive = PRIMITIVES[name]
    operands = operands_of(shapes, 3)
    leaves = [x for x in operands if not isinstance(x, float) and x.requires_grad]
    if not primitive(*operands, **how).requires_grad or how.get("dtype") is F32.dtype:
        return

    def slopes(at: list[Any]) -> list[Any]:
        out = primitive(*at, **how)
        return gradients((out * out).sum(), [x for x in at if getattr(x, "requires_grad", 0)],
                         create_graph=True)  # fmt: skip

    along = sum(s.sum() for s in slopes(operands))
    if not along.requires_grad:
        return
    found = gradients(along, leaves)
    h = 1e-5

    def moved(step: float) -> list[Any]:
        return slopes([
            x if isinstance(x, float) or not x.requires_grad
            else Tensor(x.numpy() + step, dtype="f64", requires_grad=True) for x in operands
        ])  # fmt: skip

    for x, high, low in zip(found, moved(h), moved(-h), strict=True):
        expected = (high.numpy() - low.numpy()) / (2 * h)
        np.testing.assert_allclose(x.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shapes", "how"),
    [
        ("elementwise", [(3,), (4,)], {"op": ops.add}),
        ("reshape", [(3, 4)], {"shape": (5,)}),
        ("transpose", [(3, 4)], {"order": (0,)}),
        ("broadcast_to", [(3,)], {"shape": (4,)}),
        ("embed", [(3,)], {"shape": (4,), "places": ((0, 2, 1),)}),
        ("concat", [(3, 4), (4, 3)], {"axis": 0}),
        ("reduce", [(0, 4)], {"op": ops.maximum, "axes": (0,)}),
        ("scatter_add", [(3,), INDEX], {"axis": 0, "sizes": (3,)}),
        ("windows", [(3,)], {"axis": 0, "size": 4, "stride": 1, "dilation": 1}),
        ("contract", [(3, 4), (3, 4)], {"subscripts": "ik,kj->ij"}),
        ("arg_reduce", [(3, 0)], {"op": ops.maximum, "axis": 1}),
    ],
)
def test_what_does_not_fit_is_refused_by_both(name: str, shapes: Any, how: Any) -> None:
    """By the shape rule, which a recorder asks, and by the evaluation."""
    primitive = PRIMITIVES[name]
    operands = operands_of(shapes, 1)
    with pytest.raises(ShapeError):
        primitive.shape(*(x.shape for x in operands), **how)
    with pytest.raises(ShapeError):
        primitive(*operands, **how)


def test_a_slice_beyond_the_end_is_refused() -> None:
    """By the shape rule; the evaluation is given what indexing has checked."""
    for place in ((2, 2, 1), (1, 3, -1), (-1, 1, 1), 3):
        with pytest.raises(ShapeError, match="is not within axis 0"):
            PRIMITIVES["slice"].shape((3,), places=(place,))


def test_a_primitive_is_itself_in_copies() -> None:
    for primitive in PRIMITIVES.values():
        assert copy.deepcopy(primitive) is copy.copy(primitive) is primitive
        assert pickle.loads(pickle.dumps(primitive)) is primitive
        assert primitive.formula in repr(primitive)
    with pytest.raises(ValueError, match="defined twice"):
        define("reshape")
    with pytest.raises(TypeError, match="takes a Tensor"):
        PRIMITIVES["reshape"](np.zeros(3), shape=(3,))
