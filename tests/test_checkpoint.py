"""Saving and loading: exact, whole or not at all, and no parameter changes if anything is wrong."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit
from micrograd.checkpoint import _assign, load, save
from micrograd.errors import CheckpointError
from micrograd.files import atomic
from micrograd.formats import MOST_STRINGS
from micrograd.named import objects
from micrograd.nn import MLP, Layer, Module, Neuron

NUMBERS = [0.1, -0.0, 5e-324, -1.7976931348623157e308, float("inf"), float("-inf"), 1 / 3]


@pytest.fixture(params=["npz", "safetensors"])
def ending(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(seed: int, *nouts: int) -> MLP:
    random.seed(seed)
    return MLP(2, nouts or (3, 1))


def numbers(model: Any) -> list[float]:
    return [p.data for p in (model.parameters() if isinstance(model, Module) else model)]


def arrays_of(path: Path) -> dict[str, Any]:
    """The arrays as NumPy and safetensors themselves read them."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    load_file = pytest.importorskip("safetensors.numpy").load_file
    return dict(load_file(path))


# --- there and back -------------------------------------------------------------------------------


def test_a_model_comes_back_exactly(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    model, twin = make(1), make(2)
    for p, number in zip(model.parameters(), NUMBERS, strict=False):
        p.data = number
    save(model, path, {"epochs": "100", "data": "mønner"})
    assert load(twin, path) == {"epochs": "100", "data": "mønner"}
    exact = [struct.pack("d", x) for x in numbers(model)]
    assert [struct.pack("d", x) for x in numbers(twin)] == exact


def test_nan_comes_back_with_its_bits(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"nan.{ending}"
    (number,) = struct.unpack("d", struct.pack("Q", 0x7FF8000000000ABC))
    save([Value(number)], path)
    twin = Value(0.0)
    load([twin], path)
    assert struct.pack("d", twin.data) == struct.pack("d", number)


def test_names_go_layer_by_layer(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    model = make(1)
    save(model, path)
    found = arrays_of(path)
    assert {name: a.shape for name, a in found.items()} == {
        "layers.0.weight": (3, 2),
        "layers.0.bias": (3,),
        "layers.1.weight": (1, 3),
        "layers.1.bias": (1,),
    }
    assert all(a.dtype == np.float64 for a in found.values())
    neuron = model.layers[0].neurons[2]
    assert found["layers.0.weight"][2].tolist() == [w.data for w in neuron.w]
    assert found["layers.0.bias"][2] == neuron.b.data


class Line(Module):
    """A model of one's own: a Value, a list of them, a module in it, and other things."""

    def __init__(self) -> None:
        self.slope = Value(2.0)
        self.knots = [Value(3.0), Value(4.0)]
        self.inner = Neuron(2)
        self.name, self.sizes, self.ragged = "line", [1, 2], [[1], [2, 3]]

    def parameters(self) -> list[Value]:
        return [*self.inner.parameters(), self.slope, *self.knots]


class Hidden(Module):
    """A model whose parameters cannot be found by looking at its attributes."""

    def __init__(self) -> None:
        self.table = {"a": Value(1.0), "b": Value(2.0)}

    def parameters(self) -> list[Value]:
        return list(self.table.values())


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: Line(), {"slope": (), "knots": (2,), "inner.weight": (2,), "inner.bias": ()}),
        (lambda: Hidden(), {"parameters": (2,)}),
        (lambda: Layer(2, 3), {"weight": (3, 2), "bias": (3,)}),
        (lambda: Neuron(3, nonlin=False), {"weight": (3,), "bias": ()}),
        (lambda: [Value(1.0), Value(2.0), Value(3.0)], {"parameters": (3,)}),
    ],
)
def test_other_models_and_lists(
    tmp_path: Path, ending: str, make: Any, names: dict[str, tuple[int, ...]]
) -> None:
    path = tmp_path / f"model.{ending}"
    random.seed(1)
    model, twin = make(), make()
    for p in twin if isinstance(twin, list) else twin.parameters():
        p.data += 1.0
    save(model, path)
    assert {name: a.shape for name, a in arrays_of(path).items()} == names
    load(twin, path)
    assert numbers(twin) == numbers(model)


def test_a_kernel_sees_what_is_loaded(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    model = make(1)
    predict = jit(model, dtype="f64")
    before = predict([0.5, 2.0])
    save(model, path)
    for p in model.parameters():
        p.data += 1.0
    assert predict([0.5, 2.0]) != before
    load(model, path)
    assert predict([0.5, 2.0]) == before


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path, ending: str) -> None:
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    save(make(1), first)
    save(make(1), second)
    assert first.read_bytes() == second.read_bytes()


