"""Saving and loading: exact, whole or not at all, and no parameter changes if anything is wrong."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import stat
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit
from micrograd.checkpoint import load, save
from micrograd.errors import CheckpointError
from micrograd.files import atomic
from micrograd.nn import MLP, Layer, Module, Neuron

NUMBERS = [0.1, -0.0, 5e-324, -1.7976931348623157e308, float("inf"), float("-inf"), 1 / 3]


@pytest.fixture(params=["npz", "safetensors"])
def ending(request: pytest.FixtureRequest) -> str:
    if request.param == "safetensors":
        pytest.importorskip("safetensors")
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
    from safetensors.numpy import load_file

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
    refused([Value(1.0)], path, "damaged, or is no npz file: Object arrays cannot be loaded")
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
    pytest.importorskip("safetensors")
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


def test_without_safetensors_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    path = tmp_path / "model.safetensors"
    message = r"pip install 'micrograd-mlir\[safetensors\]'\nor give a name that ends with .npz"
    with pytest.raises(CheckpointError, match=message):
        save(make(1), path)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=message):
        load(make(1), path)


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
