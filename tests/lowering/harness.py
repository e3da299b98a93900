"""Runs compiled functions through ctypes, and reads the checks in the corpus.

A corpus file says in comments what to call and what must come out:

    // f : i32 (i32, *f32)
    // f(3, [1.0, 2.0]) == 7 & [2.0, 2.0]

`*f32` is a pointer to a buffer; behind `&` stand the buffers' contents after the call. Without
`==`, the two translations are only compared with each other.
"""

from __future__ import annotations

import ast
import ctypes
import math
import re
from dataclasses import dataclass
from typing import Any

import pytest
from oracle import generic, with_alignments

from lowering import NativeModule
from lowering.bindings import context, ir

CTYPES: dict[str, Any] = {
    "i1": ctypes.c_uint8,
    "i8": ctypes.c_int8,
    "i16": ctypes.c_int16,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "f32": ctypes.c_float,
    "f64": ctypes.c_double,
    "void": None,
}

_SIGNATURE = re.compile(r"^\s*// (\w+) : (\w+) \((.*)\)$", re.MULTILINE)
_CALL = re.compile(r"^\s*// (\w+)(\(.*?\))(?: == (.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Signature:
    """A C function: its result and its arguments, as MLIR writes them."""

    result: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One call, and what must come out where that is given: the result, then the buffers."""

    name: str
    signature: Signature
    arguments: tuple[Any, ...]
    expected: tuple[Any, ...] | None

    def __str__(self) -> str:
        return f"{self.name}{self.arguments}"


def parse(text: str) -> ir.Module:
    """The module of the text, as LLVM 22 writes it, in a context of its own.

    Later versions write some operations in another way; for them the text is put into the generic
    form, which all of them read. Skips the test where that needs a tool that is not there, and
    where they have stopped to accept what it says.
    """
    try:
        return ir.Module.parse(text, context())
    except ir.MLIRError as error:
        if "strict properties" not in str(error) and not _needs_generic_form(text):
            raise
    try:
        return ir.Module.parse(with_alignments(generic(text), 64), context())
    except ir.MLIRError as error:
        if any(each in str(error) for each in REFUSED):
            pytest.skip(f"these bindings no longer accept the module: {error}")
        raise


REFUSED = (
    "have different integer element types",
    "Invalid attribute `function_entry_count`",
)
"""What versions after 22 say of modules that were valid before."""


def _needs_generic_form(text: str) -> bool:
    """Whether the text has an operation that later versions write, not mean, in another way."""
    return any(name in text for name in ("llvm.intr.masked.", "llvm.intr.matrix."))


def checks(text: str) -> list[Check]:
    """The checks in the comments of a corpus file."""
    signatures = {
        name: Signature(result, tuple(filter(None, arguments.split(", "))))
        for name, result, arguments in _SIGNATURE.findall(text)
    }
    found = []
    for name, arguments, expected in _CALL.findall(text):
        values = ast.literal_eval(arguments[:-1] + ",)" if arguments != "()" else "()")
        parts = expected.split(" & ") if expected else []
        outcome = tuple(map(ast.literal_eval, parts)) if expected else None
        found.append(Check(name, signatures[name], values, outcome))
    return found


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value


def call(native: NativeModule, name: str, signature: Signature, *arguments: Any) -> list[bytes]:
    """What the call gives: the bytes of the result, then those of each buffer."""
    buffers = []
    passed = []
    for type_, value in zip(signature.arguments, arguments, strict=True):
        if type_[0] == "*":
            buffer = (CTYPES[type_[1:]] * len(value))(*map(_number, value))
            buffers.append(buffer)
            passed.append(ctypes.cast(buffer, ctypes.c_void_p))
        else:
            passed.append(CTYPES[type_](_number(value)))
    types = [ctypes.c_void_p if each[0] == "*" else CTYPES[each] for each in signature.arguments]
    function = ctypes.CFUNCTYPE(CTYPES[signature.result], *types)(native.address(name))
    result = function(*passed)
    if signature.result == "i1":
        result &= 1  # the other bits of the register mean nothing
    outcome = [] if signature.result == "void" else [bytes(CTYPES[signature.result](result))]
    return [*outcome, *map(bytes, buffers)]


def values(signature: Signature, outcome: list[bytes]) -> list[Any]:
    """The result and the buffers as Python values."""
    types = [signature.result, *(each[1:] for each in signature.arguments if each[0] == "*")]
    found: list[Any] = []
    for index, (type_, data) in enumerate(zip(types, outcome, strict=True)):
        element = CTYPES[type_]
        several = list((element * (len(data) // ctypes.sizeof(element))).from_buffer_copy(data))
        found.append(several[0] if index == 0 else several)
    return found


def equal(left: Any, right: Any) -> bool:
    """Equality in which nan equals nan and the zeros differ."""
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    left, right = _number(left), _number(right)
    if isinstance(left, float) and isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        # Where f32 computed what the check gives as f64, the check is rounded.
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return bool(left == right)
