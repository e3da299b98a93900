"""Finds the MLIR Python bindings: the one module that knows where they come from.

Out: `ir`, `llvm` (the dialect), `passmanager` and `context()`. A real `mlir` package is taken when
there is one, else the same upstream bindings as jaxlib ships them. (`mlir-python-bindings` 0.0.1 on
PyPI is an empty placeholder.)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lowering.errors import BindingsMissing

if TYPE_CHECKING:
    from jaxlib.mlir import ir as ir
    from jaxlib.mlir import passmanager as passmanager
    from jaxlib.mlir.dialects import llvm as llvm

__all__ = ["context", "ir", "llvm", "package", "passmanager"]


def _find() -> str:
    """The name of the package that holds the bindings.

    Raises BindingsMissing when there is none.
    """
    for name in ("mlir", "jaxlib.mlir"):
        try:
            importlib.import_module(name + ".ir")
            importlib.import_module(name + ".dialects.llvm")
        except ImportError:
            continue
        return name
    raise BindingsMissing(
        "lowering needs the MLIR Python bindings with the llvm dialect, and neither `mlir` nor "
        "`jaxlib.mlir` has them.\n"
        "Install them with:  pip install jaxlib"
    )


package: str = _find()
"""Where the bindings were found: `mlir` or `jaxlib.mlir`."""

if not TYPE_CHECKING:
    ir = importlib.import_module(package + ".ir")
    llvm = importlib.import_module(package + ".dialects.llvm")
    passmanager = importlib.import_module(package + ".passmanager")


def _register(registry: Any) -> None:
    """Adds the dialects to the registry, where the bindings do not do so by themselves."""
    if package == "jaxlib.mlir":
        extension = importlib.import_module("jaxlib.mlir._mlir_libs._jax_mlir_ext")
        extension.register_dialects(registry)


def context() -> ir.Context:
    """A fresh context in which the llvm dialect is loaded.

    >>> module = ir.Module.parse("llvm.func @f()", context())
    >>> print(module.body.operations[0])
    llvm.func @f()
    """
    ctx = ir.Context()
    registry = ir.DialectRegistry()
    _register(registry)
    ctx.append_dialect_registry(registry)
    ctx.load_all_available_dialects()
    return ctx
