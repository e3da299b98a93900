"""Where an instance keeps the kernels of its methods: with its attributes, under names of ours."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .options import Options


def kept_under(function: Any, name: str, options: Options, freeze: bool, wrt: Any) -> str:
    """The name of the attribute that a kernel is, another for each way to compile a function: a
    class may have its derivatives by several arguments, or it for both dtypes.
    """
    asked = wrt if isinstance(wrt, (list, tuple)) else (wrt,)
    by = [w if w is None or isinstance(w, str) else id(w) for w in asked]
    called = getattr(function, "__qualname__", name)
    return f"_jit of {called}, {name}, {_text(options)}, {freeze}, {by}"


@lru_cache(maxsize=64)
def _text(options: Options) -> str:
    return repr(options)
