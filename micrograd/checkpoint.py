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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import formats
from .engine import Value
from .errors import CheckpointError, kind
from .files import atomic
from .nn import Layer, Module

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]


def save(
    target: Module | Iterable[Value],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the parameters of a model, or a list of Values, to a file.

    path       safetensors if it ends so, else npz
    metadata   strings to keep with them, which `load` gives back

    The file is written whole or not at all: an interrupted `save` leaves the old one.
    """
    arrays = {
        name: np.array([v.data for v in values.reshape(-1)]).reshape(values.shape)
        for name, values in _named(target).items()
    }
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


def load(target: Module | Iterable[Value], path: str | os.PathLike[str]) -> dict[str, str]:
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
    values = [v for some in named.values() for v in some.reshape(-1)]
    _assign(values, [number for array in arrays for number in array.reshape(-1).tolist()])
    return metadata


def _assign(values: Sequence[Value], numbers: Sequence[float]) -> None:
    """Set all of them, or, if something is raised meanwhile, none."""
    before = [v.data for v in values]
    try:
        for v, number in zip(values, numbers, strict=True):
            v.data = number
    except BaseException:
        for v, number in zip(values, before, strict=True):
            v.data = number
        raise


def _check(named: Arrays, entries: formats.Entries, path: Any) -> None:
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


def _named(target: Module | Iterable[Value]) -> Arrays:
    """The Values of a model as arrays of objects, by name."""
    if not isinstance(target, Module):
        return {"parameters": _objects(_values(target))}
    expected = target.parameters()
    found = dict(_walk(target, ""))
    if {v for values in found.values() for v in values.reshape(-1)} == set(expected):
        return found
    return {"parameters": _objects(_values(expected))}  # it keeps them in a way of its own


def _values(target: Any) -> list[Value]:
    """A list of Values, checked."""
    values = list(target) if isinstance(target, Iterable) else [target]
    for k, v in enumerate(values):
        if not isinstance(v, Value):
            raise CheckpointError(
                f"a model or a list of Values can be saved and loaded, but item {k} is {kind(v)}"
            )
    return values


def _walk(module: Module, prefix: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """The names and Values of a module, those of modules in it behind the names of these."""
    if isinstance(module, Layer):
        yield f"{prefix}weight", _objects([n.w for n in module.neurons])
        yield f"{prefix}bias", _objects([n.b for n in module.neurons])
        return
    for name, x in vars(module).items():
        if isinstance(x, Module):
            yield from _walk(x, f"{prefix}{name}.")
        elif isinstance(x, (list, tuple)) and x and all(isinstance(m, Module) for m in x):
            for k, m in enumerate(x):
                yield from _walk(m, f"{prefix}{name}.{k}.")
        else:
            values = _objects(x)
            if values.size and all(isinstance(v, Value) for v in values.reshape(-1)):
                yield prefix + {"w": "weight", "b": "bias"}.get(name, name), values


def _objects(x: Any) -> npt.NDArray[Any]:
    """Values in lists as an array of objects; what has no shape becomes one object."""
    try:
        return np.array(x, dtype=object)
    except ValueError:
        return np.array(None, dtype=object)


def _is_safetensors(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).endswith(".safetensors")
