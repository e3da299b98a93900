"""Elements of arrays across their grain that straight code has in registers.

They are gathered lane by lane, and stored so, which LLVM does not see through: it would do it again
for everyone who reads them. Elements in a row are one load, and take a register for no longer than
they must.
"""

from __future__ import annotations

from typing import TypeAlias

from lowering.bindings import ir

from ..ir.program import Access
from .storage import Elements, Storage

Place: TypeAlias = "tuple[str, str | None, Elements]"
"""An array, the index array that it is read through, and which elements of it, or of that."""


class Held:
    """What is known of the arrays of a function, until control flow joins (`forget`)."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._known: dict[Place, ir.Value] = {}

    def forget(self) -> None:
        """Another path through the code begins."""
        self._known = {}

    def read(self, a: Access, e: Elements) -> ir.Value:
        """The elements that an access reads."""
        place = _place(a, e)
        found = self._known.get(place)
        if found is None:
            found = self.storage.read(a, e)
            if _is_across(a, e):
                self._known[place] = found
        return found

    def write(self, a: Access, x: ir.Value, e: Elements) -> None:
        """Set them."""
        self.changed(a, e)
        self.storage.wrote(a, x)
        self.storage.write(a, x, e)
        if _is_across(a, e) and not a.parts and self.storage.is_exact(a.array):
            self._known[_place(a, e)] = x

    def add(self, a: Access, x: ir.Value, e: Elements) -> None:
        """Add to them."""
        self.changed(a, e)
        self.storage.add(a, x, e)

    def changed(self, a: Access, e: Elements) -> None:
        """Forget what these elements may be part of."""
        self._known = {
            (name, by, known): x
            for (name, by, known), x in self._known.items()
            if name != a.array or (by is None and not a.parts and _apart(known, e))
        }


def _place(a: Access, e: Elements) -> Place:
    return a.array, str(a.parts[0].by) if a.parts else None, e


def _is_across(a: Access, e: Elements) -> bool:
    """Whether elements are moved lane by lane."""
    return e.width > 1 and (bool(a.parts) or e.stride not in (0, 1))


def _apart(a: Elements, b: Elements) -> bool:
    """Whether strided elements certainly have none in common: they interleave, or lie one behind
    the other.
    """
    (at, x), (other, y) = a.index, b.index
    if x is not y and (x is None or y is None or x != y):  # values compare with no None
        return False
    if a.stride == b.stride != 0 and (at - other) % a.stride:
        return True
    return _end(a) <= _start(b) or _end(b) <= _start(a)


def _start(e: Elements) -> int:
    return e.index[0] + min(0, (e.width - 1) * e.stride)


def _end(e: Elements) -> int:
    return e.index[0] + max(0, (e.width - 1) * e.stride) + 1
