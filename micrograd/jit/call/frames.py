"""Where CPython keeps what runs now, and what a type's objects do in arithmetic: for code that
records traces.

Input: this interpreter. Output: the offsets of its version, in bytes, as CPython's headers have
them; before code is made that relies on them, `check` tries them out on the frames and types that
there are. Versions that are not in the table have none.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

from .callable import Unexpected

NUMBERS, CALL, TRAVERSED, COMPARE = 96, 128, 184, 200
"""Of a type: the address of its table of number slots; the slots for calls, for the collector of
garbage and for comparisons."""

SLOTS = {
    "__add__": (0, 7),
    "__sub__": (8, 36),
    "__mul__": (16, 29),
    "__pow__": (40, 33),
    "__neg__": (48, 30),
    "__abs__": (64, 6),
    "__truediv__": (240, 37),
    "__iadd__": (152, 14),
    "__isub__": (160, 23),
    "__imul__": (168, 18),
    "__ipow__": (184, 20),
    "__itruediv__": (256, 24),
}
"""The number slot of an operator: its place in the table, and its number in the stable API."""
_CALL_SLOT, _COMPARE_SLOT, _TRAVERSE_SLOT = 50, 67, 71
TRAVERSE = "tp_traverse"
"""What stands for the slot of the garbage collector, which no method of Python's is."""

_FRAME = 24
"""Of the object that Python has for a frame: the address of the frame."""
C_STACK = 3
"""The owner of a frame that is no function's, but stands between C and Python."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Offsets in bytes.

    current       of a thread's state: the frame that runs, or what knows it
    inside        in that, the frame; None: the state itself knows it
    code          of a frame: its code object
    previous      the frame that called it
    instruction   the address of the instruction that runs
    owner         the byte that says what the frame is part of; None: each is a function's
    bytecode      of a code object: where its instructions begin
    """

    current: int
    inside: int | None
    code: int
    previous: int
    instruction: int
    owner: int | None
    bytecode: int

    def check(self) -> None:
        """Raises Unexpected where live frames and types are otherwise.

        A frame is read where the object that Python has for it says that it is.
        """
        check_types()
        frame = sys._getframe()
        read, state = ctypes.c_size_t.from_address, _state()
        here = read(state + self.current).value  # here, since a function has a frame of its own
        if self.inside is not None:
            here = read(here + self.inside).value
        self._check_one(frame, here)
        before, outer = here, frame.f_back
        while outer is not None:
            here = _word(before + self.previous)
            if frame.f_back is not outer:  # the first one has called this function without C
                here = self._function(here)
            self._check_one(outer, here)
            if _word(here + self.instruction) != id(outer.f_code) + self.bytecode + outer.f_lasti:
                raise Unexpected("an instruction is not where this version of CPython has it")
            before, outer = here, outer.f_back
        if self._function(_word(before + self.previous)) != 0:
            raise Unexpected("frames do not end where this version of CPython ends them")

    def _check_one(self, frame: FrameType, here: int) -> None:
        if here != _word(id(frame) + _FRAME) or _word(here + self.code) != id(frame.f_code):
            raise Unexpected("frames are not where this version of CPython has them")

    def _function(self, frame: int) -> int:
        """The first frame of a function, from this one outwards; 0 if there is none."""
        if self.owner is not None:
            while frame and ctypes.c_uint8.from_address(frame + self.owner).value == C_STACK:
                frame = _word(frame + self.previous)
        return frame


BY_VERSION = {
    (3, 11): Frames(56, 8, 32, 48, 56, None, 184),
    (3, 12): Frames(56, 0, 0, 8, 56, 70, 192),
    (3, 13): Frames(72, None, 0, 8, 56, 70, 200),
}


def frames() -> Frames:
    """The offsets of this interpreter, tried out. Raises Unexpected if they are not known."""
    found = BY_VERSION.get(sys.version_info[:2])
    if found is None:
        version = ".".join(map(str, sys.version_info[:2]))
        raise Unexpected(f"how CPython {version} keeps its frames is not known")
    found.check()
    return found


def slot_address(kind: type, name: str) -> int:
    """The address of a type's slot, by the name of its method."""
    if name == "__call__":
        return id(kind) + CALL
    if name == "__lt__":
        return id(kind) + COMPARE
    if name == TRAVERSE:
        return id(kind) + TRAVERSED
    return _word(id(kind) + NUMBERS) + SLOTS[name][0]


def slot_of(kind: type, name: str) -> int:
    """The function in a type's slot."""
    return _word(slot_address(kind, name))


def set_slot(kind: type, name: str, function: int) -> None:
    """Let a type's operator run another function. Whoever assigns the method in the class takes
    this back.
    """
    ctypes.c_size_t.from_address(slot_address(kind, name)).value = function


def check_types() -> None:
    """Raises Unexpected where the slots of live types are otherwise."""
    get: Any = ctypes.PYFUNCTYPE(ctypes.c_size_t, ctypes.py_object, ctypes.c_int)(
        ("PyType_GetSlot", ctypes.pythonapi)
    )

    class Probe:
        def __lt__(self, other: Any) -> Any: ...
        def __call__(self) -> Any: ...

    def method(*_: Any) -> Any: ...

    for name in SLOTS:
        setattr(Probe, name, method)
    numbers = {name: number for name, (_, number) in SLOTS.items()}
    numbers |= {"__call__": _CALL_SLOT, "__lt__": _COMPARE_SLOT, TRAVERSE: _TRAVERSE_SLOT}
    for name, number in numbers.items():
        if slot_of(Probe, name) != get(Probe, number) or not slot_of(Probe, name):
            raise Unexpected(f"the slot of {name} is not where this version of CPython has it")


def _state() -> int:
    """The address of this thread's state."""
    get: Any = ctypes.PYFUNCTYPE(ctypes.c_size_t)(("PyThreadState_Get", ctypes.pythonapi))
    return int(get())


def _word(address: int) -> int:
    return ctypes.c_size_t.from_address(address).value
