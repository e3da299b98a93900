"""MLIR types as LLVM types: `text` (as LLVM IR writes them) and `mangled` (as intrinsic names carry
them).

Source: LangRef, "Type System" and "Intrinsic Functions" (overloaded names).
"""

from __future__ import annotations

import re

from lowering.bindings import ir, llvm
from lowering.composites import Array, array, function
from lowering.errors import UnsupportedType

_PLAIN_NAME = re.compile(r"[-a-zA-Z$._][-a-zA-Z$._0-9]*\Z")

# Keyed by the printed form: most of these have no class in the bindings.
_LEAVES = {
    "f16": ("half", "f16"),
    "bf16": ("bfloat", "bf16"),
    "f32": ("float", "f32"),
    "f64": ("double", "f64"),
    "f80": ("x86_fp80", "f80"),
    "f128": ("fp128", "f128"),
    "!llvm.void": ("void", "isVoid"),
    "!llvm.metadata": ("metadata", "Metadata"),
    "!llvm.token": ("token", "token"),
    "token": ("token", "token"),
    "!llvm.label": ("label", "label"),
}

_FLOATING = {"half", "bfloat", "float", "double", "x86_fp80", "fp128"}


def is_floating(text: str) -> bool:
    """Whether values of the LLVM type may carry fast-math flags: floats, and vectors, arrays and
    structs of them. Source: FPMathOperator.
    """
    if text.startswith("{"):
        return all(map(is_floating, text.strip("{ }").split(", ")))
    return text.rpartition(" ")[2].rstrip(">]") in _FLOATING


def quoted(text: str | bytes) -> str:
    """The text between double quotes, escaped as LLVM IR wants it: `\\xx` for all that is not
    printable.
    """
    data = text.encode() if isinstance(text, str) else text
    if data.isascii() and (plain := data.decode()).isprintable() and not set(plain) & {'"', "\\"}:
        return f'"{plain}"'
    body = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:02X}" for byte in data
    )
    return f'"{body}"'


def identifier(name: str) -> str:
    """The name as it may follow `@` or `%`, in quotes when it needs them."""
    return name if _PLAIN_NAME.match(name) else quoted(name)


class Types:
    """The types of one module. Identified structs are collected on the way: `definitions` lists
    them.
    """

    def __init__(self) -> None:
        self._text: dict[ir.Type, str] = {}
        self._mangled: dict[ir.Type, str] = {}
        self._structs: dict[str, str] = {}
        self._arrays: dict[ir.Type, Array | None] = {}

    def text(self, type_: ir.Type) -> str:
        """The LLVM spelling of the type. Raises UnsupportedType."""
        found = self._text.get(type_)
        if found is None:
            found = self._text[type_] = self._spell(type_)
        return found

    def mangled(self, type_: ir.Type) -> str:
        """The type as part of the name of an overloaded intrinsic. Raises UnsupportedType."""
        found = self._mangled.get(type_)
        if found is None:
            found = self._mangled[type_] = self._mangle(type_)
        return found

    def array(self, type_: ir.Type) -> Array | None:
        """The length and element of an array type; None for any other type."""
        if type_ not in self._arrays:
            self._arrays[type_] = array(type_)
        return self._arrays[type_]

    def is_aggregate(self, type_: ir.Type) -> bool:
        """Whether constants of the type have parts: vectors, arrays, structs."""
        return isinstance(type_, llvm.StructType | ir.VectorType) or self.array(type_) is not None

    def definitions(self) -> list[str]:
        """One line per identified struct that any type so far has mentioned."""
        return [f"{name} = type {body}" for name, body in self._structs.items()]

    def _spell(self, type_: ir.Type) -> str:
        if isinstance(type_, ir.IntegerType):
            if not type_.is_signless:
                raise _unsupported(type_, "the llvm dialect has signless integers only")
            return f"i{type_.width}"
        if isinstance(type_, llvm.PointerType):
            return f"ptr addrspace({type_.address_space})" if type_.address_space else "ptr"
        if isinstance(type_, ir.VectorType):
            return f"<{_lanes(type_)} x {self.text(type_.element_type)}>"
        if isinstance(type_, llvm.StructType):
            return self._struct(type_)
        if (found := self.array(type_)) is not None:
            return f"[{found.length} x {self.text(found.element)}]"
        if (signature := function(type_)) is not None:
            # What an indirect or variadic call spells out.
            inputs = [self.text(each) for each in signature.inputs]
            if signature.variadic:
                inputs.append("...")
            return f"{self.text(signature.result)} ({', '.join(inputs)})"
        leaf = _LEAVES.get(str(type_))
        if leaf is None:
            raise _unsupported(type_, "it has no LLVM counterpart here")
        return leaf[0]

    def _struct(self, type_: llvm.StructType) -> str:
        name = type_.name
        if name is None:
            return self._body(type_)
        spelled = "%" + identifier(name)
        if spelled not in self._structs:
            self._structs[spelled] = "opaque"  # holds the place, should the body mention it
            if not type_.opaque:
                self._structs[spelled] = self._body(type_)
        return spelled

    def _body(self, type_: llvm.StructType) -> str:
        fields = "{ " + ", ".join(self.text(each) for each in struct_fields(type_)) + " }"
        if fields == "{  }":
            fields = "{}"
        return f"<{fields}>" if type_.packed else fields

    def _mangle(self, type_: ir.Type) -> str:
        if isinstance(type_, ir.IntegerType):
            return f"i{type_.width}"
        if isinstance(type_, llvm.PointerType):
            return f"p{type_.address_space}"
        if isinstance(type_, ir.VectorType):
            return f"v{_lanes(type_)}{self.mangled(type_.element_type)}"
        if (found := self.array(type_)) is not None:
            return f"a{found.length}{self.mangled(found.element)}"
        if isinstance(type_, llvm.StructType):
            if type_.name is not None:
                return f"s_{type_.name}s"
            return "sl_" + "".join(self.mangled(each) for each in struct_fields(type_)) + "s"
        leaf = _LEAVES.get(str(type_))
        if leaf is None:
            raise _unsupported(type_, "it cannot be part of an intrinsic's name")
        return leaf[1]


def struct_fields(type_: llvm.StructType) -> list[ir.Type]:
    """The types of the fields, in order."""
    body = type_.body
    return list(body) if body else []


def _lanes(type_: ir.VectorType) -> int:
    if type_.rank != 1:
        raise _unsupported(
            type_, "LLVM vectors have one dimension; use !llvm.array<n x vector<...>>"
        )
    if type_.scalable:
        raise _unsupported(type_, "scalable vectors are not supported; use a fixed number of lanes")
    return int(type_.shape[0])


def _unsupported(type_: ir.Type, why: str) -> UnsupportedType:
    return UnsupportedType(f"cannot translate the type {type_}: {why}")
