"""Parameters to a file and back: safetensors or npz, exact, without pickle, layer by layer.

A file holds float64 arrays by name and some strings about them. Of a model of `micrograd.nn` these
are, as in PyTorch, `layers.0.weight` f64[outputs, inputs], `layers.0.bias` f64[outputs], and so on;
of other modules the attributes that hold Values; of a plain list of Values one array, `parameters`.

>>> import tempfile
>>> from micrograd.nn import MLP
>>> model, twin = MLP(2, [3, 1]), MLP(2, [3, 1])
>>> with tempfile.TemporaryDirectory() as folder:
...     save(model, f"{folder}/model.npz", {"epochs": "100"})
...     load(twin, f"{folder}/model.npz")
{'epochs': '100'}
>>> [p.data for p in twin.parameters()] == [p.data for p in model.parameters()]
True
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

from . import formats
from .engine import Value
from .errors import CheckpointError, kind
from .files import atomic
from .named import assign, each, is_tensor, numbers, objects
from .nn import Module

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]


__all__ = ["load", "save"]


def __dir__() -> list[str]:
    return sorted(__all__)


def save(
    target: Module | Iterable[Any],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the parameters of a model, or a list of Values or of Tensors, to a file.

    path       safetensors if it ends so, else npz
    metadata   strings to keep with them, which `load` gives back

    The file is written whole or not at all: an interrupted `save` leaves the old one.
    """
    arrays = {name: numbers(some) for name, some in _named(target).items()}
    encode = formats.safetensors if _is_safetensors(_checked_path(path)) else formats.npz
    data = encode(arrays, _strings(metadata))
    with atomic(path) as file:
        file.write(data)


def _strings(metadata: Any) -> dict[str, str]:
    """Metadata that can be kept."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise CheckpointError(f"metadata should be strings by name, got {kind(metadata)}")
    for key, text in metadata.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise CheckpointError(
                f"metadata should be strings by name, got {kind(key)}: {kind(text)}"
            )
    size = sum(len(key) + len(text) for key, text in metadata.items())
    if size > formats.MOST_STRINGS // 12:  # a character of JSON may take that many bytes
        raise CheckpointError(f"metadata should be short strings, got {size} characters")
    return dict(metadata)


def _checked_path(path: Any) -> str | os.PathLike[str]:
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise CheckpointError(f"path should be the name of a file, got {kind(path)}")
    return path


def load(target: Module | Iterable[Any], path: str | os.PathLike[str]) -> dict[str, str]:
    """Put the numbers of a file into the parameters, in place, and return the file's metadata.

    Kernels that read the parameters see the new numbers. Arrays of any real dtype are taken,
    bfloat16 among them.

    Raises CheckpointError if the file is damaged, is no such file, or is of another model. Whatever
    is raised, Ctrl-C included, no parameter has changed. Names, shapes and types are compared
    before numbers are read: a file of another model costs little, however large it says it is.
    """
    named = _named(target)
    safetensors = _is_safetensors(_checked_path(path))
    read = formats.open_safetensors if safetensors else formats.open_npz
    with open(path, "rb") as file:
        try:
            entries, metadata = read(file)
            if not isinstance(metadata, dict) or not all(
                isinstance(s, str) for s in metadata.values()
            ):
                raise ValueError("its metadata is no dict of strings")
            _check(named, entries, path)
            arrays = [entries[name].read() for name in named]
        except CheckpointError:
            raise
        except Exception as error:  # a damaged file makes its reader raise anything
            raise CheckpointError(
                f"{path} is damaged, or is no {'safetensors' if safetensors else 'npz'} file: "
                f"{error}"
            ) from error
    _assign(list(named.values()), arrays)
    return metadata


def _assign(parameters: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Set all of them, or, if something is raised meanwhile, none."""
    before = [numbers(some) for some in parameters]
    try:
        for some, array in zip(parameters, arrays, strict=True):
            assign(some, array)
    except BaseException:
        for some, array in zip(parameters, before, strict=True):
            assign(some, array)
        raise


def _check(named: Mapping[str, Any], entries: formats.Entries, path: Any) -> None:
    """Raise CheckpointError if the arrays of a file do not fit."""
    missing = [name for name in named if name not in entries]
    unknown = [name for name in entries if name not in named]
    if missing or unknown:
        lacks = [f"has no {_listed(missing)}"] if missing else []
        adds = [f"has {_listed(unknown)}, which the model has not"] if unknown else []
        raise CheckpointError(
            f"{path} {' and '.join(lacks + adds)}; load it into a model like the one that was saved"
        )
    for name, values in named.items():
        found = entries[name]
        if not found.is_real:
            raise CheckpointError(f"{name} in {path} should hold real numbers, has {found.dtype}")
        if found.shape != values.shape:
            raise CheckpointError(
                f"{name} has shape {values.shape} in the model, but {found.shape} in {path}"
            )


def _listed(names: list[str]) -> str:
    """Some of the names, and how many there are beside them."""
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


# --- names ----------------------------------------------------------------------------------


def _named(target: Module | Iterable[Any]) -> dict[str, Any]:
    """The parameters of a model by name: Tensors, and Values as arrays of objects."""
    if not isinstance(target, Module):
        return _listed_parameters(target)
    expected = target.parameters()
    found = dict(target._named())
    if {id(p) for some in found.values() for p in each(some)} == {id(p) for p in expected}:
        return found
    return _listed_parameters(expected)  # it keeps them in a way of its own


def _listed_parameters(target: Any) -> dict[str, Any]:
    """A list of Values as one array, or Tensors by their places; checked."""
    given = list(target) if isinstance(target, Iterable) else [target]
    if given and all(map(is_tensor, given)):
        return {f"parameters.{k}": p for k, p in enumerate(given)}
    for k, v in enumerate(given):
        if not isinstance(v, Value):
            raise CheckpointError(
                "a model, a list of Values or one of Tensors can be saved and loaded, but item "
                f"{k} is {kind(v)}"
            )
    return {"parameters": objects(given)}


def _is_safetensors(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).endswith(".safetensors")
