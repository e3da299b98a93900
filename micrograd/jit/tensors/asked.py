"""What a function of Tensors reads as it is traced, and what its gradient is with respect to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import BoundArguments
from threading import get_ident
from typing import Any

from ...engine import Value
from ...errors import SignatureError, TraceError
from ...tensor.casting import DEFAULT, is_float
from ...tensor.core import Tensor
from ...tensor.recording import watching
from ..trace.compiling import reading
from ..trace.tensor_values import value_row
from ..trace.tensors import SCOPES, Row, TensorScope
from .arguments import Leaves, of_floats


def watched_call(
    scope: TensorScope, function: Callable[..., Any], call: BoundArguments
) -> tuple[Any, list[Any]]:
    """What a function returns, which is recorded in the scope; and the Tensors of whose numbers it
    computed what is not recorded.
    """
    thread = get_ident()
    before = SCOPES.get(thread)
    SCOPES[thread] = scope
    try:
        with watching() as watched, reading(scope, frozen=scope.frozen):
            return function(*call.args, **call.kwargs), watched
    finally:
        scope.close()
        if before is None:
            del SCOPES[thread]
        else:
            SCOPES[thread] = before


def require_one_dtype(name: str, rows: Sequence[Row], dtype: Any) -> None:
    """Raise TraceError for floats of another size, which a kernel computes in its own."""
    for r in rows:
        if r.primitive is not None and is_float(r.dtype) and r.dtype != dtype:
            raise TraceError(
                f"{r.where}: {name} is compiled strictly, in {dtype}, and {r.primitive.name} is in "
                f"{r.dtype} here; give all Tensors one dtype"
            )


def rows_of(
    name: str,
    chosen: Sequence[Any] | None,
    alone: bool,
    scope: TensorScope,
    leaves: Leaves,
) -> tuple[list[int], Any]:
    """The rows that the gradient is with respect to, and its structure."""
    rows: list[int] = []
    parts: list[Any] = []
    if chosen is None:
        chosen = [n for n in leaves.tree if leaves.floats(n)]
        alone = sum(bool(found) for found in leaves.rows.values()) == 1
        if not chosen:
            raise SignatureError(
                f"{name} has no argument that is a Tensor of floats; say what the gradient "
                "is with respect to: jit(f, wrt=[w, b]), Tensors or names of parameters"
            )
    for w in chosen:
        if isinstance(w, Tensor):
            if not is_float(w.dtype) or w._primitive is not None:
                raise SignatureError(
                    f"{name}: wrt is of leaves of floats, got a {w.dtype} Tensor of shape "
                    f"{w.shape}" + (f" that is the result of {w._op}" if w._primitive else "")
                )
            rows.append(scope.row(w))
            parts.append(w)
        elif isinstance(w, Value):
            if w._entry is not None:
                raise SignatureError(
                    f"{name}: wrt is of leaves, got a Value that is the result of {w._op}"
                )
            rows.append(value_row(scope, w, DEFAULT))
            parts.append(Tensor(w.data))
        elif w in leaves.tree and leaves.floats(w):
            rows += leaves.floats(w)
            parts.append(of_floats(leaves.tree[w]))
        else:
            raise SignatureError(
                f"{name}: wrt should be Tensors, or names of parameters that are Tensors of "
                f"floats, got {w!r}; there are {', '.join(leaves.tree) or 'none'}"
            )
    return rows, parts[0] if alone else tuple(parts)
