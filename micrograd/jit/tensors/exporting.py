"""A kernel of Tensors -> its function as C sees it, and the code of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ...nn import Module
from ...real_types import BY_DTYPE
from ...tensor.casting import is_float
from ...tensor.core import Tensor
from ...tensor.primitive import Shape
from ...tensor.values import of_values, renewed
from ..code import compile_program
from ..compile import optimized
from ..emit.interface import Interface
from ..emit.outer import Made, Outer, Term
from ..export.exported import model_of
from ..export.function import WHOLE, Argument, Exported, Function, around, kinds_of
from ..export.names import argument_names
from ..ir.program import Access, Program, Role
from ..target import Target
from ..trace.tensor_program import Given
from ..trace.tensors import Row
from .compiled import Traced
from .derivatives import Result, derived
from .outlines import Outline


def of_tensors(
    kernel: Any, outline: Outline, samples: int, name: str, *, parameters: str
) -> Exported:
    """What a kernel of Tensors is in C, for arguments like these, of so many samples.

    name   of the function
    """
    traced = Traced(kernel, *outline.call(kernel.name, samples))
    callee = traced.callee
    target = callee.target
    assert target is not None
    found = derived(callee.rows, callee.asked, None, target)
    results = _with_zeros(found.program, found.results)
    f = _Function(optimized(found.program, target), target)
    closed = {k: t for k, t in traced.closed if any(g.row == k for g in found.given)}
    own = callee.operands[: len(callee.operands) - len(traced.closed)]
    for k in own:
        f.takes(callee.rows[k], [g for g in found.given if g.row == k])
    taken = list(f.names)
    called = _called(kernel.function)
    live = [(g.name, closed[g.row]) for g in found.given if g.row in closed]
    live.sort(key=lambda each: called.place(each[1]))
    unnamed = [t for _, t in live if not called.label(t)]
    for array, t in live:
        numbers = (renewed(t) if t._primitive is of_values else t)._data
        label = called.label(t) or "parameter"
        if len(unnamed) > 1 and not called.label(t):
            label = f"parameter{next(k for k, x in enumerate(unnamed) if x is t)}"
        f.reads(array, numbers, label, passed=parameters == "passed")
    paths = list(_paths(traced.structure, "result"))
    returned, path = f.gives(results, paths)
    return f.exported(name, f"{kernel.name}({', '.join(taken)})", returned, path)


def _with_zeros(program: Program, results: Sequence[Result]) -> list[Result]:
    """The results, of which each has an array: what is zeros gets one in the program."""
    found = []
    for k, r in enumerate(results):
        if not r.array:
            name = f"zeros{k}"
            size = prod(r.shape)
            program.declare(name, Role.OUTPUT, size)
            strides, domain = ((1,), (size,)) if size > 1 else ((), ())
            program.assign(Access(name, 0, strides), 0.0, domain)
            r = replace(r, array=name)
        found.append(r)
    return found


@dataclass(slots=True)
class _Called:
    """What a model calls its parameters, and in which order it has them, by their ids."""

    names: dict[int, str]
    places: dict[int, int]

    def place(self, t: Tensor) -> tuple[int, int]:
        """Where a Tensor stands: in the order of `parameters()`, or in which they were made."""
        return self.places.get(id(t), len(self.places)), t._serial

    def label(self, t: Tensor) -> str:
        """What a Tensor is called, if it is."""
        return self.names.get(id(t)) or t.label


def _called(function: Any) -> _Called:
    """What the model that a function is, or is a method of, says of its parameters."""
    while hasattr(function, "is_of_tensors") and hasattr(function, "function"):
        function = function.function
    model = model_of(function)
    if isinstance(model, Module):
        names = {id(t): n for n, t in model.named_parameters()}
    else:
        names = {
            id(t): n for n, x in getattr(model, "__dict__", {}).items() for n, t in _parts(n, x)
        }
    places = {id(t): k for k, t in enumerate(() if model is None else model.parameters())}
    return _Called(names, places)


def _parts(name: str, x: Any) -> list[tuple[str, Any]]:
    """What an attribute is, or a list that it is holds, by name."""
    if isinstance(x, (list, tuple)):
        return [(f"{name}[{k}]", t) for k, t in enumerate(x)]
    return [(name, x)]


def _paths(structure: Any, path: str) -> Iterator[str]:
    """Where the Tensors of a structure are in Python, in order."""
    if isinstance(structure, Tensor):
        yield path
    elif isinstance(structure, (list, tuple)):
        for k, x in enumerate(structure):
            yield from _paths(x, f"{path}[{k}]")
    elif isinstance(structure, dict):
        for key, x in structure.items():
            yield from _paths(x, f"{path}[{key!r}]")


@dataclass(slots=True)
class _Function:
    """What the function is made of, as far as it is known.

    arguments   of C, but for their names, which are to be `names`
    given       for arrays of the program, in order: the argument that is passed, or what is made
    wrong       what the function looks at: an argument, and what is wrong with it
    numbers     of parameters that are passed, by their places among the arguments
    """

    program: Program
    target: Target
    arguments: list[Argument] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    given: dict[str, int | Made] = field(default_factory=dict)
    wrong: list[tuple[int, str]] = field(default_factory=list)
    numbers: dict[int, npt.NDArray[Any]] = field(default_factory=dict)
    by_value: set[str] = field(default_factory=set)

    @property
    def number(self) -> str:
        """The type of numbers in C."""
        return BY_DTYPE[self.target.dtype].c

    def takes(self, row: Row, given: Sequence[Given]) -> None:
        """An argument of Python, which the program perhaps reads, perhaps several times."""
        place, shape = len(self.arguments), tuple(row.shape)
        whole = np.dtype(row.dtype).kind == "i"
        self.names.append(row.name)
        says, size = _shaped(shape) + _kind(row.dtype), prod(shape) if shape else None
        self.arguments.append(Argument("", WHOLE if whole else self.number, size, says))
        if whole:
            for g in given:
                self.given[g.name] = self._made(g, place, prod(shape))
            return
        (name,) = [g.name for g in given] or [self._unread(place, size or 1)]
        self.given[name] = place
        if not shape:
            self.by_value.add(name)

    def _unread(self, place: int, size: int) -> str:
        """An input that nothing reads."""
        return self.program.declare(f"unread{place}", Role.INPUT, size).name

    def _made(self, given: Given, place: int, count: int) -> Made:
        """Indices, counted from the beginning, or numbers."""
        terms, below = (Term(place),), given.below
        if below:
            self.wrong.append((place, f"is not from {-below} to {below - 1}"))
            return Made("i64", count, terms, len(self.wrong), -below, below, below)
        most = BY_DTYPE[self.target.dtype].whole
        self.wrong.append((place, f"is not from {-most} to {most}, all of which {self.number} has"))
        return Made("number", count, terms, len(self.wrong), -most, most + 1)

    def reads(self, array: str, numbers: npt.NDArray[Any], label: str, *, passed: bool) -> None:
        """Live parameters: constants, or an argument."""
        if not passed:
            data = numbers.astype(np.float64).reshape(-1)
            a = replace(self.program.arrays[array], role=Role.CONSTANT, data=data)
            self.program.arrays[array] = a
            return
        place = len(self.arguments)
        says = f"the parameter {label}: {_shaped(numbers.shape or (1,))}"
        self.names.append(label)
        self.arguments.append(Argument("", self.number, numbers.size, says))
        self.given[array] = place
        self.numbers[place] = numbers.astype(self.target.dtype).reshape(-1)

    @property
    def is_around(self) -> bool:
        """Whether the function is around that of the program, as it takes integers."""
        return any(a.is_whole for a in self.arguments)

    def gives(self, results: Sequence[Result], paths: Sequence[str]) -> tuple[str | None, str]:
        """What is written; the array that is a number which the function returns, if there is one,
        and what that is in Python.
        """
        places: dict[str, list[tuple[Result, str]]] = {}
        for r, path in zip(results, paths, strict=True):
            places.setdefault(r.array, []).append((r, path))
        name, parts = next(iter(places.items()))
        (r, path), array = parts[0], self.program.arrays[name]
        returned = None
        if len(parts) == 1 and array.size == 1 and is_float(r.dtype) and not self.is_around:
            returned = name
            del places[name]
        for k, (name, parts) in enumerate(places.items()):
            self.given[name] = len(self.arguments)
            self.names.append("out" if len(places) == 1 else f"out{k}")
            size, says = self.program.arrays[name].size, _written(parts, self.target.dtype)
            self.arguments.append(Argument("", self.number, size, says, written=True))
        return returned, path

    def exported(self, name: str, call: str, returned: str | None, path: str) -> Exported:
        """The function of this name; `call`: in Python."""
        own = around(name) | {f"{name}_{label}" for label in self.names}
        names = argument_names(self.names, own)
        arguments = []
        for k, (a, n) in enumerate(zip(self.arguments, names, strict=True)):
            is_own = n == self.names[k] or a.written or k in self.numbers
            says = a.says if is_own else f"{self.names[k]} in Python: {a.says}"
            arguments.append(replace(a, name=n, says=says))
        codes = [f"an element of {names[place]} {text}" for place, text in self.wrong]
        numbers = {names[place]: x for place, x in self.numbers.items()}
        function = Function(
            name, call, self.number, arguments, returned is not None, path, numbers, codes
        )
        arrays = self.program.arrays
        order = [*self.given, *(n for n in arrays if n not in self.given)]
        program = replace(self.program, arrays={n: arrays[n] for n in order})
        interface = Interface(frozenset(self.by_value), returned)
        outer = None
        if self.is_around:
            outer = Outer(
                kinds_of(function), [self.given[a.name] for a in interface.arguments(program)]
            )
        return Exported(function, compile_program(program, self.target, interface), outer)


def _kind(dtype: Any, computed: Any = None) -> str:
    """What numbers are that are not floats, or not those that are computed."""
    if is_float(dtype):
        other = computed is not None and dtype != computed
        return f", which Python rounds to {dtype}" if other else ""
    return ", integers" if np.dtype(dtype).kind == "i" else ", 0 or 1 each"


def _shaped(shape: Shape) -> str:
    """What an array of a shape is."""
    if not shape:
        return "a number"
    if len(shape) == 1:
        return f"{shape[0]} number{'s' * (shape[0] != 1)} in a row"
    return f"an array of shape {shape}, row by row"


def _written(parts: Sequence[tuple[Result, str]], computed: Any) -> str:
    """What of the result is in an array of numbers of a dtype."""
    says = []
    for r, path in parts[:12]:
        where = f", from element {r.first} on" if r.first or len(parts) > 1 else ""
        says.append(f"{path}{where}, {_shaped(tuple(r.shape))}{_kind(r.dtype, computed)}")
    return "; ".join([*says, *["..."] * (len(parts) > 12)])
