"""Expressions, accesses and affine numbers in a line of a program's text."""

from __future__ import annotations

from difflib import get_close_matches

from ...ops import OPS
from .line import Line
from .places import steps
from .program import LIKE_NUMBERS, Access, Apply, Expr, Part, Program


def expression(line: Line, program: Program) -> Expr:
    """Read an expression."""
    token = line.now
    if token.kind == "name" and line.then.text == "(":
        op = OPS.get(token.text)
        if op is None:
            near = get_close_matches(token.text, OPS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise line.error(f"{token.text!r} is no op of the table{hint}")
        line.at += 2
        args = [expression(line, program)]
        while line.accept(","):
            args.append(expression(line, program))
        if not line.accept(")"):
            raise line.expected("`,` or `)`")
        return Apply(op, tuple(args))
    if token.kind == "name" and (token.text not in LIKE_NUMBERS or line.then.text == "["):
        return access(line, program)
    return number(line, "an array, a number or an op")


def number(line: Line, what: str) -> float:
    """Read a number."""
    sign = -1.0 if line.minus() else 1.0
    token = line.now
    if token.kind == "number" or token.text == "inf" or (token.text == "nan" and sign > 0.0):
        return sign * float(line.read().text)
    raise line.expected(what)


def access(line: Line, program: Program) -> Access:
    """Read an access: the element's number, summed up from its places."""
    begin = line.now.place
    array = line.name("an array")
    offset, strides, parts = 0, [0] * len(line.indices), list[Part]()
    if not line.accept("["):
        return Access(array, 0, tuple(strides))
    places = []
    while True:
        places.append(_sum(line, program))
        if not line.accept(","):
            break
    if not line.accept("]"):
        raise line.expected("`+`, `-`, `,` or `]`")
    for size, (number, own, found) in zip(
        _steps(line, program, array, len(places), begin), places, strict=True
    ):
        offset += size * number
        strides = [x + size * s for x, s in zip(strides, own, strict=True)]
        parts += [Part(p.kind, p.by, p.offset, p.strides, p.scale * size) for p in found]
    return Access(array, offset, tuple(strides), tuple(parts))


def _steps(line: Line, program: Program, name: str, places: int, begin: int) -> list[int]:
    """How far a step in each place goes; one place is the number of the element itself."""
    if places == 1:
        return [1]
    array = program.arrays.get(name)
    shape = (1,) if array is None else array.shape
    if places != len(shape):
        raise line.error(f"{name} has {places} places here, but {len(shape)} dimensions", begin)
    return steps(shape)


def position(line: Line, program: Program, array: str) -> tuple[int, tuple[int, ...]]:
    """Read where in an index array an entry stands: its offset and strides."""
    begin = line.now.place
    line.require("[")
    places = [affine(line)]
    while line.accept(","):
        places.append(affine(line))
    if not line.accept("]"):
        raise line.expected("`+`, `-`, `,` or `]`")
    offset, strides = 0, [0] * len(line.indices)
    for size, (number, own) in zip(
        _steps(line, program, array, len(places), begin), places, strict=True
    ):
        offset += size * number
        strides = [x + size * s for x, s in zip(strides, own, strict=True)]
    return offset, tuple(strides)


def affine(line: Line) -> tuple[int, tuple[int, ...]]:
    """Read an affine number: the offset and the strides."""
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


def _sum(line: Line, program: Program) -> tuple[int, tuple[int, ...], list[Part]]:
    """Read one place: what is affine of it, and the parts that are not."""
    offset, strides, parts = 0, [0] * len(line.indices), list[Part]()
    sign = 1
    while True:
        factor = sign
        times = True
        if line.now.kind != "name" and line.now.text != "(":
            factor *= line.signed("a whole number or an index")
            times = line.accept("*")
        if not times:
            offset += factor
        elif line.now.text == "(":
            parts.append(_remainder(line, factor))
        elif line.then.text == "[":
            name = line.name("an index array")
            parts.append(Part("entry", name, *position(line, program, name), factor))
        else:
            strides[_index(line)] += factor
        if line.now.text not in ("+", "-"):
            return offset, tuple(strides), parts
        sign = 1 if line.read().text == "+" else -1


def _remainder(line: Line, scale: int) -> Part:
    """Read `(affine) mod n` or `(affine) div n`, with brackets around it where it is scaled."""
    line.require("(")
    if line.now.text == "(":
        part = _remainder(line, scale)
        _closed(line)
        return part
    offset, strides = affine(line)
    _closed(line)
    kind = line.now.text
    if kind not in ("mod", "div"):
        raise line.expected("`mod` or `div`")
    line.read()
    return Part(kind, line.integer(f"a number behind {kind}"), offset, strides, scale)


def _closed(line: Line) -> None:
    if not line.accept(")"):
        raise line.expected("`+`, `-` or `)`")


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
