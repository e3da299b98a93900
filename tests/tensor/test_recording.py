"""A Tensor without numbers, whose operations are recorded: all that Tensors do is primitives of the
table, of shapes and dtypes that are known beforehand. The record, run, gives what running eagerly
gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Tensor
from micrograd.tensor import concat, conv2d, einsum, max_pool, pad, stack, where
from micrograd.tensor.primitive import PRIMITIVES, Primitive, Shape

from .programs import draw


class Named(Tensor):
    """The result of a row of a record: a shape and a dtype."""

    __slots__ = ("_kind", "_scope", "_sizes", "row")

    def __init__(self, scope: Record, row: int, shape: Shape, dtype: Any) -> None:
        self._scope, self.row, self._sizes, self._kind = scope, row, shape, dtype
        self._needs = False

    @property
    def shape(self) -> Shape:
        return self._sizes

    @property
    def dtype(self) -> Any:
        return self._kind


class Record:
    """What was called, row by row."""

    def __init__(self, leaves: list[Tensor]) -> None:
        self.rows: list[tuple[Primitive, tuple[Any, ...], dict[str, Any]]] = []
        self.leaves = leaves
        self.given = [Named(self, -1 - k, x.shape, x.dtype) for k, x in enumerate(leaves)]

    def record_primitive(self, primitive: Primitive, operands: Any, parameters: Any) -> Named:
        assert PRIMITIVES[primitive.name] is primitive
        arrays = [x for x in operands if not isinstance(x, float)]
        assert all(isinstance(x, Tensor) for x in arrays)
        shapes = [() if isinstance(x, float) else x.shape for x in operands]
        shape = primitive.shape(*shapes, **parameters)
        dtype = primitive.dtype(*(x.dtype for x in arrays), **parameters)
        self.rows.append((primitive, operands, parameters))
        return Named(self, len(self.rows) - 1, shape, dtype)

    def run(self) -> list[Any]:
        """The rows, evaluated eagerly."""
        made: list[Any] = []

        def found(x: Any) -> Any:
            if not isinstance(x, Named):
                return x
            return made[x.row] if x.row >= 0 else self.leaves[-1 - x.row]

        for primitive, operands, parameters in self.rows:
            made.append(primitive(*map(found, operands), **parameters))
        return made


def check(f: Any, leaves: list[Tensor]) -> None:
    """What a function of Tensors records, run, is what it gives."""
    record = Record(leaves)
    out = f(*record.given)
    expected = f(*leaves)
    made = record.run()
    found = made[out.row] if out.row >= 0 else leaves[-1 - out.row]
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.parametrize("block", range(10))
def test_random_programs_are_recorded(block: int) -> None:
    for seed in range(5000 + block * 10, 5010 + block * 10):
        program = draw(seed)
        leaves = [Tensor(x, dtype="f64") for x in program.leaves]
        for k in range(len(program.leaves), len(program.leaves) + len(program.steps)):
            check(lambda *xs, k=k, program=program: program.run(xs, "tensor")[k], leaves)


X = Tensor(np.random.default_rng(1).normal(size=(2, 3, 4)))
PLACES = Tensor(np.array([1, 0, -1]))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: x[i], lambda x, i: x[:, i, 1:], lambda x, i: x.take(i, 2),
        lambda x, i: x[[0, 1], [2, 0]], lambda x, i: x[X > 0], lambda x, i: x[X.numpy() > 0],
        lambda x, i: x.argmax(1), lambda x, i: x.argmin(keepdims=True), lambda x, i: (x > 0).sum(),
        lambda x, i: x.reshape(-1, 2), lambda x, i: x.softmax(), lambda x, i: x.std((0, 2), ddof=1),
        lambda x, i: where(x > 0, 1.0, 0.0), lambda x, i: where(x > 0, x, 0.0), lambda x, i: i + 1,
        lambda x, i: i * i - 2, lambda x, i: i / 2, lambda x, i: x.mean() * i, lambda x, i: 2**x,
        lambda x, i: x * np.arange(4.0), lambda x, i: np.arange(4.0) - x, lambda x, i: x @ x.mT,
        lambda x, i: np.eye(4) @ x.mT, lambda x, i: x.astype("f64") + x,
        lambda x, i: abs(-x) ** 0.5,
        lambda x, i: einsum("ijk,lk->il", x, x[0]), lambda x, i: concat([x, x * 2.0], 1),
        lambda x, i: stack([x, np.zeros((2, 3, 4))], -1), lambda x, i: pad(x, 1, 7.0),
        lambda x, i: x.detach() * x, lambda x, i: micrograd.maximum(x, 0.1), lambda x, i: x.prod(1),
        lambda x, i: conv2d(x[None], np.ones((3, 2, 2, 2)), np.zeros(3), padding=1),
        lambda x, i: max_pool(x, (2, 2), padding=1), lambda x, i: x.avg_pool(2, stride=1),
        lambda x, i: x.split(3, 1)[1].squeeze(1), lambda x, i: x.logsumexp(0), lambda x, i: x.erf(),
        lambda x, i: x.any(0), lambda x, i: ~(x > 0) & (x < 1), lambda x, i: x.clip(0.0, 0.5),
        lambda x, i: x[0, ..., ::-2], lambda x, i: x[:, None, 1], lambda x, i: x.flip().diagonal(),
    ],
)  # fmt: skip
def test_functions_are_recorded(f: Any) -> None:
    check(f, [X, PLACES])
