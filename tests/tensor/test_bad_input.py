"""What does not fit, through every function and method of Tensors, layers, losses, optimisers,
`fit` and data sets: the number that NumPy gives, or an error that says where; and tests of
the judge.
"""

from __future__ import annotations

import array
from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest

import micrograd.tensor
from micrograd import Tensor, jit, losses, nn
from micrograd.errors import DataError, MicrogradError, ShapeError
from micrograd.ops import BY_UFUNC, Op

from . import bad_calls, bad_models
from .bad_input import ENTRIES, Entry, Judge, Wrong, run

BLOCKS, CALLS = 6, 700
TABLES = bad_calls, bad_models
"""Which enter what is called."""


@pytest.mark.parametrize("block", range(BLOCKS))
def test_calls_with_what_does_not_fit(block: int) -> None:
    judge = Judge(Counter())
    judge.compiled = 0.03
    wrong = run(list(ENTRIES.values()), Random(block), judge, lambda n: n >= CALLS)
    assert not wrong, "\n\n".join(map(str, wrong))
    assert min(judge.seen[k] for k in ("refused", "computed", "compared", "differentiated")) > 50


def test_every_method_and_function_is_called() -> None:
    text = "".join(map(open_text, TABLES))
    plain = {"requires_grad", "is_leaf", "grad", "label", "zero_grad"}
    known = {getattr(Tensor, name.rpartition(".")[2], None) for name in ENTRIES}
    ops = {name for name, op in BY_UFUNC.items() if f"ops.{op.name}" in ENTRIES}
    missing = [
        name
        for name in dir(Tensor)
        if not name.startswith("_")
        and name not in plain | ops
        and f".{name}" not in text
        and f'"{name}"' not in text
        and getattr(Tensor, name) not in known
        and not is_left_over(getattr(Tensor, name))
    ]
    assert missing == []
    functions = set(micrograd.tensor.__all__) - {"Tensor", "no_grad"}
    assert [f for f in sorted(functions) if f not in text] == []


def is_left_over(method: object) -> bool:
    """Whether it was a method of an op that a test has defined and thrown away."""
    op = getattr(method, "op", None)
    return isinstance(op, Op) and not op.in_table


def open_text(module: Any) -> str:
    with open(module.__file__) as file:
        return file.read()


def judged(ours: Any, numpy: Any, **how: Any) -> None:
    entry = Entry("f", lambda d: (Tensor([1.0, 2.0], requires_grad=True),), ours, numpy, **how)
    judge = Judge(Counter())
    judge.compiled = 1.0
    judge.try_one(entry, Random(0))


@pytest.mark.parametrize(
    ("ours", "numpy", "message"),
    [
        (lambda x: x * 2.0, lambda x: x * 3.0, "gave"),
        (lambda x: x.numpy()[5], None, "no line"),
        (lambda x: x.nothing, None, "raw AttributeError"),
        (lambda x: {}[1], None, "raw KeyError"),
        (lambda x: x if x._scope is None else x * 2.0, lambda x: x, "compiled"),
        (lambda x: x * 1.0 if x._scope is None else x.detach(), lambda x: x, "compiled gradient"),
    ],
)
def test_the_judge_sees_what_is_wrong(ours: Any, numpy: Any, message: str) -> None:
    with pytest.raises(Wrong, match=message):
        judged(ours, numpy)


# --- by name: what the generator found ----------------------------------------------------------


def test_arrays_that_share_memory_are_copied() -> None:
    numbers = array.array("f", [1.0, 2.0])
    bytes_ = bytearray(np.array([1.0, 2.0], np.float32).tobytes())
    made = Tensor(numbers), Tensor(memoryview(bytes_).cast("f"))
    numbers[0] = bytes_[3] = 9
    assert [t.tolist() for t in made] == [[1.0, 2.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    "f",
    [
        lambda: Tensor([float("nan")], "int64"),
        lambda: Tensor([1e30]).astype("int64"),
        lambda: Tensor(np.array([2**63], np.uint64)),
        lambda: Tensor(np.ma.array([1.0, 2.0], mask=[True, False])),
        lambda: Tensor([1.0]) * np.ma.array([1.0], mask=[True]),
    ],
)
def test_numbers_that_would_be_others(f: Any) -> None:
    with pytest.raises(DataError):
        f()


def test_tensors_in_a_list_are_no_numbers() -> None:
    x, y = Tensor([3.0]), Tensor([1.0, 2.0])
    double = jit(lambda xs: xs[0] * 2.0)
    assert double([x]).tolist() == [6.0]
    assert double([y, x]).tolist() == [2.0, 4.0]

    def annotated(xs: list[Tensor]) -> Tensor:
        return xs[0] + xs[1]

    assert jit(annotated)([x, y]).tolist() == [4.0, 5.0]


def test_labels_of_no_kind_are_nan_where_they_are_not_known() -> None:
    scores, y = Tensor([[1.0], [2.0]]), Tensor([[0.0], [1.0]])
    assert np.isnan(jit(losses.max_margin)(scores, y).item())
    assert np.isnan(jit(losses.binary_cross_entropy)(scores, y * 3.0).item())
    assert jit(losses.max_margin)(scores, y * 2.0 - 1.0).item() == 1.0


def test_options_of_convolutions_are_checked_when_it_is_made() -> None:
    for how in ({"stride": 0}, {"padding": "ful"}, {"dilation": 1.5}, {"padding": np.ones(2)}):
        with pytest.raises(MicrogradError, match=next(iter(how))):
            nn.Conv2d(1, 1, 3, **how)


def test_numpys_own_errors_say_the_line() -> None:
    with pytest.raises(ShapeError, match=r"test_bad_input.py:\d+: np.linalg.norm|np.norm"):
        np.linalg.norm(Tensor(np.ones((2, 2, 2))), 2)
