"""What stands behind the arguments of a function of Tensors in calls of its derivatives: a tangent
for each of them, a direction for what `wrt` names, or a cotangent.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import BoundArguments, Parameter, Signature
from typing import Any

from ...errors import SignatureError, counted, user_location
from ...tensor.casting import is_float
from ...tensor.core import Tensor
from ..wanted import Wanted
from .arguments import Leaves, flattened

ALONG = (Wanted.JVP, Wanted.HVP)
"""What is along a direction."""


def split(
    name: str,
    signature: Signature,
    wanted: Wanted,
    wrt: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    dtype: Any = None,
) -> tuple[BoundArguments, Leaves, list[Any]]:
    """The function's arguments, their Tensors, and the Tensors of what stands behind them; numbers
    are of this dtype, if no Tensor says another.

    Raises SignatureError for arguments that do not fit.
    """
    most = len(args) if wanted in ALONG or wanted is Wanted.VJP else 0
    problem: TypeError | None = None
    for behind in range(most + 1):
        own = len(args) - behind
        try:
            bound = signature.bind(*args[:own], **kwargs)
        except TypeError as error:
            problem = problem or error
            continue
        leaves = flattened(name, bound.arguments, dtype)
        if behind == _expected(wanted, wrt, leaves):
            return bound, leaves, _tensors(name, wanted, wrt, leaves, args[own:])
    where = user_location()
    if not most:
        raise SignatureError(f"{where}: {name}: {problem}") from None
    what = "a cotangent like the result"
    if wanted in ALONG:
        what = "a direction like wrt" if wrt is not None else "a tangent for each Tensor of floats"
    raise SignatureError(
        f"{where}: {name} takes the arguments {signature}, then {what}; got "
        f"{counted(len(args), 'argument')}"
    )


def _expected(wanted: Wanted, wrt: Any, leaves: Leaves) -> int:
    """How many arguments stand behind those of the function."""
    if wanted in ALONG:
        return len(_moving(leaves)) if wrt is None else 1
    return int(wanted is Wanted.VJP)


def _moving(leaves: Leaves) -> list[str]:
    return [n for n in leaves.tree if leaves.floats(n)]


def _tensors(
    name: str, wanted: Wanted, wrt: Any, leaves: Leaves, extra: tuple[Any, ...]
) -> list[Any]:
    if not extra:
        return []
    dtype = next((x.dtype for x in leaves.tensors if is_float(x.dtype)), None)
    along = wanted in ALONG and wrt is None
    names = [f"d_{n}" for n in _moving(leaves)] if along else ["what stands behind"]
    found = flattened(name, dict(zip(names, extra, strict=True)), dtype)
    if along:
        for n, d in zip(_moving(leaves), names, strict=True):
            expected = len(leaves.floats(n))
            if expected != len(found.rows[d]):
                raise SignatureError(
                    f"{user_location()}: {name}: the tangent of {n} should have "
                    f"{counted(expected, 'Tensor')}, as {n} has, got "
                    f"{counted(len(found.rows[d]), 'Tensor')}"
                )
    tensors: list[Any] = [x if is_float(x.dtype) else Tensor(x, dtype) for x in found.tensors]
    return tensors


def with_extra(signature: Signature, wanted: Wanted) -> Signature:
    """The signature of a kernel, which takes what stands behind the arguments as well."""
    taken = list(signature.parameters.values())
    extra = wanted in ALONG or wanted is Wanted.VJP
    if not extra or any(p.kind is p.VAR_POSITIONAL for p in taken):
        return signature
    places = [p for p in taken if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    name = "cotangent" if wanted is Wanted.VJP else "direction"
    while name in signature.parameters:
        name += "_"
    behind = Parameter(name, Parameter.VAR_POSITIONAL)
    return signature.replace(parameters=[*places, behind, *taken[len(places) :]])
