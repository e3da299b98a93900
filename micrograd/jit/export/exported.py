"""`export`: the method of kernels that writes them as files for other programs."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...locks import importing

if TYPE_CHECKING:
    from ..target import Target
    from .function import Exported


def model_of(function: Any) -> Any:
    """What a function or method is of, if that has parameters; None otherwise."""
    owner = getattr(function, "__self__", function)
    return owner if callable(getattr(owner, "parameters", None)) else None


class Exportable:
    """A kernel that can be written as files for C."""

    name: str

    def _exported(self, target: Target, name: str, parameters: str) -> Exported:
        """What the latest call ran, as a function of this name in C, for another target."""
        raise NotImplementedError

    @property
    def _own_target(self) -> Target:
        """What it is compiled for here."""
        raise NotImplementedError

    def export(
        self,
        directory: str | PathLike[str],
        *,
        name: str | None = None,
        target: str | None = None,
        parameters: str = "baked",
        overwrite: bool = False,
    ) -> list[Path]:
        """Write this kernel as files for C and other languages; their paths (docs/export.md).

        There are a header, an object file, a static and a shared library, a file for CMake and one
        for pkg-config, an example in C, and a module that calls the library by ctypes. What is
        exported is what the latest call ran, as for `stages()`: value, gradient or another
        derivative of arguments of that structure, and of Tensors of those shapes. In C it gives the
        bits that it gives here; where Python raises for an integer, it returns a code.

        directory   is made if it is not there
        name        of the function in C, and of the files; by default that of the kernel
        target      the machine: "native", this one, with all that its processor can do, or one
                    of "x86_64", "x86_64-v2", "x86_64-v3", "x86_64-v4", "aarch64", "riscv64",
                    "wasm32"; "aarch64-linux-gnu" is the same as "aarch64"
        parameters  what live parameters become: "baked", constants, as they are now, or "passed",
                    an argument, float64[n]: those that are read, in the order of the model's
                    `parameters()`, or in which they were made; the header lists them. Each
                    Tensor is an argument of its own
        overwrite   whether files that are there are replaced

        Raises ExportError for a target, a name or options that are none, where a file is there
        already, and for what cannot be exported; OSError if files cannot be written.

        >>> from micrograd import jit
        >>> f = jit(lambda x, y: x * y + x)
        >>> f.export("build", name="f")  # doctest: +SKIP
        [PosixPath('build/f.h'), PosixPath('build/f.o'), PosixPath('build/libf.a'), ...]
        """
        with importing:
            from .export import checked, export, target_of
            from .names import function_name
        path = checked(directory, parameters, overwrite=overwrite)
        machine = target_of(target, self._own_target)
        found = function_name(name, self.name)
        return export(self._exported(machine, found, parameters), path, overwrite=overwrite)
