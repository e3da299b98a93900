"""MLIR attributes as LLVM constants, bit for bit.

A number is read by the type that the attribute states and written by the type that the constant
has: an integer is extended or truncated, a float keeps its bits. Source: LangRef, "Constants".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from lowering.bindings import ir, llvm
from lowering.elements import (
    LARGE,
    Kind,
    Numbers,
    buffer,
    elements,
    is_elements,
    kind_of,
    number,
    unreadable,
)
from lowering.floats import FORMATS, OF_LLVM, literal
from lowering.scope import ModuleScope
from lowering.types import Types, identifier, quoted, struct_fields

_PLAIN = {"#llvm.zero": "zeroinitializer", "#llvm.undef": "undef", "#llvm.poison": "poison"}

# More elements than anybody's table has, and than LLVM can hold one by one.
_MOST = 1 << 26


def constant(attribute: ir.Attribute, type_: ir.Type, module: ModuleScope) -> str:
    """The LLVM constant for the attribute as a value of the MLIR type, without the type in front.

    Raises UnsupportedConstant for an attribute that is none.
    """
    if isinstance(attribute, ir.FloatAttr | ir.BoolAttr | ir.IntegerAttr):
        if module.types.is_aggregate(type_):
            raise unreadable(attribute, f"one number cannot be a constant of type {type_}")
        found = module.constants.get((attribute, type_))
        if found is None:
            kind, (value,), _ = number(attribute)
            found = _literal(attribute, value, kind, module.types.text(type_))
            module.constants[attribute, type_] = found
        return found
    if isinstance(attribute, ir.StringAttr):
        return "c" + quoted(attribute.value_bytes)
    if isinstance(attribute, ir.ArrayAttr):
        return _aggregate(attribute, type_, module)
    if isinstance(attribute, ir.FlatSymbolRefAttr):
        return "@" + identifier(attribute.value)
    if is_elements(attribute):
        return _elements(attribute, type_, module)
    if (plain := _PLAIN.get(str(attribute))) is not None:
        return plain
    raise unreadable(attribute, "it is not a number, a string, elements or an array of those")


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


def _literal(attribute: ir.Attribute, value: int, kind: Kind, text: str) -> str:
    """The number as a value of a type that is no aggregate.

    Raises UnsupportedConstant where that would not be the same number or the same bits.
    """
    if text[0] == "i" and text[1:].isdigit():
        width = int(text[1:])
        if kind.is_float and kind.width != width:
            raise unreadable(
                attribute,
                f"{text} does not have the {kind.width} bits of {kind.name}; give the number in "
                f"the type of the constant",
            )
        if text == "i1":
            return "true" if value & 1 else "false"
        value &= (1 << width) - 1
        return str(value - (value >> width - 1 << width))
    if (name := OF_LLVM.get(text)) is not None:
        if kind.name == name or (not kind.is_float and kind.width == FORMATS[name].width):
            return literal(value & (1 << kind.width) - 1, text)
        raise unreadable(
            attribute, f"{text} cannot hold a {kind.name}; give the number in that type"
        )
    raise unreadable(attribute, f"a number cannot be a constant of type {text}")


def _aggregate(attribute: ir.ArrayAttr, type_: ir.Type, module: ModuleScope) -> str:
    if isinstance(type_, llvm.StructType):
        fields = struct_fields(type_)
        opening, closing = ("<{ ", " }>") if type_.packed else ("{ ", " }")
    elif (array := module.types.array(type_)) is not None:
        fields = [array.element] * array.length
        opening, closing = "[", "]"
    else:
        raise unreadable(attribute, f"an array of attributes cannot be a constant of type {type_}")
    if len(fields) != len(attribute):
        raise unreadable(
            attribute, f"it has {len(attribute)} elements, and the type {type_} {len(fields)}"
        )
    parts = [
        f"{module.types.text(field)} {constant(element, field, module)}"
        for field, element in zip(fields, attribute, strict=True)
    ]
    return opening + ", ".join(parts) + closing if parts else "zeroinitializer"


def _innermost(type_: ir.Type, types: Types) -> tuple[int, ir.Type]:
    """How many elements an array of arrays has in the end, and of which type they are."""
    count = 1
    while (array := types.array(type_)) is not None:
        count, type_ = count * array.length, array.element
    return count, type_


def _elements(attribute: ir.Attribute, type_: ir.Type, module: ModuleScope) -> str:
    """Elements, row-major, nested as the type is nested."""
    count, leaf = _innermost(type_, module.types)
    if isinstance(leaf, ir.VectorType):
        count, leaf = count * leaf.shape[0], leaf.element_type
    numbers = elements(attribute, module.resource)
    expected = numbers.kind.parts * (1 if numbers.splat else count)
    if len(numbers.values) != expected and count:
        raise unreadable(
            attribute,
            f"it has {len(numbers.values)} numbers, and the type {type_} takes {expected}",
        )
    if not count or not any(numbers.values):
        if count and not module.types.is_aggregate(type_):
            return next(_leaves(attribute, numbers, leaf, module.types))
        return "zeroinitializer"
    if count > _MOST:
        raise unreadable(attribute, f"{count} elements are too many to write out")
    leaf_text = module.types.text(leaf)
    leaves = _leaves(attribute, numbers, leaf, module.types)
    if numbers.splat:
        return _splat(f"{leaf_text} {next(leaves)}", type_, module.types)
    return _nested(leaves, leaf_text, type_, module.types)


def _leaves(
    attribute: ir.Attribute, numbers: Numbers, leaf: ir.Type, types: Types
) -> Iterator[str]:
    """The constants of the elements, each of the type `leaf`."""
    kind = numbers.kind
    if kind.parts == 1:
        text = types.text(leaf)
        return (_literal(attribute, value, kind, text) for value in numbers.values)
    fields = struct_fields(leaf) if isinstance(leaf, llvm.StructType) else []
    if len(fields) != 2:
        raise unreadable(attribute, f"a complex number is a struct of two, not a {leaf}")
    texts = [types.text(field) for field in fields]
    opening, closing = ("<{ ", " }>") if leaf.packed else ("{ ", " }")
    pairs = zip(numbers.values[::2], numbers.values[1::2], strict=True)
    return (
        opening
        + ", ".join(
            f"{text} {_literal(attribute, value, kind, text)}"
            for text, value in zip(texts, pair, strict=True)
        )
        + closing
        for pair in pairs
    )


def _splat(one: str, type_: ir.Type, types: Types) -> str:
    """The aggregate whose elements all are `one`, which has its type in front."""
    if isinstance(type_, ir.VectorType):
        return f"splat ({one})"
    if (array := types.array(type_)) is None:
        return one.removeprefix(types.text(type_) + " ")
    inner = f"{types.text(array.element)} {_splat(one, array.element, types)}"
    return "[" + ", ".join([inner] * array.length) + "]"


def _nested(leaves: Iterator[str], leaf_text: str, type_: ir.Type, types: Types) -> str:
    if isinstance(type_, ir.VectorType):
        return "<" + ", ".join(f"{leaf_text} {next(leaves)}" for _ in range(type_.shape[0])) + ">"
    if (array := types.array(type_)) is None:
        return next(leaves)
    element = array.element
    if isinstance(element, ir.VectorType) or types.array(element) is not None:
        element_text = types.text(element)
        rows = (
            f"{element_text} {_nested(leaves, leaf_text, element, types)}"
            for _ in range(array.length)
        )
        return "[" + ", ".join(rows) + "]"
    return "[" + ", ".join(f"{leaf_text} {next(leaves)}" for _ in range(array.length)) + "]"


# Per LLVM type, the size of an element in memory: without padding bits.
_PACKED = {"i8": 1, "i16": 2, "i32": 4, "i64": 8, "half": 2, "bfloat": 2, "float": 4, "double": 8}


def table_bytes(attribute: ir.Attribute, type_: ir.Type, module: ModuleScope) -> bytes | None:
    """A large table of numbers as the bytes that it has in memory; None for anything else.

    As a string of bytes, a table of a million numbers takes LLVM and us a tenth of the time.
    """
    if sys.byteorder != "little" or not isinstance(attribute, ir.DenseElementsAttr):
        return None
    count, leaf = _innermost(type_, module.types)
    if len(attribute) < LARGE or len(attribute) != count or attribute.is_splat:
        return None
    text = module.types.text(leaf)
    shaped: Any = ir.ShapedType(attribute.type)
    kind = kind_of(shaped.element_type, attribute)
    if _PACKED.get(text, 0) * 8 != kind.width or kind.parts != 1:
        return None
    if text in OF_LLVM and kind.is_float and kind.name != OF_LLVM[text]:
        return None
    return buffer(attribute)
