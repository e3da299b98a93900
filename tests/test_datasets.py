"""Images of digits, files of MNIST, and arrays in parts and batches."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd.datasets import (
    Dataloader,
    digits,
    mnist,
    train_validation_split,
)
from micrograd.errors import DataError
from micrograd.images import MNIST_ARRAYS, MNIST_FILES

RNG = np.random.default_rng(0)
PARTS = [
    RNG.integers(0, 256, (5, 28, 28)).astype(np.uint8),
    np.array([3, 0, 9, 1, 4], np.uint8),
    RNG.integers(0, 256, (2, 28, 28)).astype(np.uint8),
    np.array([7, 2], np.uint8),
]


def idx(x: np.ndarray[Any, Any]) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in x.shape)
    return bytes([0, 0, 8, x.ndim]) + sizes + x.tobytes()


def write_idx(folder: Path, *, zipped: tuple[int, ...] = ()) -> None:
    for k, (name, x) in enumerate(zip(MNIST_FILES, PARTS, strict=True)):
        if k in zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(x)))
        else:
            (folder / name).write_bytes(idx(x))


def write_npz(folder: Path, **other: Any) -> None:
    np.savez_compressed(
        folder / "mnist.npz", **{**dict(zip(MNIST_ARRAYS, PARTS, strict=True)), **other}
    )


def check(folder: Path) -> None:
    (train_x, train_y), (test_x, test_y) = mnist(folder)
    for x, images in ((train_x, PARTS[0]), (test_x, PARTS[2])):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(
            x, images.reshape(-1, 784).astype(np.float32) / np.float32(255)
        )
    assert train_y.dtype == test_y.dtype == np.int64
    assert (train_y.tolist(), test_y.tolist()) == ([3, 0, 9, 1, 4], [7, 2])


def test_the_digits_are_scikit_learns() -> None:
    expected = pytest.importorskip("sklearn.datasets").load_digits()
    x, classes = digits()
    assert (x.dtype, classes.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(x, (expected.data / 16).astype(np.float32))
    np.testing.assert_array_equal(classes, expected.target)


def test_digits_are_the_same_where_the_package_has_no_file_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("sklearn")
    read = digits()
    monkeypatch.setattr("micrograd.images.DIGITS_FILE", ("no", "such", "file"))
    for a, b in zip(digits(), read, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_enlarged_digits_are_interpolated_and_keep_their_corners() -> None:
    pytest.importorskip("sklearn.datasets")
    small = digits()[0].reshape(-1, 8, 8)
    flat, classes = digits(size=28)
    assert (flat.shape, flat.dtype, len(classes)) == ((1797, 784), np.float32, 1797)
    large = flat.reshape(-1, 28, 28)
    assert large.min() >= 0
    assert large.max() <= 1
    np.testing.assert_array_equal(large[:, ::27, ::27], small[:, ::7, ::7])
    centres = (np.arange(28) + 0.5) * 8 / 28 - 0.5
    for k in (0, 1000):
        rows = np.stack([np.interp(centres, np.arange(8), row) for row in small[k]])
        both = np.stack([np.interp(centres, np.arange(8), row) for row in rows.T]).T
        np.testing.assert_allclose(large[k], both, atol=1e-6)


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        digits()


@pytest.mark.parametrize("zipped", [(), (0, 1, 2, 3), (0, 3)])
def test_mnist_of_idx_files(tmp_path: Path, zipped: tuple[int, ...]) -> None:
    write_idx(tmp_path, zipped=zipped)
    check(tmp_path)


def test_mnist_of_an_archive_which_is_taken_first(tmp_path: Path) -> None:
    write_npz(tmp_path)
    (tmp_path / MNIST_FILES[0]).write_bytes(b"no IDX file")
    check(tmp_path)


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_file_names_all_four_and_the_folder(tmp_path: Path, missing: int) -> None:
    write_idx(tmp_path)
    (tmp_path / MNIST_FILES[missing]).unlink()
    with pytest.raises(DataError) as caught:
        mnist(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"there is no {MNIST_FILES[missing]} in {tmp_path}")
    assert all(name in message for name in (*MNIST_FILES, "mnist.npz", "put them into"))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("which", range(4))
def test_every_truncation_of_a_file_is_an_error(tmp_path: Path, which: int, zipped: bool) -> None:
    write_idx(tmp_path, zipped=(which,) if zipped else ())
    path = tmp_path / (MNIST_FILES[which] + ".gz" * zipped)
    whole = path.read_bytes()
    for size in [*range(min(len(whole), 20)), len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=MNIST_FILES[which]):
            mnist(tmp_path)


@pytest.mark.parametrize(
    ("which", "content", "message"),
    [
        (0, idx(PARTS[0]) + b"\0", r"should have 3,936 bytes.* has 3,937"),
        (0, b"<html>", "should be an IDX file of bytes, it starts with b'<htm'"),
        (0, idx(PARTS[1]), r"uint8\[n, 28, 28\], and holds uint8\[5\]"),
        (0, idx(PARTS[0][:, :27]), r"holds uint8\[5, 27, 28\]"),
        (0, idx(PARTS[0][:0]), r"holds uint8\[0, 28, 28\]"),
        (1, idx(PARTS[3]), r"each of the 5 images, and holds uint8\[2\]"),
        (1, idx(PARTS[0]), r"each of the 5 images, and holds uint8\[5, 28, 28\]"),
        (3, idx(np.array([1, 10], np.uint8)), "classes from 0 to 9, and holds 1 to 10"),
        (2, bytes([0, 0, 8, 200]) + b"\xff" * 900, "should have"),
    ],
)
def test_a_wrong_file(tmp_path: Path, which: int, content: bytes, message: str) -> None:
    write_idx(tmp_path)
    (tmp_path / MNIST_FILES[which]).write_bytes(content)
    with pytest.raises(DataError, match=f"{MNIST_FILES[which]}.*{message}"):
        mnist(tmp_path)


def test_a_gz_that_is_not_zipped(tmp_path: Path) -> None:
    write_idx(tmp_path, zipped=(0,))
    (tmp_path / f"{MNIST_FILES[0]}.gz").write_bytes(idx(PARTS[0]))
    with pytest.raises(DataError, match=r"ubyte\.gz cannot be read"):
        mnist(tmp_path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"x_train": PARTS[0].astype(float)}, r"x_train of .* holds float64\[5, 28, 28\]"),
        ({"y_test": np.array([0.0, 1.0])}, r"y_test of .* holds float64\[2\]"),
        ({"y_train": np.array([-1, 0, 1, 2, 3])}, "y_train of .* holds -1 to 3"),
        ({"y_train": np.array([None] * 5)}, "cannot be read"),
    ],
)
def test_a_wrong_archive(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    write_npz(tmp_path, **other)
    with pytest.raises(DataError, match=message):
        mnist(tmp_path)


def test_a_truncated_or_incomplete_archive(tmp_path: Path) -> None:
    write_npz(tmp_path)
    path = tmp_path / "mnist.npz"
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"mnist\.npz cannot be read"):
            mnist(tmp_path)
    np.savez(path, x_train=PARTS[0], y_train=PARTS[1])
    with pytest.raises(DataError, match=r"has no x_test, y_test; it should hold x_train"):
        mnist(tmp_path)


def test_a_changed_byte_of_an_archive_is_an_error_or_does_no_harm(tmp_path: Path) -> None:
    write_npz(tmp_path)
    path = tmp_path / "mnist.npz"
    whole = path.read_bytes()
    failed = 0
    for place in RNG.integers(0, len(whole), 200):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            check(tmp_path)
        except DataError:
            failed += 1
    assert failed > 100


@pytest.mark.parametrize("seed", [None, 0, 3])
@pytest.mark.parametrize(("rows", "share", "held"), [(10, 0.2, 2), (7, 0.5, 4), (2, 0.5, 1)])
def test_a_split_keeps_rows_together(rows: int, share: float, held: int, seed: int | None) -> None:
    x, y = np.arange(rows * 3).reshape(rows, 3), np.arange(rows) * 3
    train, validation = train_validation_split(x, y, share=share, seed=seed)
    assert (len(train[0]), len(validation[0])) == (rows - held, held)
    for a, b in (train, validation):
        np.testing.assert_array_equal(a[:, 0], b)
    joined = np.concatenate([train[1], validation[1]])
    assert sorted(joined) == y.tolist()
    again = train_validation_split(x, y, share=share, seed=seed)
    np.testing.assert_array_equal(again[1][0], validation[0])
    if seed is None:
        assert joined.tolist() == y.tolist()
        assert np.shares_memory(train[0], x)


def test_seeds_split_differently() -> None:
    x = np.arange(100)
    (a,), (b,) = (train_validation_split(x, seed=seed)[1] for seed in (0, 1))
    assert a.tolist() != b.tolist()


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_have_every_row_once(batch_size: int, shuffle: bool) -> None:
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10) * 2
    loader = Dataloader(x, y, batch_size=batch_size, shuffle=shuffle)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert all(len(a) == batch_size for a, _ in batches[:-1])
    for a, b in batches:
        np.testing.assert_array_equal(a[:, 0], b)
    seen = [int(k) for _, b in batches for k in b]
    assert (seen == y.tolist()) is not shuffle
    assert sorted(seen) == y.tolist()


def test_drop_last() -> None:
    loader = Dataloader(np.arange(10), batch_size=4, drop_last=True)
    assert [len(x) for (x,) in loader] == [4, 4]
    assert len(loader) == 2
    assert len(Dataloader(np.arange(8), batch_size=4, drop_last=True)) == 2
    with pytest.raises(DataError, match="batch_size should be at most the number of rows, 3"):
        Dataloader(np.arange(3), batch_size=4, drop_last=True)


def test_every_iteration_has_a_new_order_that_a_seed_repeats() -> None:
    def orders(seed: int) -> list[list[int]]:
        loader = Dataloader(np.arange(50), batch_size=8, seed=seed)
        return [[int(k) for (x,) in loader for k in x] for _ in range(3)]

    first = orders(0)
    assert first == orders(0)
    assert len({tuple(x) for x in first + orders(1)}) == 6


def test_iterations_at_the_same_time_do_not_disturb_each_other() -> None:
    x = np.arange(6)
    together = Dataloader(x, batch_size=2)
    one, two = iter(together), iter(together)
    mixed = [(a[0].tolist(), b[0].tolist()) for b, a in zip(two, one, strict=True)]
    alone = Dataloader(x, batch_size=2)
    expected = [[b.tolist() for (b,) in alone] for _ in range(2)]
    assert [list(column) for column in zip(*mixed, strict=True)] == expected


def test_no_global_random_generator_is_read() -> None:
    before = np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    list(Dataloader(np.arange(9)))
    train_validation_split(np.arange(9), seed=1)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index, union-attr]
