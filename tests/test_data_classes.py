"""Data classes of ours behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
from collections.abc import Callable
from dataclasses import field, replace
from functools import partial
from typing import Any

import pytest

from micrograd import data_classes

OPTIONS = ("frozen", "slots", "eq", "order", "unsafe_hash", "repr")


def bodies() -> list[dict[str, Any]]:
    """Annotations and defaults of classes, each anew."""
    return [
        {"a": (int,)},
        {"a": (int,), "b": (str, "x")},
        {"a": (int, 3), "b": (list, field(default_factory=list)), "c": (int, field(default=4))},
        {"a": (int,), "b": (int, field(compare=False)), "c": (int, field(repr=False, default=1))},
        {"a": (float,), "b": (int, field(init=False, default=2)), "c": (int, field(hash=False))},
        {"a": (int,), "b": (list, field(init=False, default_factory=list))},
        {"a": (int,), "b": (int, field(kw_only=True)), "c": (int, 7)},
    ]


def made(decorate: Callable[..., Any], body: int, options: dict[str, bool]) -> Any:
    members = bodies()[body]
    names: dict[str, Any] = {k: v[1] for k, v in members.items() if len(v) > 1}
    names |= {"__annotations__": {k: v[0] for k, v in members.items()}, "__module__": __name__}
    names["__doc__"] = "Drawn."
    return decorate(**options)(type("Made", (), names))


def outcome(act: Callable[[], Any]) -> Any:
    """What it gives, or the kind of what it raises."""
    try:
        return act()
    except Exception as error:
        return type(error)


def behaviour(cls: Any) -> list[Any]:
    """What its instances do."""
    found: list[Any] = [outcome(lambda: type(cls())), outcome(lambda: type(cls(1, 2, 3, 4)))]
    for arguments in ((1,), (1, 2), (1, 2, 3), (float("nan"), [])):
        for named in ({}, {"b": 5}, {"c": 6}):
            x, y = (outcome(partial(cls, *arguments, **named)) for _ in range(2))
            found += [x] if isinstance(x, type) else of_instances(x, y)
    return [cls.__match_args__, cls.__name__, cls.__doc__, *map(repr, found)]


def of_instances(x: Any, y: Any) -> list[Any]:
    """What two of the same numbers do, by themselves and with each other."""
    return [
        outcome(lambda: repr(x).replace(hex(id(x)), "")),
        *(x == y, x != y, x == 1),
        *(outcome(lambda: hash(x) == hash(y)), outcome(lambda: x < y)),
        *(outcome(lambda: x >= y), outcome(lambda: x > 1)),
        *(outcome(lambda: replace(x, a=9).a), outcome(lambda: copy.copy(x).a == x.a)),
        *(outcome(lambda: copy.deepcopy(x).a), dataclasses.is_dataclass(x)),
        *(outcome(lambda: dataclasses.asdict(x)), hasattr(x, "__dict__")),
        *(outcome(lambda: setattr(x, "a", 8)), outcome(lambda: x.a)),
        isinstance(outcome(lambda: setattr(x, "new", 8)), type),
        outcome(lambda: delattr(x, "a")),
    ]


@pytest.mark.parametrize("body", range(len(bodies())))
def test_like_the_standard_library(body: int) -> None:
    for flags in itertools.product([False, True], repeat=len(OPTIONS)):
        options = dict(zip(OPTIONS, flags, strict=True))
        if options["eq"] or not options["order"]:
            ours = behaviour(made(data_classes.dataclass, body, options))
            assert ours == behaviour(made(dataclasses.dataclass, body, options)), options


@data_classes.dataclass(frozen=True, slots=True)
class Base:
    """With a hash of its own."""

    a: int

    def __hash__(self) -> int:
        return 17


@data_classes.dataclass(frozen=True, slots=True)
class Derived(Base):
    """With one more field, and something to do at the end."""

    b: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.b.append(self.a)


def test_inheritance_pickles_and_what_a_class_defines() -> None:
    assert hash(Base(3)) == 17
    x = Derived(3)
    assert (x.a, x.b, Derived(3).b) == (3, [3], [3])
    assert pickle.loads(pickle.dumps(x)) == x
    assert x != Base(3)
    assert repr(x) == "Derived(a=3, b=[3])"
    with pytest.raises(dataclasses.FrozenInstanceError):
        x.a = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Derived()  # type: ignore[call-arg]
    match x:
        case Derived(a, b):
            assert (a, b) == (3, [3])
