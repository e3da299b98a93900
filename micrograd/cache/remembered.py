"""Results of functions of the compiler, between processes.

What is kept are pickles, of files that are this user's alone and whole: they are as trusted as the
machine code beside them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import CompilerError
from .folder import is_checked
from .keys import NOT_WRITTEN, key_of, written_out
from .store import load, store

Made = TypeVar("Made")


def remembered(kind: str, made_from: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """What `make` makes of what it is made from, which is all that it looks at; or what it has made
    of that in another process.

    Raises CompilerError where that is asked for, by MICROGRAD_CACHE=check, if it makes something
    else.
    """
    key = key_of(kind, *made_from)
    found = None if key is None else load(key)
    if found is not None:
        try:
            known: Made = pickle.loads(found)
        except Exception:  # of what is whole, and not to be read here: a class that is gone
            found = None
        else:
            if is_checked():
                compare(kind, written_out(known), written_out(make()))
            return known
    made = make()
    if key is not None:
        try:
            store(key, pickle.dumps(made, protocol=5))
        except NOT_WRITTEN:
            return made
    return made


def compare(kind: str, known: bytes | None, made: bytes | None) -> None:
    """Raises CompilerError if what was kept is not what is made now."""
    if known is None or known != made:
        raise CompilerError(
            f"the cache has another {kind} than is made now, from the same: its key leaves "
            "something out, or it was made in two ways. Clear it by `micrograd cache clear`, and "
            "report this"
        )
