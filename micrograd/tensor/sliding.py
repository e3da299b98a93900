"""Convolutions and pools: windows, which are views, and a contraction or a reduction of them.

Shapes are PyTorch's: a batch, channels, then one or two axes in space; the batch may be left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..errors import DataError, kind, user_location
from .applying import floats_of
from .contraction import contract
from .layout import embed, reshape
from .primitive import shape_error
from .reduction import reduce
from .windows import windows


def each(name: str, given: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """A number for each axis in space, written as one, or as a tuple."""
    numbers = given if isinstance(given, (tuple, list)) else (given,) * count
    if len(numbers) != count or any(
        isinstance(n, bool) or not isinstance(n, int) or n < least for n in numbers
    ):
        raise DataError(
            f"{user_location()}: {name} should be a whole number, {least} or more, or {count} of "
            f"them, got {kind(given)}"
        )
    return tuple(numbers)


def padded(x: Any, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> Any:
    """`x` with so many elements of `value` before and after along each axis."""
    if not any(before or after for before, after in widths):
        return x
    shape = tuple(b + n + a for n, (b, a) in zip(x.shape, widths, strict=True))
    places = tuple((b, n, 1) for n, (b, _) in zip(x.shape, widths, strict=True))
    out = embed(x, shape=shape, places=places)
    if value == 0.0:
        return out
    inside = embed(x._class(np.ones(x.shape, bool)), shape=shape, places=places)
    return ops.where(inside, out, value)


class Sliding:
    """Convolutions and pools."""

    __slots__ = ()

    def conv1d(
        self: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        """The convolution along the last axis, as PyTorch's.

        x        [batch, channels, length], or without the batch
        weight   [outputs, channels / groups, size]
        bias     [outputs]
        padding  zeros on both sides; or "same", of the result's length, or "valid"
        """
        return convolution(self, weight, bias, stride, padding, dilation, groups, 1)

    def conv2d(
        self: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        """The convolution over the last two axes, as PyTorch's.

        x        [batch, channels, height, width], or without the batch
        weight   [outputs, channels / groups, height, width]
        """
        return convolution(self, weight, bias, stride, padding, dilation, groups, 2)

    def avg_pool(self: Any, size: Any, stride: Any = None, padding: Any = 0) -> Any:
        """The means of windows of the axes in space: all but a batch and channels, or as many of
        the last ones as `size` has numbers. Windows lie side by side, unless `stride` says else;
        zeros that were padded count.
        """
        x, axes, count = _pooled(self, size, stride, padding, 0.0)
        return reduce(x, op=ops.add, axes=axes) / float(count)

    def max_pool(self: Any, size: Any, stride: Any = None, padding: Any = 0) -> Any:
        """The largest of each window, as `avg_pool` has them; what is padded is never it."""
        x, axes, _ = _pooled(self, size, stride, padding, float("-inf"))
        return reduce(x, op=ops.maximum, axes=axes)


def _pooled(x: Any, size: Any, stride: Any, padding: Any, value: float) -> tuple[Any, Any, int]:
    """The windows, their axes, and how many elements are in one."""
    count = len(size) if isinstance(size, (tuple, list)) else x.ndim - 2
    if not 1 <= count <= x.ndim:
        raise shape_error(
            f"a pool of size {size} of shape {x.shape}: a number is of all axes but a batch and "
            "channels; give a tuple for the last ones"
        )
    (x,) = floats_of(x)
    sizes = each("size", size, count)
    strides = sizes if stride is None else each("stride", stride, count)
    pads = each("padding", padding, count, least=0)
    if any(2 * p > n for p, n in zip(pads, sizes, strict=True)):
        raise shape_error(f"padding {padding} is more than half of the window, {size}")
    first = x.ndim - count
    x = padded(x, ((0, 0),) * first + tuple((p, p) for p in pads), value)
    elements = 1
    for k, (n, step) in enumerate(zip(sizes, strides, strict=True)):
        x = windows(x, axis=first + k, size=n, stride=step, dilation=1)
        elements *= n
    return x, tuple(range(x.ndim - count, x.ndim)), elements


def convolution(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    count: int,
) -> Any:
    """A convolution over `count` axes."""
    name = f"conv{count}d"
    weight = x._operand(weight)
    if x.ndim == count + 1:
        batch = reshape(x, shape=(1, *x.shape))
        out = convolution(batch, weight, bias, stride, padding, dilation, groups, count)
        return reshape(out, shape=out.shape[1:])
    if x.ndim != count + 2 or weight.ndim != count + 2:
        raise shape_error(
            f"{name} of shape {x.shape} with weights of shape {weight.shape}: both should have "
            f"{count + 2} axes: [batch, channels, ...] and [outputs, channels, ...]"
        )
    (groups,) = each("groups", groups, 1)
    channels, outputs = x.shape[1], weight.shape[0]
    if channels != groups * weight.shape[1] or outputs % groups:
        raise shape_error(
            f"{name} of shape {x.shape} with weights of shape {weight.shape} in {groups} groups: "
            f"{channels} channels should be {groups} times {weight.shape[1]}, and {outputs} "
            f"outputs a multiple of {groups}"
        )
    x, weight = floats_of(x, weight)
    strides, dilations = each("stride", stride, count), each("dilation", dilation, count)
    sizes = weight.shape[2:]
    pads = paddings(padding, sizes, strides, dilations)
    x = padded(x, ((0, 0), (0, 0), *pads))
    for k in range(count):
        x = windows(x, axis=2 + k, size=sizes[k], stride=strides[k], dilation=dilations[k])
    space, inner = "pq"[:count], "xy"[:count]
    if groups == 1:
        out = contract(x, weight, subscripts=f"nc{space}{inner},oc{inner}->no{space}")
    else:
        x = reshape(x, shape=(x.shape[0], groups, channels // groups, *x.shape[2:]))
        weight = reshape(weight, shape=(groups, outputs // groups, *weight.shape[1:]))
        out = contract(x, weight, subscripts=f"ngc{space}{inner},goc{inner}->ngo{space}")
        out = reshape(out, shape=(out.shape[0], outputs, *out.shape[3:]))
    if bias is None:
        return out
    bias = x._operand(bias)
    if bias.shape != (outputs,):
        raise shape_error(f"{name} with a bias of shape {bias.shape}, which should be {(outputs,)}")
    return out + reshape(bias, shape=(outputs, *(1,) * count))


def paddings(
    padding: Any, sizes: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Before and after each axis in space."""
    if not isinstance(padding, str):
        return [(p, p) for p in each("padding", padding, len(sizes), least=0)]
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding == "same":
        if any(step != 1 for step in strides):
            raise DataError(f'{user_location()}: padding="same" is of stride 1, got {strides}')
        totals = [d * (n - 1) for d, n in zip(dilations, sizes, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    raise DataError(
        f'{user_location()}: padding should be a whole number, 0 or more, "same" or "valid", got '
        f"{kind(padding)}"
    )
