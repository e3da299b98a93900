"""Primitives that move elements and change none: each is affine in the indices.

`reshape`, `transpose` and `slice_` are views of their operand; `embed` puts an array into zeros, as
a slice of them, and is what a slice's cotangent is; `concat` joins arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .primitive import Primitive, Shape, define, shape_error

# --- reshape and transpose ------------------------------------------------------------


def _reshaped(old: Shape, *, shape: Shape) -> Shape:
    if math.prod(old) != math.prod(shape):
        raise shape_error(
            f"reshape of shape {old} to {shape}: {math.prod(old)} elements are not "
            f"{math.prod(shape)}"
        )
    return shape


reshape: Primitive = define(
    "reshape",
    formula="the elements in order, in another shape",
    shape=_reshaped,
    eval=lambda x, *, shape: x.reshape(shape),
    vjp=lambda ct, out, operands, i, *, shape: reshape(ct, shape=operands[0].shape),
    is_view=True,
)


def _inverse(order: Shape) -> Shape:
    places = [0] * len(order)
    for new, old in enumerate(order):
        places[old] = new
    return tuple(places)


def _transposed(shape: Shape, *, order: Shape) -> Shape:
    if sorted(order) != list(range(len(shape))):
        raise shape_error(
            f"transpose of shape {shape} in the order {order}, which should name each of its "
            f"{len(shape)} axes once"
        )
    return tuple(shape[a] for a in order)


transpose: Primitive = define(
    "transpose",
    formula="out[i, j] = x[j, i]",
    shape=_transposed,
    eval=lambda x, *, order: x.transpose(order),
    vjp=lambda ct, out, operands, i, *, order: transpose(ct, order=_inverse(order)),
    is_view=True,
)


# --- slices: one place for each axis: (start, size, step), of which steps may be negative; or a
# number, whose axis the result does not have

Place = tuple[int, int, int] | int
Places = tuple[Place, ...]


def _check_places(shape: Shape, places: Places) -> None:
    for axis, (n, place) in enumerate(zip(shape, places, strict=True)):
        start, size, step = (place, 1, 1) if isinstance(place, int) else place
        if size is n and start == 0 and step == 1:
            continue
        last = start + (size - 1) * step
        if size < 0 or (size and not (0 <= start < n and 0 <= last < n)):
            raise shape_error(
                f"a slice of {size} elements from {start} in steps of {step} is not within axis "
                f"{axis} of shape {shape}"
            )


def _sizes(places: Places) -> Shape:
    return tuple(place[1] for place in places if not isinstance(place, int))


def as_slices(places: Places) -> tuple[slice | int, ...]:
    """The places as Python's index of an array."""
    slices: list[slice | int] = []
    for place in places:
        if place.__class__ is int:
            slices.append(place)
            continue
        start, size, step = place  # type: ignore[misc]
        stop: int | None = start + size * step
        if not size:
            start, stop, step = 0, 0, 1
        elif stop is not None and stop < 0:
            stop = None  # -1 would be the last element
        slices.append(slice(start, stop, step))
    return tuple(slices)


def _sliced(shape: Shape, *, places: Places) -> Shape:
    _check_places(shape, places)
    return _sizes(places)


slice_: Primitive = define(
    "slice",
    formula="out[i] = x[start + step i]",
    shape=_sliced,
    eval=lambda x, *, places: x[(*as_slices(places), ...)],  # a view, of no axes as well
    vjp=lambda ct, out, operands, i, *, places: embed(ct, shape=operands[0].shape, places=places),
    is_view=True,
)


def _embedded(small: Shape, *, shape: Shape, places: Places) -> Shape:
    _check_places(shape, places)
    if small != _sizes(places):
        raise shape_error(f"embed of shape {small} into places of another shape, of {shape}")
    return shape


def _embed(x: Any, *, shape: Shape, places: Places) -> Any:
    out = np.zeros(shape, x.dtype)
    out[(*as_slices(places), ...)] = x
    return out


embed: Primitive = define(
    "embed",
    formula="out[start + step i] = x[i], else 0",
    shape=_embedded,
    eval=_embed,
    vjp=lambda ct, out, operands, i, *, shape, places: slice_(ct, places=places),
    moves=True,
)


def whole(shape: Shape) -> list[Place]:
    """The places of a slice that is all of an array; to be changed along some axes."""
    return [(0, n, 1) for n in shape]


def part(x: Any, axis: int, start: int, size: int, step: int = 1) -> Any:
    """A slice along one axis."""
    places = whole(x.shape)
    places[axis] = (start, size, step)
    return slice_(x, places=tuple(places))


# --- concat -------------------------------------------------------------------------------------


def _concatenated(*shapes: Shape, axis: int) -> Shape:
    first = shapes[0]
    for k, shape in enumerate(shapes):
        if len(shape) != len(first) or any(
            n != m for a, (n, m) in enumerate(zip(first, shape, strict=True)) if a != axis
        ):
            raise shape_error(
                f"concat along axis {axis} of shapes {first} and {shape} (number {k}), which "
                "should be equal but for that axis"
            )
    if not 0 <= axis < len(first):
        raise shape_error(f"concat along axis {axis} of shapes that have {len(first)} axes")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _concat_vjp(ct: Any, out: Any, operands: tuple[Any, ...], i: int, *, axis: int) -> Any:
    start = sum(x.shape[axis] for x in operands[:i])
    return part(ct, axis, start, operands[i].shape[axis])


concat: Primitive = define(
    "concat",
    formula="the operands one after the other along an axis",
    shape=_concatenated,
    eval=lambda *arrays, axis: np.concatenate(arrays, axis),
    vjp=_concat_vjp,
    dtype=lambda *dtypes, axis: np.result_type(*dtypes),
    moves=True,
)
