"""Array and function types of the llvm dialect, read from their text.

MLIR's own bindings have no Python classes for them, and the class for arrays that others have cuts
the length to 32 bits. Where there is a class for functions it is used: their text says `void` for
what became `token` in MLIR 23. Source: MLIR, "LLVM dialect types".
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from lowering.bindings import ir, llvm


class Array(NamedTuple):
    """`!llvm.array<length x element>`."""

    length: int
    element: ir.Type


class Function(NamedTuple):
    """`!llvm.func<result (inputs)>`; with `variadic`, an ellipsis follows the inputs."""

    result: ir.Type
    inputs: tuple[ir.Type, ...]
    variadic: bool


def array(type_: ir.Type) -> Array | None:
    """The length and element of an array type; None for any other type.

    >>> from lowering.bindings import context, ir
    >>> found = array(ir.Type.parse("!llvm.array<5000000000 x array<2 x f32>>", context()))
    >>> found.length, str(found.element)
    (5000000000, '!llvm.array<2 x f32>')
    """
    text = str(type_)
    if not text.startswith("!llvm.array<"):
        return None
    length, _, element = text[len("!llvm.array<") : -1].partition(" x ")
    return Array(int(length), _parsed(element, type_))


def function(type_: ir.Type) -> Function | None:
    """The result and inputs of a function type; None for any other type.

    >>> from lowering.bindings import context, ir
    >>> found = function(ir.Type.parse("!llvm.func<f32 (i64, ptr, ...)>", context()))
    >>> str(found.result), [str(each) for each in found.inputs], found.variadic
    ('f32', ['i64', '!llvm.ptr'], True)
    """
    kind = getattr(llvm, "FunctionType", None)
    if kind is not None:
        if not isinstance(type_, kind):
            return None
        return Function(type_.return_type, tuple(type_.inputs), type_.is_var_arg)
    text = str(type_)
    if not text.startswith("!llvm.func<"):
        return None
    body = text[len("!llvm.func<") : -2]  # without the `)>` at the end
    opening, commas = _outermost(body)
    cuts = [opening, *commas, len(body)]
    inputs = [body[start + 1 : end].strip() for start, end in itertools.pairwise(cuts)]
    variadic = inputs[-1] == "..."
    if variadic or not inputs[-1]:
        inputs.pop()
    return Function(
        _parsed(body[:opening].rstrip(), type_),
        tuple(_parsed(each, type_) for each in inputs),
        variadic,
    )


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|->|[<({\[>)}\],]')


def _outermost(body: str) -> tuple[int, list[int]]:
    """Where in `result (input, input` the list of inputs opens, and where its commas are."""
    depth, opening, commas = 0, 0, []
    for match in _TOKEN.finditer(body):
        token = match.group()
        if token in "<({[":
            if token == "(" and depth == 0:
                opening = match.start()
            depth += 1
        elif token in ">)}]":
            depth -= 1
        elif token == "," and depth == 1 and opening:
            commas.append(match.start())
    return opening, commas


# Within a type of the dialect its own types are written without the dialect's name.
_OWN = re.compile(r"(?:ptr|array|struct|func|void|label|token|metadata|target|ppc_fp128|x86_amx)\b")


def _parsed(text: str, whole: ir.Type) -> ir.Type:
    return ir.Type.parse("!llvm." + text if _OWN.match(text) else text, whole.context)
