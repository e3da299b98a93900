"""The stages of the compiler as text, each made when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..notebook.text import Text

if TYPE_CHECKING:
    from .executable import Executable
    from .ir.graph import Graph

STAGES = ["graph", "program", "passes", "simplified", "schedule", "mlir", "llvm_ir", "assembly"]


class Stages(Mapping[str, Text]):
    """Stage -> text: graph, program, simplified, schedule, mlir, llvm_ir, assembly, in order.

    Once there were calls with arrays, also arrays_mlir, arrays_llvm_ir and arrays_assembly. Naming
    them costs nothing, and showing the graph takes tracing alone; LLVM runs for what it makes.
    """

    def __init__(
        self,
        graph: Callable[[], Graph],
        executable: Callable[[], Executable],
        known: Executable | None,
    ) -> None:
        self._graph = graph
        self._executable = executable
        self._names = STAGES if known is None else known.stage_names

    def __getitem__(self, name: str) -> Text:
        if name not in self._names:
            raise KeyError(f"{name!r} is no stage; there are {', '.join(self._names)}")
        return Text(self._graph() if name == "graph" else self._executable().stage(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<stages {', '.join(self._names)}>"
