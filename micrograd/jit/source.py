"""What `jit` is given, as something that can be traced for a structure of arguments.

A source knows the names of its parameters and, where it can, their structures before a call.
"""

from __future__ import annotations

import collections.abc
import inspect
import re
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine import Traced, Value, tracing
from ..errors import GraphError, SignatureError, kind
from ..nn import MLP, Layer, Module, Neuron
from .pickles import FunctionOf, portable
from .signature import SCALAR, Container, Structure, build, count, result_structure, row
from .trace import Element, Trace, find_leaves, trace

_RESERVED = re.compile(r"(t|p|c|s|index|live|zero|part)\d*|out|grad|ct_.*|main|malloc|free")
_ROOT = Container(tuple, (), ())


@dataclass(slots=True)
class Recording:
    """A traced source.

    result     the structure of what it returns
    wrt        the elements that gradients are taken with respect to; None: not in the graph
    gradient   a tuple of the structures of what they are taken with respect to
    alone      whether that is one thing, whose partials have no tuple around them
    """

    trace: Trace
    result: Structure
    wrt: list[Element | None]
    gradient: Container
    alone: bool = False

    @property
    def partials(self) -> Structure:
        """The structure that a gradient is given back in."""
        return self.gradient.items[0] if self.alone else self.gradient


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a source; `array` says how an array argument is taken:

    'map'     elementwise, as a ufunc does
    'rows'    its last axis is the sequence of numbers, the others are mapped over
    'whole'   it is a container, of this very shape
    """

    name: str
    array: str = "map"
    structure: Structure | None = SCALAR
    default: float | None = None


class ValueSource:
    """A Value: a function of its leaves `wrt`, a Value or several, closed over the others."""

    def __init__(self, value: Value, wrt: Any) -> None:
        self.name = "value"
        self.value = value
        self.alone = isinstance(wrt, Value)
        self.wrt = wrt = _as_list(wrt)
        seen: set[int] = set()
        for k, v in enumerate(wrt):
            if id(v) in seen:
                raise GraphError(f"wrt[{k}], {v!r}, is in wrt twice")
            seen.add(id(v))
        labels = [v.label if isinstance(v, Value) else "" for v in wrt]
        uses = Counter(labels)
        names = [s if s.isidentifier() and uses[s] == 1 else f"x{k}" for k, s in enumerate(labels)]
        self.parameters = [Parameter(n) for n in names]

    @property
    def asked(self) -> Sequence[Any]:
        """What derivatives are with respect to, one after the other."""
        return self.wrt

    def trace(self, structures: tuple[Structure, ...]) -> Recording:
        """The recording; with no arguments, `wrt` are live parameters instead of arguments."""
        if structures:
            names = [array_name(p.name) for p in self.parameters]
            inputs = {n: [v] for n, v in zip(names, self.wrt, strict=True)}
            # traced once with nothing but constants, to say which leaf is foreign
            find_leaves(self.wrt, trace([self.value], {}, set(self.wrt)))
            found = trace([self.value], inputs, ())
        else:
            found = trace([self.value], {}, set(self.wrt))
        elements: list[Element | None] = [*find_leaves(self.wrt, found)]
        shape = row(tuple, len(elements))
        return Recording(found, SCALAR, elements, shape, self.alone)


class FunctionSource:
    """A Python function or a Module; the leaves that it closes over are live, unless frozen.

    wrt   a leaf or the name of a parameter, or several; None: all parameters
    """

    def __init__(self, function: Callable[..., Any], wrt: Any, *, freeze: bool) -> None:
        self.function = function
        self.freeze = freeze
        self.name = getattr(function, "__name__", type(function).__name__)
        self.parameters = list(_parameters(function))
        self.wrt = None if wrt is None else _as_list(wrt)
        self.alone = isinstance(wrt, (Value, str))
        if wrt is None and not isinstance(function, Module):
            self.alone = len(self.parameters) == 1

    def __deepcopy__(self, memo: dict[int, Any]) -> FunctionSource:
        """With a copy of a model, method or object; a plain function stays, and what it reads."""
        made = FunctionSource.__new__(FunctionSource)
        made.__dict__.update(self.__dict__)
        memo[id(self)] = made
        made.function = deepcopy(self.function, memo)
        if made.function is not self.function:
            made.wrt = deepcopy(self.wrt, memo)
        return made

    def __reduce__(self) -> Any:
        state = {**self.__dict__, "function": portable(self.function, self.wrt)}
        return object.__new__, (FunctionSource,), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.function, FunctionOf):
            self.function = self.function.function

    @property
    def asked(self) -> Sequence[Any] | None:
        """What derivatives are with respect to, one after the other; None: each parameter."""
        if self.wrt is None and isinstance(self.function, Module) and not self.freeze:
            return self.function.parameters()
        return self.wrt

    def trace(self, structures: tuple[Structure, ...]) -> Recording:
        """Call the function on traced values of these structures and record what it does."""
        inputs: dict[str, list[Value]] = {}
        arguments = []
        for p, s in zip(self.parameters, structures, strict=True):
            leaves: list[Value] = [
                Traced(p.name if s is SCALAR else f"{p.name}[{k}]") for k in range(count(s))
            ]
            inputs[array_name(p.name)] = leaves
            arguments.append(build(s, iter(leaves)))
        with nullcontext() if self.freeze else tracing():
            returned = self.function(*arguments)
        outputs: list[Value | float] = []
        result = result_structure(returned, outputs.append, self.name)
        if not any(isinstance(v, Value) for v in outputs):
            raise SignatureError(
                f"{self.name} should return something computed from Values; "
                f"it returned {kind(returned)}"
            )
        found = trace(outputs, inputs, () if self.freeze else None)
        return self._recording(found, result, inputs, structures)

    def _recording(
        self,
        found: Trace,
        result: Structure,
        inputs: dict[str, list[Value]],
        structures: tuple[Structure, ...],
    ) -> Recording:
        names = [p.name for p in self.parameters]
        wrt = self.wrt
        if wrt is None and isinstance(self.function, Module) and not self.freeze:
            reached = [found.elements.get(v) for v in self.function.parameters()]
            shape = row(tuple, len(reached))
            return Recording(found, result, reached, shape)
        elements: list[Element | None] = []
        items: list[Structure] = []
        for k, w in enumerate(names if wrt is None else wrt):
            if not isinstance(w, str):
                elements += find_leaves([w], found)
                items.append(SCALAR)
            elif w in names:
                array = array_name(w)
                elements += [(array, i) for i in range(len(inputs[array]))]
                items.append(structures[names.index(w)])
            else:
                raise GraphError(
                    f"wrt[{k}] is {w!r}, but {self.name} has no such parameter; it has "
                    f"{', '.join(names) or 'none'}"
                )
        return Recording(found, result, elements, Container(tuple, (), tuple(items)), self.alone)


Source = ValueSource | FunctionSource


def _as_list(wrt: Any) -> list[Any]:
    if wrt is None:
        return []
    if isinstance(wrt, (Value, str)):
        return [wrt]
    try:
        return list(wrt)
    except TypeError:
        raise GraphError(f"wrt should be a list of leaves or names, got {kind(wrt)}") from None


def array_name(parameter: str) -> str:
    """The program's array for a parameter: its own name, unless the compiler uses that."""
    return parameter + "_" if _RESERVED.fullmatch(parameter) else parameter


