"""The one table from operation names to what writes them."""

from __future__ import annotations

from lowering import (
    aggregates,
    arithmetic,
    calls,
    control,
    exceptions,
    intrinsics,
    literals,
    memory,
)
from lowering.arithmetic import Writer
from lowering.bindings import ir
from lowering.scope import Scope, unsupported


def _unknown(scope: Scope, op: ir.Operation) -> None:
    if op.name.startswith("llvm."):
        raise unsupported(
            op,
            "no translation is written for it; `lowering/operations.py` lists those that there are",
        )
    raise unsupported(
        op, "it is not of the llvm dialect; convert the module to the llvm dialect first"
    )


class _Table(dict[str, Writer]):
    def __missing__(self, name: str) -> Writer:
        return _unknown


WRITERS = _Table(
    {
        **literals.WRITERS,
        **arithmetic.WRITERS,
        **memory.WRITERS,
        **aggregates.WRITERS,
        **calls.WRITERS,
        **control.WRITERS,
        **exceptions.WRITERS,
        **intrinsics.WRITERS,
    }
)
