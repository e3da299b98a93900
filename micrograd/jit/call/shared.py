"""Arrays of other libraries, alone or in containers -> NumPy's, in the same memory, by DLPack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import SignatureError, kind
from ..trace.containers import EXACT, opened, remade
from ..trace.signature import MAX_NESTING, PLAIN, structure_of


def is_foreign(cls: type) -> bool:
    """Whether these are arrays of another library, which has DLPack."""
    return hasattr(cls, "__dlpack__") and not issubclass(cls, np.ndarray)


def shared(name: str, x: Any, where: str, depth: int = 0) -> Any:
    """An argument with arrays of NumPy for those of other libraries that it is, or holds; the very
    argument, if there are none.

    name    of the kernel, for errors
    where   what the argument is called, inside of `depth` containers

    Raises SignatureError for arrays that NumPy cannot share.
    """
    if is_foreign(x.__class__):
        return _array(name, x, where)
    items = opened(x, where)
    if isinstance(items, (list, tuple)):
        keys: Sequence[Any] = range(len(items))
        values: Sequence[Any] = items
    elif isinstance(items, Mapping):
        keys, values = tuple(items), list(items.values())
    else:
        return x
    if not any(map(_may_hold, set(map(type, values)) - PLAIN)):
        return x
    if depth >= MAX_NESTING:
        structure_of(x, where, depth=depth)  # raises
    found = [
        shared(name, v, f"{where}[{k!r}]", depth + 1) if _may_hold(type(v)) else v
        for k, v in zip(keys, values, strict=True)
    ]
    if all(a is b for a, b in zip(found, values, strict=True)):
        return x
    if isinstance(x, (list, tuple, dict)) and x.__class__ not in EXACT:
        return remade(x.__class__, keys, found)
    if isinstance(items, Mapping):
        return dict(zip(keys, found, strict=True))
    return found if isinstance(items, list) else tuple(found)


def _may_hold(cls: type) -> bool:
    """Whether these are arrays of another library, or containers."""
    return is_foreign(cls) or issubclass(cls, (list, tuple, Mapping))


def _array(name: str, x: Any, where: str) -> npt.NDArray[Any]:
    """The array of another library as one of NumPy, in the same memory if that has its numbers."""
    if hasattr(x, "is_neg") and x.is_neg():  # PyTorch's memory has the negative of each
        x = x.resolve_neg()
    try:
        return np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise SignatureError(
            f"{name} takes arrays that are in this machine's memory as {where}, got {kind(x)}, "
            f"which NumPy cannot share: {str(error).rstrip('.')}. For derivatives of what is "
            "computed there, make an operator of the kernel: docs/torch.md, docs/jax.md"
        ) from error
