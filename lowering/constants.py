"""MLIR attributes as LLVM constants, bit for bit. Source: LangRef, "Constants"."""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator

from lowering.bindings import ir, llvm
from lowering.errors import UnsupportedConstant
from lowering.types import Types, quoted, struct_fields

# Per LLVM float type: struct code of its bits, prefix of its hexadecimal form.
_SMALL = {"half": ("e", 4, "0xH"), "bfloat": ("", 4, "0xR")}


def float_literal(bits: int, type_text: str) -> str:
    """The LLVM literal of the float with these bits.

    half and bfloat have hexadecimal forms of their own; float is written as the double of the same
    value, whose bits are found here by hand because a conversion by the processor would quiet a
    signalling nan.
    """
    if type_text == "double":
        return f"0x{bits:016X}"
    if type_text == "float":
        return f"0x{_widen(bits):016X}"
    if type_text in _SMALL:
        return f"{_SMALL[type_text][2]}{bits:04X}"
    raise UnsupportedConstant(
        f"cannot write a constant of type {type_text}: only half, bfloat, float and double are "
        f"supported"
    )


def _widen(bits: int) -> int:
    """The bits of the double that equals the float with these bits."""
    sign, exponent, fraction = bits >> 31, bits >> 23 & 0xFF, bits & 0x7FFFFF
    if exponent == 0xFF:
        return sign << 63 | 0x7FF << 52 | fraction << 29
    value: int
    (value,) = struct.unpack("<Q", struct.pack("<d", *struct.unpack("<f", struct.pack("<I", bits))))
    return value


