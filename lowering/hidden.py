"""Reads the flags that the MLIR bindings do not show.

`overflowFlags` and `noWrapFlags` are properties without an attribute: `op.attributes` has no such entry. Only the
printed form has them, so a function with such operations is printed once, in generic form, and its flags are read in
order. (Printing single operations numbers the whole function each time, which would make it quadratic.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lowering.bindings import ir

HIDING = frozenset(
    f"llvm.{name}" for name in ("add", "sub", "mul", "shl", "trunc", "getelementptr")
)

# The name of an operation cannot occur in a string attribute: there the quotes are escaped.
_FLAGS = re.compile(
    r'"llvm\.(?:add|sub|mul|shl|trunc|getelementptr)"\([^\n]*?(?:overflowFlags|noWrapFlags) = (-?\d+) : i32'
)


def hidden_flags(
    function: ir.Operation, operations: list[tuple[str, ir.Operation]]
) -> Iterator[str]:
    """The flags of the operations in HIDING, as decimal numbers, in the order in which the function prints them."""
    if not any(name in HIDING for name, _ in operations):
        return iter(())
    text = function.get_asm(
        print_generic_op_form=True, assume_verified=True, large_elements_limit=1
    )
    return (match.group(1) for match in _FLAGS.finditer(str(text)))
