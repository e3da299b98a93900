"""What a module is made from -> machine code, kept between processes.

Where the code is kept, neither is the module made nor MLIR imported. No code has an address of this
process: what it refers to has names, by which it is linked, and where its data lie is set behind.
"""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import lowering
from lowering import LoweringError
from lowering.bindings import context, ir

from ...cache.folder import is_checked
from ...cache.keys import key_of
from ...cache.remembered import compare
from ...cache.store import load, store
from ..target import Target

_NAME = re.compile(r"@([-\w.$]+)")

Module: TypeAlias = "ir.Module | str"
Symbols: TypeAlias = Mapping[str, int] | Callable[[Collection[str]], Mapping[str, int]]
Facts: TypeAlias = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """Machine code as it lies in the cache.

    names   all that it refers to
    facts   numbers that are told with it
    code    packed by `lowering`
    """

    names: Sequence[str]
    facts: Facts
    code: bytes

    def pack(self) -> bytes:
        """As one payload."""
        head = json.dumps([list(self.names), dict(self.facts)]).encode()
        return b"%d\n" % len(head) + head + self.code

    @staticmethod
    def unpack(payload: bytes) -> Kept | None:
        """Of a payload that `pack` gave; of any other None."""
        size, _, rest = payload.partition(b"\n")
        try:
            names, facts = json.loads(rest[: int(size)])
            return Kept(names, facts, rest[int(size) :])
        except (TypeError, ValueError):
            return None


class _Taken:
    """A cache of `lowering` in which nothing is, and which takes what is compiled."""

    code = b""

    def load(self, key: str) -> bytes | None:
        """Nothing."""

    def store(self, key: str, code: bytes) -> None:
        """Take it."""
        self.code = code


class Making:
    """Machine code of a module, which is made if the code is not kept.

    make       what makes the module
    made_from  all that the module depends on beside the target, in one way or another; None: its
               code is not kept
    opt_level  of the module that was made
    passes     of LLVM's that run, as `lowering.compile` takes them
    symbols    addresses of what it refers to, or what gives those of names
    facts      what gives the numbers that are told with it, `told`
    """

    def __init__(
        self,
        make: Callable[[], Module],
        target: Target,
        made_from: tuple[Any, ...] | None,
        *,
        opt_level: int | Callable[[], int] = 2,
        symbols: Symbols = MappingProxyType({}),
        passes: bool | Callable[[], bool | str] = True,
        facts: Callable[[], Facts] = dict,
    ) -> None:
        self._make = make
        self._target = target
        self._opt_level = opt_level
        self._symbols = symbols
        self._passes = passes
        self._facts = facts
        self._key: str | None = None
        self._kept: Kept | None = None
        self._told: Facts | None = None
        if made_from is not None:
            self._key = key_of("code", lowering.identity(), target, passes is not False, made_from)
        if self._key is not None:
            payload = load(self._key)
            self._kept = None if payload is None else Kept.unpack(payload)

    @property
    def told(self) -> Facts:
        """The numbers that are told with it."""
        if self._told is None:
            self._told = self._facts() if self._kept is None else self._kept.facts
        return self._told

    def native(self) -> lowering.NativeModule:
        """The machine code, in this process."""
        if self._kept is not None:
            found = self._linked(self._kept)
            if found is not None:
                if is_checked():
                    compare("machine code", self._kept.pack(), self.compiled()[1].pack())
                self._told, self._kept = self._kept.facts, None  # the code is in memory now
                return found
            self._kept = None
        native, kept = self.compiled()
        if self._key is not None:
            store(self._key, kept.pack())
        return native

    def compiled(self) -> tuple[lowering.NativeModule, Kept]:
        """The machine code, compiled now, and as it is kept."""
        taken, level, passes = _Taken(), self._opt_level, self._passes
        with context():
            module = self._make()
            names = _declared(module)
            native = (lowering.compile_ir if isinstance(module, str) else lowering.compile)(
                module,
                opt_level=level if isinstance(level, int) else level(),
                symbols=self._addresses(names),
                passes=passes if isinstance(passes, bool) else passes(),
                cache=taken,
                **manner(self._target),
            )
        return native, Kept(names, self._facts(), taken.code)

    def _linked(self, kept: Kept) -> lowering.NativeModule | None:
        """Kept code in this process; None where that has not all that the code needs."""
        try:
            return lowering.load(kept.code, self._addresses(kept.names))
        except (LoweringError, LookupError):
            return None

    def _addresses(self, names: Collection[str]) -> Mapping[str, int]:
        return self._symbols(names) if callable(self._symbols) else self._symbols


def manner(target: Target) -> dict[str, Any]:
    """How modules are compiled for a target.

    The schedule has chosen the lanes and how far to unroll, so LLVM does not look for either. What
    we emit does not end LLVM, so it needs no process of its own.
    """
    return {
        "vectorize": False,
        "unroll": False,
        "isolate": False,
        "cpu": target.processor.cpu,
        "features": target.processor.features,
    }


def _declared(module: Module) -> list[str]:
    """The names that a module declares and does not define, in order; of LLVM IR as text, all."""
    if isinstance(module, str):
        return sorted(set(_NAME.findall(module)))
    return sorted(
        op.attributes["sym_name"].value
        for op in module.body
        if "sym_name" in op.attributes
        and "value" not in op.attributes
        and not list(op.operation.regions[0].blocks)
    )


def set_pointer(code: lowering.NativeModule, name: str, address: int) -> None:
    """Set a global variable of linked code, which is null until then."""
    ctypes.c_void_p.from_address(code.address(name)).value = address