def _float_bits(value: float, type_text: str) -> int:
    """The bits of a finite value that the type represents exactly."""
    bits: int
    if type_text == "double":
        (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    elif type_text == "half":
        (bits,) = struct.unpack("<H", struct.pack("<e", value))
    else:
        (bits,) = struct.unpack("<I", struct.pack("<f", value))
        if type_text == "bfloat":
            bits >>= 16
    return bits


_HEXADECIMAL = re.compile(r"0x[0-9A-Fa-f]+")


def _float_attribute(attribute: ir.FloatAttr, type_text: str) -> str:
    value = attribute.value
    if value - value == 0.0:  # finite
        if type_text in ("x86_fp80", "fp128"):
            return float_literal(0, type_text)
        return float_literal(_float_bits(value, type_text), type_text)
    # MLIR prints what is not finite by its bits; Python's float may have lost the payload of a nan.
    match = _HEXADECIMAL.match(str(attribute))
    if match is None:
        raise _unsupported(attribute, "its bits cannot be read")
    return float_literal(int(match.group(), 16), type_text)


def _integer_attribute(attribute: ir.IntegerAttr, type_text: str) -> str:
    if type_text == "i1":
        return "true" if attribute.value & 1 else "false"
    width = int(type_text[1:])
    # The bindings read 64 bits; the printed form has them all.
    return str(attribute.value if width <= 64 else int(str(attribute).split(" ")[0]))


def constant(attribute: ir.Attribute, type_: ir.Type, types: Types) -> str:
    """The LLVM constant for the attribute as a value of the MLIR type, without the type in front.

    Raises UnsupportedConstant for an attribute that is none.
    """
    if isinstance(attribute, ir.FloatAttr) and not types.is_aggregate(type_):
        return _float_attribute(attribute, types.text(type_))
    if isinstance(attribute, ir.BoolAttr | ir.IntegerAttr) and not types.is_aggregate(type_):
        text = types.text(type_)
        if text[0] != "i":
            return _reinterpreted(attribute, text)
        if isinstance(attribute, ir.BoolAttr):
            return "true" if attribute.value else "false"
        return _integer_attribute(attribute, text)
    if isinstance(attribute, ir.StringAttr):
        return "c" + quoted(attribute.value_bytes)
    if isinstance(attribute, ir.DenseElementsAttr):
        return _dense(attribute, type_, types)
    if isinstance(attribute, ir.ArrayAttr):
        return _aggregate(attribute, type_, types)
    if isinstance(attribute, ir.FlatSymbolRefAttr):
        from lowering.types import identifier

        return "@" + identifier(attribute.value)
    printed = str(attribute)
    for name, text in (
        ("#llvm.zero", "zeroinitializer"),
        ("#llvm.undef", "undef"),
        ("#llvm.poison", "poison"),
    ):
        if printed == name:
            return text
    raise _unsupported(
        attribute, "it is not a number, a string, dense elements or an array of those"
    )


def zero(type_: ir.Type, types: Types) -> str:
    """The zero of the type. `llvm.mlir.zero`."""
    text = types.text(type_)
    if text.startswith("ptr"):
        return "null"
    if text[0] == "i":
        return "0"
    if text in ("float", "double"):
        return "0.0"
    return "zeroinitializer"


def _reinterpreted(attribute: ir.IntegerAttr, text: str) -> str:
    """An integer attribute on a float type gives the bits of the float; MLIR allows it."""
    return float_literal(attribute.value & 0xFFFF_FFFF_FFFF_FFFF, text)


def _aggregate(attribute: ir.ArrayAttr, type_: ir.Type, types: Types) -> str:
    if isinstance(type_, llvm.StructType):
        fields = struct_fields(type_)
        opening, closing = ("<{ ", " }>") if type_.packed else ("{ ", " }")
    elif (array := types.array(type_)) is not None:
        fields = [array.element] * array.length
        opening, closing = "[", "]"
    else:
        raise _unsupported(
            attribute, f"an array of attributes cannot be a constant of type {type_}"
        )
    parts = [
        f"{types.text(field)} {constant(element, field, types)}"
        for field, element in zip(fields, attribute, strict=True)
    ]
    return opening + ", ".join(parts) + closing


def _dense(attribute: ir.DenseElementsAttr, type_: ir.Type, types: Types) -> str:
    """Dense elements, row-major, nested as the type is nested."""
    leaf = _innermost(type_, types)
    if isinstance(leaf, ir.VectorType):
        leaf = leaf.element_type
    leaf_text = types.text(leaf)
    if attribute.is_splat:
        one = f"{leaf_text} {constant(attribute.get_splat_value(), leaf, types)}"
        return _splat(one, type_, types)
    return _nested(iter(_literals(attribute, leaf, types)), leaf_text, type_, types)


def _splat(one: str, type_: ir.Type, types: Types) -> str:
    if isinstance(type_, ir.VectorType):
        return f"splat ({one})"
    if (array := types.array(type_)) is None:
        return one.rpartition(" ")[2]
    if one.rpartition(" ")[2] in ("0", "0x0000000000000000", "0xH0000", "0xR0000", "false"):
        return "zeroinitializer"
    inner = f"{types.text(array.element)} {_splat(one, array.element, types)}"
    return "[" + ", ".join([inner] * array.length) + "]"


def _nested(literals: Iterator[str], leaf_text: str, type_: ir.Type, types: Types) -> str:
    if isinstance(type_, ir.VectorType):
        return "<" + ", ".join(f"{leaf_text} {next(literals)}" for _ in range(type_.shape[0])) + ">"
    if (array := types.array(type_)) is None:
        return next(literals)
    element = array.element
    if types.is_aggregate(element):
        element_text = types.text(element)
        rows = (
            f"{element_text} {_nested(literals, leaf_text, element, types)}"
            for _ in range(array.length)
        )
        return "[" + ", ".join(rows) + "]"
    return "[" + ", ".join(f"{leaf_text} {next(literals)}" for _ in range(array.length)) + "]"


def _innermost(type_: ir.Type, types: Types) -> ir.Type:
    """What an array of arrays has in the end."""
    while (array := types.array(type_)) is not None:
        type_ = array.element
    return type_


def table_bytes(attribute: ir.Attribute, type_: ir.Type, types: Types) -> bytes | None:
    """A large table of numbers as the bytes that it has in memory; None for anything else.

    As a string of bytes, a table of a million numbers takes LLVM and us a tenth of the time.
    """
    if sys.byteorder != "little" or not isinstance(attribute, ir.DenseElementsAttr):
        return None
    leaf = _innermost(type_, types)
    if len(attribute) < LARGE or types.text(leaf) not in _PACKED or attribute.is_splat:
        return None
    return memoryview(attribute).tobytes()


LARGE = 1000
"""From how many elements on a table is written as bytes."""

# Per LLVM type, how its elements lie in memory; the buffer protocol hands them over.
_PACKED = {"i8": "b", "i16": "h", "i32": "i", "i64": "q", "half": "H", "float": "I", "double": "Q"}


def _literals(attribute: ir.DenseElementsAttr, leaf: ir.Type, types: Types) -> list[str]:
    """The elements as literals, in row-major order."""
    text = types.text(leaf)
    if text == "i1":
        return ["true" if each else "false" for each in memoryview(attribute).tobytes()]
    if text in _PACKED:
        raw = memoryview(attribute).tobytes()
        numbers = struct.unpack(
            f"<{len(raw) // struct.calcsize(_PACKED[text])}{_PACKED[text]}", raw
        )
        if text[0] == "i":
            return [str(number) for number in numbers]
        return [float_literal(bits, text) for bits in numbers]
    return _printed(attribute, text)


_ELEMENT = re.compile(r"true|false|0x[0-9A-Fa-f]+|-?[0-9.]+(?:[eE][-+]?[0-9]+)?")


def _printed(attribute: ir.DenseElementsAttr, text: str) -> list[str]:
    """The elements of a type that has no buffer, from the printed form: iN and bfloat."""
    body = str(attribute).partition("<")[2].rpartition("> :")[0]
    if body.startswith('"0x'):  # many elements are printed as the bytes that hold them
        raw = bytes.fromhex(body[3:-1])
        width = 16 if text == "bfloat" else int(text[1:])
        size = -(-width // 8)
        numbers = [int.from_bytes(raw[i : i + size], "little") for i in range(0, len(raw), size)]
        if text == "bfloat":
            return [float_literal(number, text) for number in numbers]
        return [str(number - (number >> width - 1 << width)) for number in numbers]
    tokens = _ELEMENT.findall(body)
    if text == "bfloat":
        return [
            float_literal(int(t, 16) if t[:2] == "0x" else _float_bits(float(t), text), text)
            for t in tokens
        ]
    if text[0] != "i":
        raise _unsupported(attribute, f"elements of type {text} cannot be read")
    return tokens


def _unsupported(attribute: ir.Attribute, why: str) -> UnsupportedConstant:
    return UnsupportedConstant(f"cannot translate the attribute {attribute} to a constant: {why}")
