"""Data sets of images: digits, of scikit-learn's package, and MNIST, of files. They are read here,
and handed out by `micrograd.datasets`.
"""

from __future__ import annotations

import gzip
import math
import os
import zipfile
import zlib
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .checks import whole
from .errors import DataError, kind

Classes: TypeAlias = npt.NDArray[np.int64]
Images: TypeAlias = npt.NDArray[np.float32]

DIGITS_FILE = ("datasets", "data", "digits.csv.gz")
MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MNIST_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def digits(size: int = 8) -> tuple[Images, Classes]:
    """The 1,797 handwritten digits of scikit-learn: f32[1797, size * size] from 0 to 1, and their
    classes, i64[1797] from 0 to 9, in scikit-learn's order.

    size   pixels a side: 8 as they are; more, as MNIST's 28, interpolates between them

    Raises DataError if scikit-learn is not installed.
    """
    size = whole("size", size, DataError, least=8, most=2**8 - 1)
    rows = _digits_rows()
    images = (rows[:, :64].astype(np.float32) / np.float32(16)).reshape(-1, 8, 8)
    if size > 8:
        weights = _enlarging(8, size)
        images = weights @ images @ weights.T
    return images.reshape(len(images), size * size), rows[:, 64].astype(np.int64)


def _digits_rows() -> npt.NDArray[Any]:
    """scikit-learn's digits, 64 pixels and the class of each. They are read from its file, as
    importing it takes a second, or by it, where its files are elsewhere.
    """
    package = find_spec("sklearn")
    if package is None:
        raise DataError(
            "digits needs scikit-learn, which is not installed: pip install scikit-learn"
        )
    for folder in package.submodule_search_locations or ():
        with suppress(OSError, EOFError, ValueError, zlib.error):
            data = gzip.decompress(Path(folder, *DIGITS_FILE).read_bytes())
            rows = np.array(data.replace(b"\n", b",").rstrip(b",").split(b","), np.float32)
            return rows.reshape(-1, 65)
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    return np.column_stack([pixels, classes])


def _enlarging(old: int, new: int) -> Images:
    """f32[new, old]: linear interpolation between the centres of pixels; each row sums to one."""
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(old)), 0)
    return np.asarray(weights, np.float32)


def mnist(folder: str | os.PathLike[str]) -> tuple[tuple[Images, Classes], tuple[Images, Classes]]:
    """MNIST, or another data set in its format, from files: (train_x, train_y), (test_x, test_y);
    images f32[n, 784] from 0 to 1, and classes i64[n] from 0 to 9.

    folder   has `mnist.npz` (x_train, y_train, x_test, y_test), which is taken first, or the four
             IDX files, each as it is or with `.gz`: train-images-idx3-ubyte,
             train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte

    Raises DataError if a file is missing, is truncated, or holds something else.
    """
    if not isinstance(folder, (str, os.PathLike)) or not isinstance(os.fspath(folder), str):
        raise DataError(f"folder should be the name of a folder, got {kind(folder)}")
    archive = Path(folder) / "mnist.npz"
    if archive.is_file():
        parts = [(f"{name} of {archive}", x) for name, x in _read_npz(archive).items()]
    else:
        parts = [(str(path), _read_idx(path)) for path in _mnist_files(Path(folder))]
    return _labelled(*parts[0], *parts[1]), _labelled(*parts[2], *parts[3])


def _mnist_files(folder: Path) -> list[Path]:
    """The four files, whichever of the two ways each is stored."""
    found = []
    for name in MNIST_FILES:
        both = [path for end in ("", ".gz") if (path := folder / (name + end)).is_file()]
        if not both:
            raise DataError(
                f"there is no {name} in {folder}: mnist needs {', '.join(MNIST_FILES)}, each as it "
                "is or with .gz, or mnist.npz; put them into that folder"
            )
        found.append(both[0])
    return found


def _read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array of an IDX file of bytes: two zeros, 8, the rank, big-endian sizes, the bytes."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read, get it again: {error}") from error
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise DataError(f"{path} should be an IDX file of bytes, it starts with {data[:4]!r}")
    start = 4 + 4 * data[3]
    shape = [int.from_bytes(data[k : k + 4], "big") for k in range(4, start, 4)]
    if len(data) != start + math.prod(shape):
        raise DataError(
            f"{path} should have {start + math.prod(shape):,} bytes, as its header says, and has "
            f"{len(data):,}; get it again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The four arrays of an archive; nothing in it is unpickled."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as entries:
            missing = [x for x in MNIST_ARRAYS if f"{x}.npy" not in entries.namelist()]
            if missing:
                raise DataError(
                    f"{path} has no {', '.join(missing)}; it should hold {', '.join(MNIST_ARRAYS)}"
                )
            read = {}
            for name in MNIST_ARRAYS:
                with entries.open(f"{name}.npy") as entry:
                    read[name] = np.lib.format.read_array(entry, allow_pickle=False)
            return read
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read, get it again: {error}") from error


def _labelled(
    images_name: str, images: npt.NDArray[Any], classes_name: str, classes: npt.NDArray[Any]
) -> tuple[Images, Classes]:
    """Images and their classes, as networks take them, if they are what they should be."""
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or not len(images):
        raise DataError(
            f"{images_name} should hold images, uint8[n, 28, 28], and holds "
            f"{images.dtype}{list(images.shape)}"
        )
    if classes.dtype.kind not in "iu" or classes.shape != (len(images),):
        raise DataError(
            f"{classes_name} should hold a class for each of the {len(images):,} images, and holds "
            f"{classes.dtype}{list(classes.shape)}"
        )
    if classes.min() < 0 or classes.max() > 9:
        raise DataError(
            f"{classes_name} should hold classes from 0 to 9, and holds {classes.min()} to "
            f"{classes.max()}"
        )
    pixels = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    return pixels, classes.astype(np.int64)
