"""An executable -> its function as C sees it, and the code of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import ExportError
from ...real_types import BY_DTYPE, WIDE
from ..code import compile_program
from ..executable import Executable
from ..ir.program import Array, Program, Role
from ..target import Target
from ..trace.signature import Structure, count
from .function import Argument, Exported, Function, around
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
    if executable.graph.indices:
        raise ExportError(
            f"{executable.name} takes integers that choose rows or say how often loops run, which "
            "Python checks at every call, so it cannot be exported; take the rows out of the "
            "function, and give loops a constant number of iterations"
        )
    live = passed(executable, model) if parameters == "passed" else None
    program, given = with_parameters(executable, live)
    taken = (given, live) if given is not None and live is not None else None
    function = _function_of(executable, program, name, target, defaults or {}, taken)
    return Exported(function, compile_program(program, target, executable.interface))


def _function_of(
    executable: Executable,
    program: Program,
    name: str,
    target: Target,
    defaults: Mapping[str, float],
    parameters: tuple[str, Passed] | None = None,
) -> Function:
    """What the function of a program is in C; `parameters`: which of its inputs they are."""
    taken = dict(executable.convention.passed)
    inputs = program.with_role(Role.INPUT)[: len(taken)]
    outputs = [a for a in executable.interface.arguments(program) if a.role is not Role.INPUT]
    number = BY_DTYPE[target.dtype].c
    result = executable.convention.result
    returns = executable.interface.returned is not None
    named = ["parameters"] if parameters is not None else []
    names = argument_names([*taken, *named, *["out" for _ in outputs]], around(name))
    arguments: list[Argument] = []
    for a, (given, structure) in zip(inputs, taken.items(), strict=True):
        c_name = names[len(arguments)]
        argument = _input(a, c_name, number, given, structure, executable)
        if argument.size is None:
            argument = replace(argument, default=defaults.get(given))
        arguments.append(argument)
    numbers = {}
    if parameters is not None:
        c_name, (_, live) = names[len(arguments)], parameters
        arguments.append(Argument(c_name, WIDE.c, len(live.numbers), live.says))
        numbers[c_name] = live.numbers
    for a in outputs:
        says = _said(result, 1 if returns else 0, "out")
        arguments.append(Argument(names[len(arguments)], number, a.size, says, written=True))
    return Function(
        name,
        f"{executable.name}({', '.join(taken)})",
        number,
        arguments,
        returns,
        _first(result),
        numbers,
    )


def _input(
    a: Array, name: str, number: str, given: str, structure: Structure, executable: Executable
) -> Argument:
    by_value = a.name in executable.interface.by_value
    says = "a number" if by_value else _shape_of(structure, a.size)
    if name != given:
        says = f"{given} in Python: {says}"
    return Argument(name, number, None if by_value else a.size, says)


def _shape_of(structure: Any, size: int) -> str:
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


def _said(result: Structure, skipped: int, name: str) -> str:
    """What of the result is written where, which begins behind so many numbers."""
    found = [p for p in parts(result) if np.prod(p[2])]
    if not skipped and len(found) <= 1 and not (found and found[0][0]):
        return f"the result: {_shape_of(result, count(result))}"
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


def _first(result: Structure) -> str:
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
