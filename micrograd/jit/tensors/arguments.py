"""Arguments that are Tensors, or lists, tuples and dicts of them, and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...engine import Value
from ...errors import SignatureError, kind, user_location
from ...tensor.casting import is_float
from ...tensor.core import Tensor


@dataclass(slots=True)
class Leaves:
    """The Tensors of arguments.

    tree   by the name of the parameter, the argument
    names  of the Tensors
    rows   by the name of the parameter, the numbers of its Tensors
    made   whether all that are of floats were numbers, or arrays
    key    what it is compiled for: structure, shapes, dtypes, settings
    """

    tree: dict[str, Any]
    tensors: list[Tensor] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    rows: dict[str, list[int]] = field(default_factory=dict)
    key: Any = ()
    made: bool = False

    @property
    def leads(self) -> tuple[int, ...]:
        """The sizes of the first axes; -1 where there is none."""
        return tuple([x.shape[0] if x.shape else -1 for x in self.tensors])

    @property
    def family(self) -> Any:
        """The key, whatever the sizes of first axes are."""
        return _without_leads(self.key)

    def require_elements(self, function: str) -> None:
        """Raise SignatureError for a Tensor that has none."""
        for name, x in zip(self.names, self.tensors, strict=True):
            if x.size == 0:
                raise SignatureError(
                    f"{user_location()}: {function}: {name} has no elements, shape {x.shape}; such "
                    "Tensors do not compile, but for batches of no samples"
                )

    def floats(self, name: str) -> list[int]:
        """The numbers of a parameter's Tensors of floats, which have derivatives."""
        return [k for k in self.rows[name] if is_float(self.tensors[k].dtype)]


def flattened(function: str, arguments: Mapping[str, Any], dtype: Any = None) -> Leaves:
    """The Tensors in the arguments of a function; arrays and floats become Tensors, of the dtype of
    the first Tensor of floats, or of this one.
    """
    found = Leaves({})
    floats = [x.dtype for x in items(list(arguments.values())) if is_float_tensor(x)]
    dtype = floats[0] if floats else dtype
    found.made = not floats
    keys = []
    for name, x in arguments.items():
        start = len(found.tensors)
        found.tree[name], key = _flat(function, found, name, x, dtype)
        found.rows[name] = list(range(start, len(found.tensors)))
        keys.append((name, key))
    found.key = tuple(keys)
    return found


def items(x: Any) -> Iterator[Any]:
    """What is in lists, tuples and dicts, in order."""
    if type(x) in (list, tuple):
        for item in x:
            yield from items(item)
    elif type(x) is dict:
        yield from items(list(x.values()))
    else:
        yield x


def is_float_tensor(x: Any) -> bool:
    """Whether it is a Tensor of floats."""
    return isinstance(x, Tensor) and is_float(x.dtype)


def _flat(function: str, found: Leaves, name: str, x: Any, dtype: Any) -> tuple[Any, Any]:
    """The argument with Tensors for arrays, and its key."""
    if isinstance(x, Value) or (isinstance(x, np.ndarray) and x.dtype == object):
        x = Tensor.of_values(x, dtype)
    elif isinstance(x, (np.ndarray, float)):
        is_whole = isinstance(x, np.ndarray) and x.dtype.kind != "f"
        x = Tensor(x) if is_whole else Tensor(x, dtype)
    if isinstance(x, Tensor):
        found.tensors.append(x)
        found.names.append(name)
        return x, _Shaped((x.shape, x.dtype))
    if type(x) in (list, tuple):
        items = [_flat(function, found, f"{name}_{k}", y, dtype) for k, y in enumerate(x)]
        return type(x)(y for y, _ in items), (type(x), *(key for _, key in items))
    if type(x) is dict:
        named = {k: _flat(function, found, f"{name}_{k}", y, dtype) for k, y in x.items()}
        return (
            {k: y for k, (y, _) in named.items()},
            (dict, *((k, key) for k, (_, key) in named.items())),
        )
    try:
        hash(x)
    except TypeError:
        raise SignatureError(
            f"{user_location()}: {function}: {name} should be a Tensor, a list, tuple or dict of "
            f"them, or a setting that can be hashed, got {kind(x)}"
        ) from None
    return x, (type(x), x)


class _Shaped(tuple[Any, Any]):
    """The shape and the dtype of a Tensor, in a key."""

    __slots__ = ()


def _without_leads(key: Any) -> Any:
    if key.__class__ is _Shaped:
        return _Shaped(((len(key[0]), *key[0][1:]), key[1]))
    return tuple(map(_without_leads, key)) if key.__class__ is tuple else key


def built(tree: Any, tensors: Iterator[Any]) -> Any:
    """The tree with other Tensors in place of its own, in order."""
    if isinstance(tree, Tensor):
        return next(tensors)
    kind = tree.__class__
    if kind is tuple or kind is list:  # at the least cost, as every call does it
        return kind([next(tensors) if isinstance(x, Tensor) else built(x, tensors) for x in tree])
    return replaced(tree, lambda: next(tensors))


def of_tensors(tree: Any, dtype: Any) -> Any:
    """The tree with a Tensor of one number for each Value."""
    if isinstance(tree, Value):
        return Tensor.of_values(tree, dtype)
    if type(tree) in (list, tuple):
        return type(tree)([of_tensors(x, dtype) for x in tree])
    if type(tree) is dict:
        return {k: of_tensors(x, dtype) for k, x in tree.items()}
    return tree


def of_floats(tree: Any) -> Any:
    """The tree with None for what has no derivative: settings, and Tensors of no floats."""
    if type(tree) in (list, tuple):
        return type(tree)([of_floats(x) for x in tree])
    if type(tree) is dict:
        return {k: of_floats(x) for k, x in tree.items()}
    return tree if is_float_tensor(tree) else None


def replaced(tree: Any, make: Callable[[], Any]) -> Any:
    """The tree with what is made in place of each Tensor."""
    if isinstance(tree, Tensor):
        return make()
    if type(tree) in (list, tuple):
        return type(tree)([replaced(x, make) for x in tree])
    if type(tree) is dict:
        return {k: replaced(x, make) for k, x in tree.items()}
    return tree
