"""Text -> Program: the inverse of printing, by the grammar of docs/ir.md.

    input x[3]
    const w[3] = 1.0 0.5 -2.0
    output out[1]

    out = 0.0
    out += mul(w[i], x[i])  for i < 3   ; a comment ends with the line

Takes whatever `str(program)` and `dump(program)` print, comments, and blank lines; gives the
program, which may break every rule of the verifier. What only `dump` prints may be left out: a
constant has no data then, and a table no entries, which the verifier refuses; a temporary of one
element is declared where it is first assigned.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import numpy as np

from ...ops import OPS
from .extents import Extent
from .line import END, Line
from .program import (
    INDEX_NAMES,
    LIKE_NUMBERS,
    NO_ENTRY,
    Access,
    Apply,
    Expr,
    Program,
    Role,
    Statement,
    accesses,
)

_ROLES = {role.value: role for role in Role}


def parse(text: str) -> Program:
    """The program that a text says.

    Raises ParseError where the text is none: with line and column, the line, and what was
    expected there.

    >>> program = parse("input x[2]\\noutput out[1]\\n\\nout = mul(x, x[1])")
    >>> program.body[0].expr
    Apply(op=<op mul: x * y>, args=(Access(array='x', offset=0, strides=(), table=None), \
Access(array='x', offset=1, strides=(), table=None)))
    >>> print(program)
    input x[2]
    output out[1]
    <BLANKLINE>
    out = mul(x, x[1])
    """
    program = Program()
    for number, line in enumerate(text.split("\n"), 1):
        tokens = Line(line.rstrip("\r"), number)
        if tokens.now.kind == "end":
            continue
        try:
            if tokens.then.kind == "name":
                _declaration(tokens, program)
            else:
                _statement(tokens, program)
        except RecursionError:
            raise tokens.error("an expression is nested too deep") from None
        if tokens.now.kind != "end":
            raise tokens.expected(END)
    return program


# --- lines ----------------------------------------------------------------------------------


# --- declarations ---------------------------------------------------------------------------


def _declaration(line: Line, program: Program) -> None:
    if program.body:
        raise line.error("declarations stand above all statements")
    role = line.now.text
    if role not in _ROLES and role != "table":
        raise line.expected(f"{', '.join(_ROLES)}, table, or a statement")
    line.read()
    if line.now.text in program.arrays or line.now.text in program.tables:
        raise line.error(f"{line.now.text} is declared already")
    name = line.name("a name")
    if role == Role.EXTENT.value:
        line.require("<=")
        program.extent(name, line.integer("how much it is at most"))
        return
    line.require("[")
    place = line.now.place
    size = line.integer("how many elements it has")
    line.require("]")
    if role != "table":
        array = program.declare(name, _ROLES[role], size)
        if array.role is Role.CONSTANT and line.accept("="):
            array.data = np.array(list(_numbers(line)))
        return
    entries = [NO_ENTRY] * size
    if line.accept("="):
        entries = list(_integers(line))
        if len(entries) != size:
            raise line.error(
                f"table {name} has {size} entries, but {len(entries)} are given", place
            )
    program.tables[name] = np.array(entries, dtype=np.int64)


def _numbers(line: Line) -> Iterator[float]:
    while line.now.kind != "end":
        yield _number(line, "a number")


def _integers(line: Line) -> Iterator[int]:
    while line.now.kind != "end":
        yield line.signed("a whole number")


# --- statements -----------------------------------------------------------------------------


def _statement(line: Line, program: Program) -> None:
    line.indices = _indices(line)
    target = _access(line)
    if target.array in program.tables:
        raise line.error(
            f"{target.array} is a table, which is not assigned to", line.tokens[0].place
        )
    if line.now.text not in ("=", "+="):
        raise line.expected("`=` or `+=`")
    accumulate = line.read().text == "+="
    expr = _expr(line)
    for a in (target, *accesses(expr)):
        known = program.arrays.get(a.array)
        if known is not None and known.role is Role.EXTENT:
            raise line.error(f"{a.array} is an extent: it says how often loops run", 0)
    domain: list[int] = []
    turn = 0
    if line.now.text == "for":
        domain = _loops(line, program)
        if line.accept("in"):
            line.require("turn")
            turn = line.integer("the number of the turn")
    if target.array not in program.arrays:
        program.declare(target.array, Role.TEMPORARY)
    program.body.append(Statement(target, expr, tuple(domain), accumulate, turn))


def _indices(line: Line) -> list[str]:
    """The indices of the loops, which stand at the end of the line."""
    texts = [token.text for token in line.tokens]
    found = [k for k, t in enumerate(texts) if t == "for" and line.tokens[k + 1].kind == "name"]
    if not found:
        return []
    return [texts[k] for k in range(found[-1] + 1, len(texts)) if texts[k - 1] in ("for", ",")]


def _loops(line: Line, program: Program) -> list[int]:
    """The trip counts."""
    seen: set[str] = set()
    counts = []
    line.require("for")
    while True:
        index = line.now.text
        if index not in INDEX_NAMES or index in seen:
            raise line.expected(f"another index, one of {INDEX_NAMES[0]} to {INDEX_NAMES[-1]}")
        seen.add(line.read().text)
        line.require("<")
        counts.append(_count(line, program))
        if not line.accept(","):
            return counts


def _count(line: Line, program: Program) -> int:
    """A trip count: a number, or an extent."""
    a = program.arrays.get(line.now.text)
    if line.now.kind == "name" and a is not None and a.role is Role.EXTENT:
        line.read()
        return Extent(a.name, a.size)
    return line.integer("how often the loop runs: a number, or an extent")


def _expr(line: Line) -> Expr:
    token = line.now
    if token.kind == "name" and line.then.text == "(":
        op = OPS.get(token.text)
        if op is None:
            near = get_close_matches(token.text, OPS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise line.error(f"{token.text!r} is no op of the table{hint}")
        line.at += 2
        args = [_expr(line)]
        while line.accept(","):
            args.append(_expr(line))
        if not line.accept(")"):
            raise line.expected("`,` or `)`")
        return Apply(op, tuple(args))
    if token.kind == "name" and (token.text not in LIKE_NUMBERS or line.then.text == "["):
        return _access(line)
    return _number(line, "an array, a number or an op")


def _number(line: Line, what: str) -> float:
    sign = -1.0 if line.minus() else 1.0
    token = line.now
    if token.kind == "number" or token.text == "inf" or (token.text == "nan" and sign > 0.0):
        return sign * float(line.read().text)
    raise line.expected(what)


def _access(line: Line) -> Access:
    array = line.name("an array")
    if not line.accept("["):
        return Access(array, 0, (0,) * len(line.indices))
    table = None
    if line.now.kind == "name" and line.then.text == "[":
        table = line.read().text
        line.require("[")
    offset, strides = _affine(line)
    for _ in range(1 + (table is not None)):
        if not line.accept("]"):
            raise line.expected("`+`, `-` or `]`")
    return Access(array, offset, strides, table)


def _affine(line: Line) -> tuple[int, tuple[int, ...]]:
    """The offset and the strides."""
    offset, strides = 0, [0] * len(line.indices)
    sign = 1
    while True:
        if line.now.kind == "name":
            strides[_index(line)] += sign
        else:
            factor = sign * line.signed("a whole number or an index")
            if line.accept("*"):
                strides[_index(line)] += factor
            else:
                offset += factor
        if line.now.text not in ("+", "-"):
            return offset, tuple(strides)
        sign = 1 if line.read().text == "+" else -1


def _index(line: Line) -> int:
    """The number of the loop whose index stands here."""
    token = line.now
    name = line.name("an index")
    if name in line.indices:
        return line.indices.index(name)
    loops = ", ".join(line.indices)
    raise line.error(
        f"{name} is no index of this statement, "
        + (f"whose loops are over {loops}" if loops else "which has no loops"),
        token.place,
    )
