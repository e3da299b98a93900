"""Lists, tuples and dicts of classes of one's own: as arguments, and as what a method is of."""

from __future__ import annotations

from collections import Counter, OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from micrograd import Value, jit
from micrograd.errors import SignatureError, TraceError


class Weighted(list):  # type: ignore[type-arg]
    scale = 2.0

    def total(self) -> Any:
        return sum(self) * self.scale


class FromOne(list):  # type: ignore[type-arg]
    def __getitem__(self, i: Any) -> Any:
        return list.__getitem__(self, i - 1)


class Twice(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return (2.0 * x for x in list.__iter__(self))


class Short(list):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 2


class Point(tuple):  # type: ignore[type-arg]
    __slots__ = ()

    def norm2(self) -> Any:
        return sum(x * x for x in self)


class Pair(namedtuple("Pair", "x y")):
    __slots__ = ()

    def __new__(cls, x: Any) -> Pair:
        return super().__new__(cls, x, 2 * x)


class Area(NamedTuple):
    x: float
    y: float = 3.0

    def area(self) -> Any:
        return self.x * self.y


class ByName(dict):  # type: ignore[type-arg]
    def __getattr__(self, name: str) -> Any:
        return self[name]


class Default(dict):  # type: ignore[type-arg]
    def __missing__(self, key: Any) -> float:
        return 7.0


class Tenfold(dict):  # type: ignore[type-arg]
    def __getitem__(self, key: Any) -> Any:
        return 10 * dict.__getitem__(self, key)


MOVED = OrderedDict(a=1.0, b=2.0)
MOVED.move_to_end("a")

AS_THEY_ARE: list[tuple[Callable[[Any], Any], Any]] = [
    (lambda x: x.total(), Weighted([1.0, 2.0])),
    (lambda x: x[0] * (2.0 if isinstance(x, Weighted) else 3.0), Weighted([1.0, 2.0])),
    (lambda x: x[0] * getattr(x, "scale", 9.0), Weighted([1.0, 2.0])),
    (lambda x: x[1] + 3.0 * x[2], FromOne([1.0, 5.0])),
    (lambda x: sum(x) + x[0], Twice([1.0, 5.0])),
    (lambda x: len(x) * x[2], Short([1.0, 5.0, 6.0])),
    (lambda x: x.norm2(), Point([1.0, 2.0])),
    (lambda x: x.x * x.y, Pair(2.0)),
    (lambda x: x.area(), Area(2.0)),
    (lambda x: x.a * 2.0, ByName(a=3.0)),
    (lambda x: x["z"] * x["a"], Default(a=3.0)),
    (lambda x: x["a"] + sum(x.values()), Tenfold(a=3.0)),
    (lambda x: x["a"] * x["b"] + x["none"], Counter({"a": 2, "b": 3})),
    (lambda x: next(iter(x.values())) + 5.0 * list(x.values())[1], MOVED),
    (lambda x: x[0].total() + x[1]["p"].norm2(), [Weighted([1.0, 2.0]), {"p": Point([3.0])}]),
]


@pytest.mark.parametrize("case", range(len(AS_THEY_ARE)))
def test_the_function_gets_one_of_the_same_class(case: int) -> None:
    f, x = AS_THEY_ARE[case]
    k = jit(f)
    assert k(x) == k(x) == f(x)
    assert jit(lambda x, s: s * f(x), wrt=["s"]).grad(x, 1.0) == (f(x),)
    assert jit(lambda s: s * k(x)).grad(1.0) == f(x)


def test_gradients_are_in_containers_of_pythons_own() -> None:
    assert type(jit(lambda x: x.total()).grad(Weighted([1.0, 2.0]))) is list
    assert jit(lambda x: x.a).grad(ByName(a=3.0)) == {"a": 1.0}
    assert jit(lambda x: x.x * x.y).grad(Pair(2.0)) == (4.0, 2.0)


def test_attributes_beside_the_items_are_refused() -> None:
    x = Weighted([1.0, 2.0])
    k = jit(lambda x: x[0] * getattr(x, "factor", 1.0))
    assert k(x) == 1.0
    x.factor = 3.0  # type: ignore[attr-defined]
    with pytest.raises(SignatureError, match=r"x has attributes .* \(factor\).* pass list\(x\)"):
        k(x)
    with pytest.raises(SignatureError, match=r"x\[1\] has attributes"):
        k([1.0, x])
    assert k(list(x)) == 1.0


class Net(list):  # type: ignore[type-arg]
    def __init__(self, weights: Any, bias: float) -> None:
        super().__init__(weights)
        self.bias = bias

    @jit
    def f(self, x: Any) -> Any:
        return self[0] * x + self.bias


class Table(dict):  # type: ignore[type-arg]
    bias = 1.0

    @jit
    def f(self, x: Any) -> Any:
        return self["w"] * x + self.bias


class Line(namedtuple("Line", "w bias")):
    @jit
    def f(self, x: Any) -> Any:
        return self.w * x + self.bias


class Number(float):
    bias = 1.0

    @jit
    def f(self, x: Any) -> Any:
        return float(self) * x + self.bias


@pytest.mark.parametrize("kind", [Net, Table, Line, Number])
def test_methods_bind(kind: Any) -> None:
    w = Value(2.0)
    made = {Net: lambda: Net([w], 1.0), Table: lambda: Table(w=w), Line: lambda: Line(w, 1.0)}
    one = made.get(kind, lambda: Number(2.0))()
    assert one.f(3.0) == kind.f(one, 3.0) == one.f(x=3.0) == kind.f(one, x=3.0) == 7.0
    assert one.f.grad(3.0) == kind.f.grad(one, 3.0) == 2.0
    if kind is not Number:
        w.data = 5.0
        assert one.f(3.0) == kind.f(one, 3.0) == 16.0


def test_a_list_that_has_no_such_method_is_an_argument() -> None:
    @jit
    def f(self: Any, x: Any) -> Any:
        return self[0] * x

    assert f([2.0], 3.0) == f(Weighted([2.0]), 3.0) == 6.0


def test_branches_and_texts_of_values_without_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    w = Value(3.0, label="w")

    def f(x: Any) -> Any:
        (x * w).print_branch()
        return x * w

    assert jit(f)(2.0) == 6.0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split() for line in shown] == [
        ["*", "data=?", "grad=0"],
        ["x", "data=?", "grad=0"],
        ["w", "data=3.0", "grad=0"],
    ]
    with pytest.raises(TraceError, match=r"no text of the form '.3f'"):
        jit(lambda x: x * float(f"{x:.3f}"))(1.0)
    with pytest.raises(TraceError, match=r"no text of the form '.3f'"):
        jit(lambda x: x * float(f"{w.data:.3f}"))(1.0)
