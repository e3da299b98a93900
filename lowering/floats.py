"""Floating-point formats: the bits of a number, and LLVM's literals.

In: numbers as MLIR prints them, or their bits. Out: bits, or text that LLVM reads back bit for bit.
Source: LangRef, "Simple Constants"; MLIR's builtin float types.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from lowering.errors import UnsupportedConstant
from lowering.late import importing


class Format(NamedTuple):
    """How a floating-point type spends its bits."""

    width: int
    exponent: int
    fraction: int
    bias: int
    leading: bool = False
    """Whether the bit in front of the fraction is stored."""
    signed: bool = True


FORMATS = {
    "f64": Format(64, 11, 52, 1023),
    "f32": Format(32, 8, 23, 127),
    "f16": Format(16, 5, 10, 15),
    "bf16": Format(16, 8, 7, 127),
    "f80": Format(80, 15, 63, 16383, leading=True),
    "f128": Format(128, 15, 112, 16383),
    "tf32": Format(19, 8, 10, 127),
    "f8E5M2": Format(8, 5, 2, 15),
    "f8E4M3": Format(8, 4, 3, 7),
    "f8E4M3FN": Format(8, 4, 3, 7),
    "f8E5M2FNUZ": Format(8, 5, 2, 16),
    "f8E4M3FNUZ": Format(8, 4, 3, 8),
    "f8E4M3B11FNUZ": Format(8, 4, 3, 11),
    "f8E3M4": Format(8, 3, 4, 3),
    "f4E2M1FN": Format(4, 2, 1, 1),
    "f6E2M3FN": Format(6, 2, 3, 1),
    "f6E3M2FN": Format(6, 3, 2, 3),
    "f8E8M0FNU": Format(8, 8, 0, 127, signed=False),
}
"""By MLIR's name of the type."""

OF_LLVM = {
    "half": "f16",
    "bfloat": "bf16",
    "float": "f32",
    "double": "f64",
    "x86_fp80": "f80",
    "fp128": "f128",
}
"""MLIR's name of LLVM's floating-point types."""


def encoded(number: str, format_: Format) -> int:
    """The bits of the number, rounded to the nearest, ties to even.

    Requires that it is finite and in the range of the format: MLIR prints what is not by its bits.

    >>> hex(encoded("-1.5", FORMATS["f16"])), hex(encoded("1e-45", FORMATS["f32"]))
    ('0xbe00', '0x1')
    """
    if format_ is FORMATS["f64"]:
        return int.from_bytes(struct.pack(">d", float(number)), "big")
    with importing:
        from fractions import Fraction
    value = Fraction(number)
    sign = number.startswith("-") and format_.signed
    value = abs(value)
    least = 1 - format_.bias if format_.signed else -format_.bias
    exponent = least
    if value:
        exponent = value.numerator.bit_length() - value.denominator.bit_length()
        if Fraction(2) ** exponent > value:
            exponent -= 1
        exponent = max(exponent, least)
    scaled = value / Fraction(2) ** (exponent - format_.fraction)
    mantissa = round(scaled)
    if mantissa >> format_.fraction + 1:
        mantissa, exponent = mantissa >> 1, exponent + 1
    normal = mantissa >> format_.fraction
    stored = exponent + format_.bias if normal else 0
    kept = format_.fraction + format_.leading
    bits = stored << kept | mantissa & (1 << kept) - 1
    return sign << format_.width - 1 | bits


def literal(bits: int, type_text: str) -> str:
    """The LLVM literal of the float with these bits.

    Every type but float and double has a hexadecimal form of its own; float is written as the
    double of the same value, whose bits are found by hand because a conversion by the processor
    would quiet a signalling nan.

    Raises UnsupportedConstant for a type whose constants cannot be written.
    """
    if type_text == "double":
        return f"0x{bits:016X}"
    if type_text == "float":
        return f"0x{_widened(bits):016X}"
    if type_text == "half":
        return f"0xH{bits:04X}"
    if type_text == "bfloat":
        return f"0xR{bits:04X}"
    if type_text == "x86_fp80":
        return f"0xK{bits:020X}"
    if type_text == "fp128":
        return f"0xL{bits & 0xFFFF_FFFF_FFFF_FFFF:016X}{bits >> 64:016X}"
    raise UnsupportedConstant(
        f"cannot write a floating-point constant of type {type_text}: expected one of "
        f"{', '.join(OF_LLVM)}"
    )


def _widened(bits: int) -> int:
    """The bits of the double that equals the float with these bits."""
    sign, exponent, fraction = bits >> 31, bits >> 23 & 0xFF, bits & 0x7FFFFF
    if exponent == 0xFF:
        return sign << 63 | 0x7FF << 52 | fraction << 29
    if exponent == 0:
        if not fraction:
            return sign << 63
        shift = 24 - fraction.bit_length()
        exponent, fraction = 1 - shift, fraction << shift & 0x7FFFFF
    return sign << 63 | exponent + 1023 - 127 << 52 | fraction << 29
