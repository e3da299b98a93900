"""Lists, tuples and dicts of classes of one's own: read as they lie, and made again of Values.

What such a class says of reading them (`__getitem__`, `__iter__`) is for the function that is
compiled, which gets one of the same class. What an instance has beside its items is not known to a
kernel, so there must be nothing.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ...errors import SignatureError, kind

EXACT = frozenset({list, tuple, dict})
_BASES: tuple[Any, ...] = (OrderedDict, defaultdict, dict, list, tuple)


def opened(x: Any, where: str) -> Any:
    """The items of a list, tuple or dict, in one of Python's own; anything else as it is.

    Raises SignatureError for one with attributes.
    """
    if x.__class__ in EXACT or not isinstance(x, (list, tuple, dict)):
        return x
    others = sorted(_attributes(x))
    base = next(b for b in _BASES if isinstance(x, b))
    plain = next(b.__name__ for b in (list, tuple, dict) if isinstance(x, b))
    if others:
        raise SignatureError(
            f"{where} has attributes beside its items ({', '.join(others)}), which a kernel does "
            f"not know: pass {plain}({where}), and them as arguments; got {kind(x)}"
        )
    if isinstance(x, dict):
        return {k: dict.__getitem__(x, k) for k in base.__iter__(x)}
    return (list if base is list else tuple)(base.__iter__(x))


def _attributes(x: Any) -> Iterator[str]:
    """The attributes of an instance; not those that compiled methods are kept in, nor items that
    are attributes too.
    """
    own = getattr(x, "__dict__", None)
    if own and own is not x:
        yield from (name for name in own if not name.startswith("_jit of "))
    for c in type(x).__mro__:
        slots = c.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(x, name):
                yield name


def remade(cls: Any, keys: Sequence[Any], items: Sequence[Any]) -> Any:
    """A list, tuple or dict of this class with these items."""
    base = next(b for b in _BASES if issubclass(cls, b))
    if base is tuple:
        return tuple.__new__(cls, items)
    made = base.__new__(cls)
    if base is list:
        list.extend(made, items)
    else:
        for key, item in zip(keys, items, strict=True):
            base.__setitem__(made, key, item)
    return made
