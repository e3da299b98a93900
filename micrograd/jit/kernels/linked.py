"""The machine code that answers calls before Python does: which there is, and what it answered."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from ...locks import importing
from ..trace.compiling import set_entry

if TYPE_CHECKING:
    from ..call.arrays import ArrayCaller
    from ..executable import Executable
    from ..trace.signature import Structure


class Linked:
    """A kernel whose calls machine code answers.

    _answering   what was called with numbers, whose entries answer
    _latest      what answered the latest call, unless machine code has since
    _answered    which has, by its mark; 0: none
    """

    _closed: bool
    _lock: Any
    _in_order: bool
    _arrays: int
    _array_entry: int
    _array_words: Any
    _answered: ctypes.c_size_t
    _answering: list[Executable]
    _executables: dict[tuple[Structure, ...], Executable]
    _latest: Executable | None

    def _admit(self, arrays: ArrayCaller) -> None:
        """Let array_entry.py answer the calls with arrays that it can, from now on."""
        with importing:
            from ..call.array_entry import array_entry, described
        words = described(arrays.convention, arrays.code.address, arrays.work)
        with self._lock:
            if self._closed or self._array_words is not None:
                return
            self._array_words = () if words is None else words
            if words is not None:
                self._arrays, self._array_entry = words.ctypes.data, array_entry()
                self._link()

    def _link(self) -> None:
        """Let entries answer calls, before the general path, if they know the arguments' order."""
        if not self._in_order:
            return
        entry = self._array_entry if self._arrays else 0
        for executable in self._answering:
            entry = executable.before(entry, ctypes.addressof(self._answered))
        self._set_entry(entry)

    def _set_entry(self, entry: int) -> None:
        live = any(e.graph.parameters for e in self._executables.values())
        set_entry(self, entry, live=live)  # type: ignore[arg-type]

    def _look(self) -> None:
        """Note what has answered the latest call, if machine code has."""
        if mark := self._answered.value:
            self._latest = next((e for e in self._answering if e.mark == mark), self._latest)
