"""What a function takes: parameters that are arguments of a kernel, and settings that are not.

A parameter without a default, or whose default is a number, is an argument. One with another
default, such as True, None or a string, is a setting: it configures the function, which is traced
anew for every value of it. Where a parameter with a default is given the other kind, it is that.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from ...engine import Value
from ...errors import SignatureError, kind
from ...nn import MLP, Layer, Module, Neuron
from ...ops import Op
from .signature import SCALAR, NestingError, Structure, row, structure_of

_RESERVED = re.compile(
    r"(t|p|c|s|index|is|at|table|rows|live|zero|part)\d*|out|grad|ct_.*|main|malloc|free"
)


class Parameter(NamedTuple):
    """A parameter of a source, of which there may be a million; `array` says how an array argument
    is taken:

    'map'     elementwise, as a ufunc does
    'rows'    its last axis is the sequence of numbers, the others are mapped over
    'whole'   it is a container, of this very shape

    named     whether it is given by name only, and derivatives are with respect to it only if asked
    integer   whether it is annotated as an integer, or as several; its default is one, too
    """

    name: str
    array: str = "map"
    structure: Structure | None = SCALAR
    default: float | None = None
    named: bool = False
    integer: bool = False


def in_rows(parameters: Sequence[Parameter]) -> frozenset[str]:
    """The names of those whose rows have a known length."""
    return frozenset(p.name for p in parameters if p.array == "rows" and p.structure is not None)


Key = tuple[tuple[str, Any, Any], ...]
"""Settings in the order of their names, by which a function is traced anew: see `_distinct`."""


@dataclass(slots=True)
class Taken:
    """What a function takes, under some settings.

    arguments   in order; those that are named only come last
    settings    what is set otherwise than by default
    defaults    the settings that it may be given, by name, with their defaults
    places      what may be given by position, in order
    in_order    whether positions are those of the arguments
    """

    arguments: list[Parameter]
    settings: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    signature: inspect.Signature | None = None

    @property
    def in_order(self) -> bool:
        """Whether arguments by position are those of a kernel."""
        return self.places[: len(self.arguments)] == [p.name for p in self.arguments]

    @property
    def names(self) -> Sequence[str]:
        """What it takes by name."""
        if self.signature is None:
            return [p.name for p in self.arguments]
        return list(self.signature.parameters)

    def call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """What the function gives for these arguments, under the settings."""
        if self.signature is None:
            return function(*arguments)
        given = dict(zip((p.name for p in self.arguments), arguments, strict=True)) | self.settings
        by_place, by_name = [], {}
        for p in self.signature.parameters.values():
            value = given.get(p.name, p.default)
            if p.kind is p.KEYWORD_ONLY:
                by_name[p.name] = value
            else:
                by_place.append(value)
        return function(*by_place, **by_name)

    def sort(self, name: str, given: Mapping[str, Any]) -> tuple[Key, frozenset[str]]:
        """The settings among what is given, and what is an argument although its default is none.

        Raises SignatureError for a setting that cannot be a key.
        """
        settings, promoted = [], set()
        optional = {p.name for p in self.arguments if p.default is not None}
        for parameter, value in given.items():
            if parameter in self.defaults:
                default = self.defaults[parameter]
                if value is default:
                    continue
                if not isinstance(default, (bool, tuple)) and _is_numeric(value, parameter):
                    promoted.add(parameter)
                    continue
            elif parameter not in optional or _is_numeric(value, parameter):
                continue
            try:
                hash(value)
            except TypeError:
                raise SignatureError(
                    f"{name}: {parameter} configures the function, which is compiled anew for each "
                    f"value of it, so it should be hashable; got {kind(value)}"
                ) from None
            if parameter in self.defaults and _distinct(value) == _distinct(default):
                continue
            settings.append((parameter, _distinct(value), value))
        settings.sort(key=itemgetter(0))
        return tuple(settings), frozenset(promoted)


def _distinct(x: Any) -> Any:
    """What a setting is told apart by: of equal ones, such as 1 and True, the types too."""
    if isinstance(x, tuple):
        return type(x), tuple(map(_distinct, x))
    if isinstance(x, Value):  # by identity: `==` of two may be recorded
        return type(x), id(x)
    return type(x), x.hex() if isinstance(x, float) else x


def taken(
    function: Callable[..., Any], key: Key = (), promoted: frozenset[str] = frozenset()
) -> Taken:
    """What a function takes under these settings.

    promoted   parameters that are arguments whatever their defaults are

    Raises SignatureError for `*args`, `**kwargs` and functions without a signature.
    """
    known = _known(function)
    if known is not None:
        return Taken(known, places=[p.name for p in known])
    hints = _hints(function)
    try:
        signature = inspect.signature(function)
    except ValueError:
        raise SignatureError(
            f"{function!r} has no signature, so its arguments are unknown; wrap it in a function "
            "with named parameters"
        ) from None
    settings = {name: value for name, _, value in key}
    arguments, places, defaults = [], [], {}
    for p in signature.parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise SignatureError(
                f"{getattr(function, '__name__', function)} takes {p!s}, whose number of "
                "arguments is unknown; give it named parameters, or one list"
            )
        if p.kind is not p.KEYWORD_ONLY:
            places.append(p.name)
        integer = _is_integer(hints.get(p.name))
        number = p.default if type(p.default) in (int, float) else None
        if number is not None and not integer:
            number = float(number)
        if p.name in settings:
            continue
        if p.default is not p.empty and number is None and p.name not in promoted:
            defaults[p.name] = p.default
            continue
        named = p.kind is p.KEYWORD_ONLY or p.name in promoted
        if isinstance(function, Module):
            arguments.append(Parameter(p.name, "rows", None, named=named))
        else:
            if _is_sequence(hints.get(p.name)):
                made = Parameter(p.name, "whole", None, named=named, integer=integer)
            else:
                made = Parameter(p.name, default=number, named=named, integer=integer)
            arguments.append(made)
    arguments.sort(key=lambda p: p.named)
    return Taken(arguments, settings, defaults, places, signature)


def _known(function: Any) -> list[Parameter] | None:
    """The parameters of what says itself what it takes: a model, a kernel, an op."""
    if isinstance(function, (Neuron, Layer, MLP)):
        return [Parameter("x", "rows", row(list, function.nin))]
    if isinstance(function, Op):
        return [Parameter(name) for name in function.names]
    return getattr(function, "_parameters", None)


def _is_numeric(x: Any, name: str) -> bool:
    """Whether it can be an argument: a number, an array, or a container of them."""
    try:
        structure_of(x, name)
    except NestingError:
        raise  # it could be no key either
    except SignatureError:
        return False
    return True


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    try:
        return typing.get_type_hints(
            function if inspect.isroutine(function) else type(function).__call__
        )
    except (NameError, TypeError, AttributeError):
        return {}


def _is_sequence(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    if origin in (typing.Union, types.UnionType):  # of sequences, or None
        parts = [x for x in typing.get_args(hint) if x is not types.NoneType]
        return all(map(_is_sequence, parts))
    return isinstance(origin, type) and issubclass(
        origin, (np.ndarray, collections.abc.Sequence, collections.abc.Mapping)
    )


def _is_integer(hint: Any) -> bool:
    """Whether it is an integer, or nothing but integers: `list[int]`, `NDArray[np.int64]`."""
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint is int or issubclass(hint, np.integer)
    parts = [x for x in typing.get_args(hint) if x not in (Ellipsis, types.NoneType)]
    origin = typing.get_origin(hint)
    if origin is np.ndarray:
        parts = list(typing.get_args(parts[-1]))
    elif isinstance(origin, type) and issubclass(origin, collections.abc.Mapping):
        parts = parts[1:]
    return bool(parts) and all(map(_is_integer, parts))


def array_names(parameters: Sequence[Parameter]) -> dict[str, str]:
    """The program's array for each parameter: of its own name, unless the compiler uses that."""
    found: dict[str, str] = {}
    taken = {p.name for p in parameters}
    for p in parameters:
        name = p.name
        while _RESERVED.fullmatch(name) or (name != p.name and name in taken):
            name = f"_{name}" if name.startswith("ct_") else f"{name}_"
        taken.add(name)
        found[p.name] = name
    return found
