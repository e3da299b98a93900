"""What loops call, with the arguments that they have for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...errors import SignatureError, user_location


def called(f: Callable[..., Any], said: str, *arguments: Any) -> Any:
    """What a body or condition returns.

    said   whose it is, and what it takes, for errors

    Raises SignatureError for one that takes other arguments.
    """
    try:
        return f(*arguments)
    except TypeError as error:
        trace = error.__traceback__
        if trace is None or trace.tb_next is not None:  # it was raised in there
            raise
        try:
            signature = inspect.signature(f)
            signature.bind(*arguments)
        except TypeError:
            name = getattr(f, "__name__", "it")
            raise SignatureError(
                f"{user_location()}: {said}, and {name}{signature} does not"
            ) from error
        except ValueError:  # it does not say what it takes
            pass
        raise
