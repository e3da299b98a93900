"""Along which axes the samples of arguments lie, and how many there are."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ShapeError, SignatureError, user_location
from .trace.parameters import Parameter

CONTAINERS = (list, tuple)


@dataclass(frozen=True, slots=True)
class Axes:
    """What a user said of the axes of arguments and results of a function."""

    name: str
    in_axes: Any
    out_axes: Any

    def of(self, bound: inspect.BoundArguments) -> list[Any]:
        """For each argument its axis, or a structure of axes.

        Raises SignatureError for another number of them.
        """
        spec = self.in_axes
        count = len(bound.arguments)
        if not isinstance(spec, CONTAINERS):
            return [spec] * count
        kinds = [bound.signature.parameters[n].kind for n in bound.arguments]
        if kinds and kinds[-1] is inspect.Parameter.VAR_POSITIONAL:
            spec = [*spec[: count - 1], tuple(spec[count - 1 :])]
        most = len(bound.signature.parameters)  # of some there may be the default
        if not count <= len(spec) <= most:
            raise SignatureError(
                f"{user_location()}: {self.name}: in_axes should have an axis for each of "
                f"{', '.join(bound.arguments)}, has {len(spec)}"
            )
        return list(spec[:count])

    def samples(self, names: Sequence[str], shapes: Sequence[Any], axes: Sequence[Any]) -> Any:
        """How many samples there are: the size of all that are mapped along their axes.

        Raises SignatureError if nothing is mapped, or an axis is none of the array; ShapeError for
        different sizes.
        """
        found: list[tuple[str, Any]] = []
        for name, shape, axis in zip(names, shapes, axes, strict=True):
            if axis is None:
                continue
            if not -len(shape) <= axis < len(shape):
                raise SignatureError(
                    f"{user_location()}: {self.name}: {name} of shape {shape} has no axis "
                    f"{axis} to map over; say which has none: in_axes=None for it"
                )
            found.append((name, shape[axis]))
        if not found:
            raise SignatureError(
                f"{user_location()}: {self.name}: nothing is mapped; in_axes should name an "
                "axis of one argument at least"
            )
        if any(n != found[0][1] for _, n in found):
            sizes = ", ".join(f"{n!r} of {name}" for name, n in found)
            raise ShapeError(
                f"{user_location()}: {self.name}: different numbers of samples: {sizes}"
            )
        return found[0][1]


def signature_of(function: Any) -> inspect.Signature:
    """What a function takes; a derivative of numbers, which Python knows no signature of, too."""
    try:
        return inspect.signature(function)
    except ValueError:
        parameters = getattr(function, "_parameters", None)
        if parameters is None:
            raise
    return signature_for(parameters)


def signature_for(parameters: Sequence[Parameter]) -> inspect.Signature:
    """That of a kernel with these parameters."""
    of, none = inspect.Parameter, inspect.Parameter.empty
    return inspect.Signature(
        [
            of(
                p.name,
                of.KEYWORD_ONLY if p.named else of.POSITIONAL_OR_KEYWORD,
                default=none if p.default is None else p.default,
            )
            for p in parameters
        ]
    )


def bind(name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The arguments by name. Raises SignatureError if they do not fit."""
    signature = signature_of(function)
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        raise SignatureError(f"{user_location()}: {name}: {error}") from None


def leaves(x: Any) -> Iterator[Any]:
    """What is in lists, tuples and dicts."""
    if isinstance(x, CONTAINERS):
        for item in x:
            yield from leaves(item)
    elif isinstance(x, dict):
        yield from leaves(list(x.values()))
    else:
        yield x


def spread(
    x: Any, axis: Any, function: str, name: str, option: str = "in_axes"
) -> Iterator[tuple[Any, int | None]]:
    """What an argument has, each with its axis: one for all, or a structure like it.

    Raises SignatureError for another structure, and for what is no axis, which `option` gave.
    """
    is_container = isinstance(x, (*CONTAINERS, dict))
    if isinstance(axis, (*CONTAINERS, dict)):
        matches = is_container and len(axis) == len(x)
        if matches and isinstance(x, dict):
            matches = isinstance(axis, dict) and axis.keys() == x.keys()
        if not matches:
            raise SignatureError(
                f"{user_location()}: {function}: {option} {axis!r} is not structured as {name}"
            )
        for key, item in x.items() if isinstance(x, dict) else enumerate(x):
            yield from spread(item, axis[key], function, name, option)
    elif is_container:
        for item in x.values() if isinstance(x, dict) else x:
            yield from spread(item, axis, function, name, option)
    else:
        try:
            yield x, None if axis is None else operator.index(axis)
        except TypeError:
            raise SignatureError(
                f"{user_location()}: {function}: {option} should be whole numbers and None, got "
                f"{axis!r}"
            ) from None


def taken(x: Any, axis: Any, k: int) -> Any:
    """Sample k of an argument."""
    if isinstance(x, dict):
        return {n: taken(y, axis[n] if isinstance(axis, dict) else axis, k) for n, y in x.items()}
    if isinstance(x, CONTAINERS):
        each = axis if isinstance(axis, CONTAINERS) else [axis] * len(x)
        return type(x)([taken(y, a, k) for y, a in zip(x, each, strict=True)])
    if axis is None:
        return x
    found = np.take(np.asarray(x), k, axis)
    return found if found.ndim else found.item()
