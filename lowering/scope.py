"""Where operations are written to: the module's shared tables and one function's lines and names.

Invariant: instructions of a function are numbered in the order of their lines, as LLVM IR demands
of unnamed values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lowering.bindings import ir
from lowering.errors import LoweringError, UnsupportedConstant, UnsupportedOperation
from lowering.types import Types

_RESOURCE = re.compile(r'^\s*("(?:[^"\\]|\\.)*"|[\w.$-]+): "0x([0-9A-Fa-f]*)"', re.MULTILINE)


class ModuleScope:
    """What the functions of one module share: types, metadata and the flags that MLIR hides."""

    def __init__(self, operation: ir.Operation) -> None:
        self.operation = operation
        self._resources: dict[str, str] | None = None
        self.types = Types()
        self.constants: dict[tuple[ir.Attribute, ir.Type], str] = {}
        """What `constant` gave for a number of a type."""
        self.fastmath: dict[ir.Attribute | None, str] = {None: ""}
        self._zeros: dict[ir.Attribute | None, bool] = {}
        self._metadata: dict[str, str] = {}
        self._lines: list[str] = []
        self._unit = self._version = ""
        self.alias_hints: Callable[[ir.Operation], str] = lambda op: ""
        """Set by `translate`: the alias scopes of an access, as metadata."""
        self.declare_scope: Callable[[ir.Operation], str] = lambda op: ""
        """Set by `translate`: the declaration of an alias scope, as a call."""

    def is_zero(self, attribute: ir.Attribute | None) -> bool:
        """Whether it is an integer attribute of value 0. Cost: that of a dict look-up."""
        found = self._zeros.get(attribute)
        if found is None:
            found = isinstance(attribute, ir.IntegerAttr) and not attribute.value
            self._zeros[attribute] = found
        return found

    def resource(self, name: str) -> bytes:
        """The bytes of a resource of the module, by the name that is printed for it.

        Cost: the first call prints the module, which alone shows them.
        """
        if self._resources is None:
            printed = str(self.operation.get_asm(large_elements_limit=1, assume_verified=True))
            _, _, section = printed.rpartition("\n{-#")
            self._resources = dict(_RESOURCE.findall(section))
        text = self._resources.get(name)
        if text is None:
            raise UnsupportedConstant(
                f"cannot translate dense_resource<{name}> to a constant: the module does not hold "
                "its data"
            )
        return bytes.fromhex(text)[4:]  # behind the alignment

    def metadata(self, body: str) -> str:
        """The reference (`!7`) of the node with this body; equal bodies share one node."""
        found = self._metadata.get(body)
        if found is None:
            found = self._metadata[body] = self.distinct(body)
        return found

    def distinct(self, body: str) -> str:
        """The reference of a new node. `{self}` in the body stands for the node itself."""
        reference = f"!{len(self._lines)}"
        marked = body.replace("{self}", reference)
        prefix = "distinct " if marked != body else ""
        self._lines.append(f"{reference} = {prefix}{marked}")
        return reference

    def unit(self, file: str) -> str:
        """The reference of what debug metadata is a part of, made when it is first asked for."""
        if not self._unit:
            self._unit = self.distinct(
                f"distinct !DICompileUnit(language: DW_LANG_C, file: {file}, isOptimized: true, "
                "runtimeVersion: 0, emissionKind: LineTablesOnly)"
            )
            self._version = self.metadata('!{i32 2, !"Debug Info Version", i32 3}')
        return self._unit

    def metadata_lines(self) -> list[str]:
        """The definitions of all nodes, in the order of their numbers, and what names them."""
        if not self._unit:
            return self._lines
        named = f"!llvm.dbg.cu = !{{{self._unit}}}", f"!llvm.module.flags = !{{{self._version}}}"
        return [*named, *self._lines]

    def flags(self, attribute: ir.Attribute | None) -> str:
        """Fast-math flags with a space behind, or nothing."""
        found = self.fastmath.get(attribute)
        if found is None:
            # Printed as `#llvm.fastmath<contract, reassoc>`; LLVM takes the flags in any order.
            body = str(attribute).partition("<")[2].rstrip(">")
            found = "" if body == "none" else body.replace(",", "") + " "
            self.fastmath[attribute] = found
        return found


class Scope:
    """One function while it is being written."""

    __slots__ = (
        "block",
        "blocks",
        "count",
        "edges",
        "hidden",
        "lines",
        "module",
        "name",
        "source",
        "types",
        "values",
    )

    def __init__(self, module: ModuleScope, name: str, hidden: Iterator[int]) -> None:
        self.module = module
        self.types = module.types
        self.name = name
        self.hidden = hidden
        """The flags that MLIR prints and its bindings do not show, in the order of the
        operations.
        """
        self.values: dict[ir.Value, tuple[str, str]] = {}
        """Per SSA value, its LLVM type and its name or literal."""
        self.lines: list[str] = []
        self.count = 0
        self.block = ""
        self.blocks: dict[ir.Block, str] = {}
        self.edges: dict[ir.Block, list[tuple[str, list[ir.Value]]]] = {}
        """Per block, who branches to it and with which values."""
        self.source: Callable[[ir.Operation], str] | None = None
        """What to write behind the instructions of an operation, of the lines of a source."""

    def define(self, op: ir.Operation, type_: str, text: str) -> None:
        """Writes an instruction; its result gets the next number."""
        name = f"%{self.count}"
        self.count += 1
        self.values[op.result] = (type_, name)
        self.lines.append(f"  {name} = {text}")

    def write(self, op: ir.Operation, type_: str, text: str) -> None:
        """Writes an instruction that has a result, unless its type is void."""
        if type_ == "void":
            self.lines.append("  " + text)
        else:
            self.define(op, type_, text)

    def bind(self, op: ir.Operation, type_: str, text: str) -> None:
        """Makes the result stand for a constant; writes nothing."""
        self.values[op.result] = (type_, text)

    def typed(self, value: ir.Value) -> str:
        """The value with its type in front, as operands are written."""
        type_, name = self.values[value]
        return f"{type_} {name}"


def unsupported(op: ir.Operation, why: str) -> UnsupportedOperation:
    """The error for an operation that cannot be translated."""
    return UnsupportedOperation(f"cannot translate `{op.name}`: {why}")


def located(error: Exception, op: ir.Operation | None, symbol: str) -> LoweringError:
    """The error, with the operation that it came from, printed, and the function or global that
    this is in. One that nobody raised on purpose becomes an UnsupportedOperation.
    """
    where = f"\n  in: {_printed(op)}" if op is not None else ""
    where += f"\n  of: @{symbol}" if symbol else ""
    if isinstance(error, LoweringError):
        return type(error)(f"{error}{where}")
    name = op.name if op is not None else "a module"
    return UnsupportedOperation(
        f"cannot translate `{name}`: this form of it was not expected "
        f"({type(error).__name__}: {error}){where}"
    )


def _printed(op: ir.Operation) -> str:
    text = str(
        op.get_asm(
            use_local_scope=True, assume_verified=True, skip_regions=True, large_elements_limit=16
        )
    )
    return text if len(text) < 1000 else text[:1000] + " ..."
