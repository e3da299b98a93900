"""An executable -> its function as C sees it, and the code of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...real_types import BY_DTYPE, WIDE
from ..code import compile_program
from ..emit.outer import Made, Outer, Term
from ..executable import Executable
from ..ir.program import Array, Program, Role
from ..target import Target
from ..trace.signature import Structure, count
from .function import WHOLE, Argument, Exported, Function, around, kinds_of
from .integers import made_of_integers
from .names import argument_names
from .passed import Passed, passed, with_parameters


def of_numbers(
    executable: Executable,
    target: Target,
    name: str,
    *,
    parameters: str,
    model: Any = None,
    defaults: Mapping[str, float] | None = None,
) -> Exported:
    """What an executable is in C, for a target.

    name       of the function
    model      what parameters that are passed are in the order of, if it has `parameters()`
    defaults   of arguments, by name
    """
    live = passed(executable, model) if parameters == "passed" else None
    program, given = with_parameters(executable, live)
    taken = (given, live) if given is not None and live is not None else None
    f = _Function(executable, program, target, taken)
    function = f.function(name, defaults or {})
    return Exported(function, compile_program(program, target, f.interface), f.outer(function))


class _Function:
    """What the function of a program is in C.

    parameters   those that are passed, and the input of the program that they are
    """

    def __init__(
        self,
        executable: Executable,
        program: Program,
        target: Target,
        parameters: tuple[str, Passed] | None,
    ) -> None:
        self.executable, self.program, self.parameters = executable, program, parameters
        self.number = BY_DTYPE[target.dtype].c
        self.interface = executable.interface
        convention = executable.convention
        self.indices = convention.indices
        if self.indices is not None:  # of what is wrong an int is returned
            self.interface = replace(self.interface, returned=None)
        taken = dict(convention.passed)
        arrays = program.with_role(Role.INPUT)[: len(taken)]
        entries = {name for name, _ in self.indices.parameters} if self.indices else set()
        pairs = zip(arrays, taken.items(), strict=True)
        self.inputs = [(a, n, s) for a, (n, s) in pairs if n not in entries]
        self.whole: set[int] = set()  # the places of arguments that are integers
        if self.indices is not None:
            of = {array for a in self.indices.arrays for array in a.arrays}
            self.whole = {self.indices.places[array] for array in of}
        passed = self.interface.arguments(program)
        self.outputs = [a for a in passed if a.role is not Role.INPUT]

    def function(self, name: str, defaults: Mapping[str, float]) -> Function:
        """The function of this name; `defaults`: of its arguments."""
        result = self.executable.convention.result
        returns = self.interface.returned is not None
        named = ["parameters"] if self.parameters is not None else []
        taken = [given for _, given, _ in self.inputs]
        several = len(self.outputs) > 1
        behind = [f"out{k}" if several else "out" for k in range(len(self.outputs))]
        names = argument_names([*taken, *named, *behind], around(name))
        arguments: list[Argument] = []
        for k, (a, given, structure) in enumerate(self.inputs):
            argument = self._input(a, names[k], given, structure)
            if k in self.whole:
                says = argument.says.replace("a number", "an integer").replace("number", "integer")
                argument = replace(argument, c_type=WHOLE, says=says)
            elif argument.size is None:
                argument = replace(argument, default=defaults.get(given))
            arguments.append(argument)
        numbers = {}
        if self.parameters is not None:
            c_name, (_, live) = names[len(arguments)], self.parameters
            arguments.append(Argument(c_name, WIDE.c, len(live.numbers), live.says))
            numbers[c_name] = live.numbers
        for k, a in enumerate(self.outputs):
            c_name = names[len(arguments)]
            says = written(result, 1 if returns or k else 0, c_name)
            if several and not k:  # a number, which would be returned
                says = f"{c_name}[0]: {first_of(result)}"
            arguments.append(Argument(c_name, self.number, a.size, says, written=True))
        call = f"{self.executable.name}({', '.join(taken)})"
        codes = made_of_integers(self.indices, names, self.program)[1] if self.indices else []
        return Function(
            name, call, self.number, arguments, returns, first_of(result), numbers, codes
        )

    def _input(self, a: Array, name: str, given: str, structure: Structure) -> Argument:
        by_value = a.name in self.interface.by_value
        says = "a number" if by_value else shape_of(structure, a.size)
        argument = Argument(name, self.number, None if by_value else a.size, says)
        return argument if name == given else argument.called(given)

    def outer(self, function: Function) -> Outer | None:
        """What makes index arrays of integers, if there are such."""
        if self.indices is None:
            return None
        given: dict[str, int | Made] = {a.name: k for k, (a, *_) in enumerate(self.inputs)}
        for k in self.whole:
            a = self.inputs[k][0]
            count = None if a.name in self.interface.by_value else a.size
            given[a.name] = Made(a.dtype, count, (Term(k),))
        names = [a.name for a in function.arguments]
        given |= made_of_integers(self.indices, names, self.program)[0]
        behind = [self.parameters[0]] if self.parameters is not None else []
        behind += [a.name for a in self.outputs]
        given |= {name: len(self.inputs) + k for k, name in enumerate(behind)}
        passed = self.interface.arguments(self.program)
        return Outer(kinds_of(function), [given[a.name] for a in passed])


def shape_of(structure: Any, size: int) -> str:
    """What an array holds."""
    if not size:
        return "no numbers, perhaps NULL"
    found = list(parts(structure))
    if len(found) == 1:
        _, _, shape = found[0]
        if len(shape) > 1:
            return f"an array of shape {shape}, row by row"
        return f"{size} number{'s' * (size != 1)} in a row"
    rows = [f"{path} at {start}" for path, start, _ in found[:6]]
    return f"{size} numbers: {', '.join(rows)}{', ...' * (len(found) > 6)}"


def written(result: Structure, skipped: int, name: str) -> str:
    """What of the result is written where, which begins behind so many numbers."""
    found = [p for p in parts(result) if np.prod(p[2])]
    if not skipped and len(found) <= 1 and not (found and found[0][0]):
        return f"the result: {shape_of(result, count(result))}"
    rows = []
    for path, start, shape in _behind(found, skipped)[:13]:
        n, first = int(np.prod(shape)), start - skipped
        where = f"{name}[{first}]" if n == 1 else f"{name}[{first}] to {name}[{first + n - 1}]"
        of = f", of shape {shape}" if len(shape) > 1 else ""
        rows.append(f"{where}: result{path}{of}")
    return "; ".join([*rows[:12], *["..."] * (len(rows) > 12)])


def _behind(found: Sequence[tuple[str, int, Any]], skipped: int) -> list[tuple[str, int, Any]]:
    """Parts behind so many numbers, the rest of a row among them."""
    rows = [p for p in found if p[1] >= skipped]
    for path, start, shape in found[:1]:
        if start < skipped and len(shape) == 1 and start + shape[0] > skipped:
            k = skipped - start
            rest: list[tuple[str, int, Any]]
            rest = [(f"{path}[{j}]", start + j, ()) for j in range(k, min(shape[0], k + 3))]
            if shape[0] > k + len(rest):
                rest = [(f"{path}[{k}:]", skipped, (shape[0] - k,))]
            rows = [*rest, *rows]
    return rows


def first_of(result: Structure) -> str:
    """What of the result its first number is; "" if there is none."""
    for path, _, shape in parts(result):
        if np.prod(shape):
            return f"result{path}{'[0]' * len(shape)}"
    return ""


def parts(structure: Any, path: str = "", start: int = 0) -> Iterator[tuple[str, int, Any]]:
    """What a structure is made of: where it is in Python, at which number it begins, and its
    shape.

    >>> from micrograd.jit.trace.signature import SCALAR, Container, row
    >>> list(parts(Container(tuple, (), (SCALAR, row(list, 3)))))
    [('[0]', 0, ()), ('[1]', 1, (3,))]
    """
    items = getattr(structure, "items", None)
    if items is None:
        yield path, start, ()
    elif structure.type is np.ndarray:
        yield path, start, structure.keys
    elif structure.is_flat and not structure.keys:
        yield path, start, (len(items),)
    else:
        keys = structure.keys or range(len(items))
        for key, item in zip(keys, items, strict=True):
            yield from parts(item, f"{path}[{key!r}]", start)
            start += count(item)
