"""The structure of arguments and results: what a kernel is compiled for, and how it is called.

A structure is `SCALAR`, or a container of structures. Its leaves, in order, are the numbers that
cross into native code: a scalar parameter by value, the leaves of a container as one array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from math import prod
from typing import Any, TypeAlias

import numpy as np

from ...engine import Value
from ...errors import SignatureError, TensorsNeeded, kind
from ...named import is_tensor
from ...real_types import BY_DTYPE
from ...value_arrays import value_array
from .containers import EXACT, opened, remade


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One number. There is one of these, SCALAR."""

    def __str__(self) -> str:
        return "number"

    def __reduce__(self) -> str:
        return "SCALAR"  # there is but one, copies and pickles included


@dataclass(frozen=True, slots=True)
class Container:
    """A list, tuple (also named), dict or array of structures.

    type      what to build
    keys      the keys of a dict, or the shape of an array
    leaves    how many numbers there are
    is_flat   whether it holds nothing else

    What takes long for many numbers is found out once.
    """

    type: type
    keys: tuple[Any, ...]
    items: tuple[Structure, ...]
    leaves: int = field(init=False, repr=False, compare=False)
    is_flat: bool = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        is_flat = self.items.count(SCALAR) == len(self.items)
        leaves = len(self.items) if is_flat else sum(map(count, self.items))
        object.__setattr__(self, "leaves", leaves)
        object.__setattr__(self, "is_flat", is_flat)
        object.__setattr__(self, "_hash", hash((self.type, self.keys, self.items)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return Container, (self.type, self.keys, self.items)

    def __str__(self) -> str:
        if self.type is np.ndarray:
            return f"array{list(self.keys)}"
        return f"{self.type.__name__} of {len(self.items)}"


Structure: TypeAlias = Scalar | Container
SCALAR = Scalar()

PLAIN = frozenset({float, int, bool, *(t.dtype.type for t in BY_DTYPE.values())})
"""What is a number at first sight."""
MAX_NESTING = 100
"""Containers in each other; NumPy stops at 64. Structures are compared and built by recursion."""


class NestingError(SignatureError):
    """A container contains itself, or is nested deeper than MAX_NESTING."""


@lru_cache(maxsize=256)
def row(kind: type, n: int) -> Container:
    """The structure of a list or tuple of n numbers.

    >>> row(list, 3)
    Container(type=<class 'list'>, keys=(), items=(Scalar(), Scalar(), Scalar()))
    """
    return Container(kind, (), (SCALAR,) * n)


@lru_cache(maxsize=256)
def array_of(shape: tuple[int, ...]) -> Container:
    """The structure of an array."""
    return Container(np.ndarray, shape, (SCALAR,) * prod(shape))


def is_plain(x: Sequence[Any]) -> bool:
    """Whether a list or tuple holds nothing but plain numbers. Cost: some 10 ns for each."""
    return PLAIN.issuperset(map(type, x))


def structure_of(x: Any, where: str, *, array: bool = False, depth: int = 0) -> Structure:
    """The structure of an argument, named `where` in errors, inside `depth` containers.

    An array is one scalar, to be mapped over, unless `array` says that it is a container.
    """
    if isinstance(x, (float, int, Value, np.number, np.bool_)):
        if isinstance(x, (np.complexfloating, np.timedelta64)):
            raise SignatureError(f"{where} should be a real number, got {kind(x)}")
        return SCALAR
    if isinstance(x, np.ndarray):
        check_array(x, where)
        return array_of(x.shape) if array and x.ndim else SCALAR
    if depth >= MAX_NESTING and isinstance(x, (Mapping, list, tuple)):
        raise NestingError(
            f"{where.partition('[')[0]} should be a number, an array, or a list, tuple or dict of "
            f"them, got {nesting_fault(x)}"
        )
    made: type = type(x)
    x = opened(x, where)
    if isinstance(x, Mapping):
        items = tuple(
            structure_of(v, f"{where}[{k!r}]", array=array, depth=depth + 1) for k, v in x.items()
        )
        return Container(made if issubclass(made, dict) else dict, tuple(x), items)
    if isinstance(x, (list, tuple)):
        if is_plain(x):
            return row(made, len(x))
        items = tuple(
            structure_of(v, f"{where}[{k}]", array=array, depth=depth + 1) for k, v in enumerate(x)
        )
        return Container(made, (), items)
    if isinstance(x, (str, np.datetime64)) or not hasattr(x, "__float__") or is_tensor(x):
        raise SignatureError(
            f"{where} should be a number, an array, or a list, tuple or dict of them, got {kind(x)}"
        )
    return SCALAR


def nesting_fault(x: Any) -> str:
    """What is wrong with what lies in more containers than there may be, for errors."""
    entered: set[int] = set()
    left: set[int] = set()
    stack = [(x, False)]
    while stack:
        x, done = stack.pop()
        if done:
            entered.discard(id(x))
            left.add(id(x))
        elif id(x) in entered:
            return f"a {type(x).__name__} that contains itself"
        elif id(x) not in left:
            entered.add(id(x))
            stack.append((x, True))
            stack.extend((item, False) for item in _items(x))
    return f"containers nested more than {MAX_NESTING} deep"


def _items(x: Any) -> Iterable[Any]:
    """What a container holds."""
    if isinstance(x, Mapping):
        return x.values()
    if isinstance(x, np.ndarray):
        return x.flat if x.dtype == object else ()
    return x if isinstance(x, (list, tuple)) else ()


def check_array(x: Any, where: str) -> None:
    """Raises SignatureError for an array, named `where`, of anything but real numbers or Values."""
    if x.__class__ is np.ndarray and x.dtype.kind in "biuf":
        return
    check_mask(x, where)
    kinds = set(map(type, x.flat)) if x.dtype == object else set()
    numbers = all(issubclass(k, (Value, int, float)) for k in kinds)
    has_values = not x.size or any(issubclass(k, Value) for k in kinds)
    if x.dtype.kind not in "biuf" and not (x.dtype == object and numbers and has_values):
        raise SignatureError(f"{where} should hold real numbers, got an array of {x.dtype}")


def check_mask(x: Any, where: str) -> None:
    """Raises SignatureError for a masked array, whose mask would be lost."""
    if isinstance(x, np.ndarray) and hasattr(x, "mask"):
        raise SignatureError(
            f"{where} is a masked array, whose mask kernels do not know; pass x.filled(...), or "
            "x.data with where=~x.mask"
        )


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
        x = opened(x, where)
        if issubclass(structure.type, dict):
            keys, values = structure.keys, [x[k] for k in structure.keys]
        else:
            keys, values = tuple(range(len(x))), list(x)
        if len(values) != len(structure.items):
            raise SignatureError(f"{where} should be {structure}, got {len(values)} items")
        if structure.is_flat:
            yield from values
            continue
        stack.extend(
            (v, s, f"{where}[{k!r}]")
            for k, v, s in reversed(list(zip(keys, values, structure.items, strict=True)))
        )


def count(structure: Structure) -> int:
    """How many leaves a structure has."""
    return 1 if isinstance(structure, Scalar) else structure.leaves


def build(structure: Structure, numbers: Iterator[Any], *, exact: bool = False) -> Any:
    """The object of this structure with these leaves; lists, tuples and dicts are Python's own, but
    for named tuples, unless it shall be `exact`.

    An array has the type of its leaves: float64 for floats, objects for Values, and int64 for
    integers, if it shall be exact. If they are arrays themselves, one for each number, its own axes
    come behind theirs.
    """
    if isinstance(structure, Scalar):
        return next(numbers)
    if structure.is_flat:
        items = list(islice(numbers, len(structure.items)))
        if len(items) != len(structure.items):
            raise ValueError(f"{structure} needs more numbers")
    else:
        items = [
            next(numbers) if s is SCALAR else build(s, numbers, exact=exact)
            for s in structure.items
        ]
    if structure.type is np.ndarray:
        return _array(structure.keys, items, exact)
    if structure.type not in EXACT and (exact or hasattr(structure.type, "_fields")):
        return remade(structure.type, structure.keys, items)
    if issubclass(structure.type, dict):
        return dict(zip(structure.keys, items, strict=True))
    return items if issubclass(structure.type, list) else tuple(items)


def _array(shape: tuple[int, ...], items: list[Any], exact: bool) -> Any:
    """The array of this shape of numbers, Values or arrays."""
    if any(isinstance(v, Value) for v in items):
        return value_array(items, shape)
    if items and isinstance(items[0], np.ndarray):
        stacked = np.stack(items, axis=-1)
        return stacked.reshape(stacked.shape[:-1] + shape)
    are_integers = exact and items and all(v.__class__ is int for v in items)
    return np.array(items, dtype=np.int64 if are_integers else np.float64).reshape(shape)


def result_structure(
    x: Any, collect: Callable[[Value | float], None], where: str, depth: int = 0
) -> Structure:
    """The structure of what a traced function returned; its leaves go to `collect` in order.

    Raises SignatureError for anything but Values and numbers in containers.
    """
    if isinstance(x, Value):
        collect(x)
        return SCALAR
    if isinstance(x, (int, float, np.number)):
        collect(float(x))
        return SCALAR
    if depth >= MAX_NESTING and isinstance(x, (np.ndarray, Mapping, list, tuple)):
        raise NestingError(
            f"{where} should return a Value, or a list, tuple, dict or array of Values; "
            f"it returned {nesting_fault(x)}"
        )
    if isinstance(x, np.ndarray):
        items: Sequence[Any] = x.reshape(-1).tolist()
        keys: tuple[Any, ...] = x.shape
        made: type = np.ndarray
    elif isinstance(x, Mapping):
        items, keys, made = list(x.values()), tuple(x), dict
    elif isinstance(x, (list, tuple)):
        items, keys, made = x, (), type(x)
    elif is_tensor(x):
        raise TensorsNeeded(
            f"{where} returns a Tensor; such a function is compiled as one of Tensors, when jit(f) "
            "is called"
        )
    else:
        raise SignatureError(
            f"{where} should return a Value, or a list, tuple, dict or array of Values; "
            f"it returned {kind(x)}"
        )
    return Container(
        made, keys, tuple(result_structure(v, collect, where, depth + 1) for v in items)
    )
