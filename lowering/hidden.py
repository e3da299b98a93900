"""Reads the flags that the MLIR bindings do not show.

`overflowFlags` and `noWrapFlags` are properties without an attribute: `op.attributes` has no such
entry. Only the printed form has them, so a function with such operations is printed once, in
generic form, and its flags are read in order. (Printing single operations numbers the whole
function each time, which would make it quadratic.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lowering.bindings import ir
from lowering.errors import LoweringError

HIDING = frozenset(
    f"llvm.{name}" for name in ("add", "sub", "mul", "shl", "trunc", "getelementptr")
)

# Line by line, because a string attribute may hold anything but a line break, which is escaped in
# it.
_OPERATION = re.compile(
    rb"^ *%\S+ = llvm\.(?:(?:add|sub|mul|shl) %\S+ %\S+|trunc %\S+|getelementptr)"
    rb"(?: (overflow<[^>]*>|[a-z|]+ ))?",
    re.MULTILINE,
)
_FLAGS = {
    None: 0,
    b"overflow<none>": 0,
    b"overflow<nsw>": 1,
    b"overflow<nuw>": 2,
    b"overflow<nsw, nuw>": 3,
    b"nusw ": 2,
    b"inbounds ": 3,
    b"nuw ": 4,
    b"nusw|nuw ": 6,
    b"inbounds|nuw ": 7,
}


def hidden_flags(
    function: ir.Operation, operations: Iterable[tuple[str, ir.Operation]]
) -> Iterator[int]:
    """The flags of the operations in HIDING, in the order in which the function prints them.

    Requires that the function is verified. Cost: prints the function, if it has such operations.
    """
    count = sum(name in HIDING for name, _ in operations)
    if not count:
        return iter(())
    text: Any = function.get_asm(
        binary=True, assume_verified=True, use_local_scope=True, large_elements_limit=1
    )
    flags = [_FLAGS[match.group(1)] for match in _OPERATION.finditer(text)]
    if len(flags) != count:
        raise LoweringError(
            f"read the flags of {len(flags)} operations, not of {count}: these MLIR bindings print "
            "them in another way; install the jaxlib that this package asks for"
        )
    return iter(flags)
