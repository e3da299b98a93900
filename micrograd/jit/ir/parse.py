"""Text -> Program: the inverse of printing, by the grammar of docs/ir.md.

    input x[3]
    const w[3] = 1.0 0.5 -2.0
    temp s[4]
    output out[1]

    s = 0.0
    for i < 3 in order:
      s[i + 1] = add(s[i], mul(w[i], x[i]))   ; a comment ends with the line
    out = s[3]

Takes whatever `str(program)` and `dump(program)` print, comments, and blank lines; gives the
program, which may break every rule of the verifier. What only `dump` prints may be left out: a
constant has no data then, which the verifier refuses; a temporary of one element is declared where
it is first assigned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...ops import OPS, Op
from ...real_types import REAL_TYPES
from .extents import Affine, Entries, Extent
from .line import END, Line
from .parse_expression import access, affine, expression, number, position
from .places import most_of
from .program import (
    INDEX,
    INDEX_NAMES,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
)
from .text import most_entry

_ROLES = {role.value: role for role in Role}
_DTYPES = (*REAL_TYPES, *INDEX)
_REDUCES: dict[str, Op] = {op.reduces: op for op in OPS.values() if op.reduces}
_WORDS = [word for word in _REDUCES if word.isalpha()]
_ASSIGN = ", ".join(f"`{word}=`" for word in ("", *_REDUCES))


@dataclass(slots=True)
class _Open:
    """A body that lines are read into, and how far these are indented; None before the first."""

    body: list[Node]
    names: tuple[str, ...] = ()
    extents: tuple[int, ...] = ()
    space: str | None = None


def parse(text: str) -> Program:
    """The program that a text says.

    Raises ParseError where the text is none: with line and column, the line, and what was
    expected there.

    >>> program = parse("input x[2]\\noutput out[1]\\n\\nout = mul(x, x[1])")
    >>> program.body[0].expr
    Apply(op=<op mul: x * y>, args=(Access(array='x', offset=0, strides=(), parts=()), \
Access(array='x', offset=1, strides=(), parts=())))
    >>> print(program)
    input x[2]
    output out[1]
    <BLANKLINE>
    out = mul(x, x[1])
    """
    program = Program()
    around = [_Open(program.body)]
    head: Line | None = None
    for count, written in enumerate(text.split("\n"), 1):
        line = Line(written.rstrip("\r"), count)
        if line.now.kind == "end":
            continue
        try:
            if _is_declaration(line):
                _declaration(line, program)
            else:
                _indented(line, around, head)
                head = _node(line, around, program)
        except RecursionError:
            raise line.error("an expression is nested too deep") from None
        if line.now.kind != "end":
            raise line.expected(END)
    if head is not None:
        raise head.error("the loop has no body: lines below it that are indented more", 0)
    return program


def _indented(line: Line, around: list[_Open], head: Line | None) -> None:
    """Leave the bodies that the line does not belong to; `head` begins a loop right above it."""
    space = line.text[: line.now.place]
    if around[-1].space is None:
        outer = around[-2].space if len(around) > 1 else None
        if outer is not None and not (space.startswith(outer) and len(space) > len(outer)):
            raise line.error("expected a line of the loop's body, which is indented more")
        around[-1].space = space
    while around and around[-1].space != space:
        if len(around) == 1 or len(around[-1].space or "") <= len(space):
            raise line.error("this line is not indented as any above that it may go on from")
        around.pop()


# --- declarations ---------------------------------------------------------------------------


def _is_declaration(line: Line) -> bool:
    """Whether it has two names in a row, which no statement has: `for i` and `x max=` aside."""
    return (
        line.then.kind == "name"
        and not _is_head(line)
        and not (line.then.text in _WORDS and line.tokens[2].text == "=")
    )


def _is_head(line: Line) -> bool:
    return line.now.text == "for" and line.then.kind == "name" and line.tokens[2].text == "<"


def _declaration(line: Line, program: Program) -> None:
    if program.body:
        raise line.error("declarations stand above all statements")
    role = _ROLES.get(line.now.text)
    if role is None:
        raise line.expected(f"{', '.join(_ROLES)}, or a statement")
    line.read()
    if line.now.text in program.arrays:
        raise line.error(f"{line.now.text} is declared already")
    name = line.name("a name")
    if role is Role.EXTENT:
        line.require("<=")
        program.extent(name, line.integer("how much it is at most"))
        return
    line.require("[")
    shape = [line.integer("how many elements it has")]
    while line.accept(","):
        shape.append(line.integer("how many elements it has"))
    line.require("]")
    array = program.declare(name, role, tuple(shape))
    if line.now.kind == "name":
        if line.now.text not in _DTYPES:
            raise line.expected(f"{', '.join(_DTYPES)}, or the end of the line")
        array.dtype = line.read().text
    if role is Role.CONSTANT and line.accept("="):
        array.data = np.array(list(_entries(line)), np.int64) if array.is_index else _data(line)
    elif array.is_index and line.accept("<"):
        array.below = line.integer("the number that every entry is below")


def _data(line: Line) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    numbers = []
    while line.now.kind != "end":
        numbers.append(number(line, "a number"))
    return np.array(numbers, np.float64)


def _entries(line: Line) -> Iterator[int]:
    while line.now.kind != "end":
        yield line.signed("a whole number")


# --- loops and statements -------------------------------------------------------------------


def _node(line: Line, around: list[_Open], program: Program) -> Line | None:
    """Read a statement, or what begins a loop; that line, if it is one."""
    inside = around[-1]
    if not _is_head(line):
        inside.body.append(_statement(line, program, inside))
        return None
    line.read()
    line.indices = list(inside.names)
    index = _new_index(line, inside.names)
    line.require("<")
    extent = _count(line, program, inside.extents)
    order = _order(line)
    going = None
    if order is Order.FORWARD and line.accept("while"):
        line.indices = [*inside.names, index]
        going = access(line, program)
    if not line.accept(":"):
        raise line.expected("`in order:`, `in reverse order:` or `:`")
    loop = Loop(extent, order, [], going)
    inside.body.append(loop)
    around.append(_Open(loop.body, (*inside.names, index), (*inside.extents, extent)))
    return line


def _order(line: Line) -> Order:
    if not line.accept("in"):
        return Order.FREE
    order = Order.REVERSE if line.accept("reverse") else Order.FORWARD
    line.require("order")
    return order


def _statement(line: Line, program: Program, inside: _Open) -> Statement:
    line.indices = [*inside.names, *_own_indices(line)]
    target = access(line, program)
    accumulate = _assign(line)
    expr = expression(line, program)
    for a in (target, *accesses(expr)):
        known = program.arrays.get(a.array)
        if known is not None and known.role is Role.EXTENT:
            raise line.error(f"{a.array} is an extent: it says how often loops run", 0)
    domain = inside.extents
    if line.now.text == "for":
        domain = _loops(line, program, inside)
    if target.array not in program.arrays:
        program.declare(target.array, Role.TEMPORARY)
    return Statement(target, expr, domain, accumulate)


def _assign(line: Line) -> Op | None:
    """What the statement reduces by."""
    word = line.now.text
    if line.accept("="):
        return None
    if word in _WORDS and line.then.text == "=":
        line.read()
    elif line.now.kind != "mark" or word[:-1] not in _REDUCES or word[-1] != "=":
        raise line.expected(_ASSIGN)
    line.read()
    return _REDUCES[word.removesuffix("=")]


def _own_indices(line: Line) -> list[str]:
    """The indices of the statement's own loops, which stand at the end of the line."""
    texts = [token.text for token in line.tokens]
    found = [k for k, t in enumerate(texts) if t == "for" and line.tokens[k + 1].kind == "name"]
    if not found:
        return []
    return [
        texts[k]
        for k in range(found[-1] + 1, len(texts) - 1)
        if texts[k - 1] in ("for", ",") and texts[k + 1] == "<"
    ]


