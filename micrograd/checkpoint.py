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

import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .engine import Value
from .errors import CheckpointError, kind
from .files import atomic
from .nn import Layer, Module

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
METADATA = "metadata.json"
"""The member of an npz file that holds the strings."""


def save(
    target: Module | Iterable[Value],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the parameters of a model, or a list of Values, to a file.

    path       safetensors if it ends so (needs the package of that name), else npz
    metadata   strings to keep with them, which `load` gives back

    The file is written whole or not at all: an interrupted `save` leaves the old one.
    """
    arrays = {
        name: np.array([v.data for v in values.reshape(-1)]).reshape(values.shape)
        for name, values in _named(target).items()
    }
    strings = dict(metadata or {})
    for key, text in strings.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise CheckpointError(
                f"metadata should be strings by name, got {kind(key)}: {kind(text)}"
            )
    encode = _encode_safetensors if _is_safetensors(path) else _encode_npz
    data = encode(arrays, strings)
    with atomic(path) as file:
        file.write(data)


def load(target: Module | Iterable[Value], path: str | os.PathLike[str]) -> dict[str, str]:
    """Put the numbers of a file into the parameters, in place, and return the file's metadata.

    Kernels that read the parameters see the new numbers. Arrays of any real dtype are taken.

    Raises CheckpointError if the file is damaged, is no such file, or is of another model; then
    no parameter has changed.
    """
    named = _named(target)
    data = Path(path).read_bytes()
    safetensors = _is_safetensors(path)
    decode = _decode_safetensors if safetensors else _decode_npz
    try:
        arrays, metadata = decode(data)
        if not isinstance(metadata, dict) or not all(isinstance(s, str) for s in metadata.values()):
            raise ValueError("its metadata is no dict of strings")
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file makes its reader raise anything
        raise CheckpointError(
            f"{path} is damaged, or is no {'safetensors' if safetensors else 'npz'} file: {error}"
        ) from error
    _check(named, arrays, path)
    for name, values in named.items():
        numbers = arrays[name].astype(np.float64).reshape(-1).tolist()
        for v, number in zip(values.reshape(-1), numbers, strict=True):
            v.data = number
    return metadata


def _check(named: Arrays, arrays: Arrays, path: Any) -> None:
    """Raise CheckpointError if the arrays of a file do not fit."""
    missing = [name for name in named if name not in arrays]
    unknown = [name for name in arrays if name not in named]
    if missing or unknown:
        lacks = [f"has no {_listed(missing)}"] if missing else []
        adds = [f"has {_listed(unknown)}, which the model has not"] if unknown else []
        raise CheckpointError(
            f"{path} {' and '.join(lacks + adds)}; load it into a model like the one that was saved"
        )
    for name, values in named.items():
        found = arrays[name]
        if found.shape != values.shape:
            raise CheckpointError(
                f"{name} has shape {values.shape} in the model, but {found.shape} in {path}"
            )
        if found.dtype.kind not in "fiub":
            raise CheckpointError(f"{name} in {path} should hold real numbers, has {found.dtype}")


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


# --- formats --------------------------------------------------------------------------------


def _is_safetensors(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).endswith(".safetensors")


def _encode_npz(arrays: Arrays, metadata: dict[str, str]) -> bytes:
    """An npz file, the same bytes for the same numbers; `numpy.load` reads it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
        if metadata:
            archive.writestr(zipfile.ZipInfo(METADATA), json.dumps(metadata))
    return file.getvalue()


def _decode_npz(data: bytes) -> tuple[Arrays, dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members.pop(METADATA, b"{}")
    arrays = {
        name.removesuffix(".npy"): np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
        for name, member in members.items()
    }
    return arrays, json.loads(text)


def _encode_safetensors(arrays: Arrays, metadata: dict[str, str]) -> bytes:
    data: bytes = _safetensors().save(arrays, metadata or None)
    return data


def _decode_safetensors(data: bytes) -> tuple[Arrays, dict[str, str]]:
    arrays = _safetensors().load(data)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return arrays, header.get("__metadata__", {})


def _safetensors() -> Any:
    """The package, if it is installed."""
    try:
        import safetensors.numpy
    except ImportError:
        raise CheckpointError(
            "files that end with .safetensors need a package that is not installed; install it "
            "with\n    pip install 'micrograd-mlir[safetensors]'\nor give a name that ends with "
            ".npz, which needs none"
        ) from None
    return safetensors.numpy