def _parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    """The parameters that a call must or may fill.

    Raises SignatureError for `*args`, `**kwargs` and keyword-only parameters without a default.
    """
    if isinstance(function, (Neuron, Layer, MLP)):
        yield Parameter("x", "rows", row(list, function.nin))
        return
    hints = _hints(function)
    try:
        signature = inspect.signature(function)
    except ValueError:
        raise SignatureError(
            f"{function!r} has no signature, so its arguments are unknown; wrap it in a function "
            "with named parameters"
        ) from None
    for p in signature.parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise SignatureError(
                f"{getattr(function, '__name__', function)} takes {p!s}, whose number of "
                "arguments is unknown; give it named parameters, or one list"
            )
        numeric = type(p.default) in (int, float)
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty:
            raise SignatureError(f"keyword-only parameter {p.name} needs a default")
        if p.kind is p.KEYWORD_ONLY or (p.default is not p.empty and not numeric):
            continue  # keeps its default: it configures the function, it is no argument
        if isinstance(function, Module):
            yield Parameter(p.name, "rows", None)
        elif _is_sequence(hints.get(p.name)):
            yield Parameter(p.name, "whole", None)
        else:
            yield Parameter(p.name, default=float(p.default) if numeric else None)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(
            function if inspect.isroutine(function) else type(function).__call__
        )
    except (NameError, TypeError, AttributeError):
        return {}


def _is_sequence(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    return isinstance(origin, type) and issubclass(
        origin, (np.ndarray, collections.abc.Sequence, collections.abc.Mapping)
    )
