"""Attributes of arguments and results. Source: LangRef, "Parameter Attributes".

Attributes of other dialects are dropped; one of the llvm dialect that is not in these tables is an
error, because it may change the meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lowering.bindings import ir
from lowering.errors import UnsupportedAttribute
from lowering.types import Types

_UNITS = set(
    str.split(
        "noalias nonnull noundef nocapture readonly readnone writeonly returned nofree nest "
        "signext zeroext inreg immarg "
        "swiftself swiftasync swifterror allocalign allocptr noext writable dead_on_unwind"
    )
)
_NUMBERS = {
    "align": "align {}",
    "dereferenceable": "dereferenceable({})",
    "dereferenceable_or_null": "dereferenceable_or_null({})",
    "alignstack": "alignstack({})",
    "dead_on_return": "dead_on_return({})",
    "nofpclass": "nofpclass({})",
}
_TYPES = {
    "byval": "byval",
    "byref": "byref",
    "sret": "sret",
    "inalloca": "inalloca",
    "preallocated": "preallocated",
    "elementtype": "elementtype",
    "element_type": "elementtype",
}
_RANGE = re.compile(r"<(i\d+), (-?\d+), (-?\d+)>")


def named(dictionary: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a dictionary attribute."""
    for index in range(len(dictionary)):
        entry = dictionary[index]
        yield entry.name, entry.attr


def parameter(dictionary: Any, types: Types) -> str:
    """The attributes of one argument or result, each with a space behind.

    Raises UnsupportedAttribute for one of the llvm dialect that is not known.
    """
    parts = []
    for full_name, attribute in named(dictionary):
        dialect, _, name = full_name.partition(".")
        if dialect != "llvm" and name:
            continue
        text = _spelled(name or dialect, attribute, types)
        if text is None:
            raise UnsupportedAttribute(
                f"cannot translate the argument attribute `{full_name} = {attribute}`: remove it"
            )
        parts.append(text + " ")
    return "".join(parts)


def _spelled(name: str, attribute: Any, types: Types) -> str | None:
    """The attribute in LLVM IR, or None where there is no such form."""
    if isinstance(attribute, ir.UnitAttr):
        return name if name in _UNITS or name == "dead_on_return" else None
    if name in _NUMBERS and isinstance(attribute, ir.IntegerAttr):
        return _NUMBERS[name].format(attribute.value)
    if name in _TYPES and isinstance(attribute, ir.TypeAttr):
        return f"{_TYPES[name]}({types.text(attribute.value)})"
    if name == "range" and (match := _RANGE.search(str(attribute))) is not None:
        return f"range({match[1]} {match[2]}, {match[3]})"
    return None


def parameters(attributes: Any, types: Types, count: int) -> list[str]:
    """Per argument its attributes, from an array of dictionaries or None."""
    if attributes is None:
        return [""] * count
    if len(attributes) != count:
        raise UnsupportedAttribute(
            f"cannot translate the attributes {attributes}: they are for {len(attributes)} "
            f"arguments or results, and there are {count}"
        )
    return [parameter(each, types) for each in attributes]
