"""A recording of a kernel -> what threads of a grid do for it, as a module, and that as code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context, ir

from ..errors import GraphError
from ..jit.emit.data import INLINE_DATA, constant_data
from ..jit.emit.grid_kernel import emit_grid, results_of
from ..jit.emit.making import manner
from ..jit.executable import Executable
from ..jit.ir.program import Array, Role
from ..jit.schedule.schedule import schedule
from ..jit.target import Target


class GridCode:
    """One recording, for arguments of which some are of each point.

    moving   for each input of the program, whether each point has its own
    summed   whether the results of all points are summed up
    """

    def __init__(
        self, executable: Executable, moving: tuple[bool, ...], target: Target, *, summed: bool
    ) -> None:
        self.executable = executable
        self.target = target
        self.moving = moving
        self.summed = summed
        program = executable.transformed
        self.inputs = program.with_role(Role.INPUT)
        outputs = program.with_role(Role.OUTPUT)
        self.outputs: list[Array] = results_of(executable.interface, outputs)
        self.results = sum(a.size for a in self.outputs)

    def _module(self) -> ir.Module:
        """The module, in the current MLIR context."""
        interface, target = self.executable.interface, self.target
        planned = schedule(
            self.executable.transformed, target, returned=interface.returned, points=True
        )
        names = zip(self.inputs, self.moving, strict=True)
        moving = frozenset(a.name for a, moves in names if moves)
        return emit_grid(planned, interface, target, moving, summed=self.summed)

    @cached_property
    def llvm_ir(self) -> str:
        """The module as LLVM IR. Raises GraphError for what threads cannot do."""
        with self._told(), context():
            return lowering.translate(self._module())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors inside are told to be of this kernel, and of GPUs."""
        try:
            yield
        except (GraphError, lowering.CompileError) as error:
            raise GraphError(f"{self.executable.name} cannot run on a GPU: {error}") from None

    @cached_property
    def assembly(self) -> str:
        """What the processor runs, as text: PTX for NVIDIA's."""
        if self.target.grid is None:
            return self.native.assembly
        llvm_ir = self.llvm_ir
        with self._told():
            return lowering.grid_assembly(llvm_ir, self.target.processor)

    @cached_property
    def object_code(self) -> bytes:
        """An ELF object, for AMD's processors."""
        llvm_ir = self.llvm_ir
        with self._told():
            return lowering.grid_object(llvm_ir, self.target.processor)

    @cached_property
    def native(self) -> lowering.NativeModule:
        """The code in this process, if that is where it runs."""
        with self._told(), context():
            return lowering.compile(self._module(), **manner(self.target))

    @cached_property
    def constants(self) -> Mapping[str, npt.NDArray[Any]]:
        """The constants that are too long for the module, by the names of the pointers to them."""
        found = constant_data(self.executable.transformed, self.target.dtype)
        return {name: data for name, data in found.items() if len(data) > INLINE_DATA}

    @property
    def live(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """The live parameters as they are now, likewise."""
        return {f"p{k}": store.array for k, store in enumerate(self.executable.stores)}