def test_narrower_and_compressed_arrays_of_others_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez_compressed(path, weight=np.array([[1, 2]], dtype=np.int8), bias=np.float32([0.5]))
    layer = Layer(2, 1)
    assert load(layer, path) == {}
    assert numbers(layer) == [1.0, 2.0, 0.5]


# --- what does not fit ----------------------------------------------------------------------------


def refused(model: Any, path: Path, message: str) -> None:
    """Loading must fail with the message and change nothing."""
    before = numbers(model)
    with pytest.raises(CheckpointError, match=message):
        load(model, path)
    assert numbers(model) == before


def test_another_shape(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    save(make(1, 4, 1), path)
    refused(make(2), path, r"layers\.0\.weight has shape \(3, 2\) in the model, but \(4, 2\) in")


def test_another_shape_of_the_same_size(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, weight=np.zeros((2, 3)), bias=np.zeros(3))
    refused(Layer(2, 3), path, r"weight has shape \(3, 2\) in the model, but \(2, 3\) in")


def test_missing_and_unknown_names(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    save(make(1, 3), path)
    refused(make(2), path, r"has no layers\.1\.weight, layers\.1\.bias; load it into a model like")
    save(make(1), path)
    refused(make(2, 3), path, r"has layers\.1\.\w+, layers\.1\.\w+, which the model has not")
    refused(
        [Value(1.0)],
        path,
        r"has no parameters and has layers\.\d\.\w+, layers\.\d\.\w+, layers\.\d\.\w+ and 1 more,",
    )


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([1j]), "parameters in .* should hold real numbers, has complex128"),
        (np.array(["1"]), "should hold real numbers, has <U1"),
    ],
)
def test_arrays_without_real_numbers(tmp_path: Path, array: Any, message: str) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, parameters=array)
    refused([Value(1.0)], path, message)


