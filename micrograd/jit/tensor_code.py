"""Rows of a function of Tensors -> machine code, and how it is called: arrays in, arrays out."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, user_location
from ..locks import lazy_property
from ..tensor.casting import is_float
from ..tensor.primitive import Shape
from .compile import Code, compile_program, optimized, passes
from .emit.interface import Interface
from .ir.program import Program, Role
from .ir.verify import verify
from .passes.reverse import with_cotangents
from .target import Target
from .trace.batches import NAME, Batch, has_batch
from .trace.tensor_lowering import Given, TensorProgram, lowered
from .trace.tensors import Row

Array = npt.NDArray[Any]
WHOLE = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}
"""Whole numbers below this are numbers of the dtype."""
STAGES = ("program", "passes", "simplified", "schedule", "mlir", "llvm_ir", "assembly")


class TensorCode:
    """One recording, compiled.

    outputs     the rows of the results
    wrt         the rows that the gradient is with respect to; None: no gradient is asked for
    keep_value  whether the results are asked for
    fixed       whether results are of the target's dtype; else of that of the rows
    most        of how many samples a call is at most, if it is of any number; else None
    """

    def __init__(
        self,
        rows: Sequence[Row],
        outputs: Sequence[int],
        wrt: Sequence[int] | None,
        target: Target,
        *,
        keep_value: bool,
        fixed: bool = False,
        most: int | None = None,
    ) -> None:
        self.target = target
        self._rows = rows
        self.most = most
        self._fixed = fixed
        self._outputs = outputs
        made = lowered(rows, outputs, most)
        self._given = made.given
        self.program = verify(made.program, "trace")
        self._wrt = wrt
        self.differentiated = self.program
        if wrt is not None:
            self.differentiated = verify(self._gradient_of(made, keep_value), "gradient")
        self.transformed = optimized(self.differentiated, target)
        self._interface = Interface(frozenset(), None)
        self.code: Code = compile_program(self.transformed, target, self._interface)
        self._kept = made.outputs if keep_value or wrt is None else []

    def _gradient_of(self, made: TensorProgram, keep_value: bool) -> Program:
        """The program with the cotangents of what it is differentiated by as outputs."""
        names = {k: made.name_of(k) for k in self._wrt or ()}
        program, cotangents = with_cotangents(
            self.program, ("out", 0), list(dict.fromkeys(filter(None, names.values())))
        )
        roles = dict.fromkeys(cotangents.values(), Role.OUTPUT)
        if not keep_value:
            roles["out"] = Role.TEMPORARY
        for name, role in roles.items():
            program.arrays[name] = replace(program.arrays[name], role=role)
        self._partials = {k: cotangents.get(name, "") for k, name in names.items()}
        return program

    # -- calling ---------------------------------------------------------------------------------

    @lazy_property
    def _main(self) -> tuple[Any, list[tuple[str, Given | None, int]]]:
        """The function, and the name and size of each of its arguments."""
        given = {g.name: g for g in self._given}
        passed = self._interface.arguments(self.transformed)
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(passed))
        return prototype(self.code.address), [(a.name, given.get(a.name), a.size) for a in passed]

    def __call__(
        self, arrays: Mapping[int, Array], samples: int = 0
    ) -> tuple[list[Array], list[Array]]:
        """The results and the gradient, for the arrays of live rows, of so many samples."""
        main, passed = self._main
        held = {}
        for name, given, size in passed:
            if name == NAME and self.most is not None:
                held[name] = np.array([samples])
            elif given is None:
                held[name] = np.empty(size, self.target.dtype)
            elif self._rows[given.row].samples:
                counted = samples * self._rows[given.row].samples
                held[name] = np.array([counted], self.target.dtype)
            elif given.below:
                held[name] = _entries(self._shown(given.row), arrays[given.row], given.below)
            else:
                held[name] = self._numbers(given.row, arrays[given.row])
        main(*(a.ctypes.data for a in held.values()))
        results = [
            self._typed(held[name], k, samples, self._fixed)
            for name, k in zip(self._kept, self._outputs, strict=False)
        ]
        partials = []
        for k in self._wrt or ():
            name = self._partials[k]
            size = int(np.prod(self._shape(k, self.most or 0), dtype=np.int64))
            numbers = held[name] if name else np.zeros(size)  # nothing reads it
            partials.append(self._typed(numbers, k, samples))
        return results, partials

    def _shape(self, k: int, samples: int) -> Shape:
        """The shape of a row, for so many samples."""
        sizes: Sequence[Any] = self._rows[k].shape
        return tuple([samples if isinstance(n, Batch) else n for n in sizes])

    def _typed(self, numbers: Array, k: int, samples: int, fixed: bool = False) -> Array:
        row = self._rows[k]
        dtype = self.target.dtype if fixed and is_float(row.dtype) else row.dtype
        found = numbers.reshape(self._shape(k, self.most or 0))
        if self.most is not None and has_batch(row.shape):
            return np.array(found[tuple(map(slice, self._shape(k, samples)))], dtype, order="C")
        return np.asarray(found, dtype)

    def _shown(self, k: int) -> str:
        return self._rows[k].name or self._rows[k].tensor.label or "a Tensor"

    def _numbers(self, k: int, given: Array) -> Array:
        """The numbers of a row as code reads them."""
        dtype = self.target.dtype
        if given.dtype.kind == "i" and (abs(given) > WHOLE[dtype]).any():
            raise DataError(
                f"{user_location()}: {self._shown(k)} has whole numbers above {WHOLE[dtype]}, "
                f"which are no numbers of {dtype}"
            )
        return np.ascontiguousarray(given, dtype)

    # -- stages ----------------------------------------------------------------------------------

    def stage(self, name: str) -> str:
        """A stage as text."""
        match name:
            case "program":
                return str(self.program)
            case "passes":
                done = [("trace", self.program)]
                if self.differentiated is not self.program:
                    done.append(("gradient", self.differentiated))
                done += passes(self.differentiated, self.target)
                return "\n\n".join(f"; after {name}\n{program}" for name, program in done)
            case "simplified":
                return str(self.transformed)
            case "schedule":
                return str(self.code.schedule)
            case "mlir":
                return self.code.mlir
            case "llvm_ir":
                return self.code.native.llvm_ir
        return self.code.native.assembly


def _entries(name: str, given: Array, below: int) -> Array:
    """Indices as code reads them: every one is looked at, and negative ones count from the end."""
    found = np.where(given < 0, given + below, given)
    wrong = (found < 0) | (found >= below)
    if wrong.any():
        raise IndexError(
            f"{user_location()}: index {given[wrong].flat[0]} of {name} is out of range: the axis "
            f"has {below} elements"
        )
    return np.ascontiguousarray(found, np.int64)
