"""Products of matrices, as layers of a network have them: a module per project.

A setting has `rows` of samples, `inputs` and `outputs` of a layer, a `dtype`, and what is computed:

    forward   y = x w
    back      dx = dy w^T
    update    w -= 1e-6 x^T dy, the product and the update

The weights are inputs x outputs. An answer is the ends of the first and the last row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 1e-6

Matrix = npt.NDArray[Any]


def operands(setting: dict[str, Any], dtype: Any = None) -> tuple[Matrix, Matrix, Matrix]:
    """Left, right, and where the result goes, as they lie in memory: not yet transposed."""
    rng = np.random.default_rng(1)
    b, n, k = (setting[name] for name in ("rows", "outputs", "inputs"))
    shapes = {
        "forward": ((b, k), (k, n), (b, n)),
        "back": ((b, n), (k, n), (b, k)),
        "update": ((b, k), (b, n), (k, n)),
    }[setting["what"]]
    dtype = dtype or {"f32": np.float32, "f64": np.float64}[setting["dtype"]]
    left, right = (rng.random(shape).astype(dtype) for shape in shapes[:2])
    return left, right, np.ones(shapes[2], dtype)


def turned(setting: dict[str, Any]) -> tuple[bool, bool]:
    """Whether left and right are transposed before they are multiplied."""
    return setting["what"] == "update", setting["what"] == "back"


def ends(result: Matrix) -> list[float]:
    """Of the first and the last row."""
    rows = (result[0], result[-1])
    return [float(x) for row in rows for x in (*row[:8], *row[-8:])]


def reference(setting: dict[str, Any]) -> list[float]:
    """The answer, in float64."""
    left, right, result = operands(setting, np.float64)
    if setting["what"] == "update":
        return ends(result - RATE * (left.T @ right))
    return ends(left @ (right.T if setting["what"] == "back" else right))
