"""The machine code of `main_block` as a NumPy ufunc: how its operands lie, and its loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import lowering

from ..emit.interface import BLOCK
from ..target import Target
from ..trace.signature import SCALAR, count
from .convention import Convention
from .ufunc import MOST_OPERANDS, Compilable, make_ufunc
from .ufunc_loop import STRIDED, points_in_block, strided_loop


@dataclass(frozen=True, slots=True)
class Operands:
    """How the numbers of a kernel are divided among the operands of its ufunc. A container without
    numbers is none.

    inputs, outputs   the size of each operand's core dimension; 0: it has none
    stacked           all inputs lie along the core dimension of one operand, being too many
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stacked: bool

    @staticmethod
    def of(convention: Convention) -> Operands:
        given = [s for _, s in convention.passed if count(s)]
        inputs = tuple(0 if s is SCALAR else count(s) for s in given)
        returned = (0,) * convention.returns
        written = convention.written or 0
        most = MOST_OPERANDS - len(inputs) - convention.returns
        outputs = (*returned, *(0,) * written) if not any(inputs) and written <= most else None
        if outputs is None:
            outputs = (*returned, written) if written else returned
        stacked = len(inputs) + len(outputs) > MOST_OPERANDS
        if stacked:
            inputs = (sum(max(1, n) for n in inputs),)
        return Operands(inputs, outputs, stacked)

    @property
    def signature(self) -> str | None:
        """As NumPy writes it; None if nothing has a core dimension."""
        if not any([*self.inputs, *self.outputs]):
            return None

        def dims(sizes: Sequence[int]) -> str:
            return ",".join(f"({n or ''})" for n in sizes)

        return f"{dims(self.inputs)}->{dims(self.outputs)}"

    @property
    def columns(self) -> int:
        """How many numbers a point has, results included."""
        return sum(max(1, n) for n in [*self.inputs, *self.outputs])


class BatchCode:
    """The machine code of `main_block`, and what its ufunc loop must know about it.

    memory   what the code reads, which lives as long
    """

    def __init__(
        self,
        convention: Convention,
        native: lowering.NativeModule,
        memory: object,
        target: Target,
    ) -> None:
        self.native = native
        self.memory = memory
        self.dtype = convention.dtype
        operands = Operands.of(convention)
        sizes = [*operands.inputs, *operands.outputs]
        self.address = native.address(BLOCK)
        self.layout = np.array(
            [
                self.address,
                len(sizes),
                sum(max(1, n) for n in operands.inputs),
                operands.columns,
                points_in_block(operands.columns, target),
                *sizes,
            ],
            dtype=np.int64,
        )
        self.loop = (
            self.dtype,
            strided_loop(target.bits).address(STRIDED),
            self.layout.ctypes.data,
        )


def ufunc_of(
    convention: Convention,
    codes: Sequence[BatchCode],
    doc: str,
    *,
    live: bool = False,
    made_of: Compilable | None = None,
) -> np.ufunc:
    """The ufunc of a kernel, with a loop per dtype that there is code for.

    live      whether it is called by others, and reads live parameters
    made_of   what its pickle has
    """
    operands = Operands.of(convention)
    return make_ufunc(
        convention.name,
        doc,
        [code.loop for code in codes],
        len(operands.inputs),
        len(operands.outputs),
        operands.signature,
        list(codes),
        live=live,
        made_of=made_of,
    )
