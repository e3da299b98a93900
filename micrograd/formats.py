"""Arrays by name and some strings, as bytes: npz and safetensors, written here and read without
trust.

A reader looks at headers first: it says of every array its shape and type, and reads numbers only
when it is asked for them. So whoever knows which shapes should be there decides before anything
large is read or decompressed; what a header claims is compared with what the file has. Nothing is
unpickled. A damaged file raises ValueError or whatever its damage makes Python's own readers raise.

Sources: https://github.com/huggingface/safetensors#format, numpy.lib.format, and PKWARE's zip.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Strings: TypeAlias = dict[str, str]

METADATA = "metadata.json"
"""The member of an npz file that holds the strings."""
MOST_STRINGS = 16 * 2**20
"""Bytes of strings that are read, at most."""
MOST_HEADER = 100_000_000
"""Bytes of a safetensors header, at most, as its own reader has it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An array of a file.

    dtype    its type, as the file has it
    is_real  whether it holds real numbers
    read     gives its numbers, float64[*shape]
    """

    shape: tuple[int, ...]
    dtype: str
    is_real: bool
    read: Callable[[], Array]


Entries: TypeAlias = dict[str, Entry]


# --- npz ----------------------------------------------------------------------------------------


def npz(arrays: Mapping[str, Array], strings: Strings) -> bytes:
    """An npz file, the same bytes for the same numbers; `numpy.load` reads it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
        if strings:
            archive.writestr(zipfile.ZipInfo(METADATA), json.dumps(strings))
    return file.getvalue()


def open_npz(file: IO[bytes]) -> tuple[Entries, Any]:
    """The arrays of an npz file, whose numbers are not read yet, and its strings."""
    archive = zipfile.ZipFile(file)
    entries: Entries = {}
    strings: Any = {}
    for info in archive.infolist():
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{info.filename} is compressed in a way that npz files are not")
        if info.filename == METADATA:
            strings = json.loads(_member(archive, info, MOST_STRINGS))
            continue
        name = info.filename.removesuffix(".npy")
        if name in entries:
            raise ValueError(f"it has two arrays {name}")
        entries[name] = _npy_entry(archive, info)
    return entries, strings


def _npy_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(member)
        else:
            raise ValueError(f"{info.filename} is an array of format {version}")
        start = member.tell()
    is_real = dtype.kind in "fiub"
    size = start + prod(shape) * dtype.itemsize
    if is_real and (min(shape, default=0) < 0 or size != info.file_size):
        raise ValueError(f"{info.filename} should have {size} bytes, has {info.file_size}")

    def read() -> Array:
        data = _member(archive, info, info.file_size)[start:]
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
        return _as_float64(array)

    return Entry(shape, str(dtype), is_real, read)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of a member; its checksum is compared when its end is reached."""
    if info.file_size > most:
        raise ValueError(f"{info.filename} has {info.file_size} bytes, more than {most}")
    with archive.open(info) as member:
        data = member.read(info.file_size)
        if len(data) != info.file_size or member.read(1):
            raise ValueError(f"{info.filename} has not the size that it says")
    return data


# --- safetensors --------------------------------------------------------------------------------

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}


def safetensors(arrays: Mapping[str, Array], strings: Strings) -> bytes:
    """A safetensors file of float64 arrays, the same bytes for the same numbers."""
    header: dict[str, Any] = {"__metadata__": strings} if strings else {}
    place = 0
    for name, array in arrays.items():
        offsets = [place, place + 8 * array.size]
        header[name] = {"dtype": "F64", "shape": list(array.shape), "data_offsets": offsets}
        place = offsets[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = [np.ascontiguousarray(a, dtype="<f8").tobytes() for a in arrays.values()]
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def open_safetensors(file: IO[bytes]) -> tuple[Entries, Any]:
    """The arrays of a safetensors file, whose numbers are not read yet, and its strings."""
    whole = file.seek(0, os.SEEK_END)
    file.seek(0)
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(MOST_HEADER, whole - 8):
        raise ValueError(f"its header should have {length} bytes, more than there are")
    header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    strings = header.pop("__metadata__", {})
    entries: Entries = {}
    places = []
    for name, about in header.items():
        shape, dtype = tuple(about["shape"]), about["dtype"]
        first, last = about["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in (*shape, first, last)):
            raise ValueError(f"{name} has no size")
        places.append((first, last))
        code = np.dtype(_TYPES.get(dtype, "V1"))
        if dtype in _TYPES and last - first != prod(shape) * code.itemsize:
            raise ValueError(f"{name} has {last - first} bytes for a {dtype} array of {shape}")
        entries[name] = _tensor(file, 8 + length + first, last - first, shape, dtype)
    end = 0
    for first, last in sorted(places):
        if first != end or last < first:
            raise ValueError(f"its arrays do not lie one after the other, at byte {end}")
        end = last
    if 8 + length + end != whole:
        raise ValueError(f"it should have {8 + length + end} bytes, has {whole}")
    return entries, strings


def _tensor(file: IO[bytes], place: int, size: int, shape: tuple[int, ...], dtype: str) -> Entry:
    def read() -> Array:
        file.seek(place)
        array = np.frombuffer(file.read(size), _TYPES[dtype]).reshape(shape)
        if dtype == "BF16":  # the upper half of a float32
            array = (array.astype("u4") << 16).view("f4")
        return _as_float64(array)

    return Entry(shape, dtype, dtype in _TYPES, read)


def _as_float64(array: Array) -> Array:
    with np.errstate(all="ignore"):  # a long double may be larger than any float64
        return array.astype(np.float64)