def _new_index(line: Line, taken: tuple[str, ...]) -> str:
    if line.now.text not in INDEX_NAMES or line.now.text in taken:
        raise line.expected(f"another index, one of {INDEX_NAMES[0]} to {INDEX_NAMES[-1]}")
    return line.read().text


def _loops(line: Line, program: Program, inside: _Open) -> tuple[int, ...]:
    """The trip counts, those of the loops around first."""
    taken, counts = inside.names, inside.extents
    line.require("for")
    while True:
        index = _new_index(line, taken)
        line.require("<")
        line.indices = list(taken)
        counts = (*counts, _count(line, program, counts))
        taken = (*taken, index)
        if not line.accept(","):
            return counts


def _count(line: Line, program: Program, outside: tuple[int, ...]) -> int:
    """A trip count: a number, an extent, an entry, or affine in the indices of loops outside."""
    name = line.now.text
    a = program.arrays.get(name)
    is_name = line.now.kind == "name" and name not in line.indices
    if line.now.kind == "name" and line.then.text == "[":
        line.read()
        offset, strides = position(line, program, name)
        most = _at_most(line, most_entry(name, program.arrays))
        return Entries(name, offset, strides, most)
    if is_name and a is not None and a.role is Role.EXTENT:
        line.read()
        if line.now.text in ("+", "-"):
            raise line.error(f"{name} is an extent, to which nothing is added here")
        return Extent(a.name, a.size)
    if is_name or (line.now.kind not in ("name", "number") and line.now.text != "-"):
        raise line.expected("how often the loop runs: a number, an index, an extent, or an entry")
    offset, strides = affine(line)
    if not any(strides):
        if line.now.text == "<=":
            raise line.error("a number is what it is: it has no number that it is at most")
        return offset
    return Affine(offset, strides, _at_most(line, most_of(offset, strides, outside)))


def _at_most(line: Line, most: int) -> int:
    """How much it is at most, if the line says that."""
    return line.integer("how much it is at most") if line.accept("<=") else most
