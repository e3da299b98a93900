"""The numbers in an MLIR attribute, read by the attribute's own element type.

In: integer, float, dense, sparse or resource attributes. Out: integers: the values of integers, the
bits of floats. What they become is decided elsewhere, by the type that the constant has.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from lowering.bindings import ir
from lowering.errors import UnsupportedConstant
from lowering.floats import FORMATS, encoded

LARGE = 1000
"""From how many elements on a table is worth keeping as bytes."""


class Kind(NamedTuple):
    """What the elements of an attribute are."""

    name: str
    """MLIR's name of the type of a number; for complex numbers, of its parts."""
    width: int
    is_float: bool
    signed: bool
    parts: int
    """How many numbers make an element: two for complex ones."""


class Printed(NamedTuple):
    """An attribute that the bindings cannot hand over: what it says, and its type."""

    text: str
    type: ir.Type

    def __str__(self) -> str:
        return self.text


class Numbers(NamedTuple):
    """The elements of an attribute, in row-major order."""

    kind: Kind
    values: list[int]
    """Two per element where elements are complex. Only one element's if all are the same."""
    splat: bool


_TOKEN = re.compile(r"true|false|0x[0-9A-Fa-f]+|-?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_BYTES = re.compile(r'\w+<"0x([0-9A-Fa-f]*)">')
_COMPLEX = re.compile(r'dense<(?:"[^"]*"|[^"<>]*)> : ((?:tensor|vector)<[^<>]*complex<\w+>>)')
_SPARSE = re.compile(r"sparse<(\[\[.*?\]\]|\d+|\[.*?\]), (.*)> : ", re.DOTALL)
_RESOURCE = re.compile(r'dense_resource<("(?:[^"\\]|\\.)*"|[\w.$-]+)>')


def kind_of(type_: ir.Type, attribute: ir.Attribute) -> Kind:
    """What a number of the type is. Raises UnsupportedConstant for what is no number."""
    text = str(type_)
    parts = 1
    if text.startswith("complex<"):
        text, parts = text[8:-1], 2
    if text in FORMATS:
        return Kind(text, FORMATS[text].width, True, True, parts)
    if text == "index":
        return Kind(text, 64, False, True, parts)
    match = re.fullmatch(r"([su]?)i(\d+)", text)
    if match is None:
        raise unreadable(attribute, f"elements of type {type_} are not numbers")
    width = int(match[2])
    # A bit counts as 0 or 1, as MLIR's own translation has it.
    return Kind(text, width, False, match[1] != "u" and text != "i1", parts)


def value_of(op: ir.Operation, name: str) -> Any:
    """The attribute of the operation; complex elements, which bindings do not know, as printed."""
    try:
        return op.attributes[name]
    except TypeError:
        match = _COMPLEX.search(str(op.get_asm(use_local_scope=True, skip_regions=True)))
        if match is None:
            raise
        return Printed(match[0], ir.Type.parse(match[1], op.context))


def number(attribute: ir.Attribute) -> Numbers:
    """The one number of an integer or float attribute."""
    typed: Any = attribute
    kind = kind_of(typed.type, attribute)
    return Numbers(kind, [_read(str(attribute).split(" ")[0], kind)], True)


def is_elements(attribute: ir.Attribute) -> bool:
    """Whether the attribute holds elements of a shape, dense, sparse or in a resource."""
    return isinstance(attribute, ir.DenseElementsAttr) or str(attribute).startswith(
        ("dense", "sparse<")
    )


def elements(attribute: ir.Attribute, resource: Callable[[str], bytes]) -> Numbers:
    """The elements of a dense, sparse or resource attribute.

    `resource` gives the bytes of a resource by its name. Raises UnsupportedConstant when the
    attribute cannot be read.
    """
    shaped = ir.ShapedType(attribute.type)
    kind = kind_of(shaped.element_type, attribute)
    if isinstance(attribute, ir.DenseElementsAttr) and not attribute.is_splat:
        data = buffer(attribute)
        if data is not None:
            return Numbers(kind, unpacked(data, kind), False)
    printed = str(attribute)
    if match := _BYTES.match(printed):  # many elements are printed as the bytes that hold them
        return Numbers(kind, unpacked(bytes.fromhex(match[1]), kind), False)
    if printed.startswith("dense<"):
        body = printed[len("dense<") :].rpartition("> :")[0]
        values = [_read(token, kind) for token in _TOKEN.findall(body)]
        return Numbers(kind, values, bool(values) and not body.startswith("["))
    if match := _RESOURCE.match(printed):
        return Numbers(kind, unpacked(resource(match[1]), kind), False)
    if match := _SPARSE.match(printed):
        return Numbers(kind, _dense(match, list(shaped.shape), kind), False)
    raise unreadable(attribute, "its elements cannot be read")


def buffer(attribute: ir.DenseElementsAttr) -> bytes | None:
    """The elements as they lie in memory, or None where the bindings do not give them."""
    try:
        return memoryview(attribute).tobytes()
    except (BufferError, ValueError, TypeError):
        return None


def unpacked(data: bytes, kind: Kind) -> list[int]:
    """The numbers that lie in the bytes, little-endian, each in as many bytes as it needs."""
    size = -(-kind.width // 8)
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}.get(size)
    signed = kind.signed and not kind.is_float
    if code is not None:
        code = code.lower() if signed else code
        return list(struct.unpack(f"<{len(data) // size}{code}", data))
    return [
        int.from_bytes(data[at : at + size], "little", signed=signed)
        for at in range(0, len(data), size)
    ]


def _read(token: str, kind: Kind) -> int:
    """The number that was printed so."""
    if token in ("true", "false"):
        return int(token == "true")
    if kind.is_float:
        # MLIR prints what is not finite by its bits.
        return int(token, 16) if token.startswith("0x") else encoded(token, FORMATS[kind.name])
    return int(token)


def _dense(match: re.Match[str], shape: list[int], kind: Kind) -> list[int]:
    """All elements of a sparse attribute."""
    places = json.loads(match[1])
    values = [_read(token, kind) for token in _TOKEN.findall(match[2])]
    count = 1
    for extent in shape:
        count *= extent
    if not isinstance(places, list):
        places = [[places] * len(shape)]
    elif not places or not isinstance(places[0], list):
        places = [places] if len(shape) > 1 else [[each] for each in places]
    if len(values) == kind.parts:
        values *= len(places)
    found = [0] * (count * kind.parts)
    for index, place in enumerate(places):
        at = 0
        for extent, coordinate in zip(shape, place, strict=True):
            at = at * extent + coordinate
        start = at * kind.parts
        found[start : start + kind.parts] = values[index * kind.parts : (index + 1) * kind.parts]
    return found


def unreadable(attribute: ir.Attribute, why: str) -> UnsupportedConstant:
    """The error for an attribute that is no constant; it prints the attribute, shortened."""
    printed = str(attribute)
    if len(printed) > 200:
        printed = f"{printed[:150]} ... {printed[-40:]}"
    return UnsupportedConstant(f"cannot translate the attribute {printed} to a constant: {why}")