class Trap:
    """An object that would leave a mark if it were ever unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.mark),))


def test_pickles_are_not_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "trap.npz", tmp_path / "mark"
    np.savez(path, parameters=np.array([Trap(mark)], dtype=object))
    refused([Value(1.0)], path, "parameters in .* should hold real numbers, has object")
    path.write_bytes(pickle.dumps(Trap(mark)))
    refused([Value(1.0)], path, "damaged, or is no npz file")
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"PK\x03\x04" + b"x" * 50,
        b"\x08\0\0\0\0\0\0\0nonsense",
        b"\xff" * 40,
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x93NUMPY\x01\0",
    ],
)
def test_foreign_files(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"foreign.{ending}"
    path.write_bytes(content)
    refused(make(1), path, f"foreign.{ending} is damaged, or is no {ending} file")


def test_one_format_under_the_name_of_the_other(tmp_path: Path) -> None:
    a, b = tmp_path / "model.npz", tmp_path / "model.safetensors"
    for path in (a, b):
        save(make(1), path)
    a.rename(tmp_path / "third")
    b.rename(a)
    (tmp_path / "third").rename(b)
    refused(make(2), a, "is no npz file")
    refused(make(2), b, "is no safetensors file")


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    save(make(1), path, {"epochs": "100"})
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        refused(make(2), path, "is damaged")
    path.write_bytes(whole[:-1])
    refused(make(2), path, "is damaged")


def test_flipped_bits_give_an_error_or_another_number_and_nothing_else(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"model.{ending}"
    save(make(1), path)
    whole = path.read_bytes()
    rng = random.Random(3)
    failed = 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        twin = make(2)
        before = numbers(twin)
        try:
            load(twin, path)
        except CheckpointError:
            failed += 1
            assert numbers(twin) == before
    assert failed > 50


def test_metadata_that_is_no_object(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save([Value(1.0)], path, {"a": "b"})
    with zipfile.ZipFile(path) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".npy"))
        member = archive.read(name)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, member)
        archive.writestr("metadata.json", json.dumps([1, 2]))
    path.write_bytes(file.getvalue())
    refused([Value(2.0)], path, "metadata is no dict of strings")


def test_a_file_that_is_not_there(tmp_path: Path, ending: str) -> None:
    with pytest.raises(FileNotFoundError):
        load(make(1), tmp_path / f"none.{ending}")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([1.0], "item 0 is float 1.0"),
        (None, "item 0 is NoneType None"),
        ([Value(1.0), "w"], "item 1 is str 'w'"),
    ],
)
def test_what_cannot_be_saved(tmp_path: Path, target: Any, message: str) -> None:
    for act in (save, load):
        with pytest.raises(CheckpointError, match=message):
            act(target, tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_metadata_must_be_strings(tmp_path: Path, ending: str) -> None:
    with pytest.raises(CheckpointError, match=r"strings by name, got str 'epochs': int 100"):
        save(make(1), tmp_path / f"model.{ending}", {"epochs": 100})  # type: ignore[dict-item]


@pytest.mark.parametrize("bad", [5, None, b"model.npz", ["a"]])
def test_what_is_no_path(bad: Any) -> None:
    for act in (save, load):
        with pytest.raises(CheckpointError, match="path should be the name of a file, got "):
            act([Value(1.0)], bad)


@pytest.mark.parametrize("bad", [5, "text", [("a", "b")]])
def test_metadata_that_is_no_dict(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(CheckpointError, match="metadata should be strings by name, got "):
        save([Value(1.0)], tmp_path / "model.npz", bad)


def test_metadata_as_large_as_it_may_be_is_read_again(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    long = "\N{GRINNING FACE}" * (MOST_STRINGS // 12 - 1)
    save([Value(1.0)], path, {"a": long})
    assert load([Value(2.0)], path) == {"a": long}
    with pytest.raises(CheckpointError, match=r"metadata should be short strings, got \d+ charac"):
        save([Value(1.0)], path, {"a": 2 * long})


# --- files that are not what they say -------------------------------------------------------------


def cheaply_refused(model: Any, path: Path, message: str) -> None:
    """Loading must fail, with little memory."""
    tracemalloc.start()
    try:
        refused(model, path, message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**21


def test_a_large_array_of_another_shape_is_not_decompressed(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, parameters=np.zeros(2**24))
    assert path.stat().st_size < 2**18
    cheaply_refused([Value(1.0)], path, r"shape \(1,\) in the model, but \(16777216,\) in")


def npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode() + b" " * (-len(header) % 64)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zipped(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("(1000000000000,)", r"parameters.npy should have 8000000000\d+ bytes, has \d+"),
        ("(1,)", r"parameters.npy should have \d+ bytes, has \d+"),
        ("(-1,)", "damaged"),
        ("(3, 10**9)", "damaged"),
        ("(" + "9" * 2000 + ",)", "damaged"),
    ],
)
def test_a_header_that_says_more_than_there_is(tmp_path: Path, shape: str, message: str) -> None:
    path = tmp_path / "model.npz"
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    zipped(path, {"parameters.npy": npy(header, b"\0" * 24)})
    cheaply_refused([Value(1.0)], path, message)


def test_a_member_that_decompresses_to_more_than_it_says(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
    member = npy(header, b"\0" * (8 + 2**26))
    zipped(path, {"parameters.npy": member})
    wrong, right = struct.pack("<L", len(member)), struct.pack("<L", len(npy(header)) + 8)
    path.write_bytes(path.read_bytes().replace(wrong, right))
    cheaply_refused([Value(1.0)], path, "damaged")


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_other_compressions(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "model.npz"
    zipped(path, {"parameters.npy": npy("", b"\0" * 2**24)}, kind)
    cheaply_refused([Value(1.0)], path, "compressed in a way that npz files are not")


def test_metadata_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    zipped(path, {"metadata.json": b" " * (MOST_STRINGS + 1)})
    cheaply_refused([Value(1.0)], path, "metadata.json has 16777217 bytes, more than 16777216")


def test_an_array_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save([Value(1.0)], path)
    with zipfile.ZipFile(path) as archive:
        member = archive.read("parameters.npy")
    zipped(path, {"parameters.npy": member, "parameters": member})
    refused([Value(2.0)], path, "it has two arrays parameters")


def tensors(path: Path, header: Any, data: bytes, length: int | None = None) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def tensor(dtype: str, shape: list[Any], first: Any, last: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"parameters": tensor("F64", [2], 0, 16), "__metadata__": {"a": 1}}, "no dict of strings"),
        ({"parameters": tensor("F64", [10**12], 0, 8)}, "has 8 bytes for a F64 array of"),
        ({"parameters": tensor("F64", [10**12], 0, 8 * 10**12)}, "it should have 8000000000"),
        ({"parameters": tensor("F64", [1], 8, 16)}, "do not lie one after the other, at byte 0"),
        ({"parameters": tensor("F64", [1], 0, 8), "b": tensor("F64", [1], 0, 8)}, "at byte 8"),
        ({"parameters": tensor("F64", [-1], 0, -8)}, "parameters has no size"),
        ({"parameters": tensor("F64", [True], 0, 8)}, "parameters has no size"),
        ({"parameters": tensor("F64", [1.0], 0, 8)}, "parameters has no size"),
        ({"parameters": tensor("F64", [1], 0, 8.0)}, "parameters has no size"),
        ({"parameters": tensor("F8_E4M3", [1], 0, 1)}, "it should have"),
        ({"parameters": [1, 2]}, "damaged"),
        ([1], "its header is no object"),
    ],
)
def test_safetensors_headers_that_do_not_fit(tmp_path: Path, header: Any, message: str) -> None:
    path = tmp_path / "model.safetensors"
    tensors(path, header, b"\0" * 16)
    cheaply_refused([Value(1.0)], path, message)


def test_a_safetensors_header_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors(path, {}, b"", length=2**60)
    cheaply_refused([Value(1.0)], path, "its header should have 1152921504606846976 bytes")


def test_a_type_of_safetensors_that_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors(path, {"parameters": tensor("F8_E4M3", [1], 0, 1)}, b"\0")
    refused([Value(1.0)], path, "should hold real numbers, has F8_E4M3")


TYPES = [
    ("F64", "<f8"), ("F32", "<f4"), ("F16", "<f2"), ("I64", "<i8"), ("I32", "<i4"), ("I16", "<i2"),
    ("I8", "i1"), ("U64", "<u8"), ("U32", "<u4"), ("U16", "<u2"), ("U8", "u1"), ("BOOL", "?"),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "code"), TYPES)
def test_safetensors_of_every_type(tmp_path: Path, dtype: str, code: str) -> None:
    path = tmp_path / "model.safetensors"
    array = np.array([[1, 0], [100, 127]]).astype(code)
    header = {
        "weight": tensor(dtype, [2, 2], 0, array.nbytes),
        "bias": tensor("F32", [2], array.nbytes, array.nbytes + 8),
    }
    tensors(path, header, array.tobytes() + np.float32([0.5, -2.0]).tobytes())
    oracle = pytest.importorskip("safetensors.numpy").load_file(path)
    assert oracle["weight"].dtype == array.dtype
    layer = Layer(2, 2)
    load(layer, path)
    assert [w.data for n in layer.neurons for w in n.w] == array.reshape(-1).tolist()
    assert [n.b.data for n in layer.neurons] == [0.5, -2.0]


def test_bfloat16(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    bits = {
        0x3F80: 1.0,
        0xC020: -2.5,
        0x0001: 2.0**-133,
        0x7F7F: float.fromhex("0x1.fep127"),
        0x8000: -0.0,
        0xFF80: float("-inf"),
        0x7FC0: float("nan"),
    }
    data = struct.pack(f"<{len(bits)}H", *bits)
    tensors(path, {"parameters": tensor("BF16", [len(bits)], 0, len(data))}, data)
    leaves = [Value(0.0) for _ in bits]
    load(leaves, path)
    assert [struct.pack("d", v.data) for v in leaves] == [
        struct.pack("d", x) for x in bits.values()
    ]


def test_other_arrays_of_npz(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    weight = np.arange(6.0).reshape(3, 2)
    for array in (
        np.asfortranarray(weight),
        weight.astype(">f4"),
        weight.astype("f2"),
        weight.astype(np.longdouble),
        weight.astype(np.uint8),
    ):
        np.savez(path, weight=array, bias=np.zeros(3))
        layer = Layer(2, 3)
        load(layer, path)
        assert [[w.data for w in n.w] for n in layer.neurons] == weight.tolist()


def test_an_assignment_that_fails_half_way_changes_nothing() -> None:
    leaves = [Value(1.0), Value(2.0), Value(3.0)]
    jit(sum(leaves), wrt=leaves)()  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _assign([objects(leaves)], [np.array([4.0, 5.0, "six"], dtype=object)])
    assert numbers(leaves) == [1.0, 2.0, 3.0]


# --- whole or not at all --------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_save_leaves_the_old_file(
    tmp_path: Path,
    ending: str,
    where: str,
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / f"model.{ending}"
    save(make(1), path)
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(os, where, fail)
        with pytest.raises(error):
            save(make(2), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    save(make(2), path)
    assert path.read_bytes() != before


def test_a_file_that_is_half_written_is_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with atomic(path) as file:
        file.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
    with pytest.raises(TypeError), atomic(path) as file:
        file.writelines([b"other", 1])  # type: ignore[list-item]
    assert path.read_bytes() == b"half"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_a_file_keeps_its_mode_and_a_link_its_target(tmp_path: Path) -> None:
    path, link = tmp_path / "model.npz", tmp_path / "latest.npz"
    save(make(1), path)
    path.chmod(0o640)
    link.symlink_to(path)
    save(make(2), link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    twin = make(3)
    load(twin, path)
    assert numbers(twin) == numbers(make(2))


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a directory; give the name of a file in it"):
        save(make(1), tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        save(make(1), tmp_path / "none" / "model.npz")
