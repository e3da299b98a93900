from __future__ import annotations
from lowering.bindings import ir
from lowering.scope import Scope


def loop_metadata(scope: Scope, op: ir.Operation) -> str:
    return ""
