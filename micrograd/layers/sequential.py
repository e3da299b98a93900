"""Modules in a row, and those that only change shapes: Sequential, Flatten, pools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ShapeError, kind
from ..nn import Module
from .linear import tensor_in


class Sequential(Module):
    """Modules, one after the other; given as arguments, or in one list. Parameters are named by
    their places, as PyTorch does: `0.weight`.
    """

    def __init__(self, *modules: Any) -> None:
        if len(modules) == 1 and isinstance(modules[0], (list, tuple)):
            modules = tuple(modules[0])
        for k, m in enumerate(modules):
            if not callable(m):
                raise ShapeError(f"module {k} of a Sequential should be callable, got {kind(m)}")
        self.layers = list(modules)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def _attributes(self, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
        for k, m in enumerate(self.layers):
            if isinstance(m, Module):
                yield from m._attributes(f"{prefix}{k}.")

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, place: Any) -> Any:
        found = self.layers[place]
        return Sequential(*found) if isinstance(place, slice) else found

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __repr__(self) -> str:
        rows = [f"  ({k}): {m!r}".replace("\n", "\n  ") for k, m in enumerate(self.layers)]
        return "\n".join(["Sequential(", *rows, ")"]) if rows else "Sequential()"


class Flatten(Module):
    """All axes behind the batch as one."""

    def __call__(self, x: Any) -> Any:
        x = tensor_in(self, x)
        return x.reshape(x.shape[0], x.size // max(x.shape[0], 1))

    def __repr__(self) -> str:
        return "Flatten()"


class MaxPool(Module):
    """The largest of each window, as `Tensor.max_pool`."""

    def __init__(self, size: Any, stride: Any = None, padding: Any = 0) -> None:
        self.size, self.stride, self.padding = size, stride, padding

    def __call__(self, x: Any) -> Any:
        return tensor_in(self, x).max_pool(self.size, self.stride, self.padding)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size})"


class AvgPool(MaxPool):
    """The mean of each window, as `Tensor.avg_pool`."""

    def __call__(self, x: Any) -> Any:
        return tensor_in(self, x).avg_pool(self.size, self.stride, self.padding)
