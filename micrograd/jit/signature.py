"""The structure of arguments and results: what a kernel is compiled for, and how it is called.

A structure is `SCALAR`, or a container of structures. Its leaves, in order, are the numbers that
cross into native code: a scalar parameter by value, the leaves of a container as one array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..engine import Value
from ..errors import SignatureError, kind


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number."""

    def __str__(self) -> str:
        return "number"


@dataclass(frozen=True, slots=True)
class Container:
    """A list, tuple (also named), dict or array of structures.

    `type` is what to build, `keys` the keys of a dict or the shape of an array.
    """

    type: type
    keys: tuple[Any, ...]
    items: tuple[Structure, ...]

    def __str__(self) -> str:
        if self.type is np.ndarray:
            return f"array{list(self.keys)}"
        return f"{self.type.__name__} of {len(self.items)}"


Structure: TypeAlias = Scalar | Container
SCALAR = Scalar()


def structure_of(x: Any, where: str, *, array: bool = False) -> Structure:
    """The structure of an argument, named `where` in errors.

    An array is one scalar, to be mapped over, unless `array` says that it is a container.
    """
    if isinstance(x, (float, int, Value, np.number, np.bool_)):
        return SCALAR
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "biuf":
            raise SignatureError(f"{where} should hold real numbers, got an array of {x.dtype}")
        return Container(np.ndarray, x.shape, (SCALAR,) * x.size) if array and x.ndim else SCALAR
    if isinstance(x, Mapping):
        items = tuple(structure_of(v, f"{where}[{k!r}]", array=array) for k, v in x.items())
        return Container(dict, tuple(x), items)
    if isinstance(x, (list, tuple)):
        items = tuple(structure_of(v, f"{where}[{k}]", array=array) for k, v in enumerate(x))
        return Container(type(x), (), items)
    if isinstance(x, str) or not hasattr(x, "__float__"):
        raise SignatureError(
            f"{where} should be a number, an array, or a list, tuple or dict of them, got {kind(x)}"
        )
    return SCALAR


def leaves(x: Any, structure: Structure, where: str) -> Iterator[Any]:
    """The numbers of an argument, in order.

    Raises SignatureError if it has another structure.
    """
    stack = [(x, structure, where)]
    while stack:
        x, structure, where = stack.pop()
        if isinstance(structure, Scalar):
            yield x
            continue
        if structure.type is np.ndarray:
            if np.shape(x) != structure.keys:
                raise SignatureError(f"{where} should be {structure}, got shape {np.shape(x)}")
            yield from np.asarray(x).reshape(-1).tolist()
            continue
        if structure.type is dict:
            keys, values = list(structure.keys), [x[k] for k in structure.keys]
        else:
            keys, values = list(range(len(x))), list(x)
        if len(values) != len(structure.items):
            raise SignatureError(f"{where} should be {structure}, got {len(values)} items")
        stack.extend(
            (v, s, f"{where}[{k!r}]")
            for k, v, s in reversed(list(zip(keys, values, structure.items, strict=True)))
        )


def count(structure: Structure) -> int:
    """How many leaves a structure has."""
    if isinstance(structure, Scalar):
        return 1
    return sum(map(count, structure.items))


def build(structure: Structure, numbers: Iterator[Any]) -> Any:
    """The object of this structure with these leaves."""
    if isinstance(structure, Scalar):
        return next(numbers)
    items = [next(numbers) if s is SCALAR else build(s, numbers) for s in structure.items]
    if structure.type is np.ndarray:
        array = np.empty(structure.keys, dtype=object)
        array.reshape(-1)[:] = items
        return array if any(isinstance(v, Value) for v in items) else array.astype(np.float64)
    if structure.type is dict:
        return dict(zip(structure.keys, items, strict=True))
    if hasattr(structure.type, "_fields"):
        return structure.type(*items)
    return items if structure.type is list else tuple(items)


def result_structure(x: Any, collect: Callable[[Value | float], None], where: str) -> Structure:
    """The structure of what a traced function returned; its leaves go to `collect` in order.

    Raises SignatureError for anything but Values and numbers in containers.
    """
    if isinstance(x, Value):
        collect(x)
        return SCALAR
    if isinstance(x, (int, float, np.number)):
        collect(float(x))
        return SCALAR
    if isinstance(x, np.ndarray):
        items: Sequence[Any] = x.reshape(-1).tolist()
        keys: tuple[Any, ...] = x.shape
        made: type = np.ndarray
    elif isinstance(x, Mapping):
        items, keys, made = list(x.values()), tuple(x), dict
    elif isinstance(x, (list, tuple)):
        items, keys, made = x, (), type(x)
    else:
        raise SignatureError(
            f"{where} should return a Value, or a list, tuple, dict or array of Values; "
            f"it returned {kind(x)}"
        )
    return Container(made, keys, tuple(result_structure(v, collect, where) for v in items))
