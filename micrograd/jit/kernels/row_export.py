"""A sum over rows of data -> its function as C sees it: rows are arguments, and their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ExportError
from ...real_types import BY_DTYPE, WIDE
from ..code import compile_program
from ..emit.interface import Interface
from ..emit.outer_rows import OverRows
from ..export.function import WHOLE, Argument, Exported, Function, around, kinds_of
from ..export.names import argument_names
from ..export.of_numbers import first_of, shape_of, written
from ..export.passed import passed, with_parameters
from ..ir.program import Program, Role
from ..reroll.outputs import OUTPUT
from ..target import Target
from ..trace.signature import Container, count
from ..wanted import Wanted
from .row_code import PARTS, RowCode


def of_rows(code: RowCode, target: Target, name: str, *, parameters: str, model: Any) -> Exported:
    """What the sum is in C.

    name    of the function
    model   what parameters that are passed are in the order of, if it has `parameters()`
    """
    if code.indices is not None:
        raise ExportError(
            f"{code.name} takes integers that choose rows of tables, in a sum over any number of "
            "rows of data, which is not exported; export the function of one row, and add up in C"
        )
    live = passed(code, model) if parameters == "passed" else None
    program, taken = with_parameters(code, live)
    behind = ["rows", *["parameters"] * (taken is not None), "out"]
    names = argument_names([*(n for n, _ in code.parameters), *behind], around(name))
    number, rows = BY_DTYPE[target.dtype].c, names[len(code.parameters)]
    arguments = _taken(code, program, names, number, taken)
    inputs = [a.name for a in program.with_role(Role.INPUT) if a.name != taken]
    given = {name: k for k, name in enumerate(inputs)}
    keeps = code.backwards and code.wanted is Wanted.BOTH
    says = "how many rows there are" + "; malloc gives room for a number for each" * keeps
    arguments.append(Argument(rows, WHOLE, None, says))
    numbers = {}
    if taken is not None and live is not None:
        given[taken] = len(arguments)
        arguments.append(Argument(names[-2], WIDE.c, len(live.numbers), live.says))
        numbers[names[-2]] = live.numbers
    results = count(code.result)
    returns = code.wanted is Wanted.BOTH or results == 1
    if results > returns:
        says = written(code.result, int(returns), names[-1])
        size = results - returns
        arguments.append(Argument(names[-1], number, size, says, written=True))
    call = f"{code.name}({', '.join(python for python, _ in code.parameters)})"
    first = first_of(code.result)
    function = Function(name, call, number, arguments, returns, first, numbers)
    interface = Interface(frozenset(), None)
    outer = OverRows(
        kinds_of(function),
        given,
        len(code.parameters),
        len(arguments) - 1 if results > returns else None,
        returns,
        program,
        interface,
        code.moving,
        code.size,
        1 if target.strict else PARTS,
        code.states,
        OUTPUT if keeps else "",
        code.backwards,
    )
    return Exported(function, compile_program(program, target, interface), outer)


def _taken(
    code: RowCode, program: Program, names: Sequence[str], number: str, live: str | None
) -> list[Argument]:
    """The arguments that are those in Python; `live`: the input of parameters, which is none."""
    arguments = []
    inputs = [a for a in program.with_role(Role.INPUT) if a.name != live]
    for name, a, (python, structure) in zip(names, inputs, code.parameters, strict=False):
        size = code.moving.get(a.name)
        if size is not None:
            what = "a number" if size == 1 else shape_of(structure, size)
            says = f"{what}, for each row"
            argument = Argument(name, number, size, says, rows=names[len(code.parameters)])
        elif isinstance(structure, Container):
            argument = Argument(name, number, a.size, shape_of(structure, a.size))
        else:
            argument = Argument(name, number, None, "a number")
        arguments.append(argument if name == python else argument.called(python))
    return arguments
