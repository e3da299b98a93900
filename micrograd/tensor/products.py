"""Products of matrices and more axes: `@`, `einsum`, `tensordot`, each by contractions of two."""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Any

import numpy as np

from .. import ops
from ..errors import ShapeError
from .applying import floats_of, not_an_operand
from .casting import is_float
from .contraction import contract, contracted
from .layout import part, reshape, transpose
from .primitive import Shape, shape_error
from .quiet import QUIET
from .reduction import is_one, reduce

LABELS = string.ascii_letters
_PLAIN = {
    (2, 2): {"subscripts": "ik,kj->ij"},
    (2, 1): {"subscripts": "ik,k->i"},
    (1, 2): {"subscripts": "k,kj->j"},
    (1, 1): {"subscripts": "k,k->"},
}
"""Products of matrices and vectors, by their numbers of axes."""


class Products:
    """Matrix products."""

    __slots__ = ()

    def __matmul__(self: Any, other: Any) -> Any:
        if self._scope is None and other.__class__ is self._class:
            x, y = self._data, other._data
            how = _PLAIN.get((x.ndim, y.ndim))
            if how is not None and x.dtype is y.dtype and is_float(x.dtype):
                try:
                    data = QUIET.run(np.matmul, x, y)
                except (ValueError, RuntimeError):
                    pass  # an error should say what is wrong; or one runs already
                else:
                    return self._made(data, contract, (self, other), how)
        return NotImplemented if not_an_operand(other) else matmul(self, self._operand(other))

    def __rmatmul__(self: Any, other: Any) -> Any:
        return NotImplemented if not_an_operand(other) else matmul(self._operand(other), self)

    def matmul(self: Any, other: Any) -> Any:
        """The matrix product, over the last axis and the other's last but one; the axes before
        broadcast. One axis is a vector.

        Raises ShapeError for shapes that do not fit.
        """
        return matmul(self, self._operand(other))

    def dot(self: Any, other: Any) -> Any:
        """As NumPy's `dot`: over the last axis of this and the last but one of the other, whose
        other axes follow; of matrices, their product, of two vectors, a number.
        """
        other = self._operand(other)
        if not self.ndim or not other.ndim:
            return self * other
        if self.ndim <= 2 and other.ndim <= 2:
            return matmul(self, other)
        if self.shape[-1] != other.shape[-2 if other.ndim > 1 else 0]:
            raise _no_product(self.shape, other.shape)
        x, y = floats_of(self, other)
        a, b = LABELS[1 : x.ndim], LABELS[x.ndim : x.ndim + y.ndim - 1]
        summed = f"{b[:-1]}a{b[-1:]}" if b else "a"
        return contracted(x, y, f"{a}a,{summed}->{a}{b}")

    def _operand(self: Any, x: Any) -> Any:
        if hasattr(x, "__primitive__"):
            return x
        return self._lifted(x) if hasattr(x, "__apply__") else self._constant(x)

    def outer(self: Any, other: Any) -> Any:
        """All products of an element of each, flattened."""
        x, y = floats_of(self, self._operand(other))
        x, y = (v if len(v.shape) == 1 else v.flatten() for v in (x, y))
        return contracted(x, y, "i,j->ij")

    def trace(self: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The sum of a `diagonal`."""
        return self.diagonal(offset, axis1, axis2).sum(-1)

    def diagonal(self: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The elements of equal indices of two axes, along a new last axis; of a square, a view.

        offset   how much larger the second index is
        """
        if self.ndim < 2:
            raise shape_error(f"a diagonal is of two axes, and shape {self.shape} has {self.ndim}")
        x = self if (axis1, axis2) == (0, 1) else self.moveaxis((axis1, axis2), (0, 1))
        if offset:
            x = x[:, offset:] if offset > 0 else x[-offset:]
        n = min(x.shape[:2])
        if x.shape[0] != x.shape[1]:
            x = part(part(x, 0, 0, n), 1, 0, n)
        x, rest = _diagonals(x, "aa" + LABELS[1 : self.ndim - 1])
        return _in_order(x, rest, rest[1:] + rest[0])


def matmul(x: Any, y: Any) -> Any:
    """NumPy's matmul of two Tensors."""
    x, y = floats_of(x, y)
    if len(x.shape) == 2 and len(y.shape) == 2:
        if x.shape[1] != y.shape[0]:
            raise _no_product(x.shape, y.shape)
        return contract(x, y, subscripts="ik,kj->ij")
    if not x.shape or not y.shape:
        raise shape_error(
            f"@ of shapes {x.shape} and {y.shape}: a number is multiplied with *, not @"
        )
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise _no_product(x.shape, y.shape)
    batch = max(x.ndim, y.ndim) - 2
    names = LABELS[3 : 3 + max(batch, 0)]
    a = names[len(names) - max(x.ndim - 2, 0) :] + ("ac" if x.ndim > 1 else "c")
    b = names[len(names) - max(y.ndim - 2, 0) :] + ("cb" if y.ndim > 1 else "c")
    out = names + ("a" if x.ndim > 1 else "") + ("b" if y.ndim > 1 else "")
    return _pair(x, a, y, b, out, whole=(x.shape, y.shape))


def _no_product(x: Shape, y: Shape) -> Exception:
    return shape_error(
        f"@ of shapes {x} and {y}: the last axis of the first has {x[-1]} elements, and "
        f"{'the last but one' if len(y) > 1 else 'the only one'} of the second "
        f"{y[-2 if len(y) > 1 else 0]}; they should be equal: transpose one of them?"
    )


def _pair(
    x: Any, a: str, y: Any, b: str, out: str, whole: tuple[Shape, Shape], name: str = "@"
) -> Any:
    """The contraction of two Tensors, whose axes of size 1 broadcast to the other's."""
    sizes = dict(zip(a, whole[0], strict=True))
    is_even = True
    for label, n in zip(b, whole[1], strict=True):
        m = sizes.get(label, n)
        if m is not n and m != n:
            is_even = False
            if not is_one(m) and not is_one(n):
                raise shape_error(
                    f"{name} of shapes {whole[0]} and {whole[1]}: an axis has {m} elements in "
                    f"the first and {n} in the second, which should be equal, or 1"
                )
    written = _written(a, b, out)
    if is_even and written:
        return contracted(x, y, written)
    other = dict(zip(b, whole[1], strict=True))
    x, a = _without_ones(x, a, other)
    y, b = _without_ones(y, b, sizes)
    x, a = _only(x, a, b + out)
    y, b = _only(y, b, a + out)
    return contract(x, y, subscripts=f"{a},{b}->{out}")


@lru_cache(maxsize=1024)
def _written(a: str, b: str, out: str) -> str:
    """The subscripts of a contraction; '' if an axis is one operand's alone, and summed over."""
    is_alone = set(a) - set(b + out) or set(b) - set(a + out)
    return "" if is_alone else f"{a},{b}->{out}"


def _without_ones(x: Any, labels: str, other: dict[str, int]) -> tuple[Any, str]:
    """`x` without axes of size 1 that the other operand has in another size."""
    left = [k for k, s in enumerate(labels) if not is_one(x.shape[k]) or is_one(other.get(s, 1))]
    if len(left) == len(labels):
        return x, labels
    return reshape(x, shape=tuple(x.shape[k] for k in left)), "".join(labels[k] for k in left)


def _only(x: Any, labels: str, wanted: str) -> tuple[Any, str]:
    """`x` summed over the axes that nobody wants."""
    axes = tuple(k for k, s in enumerate(labels) if s not in wanted)
    if not axes:
        return x, labels
    return reduce(x, op=ops.add, axes=axes), "".join(s for s in labels if s in wanted)


def _in_order(x: Any, labels: str, out: str) -> Any:
    return x if labels == out else transpose(x, order=tuple(labels.index(s) for s in out))


def _diagonals(x: Any, labels: str) -> tuple[Any, str]:
    """`x` where all axes of one label have the same index: that axis comes first."""
    if len(set(labels)) == len(labels):
        return x, labels
    while repeated := [s for s in labels if labels.count(s) > 1]:
        s = repeated[0]
        i, j = [k for k, other in enumerate(labels) if other == s][:2]
        n = x.shape[i]
        if x.shape[j] != n:
            raise shape_error(f"a diagonal of axes {i} and {j} of shape {x.shape}, of two sizes")
        rest = [k for k in range(len(labels)) if k not in (i, j)]
        square = transpose(x, order=(i, j, *rest))
        flat = reshape(square, shape=(n * n, *square.shape[2:]))
        x = part(flat, 0, 0, n, n + 1)
        labels = s + "".join(labels[k] for k in rest)
    return x, labels


# --- einsum -----------------------------------------------------------------------------------


class _Misnamed(Exception):
    """An operand has another number of axes: which one, and what it should be."""


@lru_cache(maxsize=1024)
def _parsed(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """The labels of operands of so many axes and of the result, `...` written out."""
    text = subscripts.replace(" ", "")
    inputs, arrow, out = text.partition("->")
    terms = inputs.split(",")
    bad = set(text.replace("->", "").replace("...", "")) - set(LABELS + ",")
    if bad or len(terms) != len(ndims):
        raise shape_error(
            f"einsum {subscripts!r} of {len(ndims)} operands: it should name each one's axes by "
            "letters, with commas between operands: 'ij,jk->ik'"
        )
    free = [s for s in LABELS if s not in text]
    dots = 0
    for k, (term, ndim) in enumerate(zip(terms, ndims, strict=True)):
        extra = ndim - len(term.replace("...", ""))
        if extra < 0 or (extra and "..." not in term):
            raise _Misnamed(k, f"{term!r} names {len(term.replace('...', ''))} axes")
        dots = max(dots, extra if "..." in term else 0)
        terms[k] = term.replace("...", "".join(free[:26][-extra:] if extra else ""))
    rest = "".join(free[:26][-dots:]) if dots else ""
    if arrow:
        out = out.replace("...", rest)
    else:
        named = inputs.replace("...", "").replace(",", "")
        out = rest + "".join(sorted(s for s in set(named) if named.count(s) == 1))
    if len(set(out)) < len(out) or set(out) - set("".join(terms)):
        raise shape_error(
            f"einsum {subscripts!r}: the result should name axes of the operands, each once"
        )
    return tuple(terms), out


@lru_cache(maxsize=1024)
def _plan(subscripts: str, *ndims: int) -> tuple[str, list[tuple[int, int]]]:
    """An einsum of two operands as one contraction, and the axes that should be of one size; ''
    if it is more than that.
    """
    try:
        (a, b), out = _parsed(subscripts, ndims)
    except (_Misnamed, ShapeError):
        return "", []
    if len(set(a)) < len(a) or len(set(b)) < len(b):
        return "", []
    return _written(a, b, out), [(a.index(s), b.index(s)) for s in a if s in b]


def einsum_of(subscripts: str, operands: list[Any]) -> Any:
    """NumPy's einsum of Tensors, from the left to the right."""
    if len(operands) == 2:
        x, y = operands
        p, q = x.shape, y.shape
        written, pairs = _plan(subscripts, len(p), len(q))
        fits = all([p[i] is q[j] or p[i] == q[j] for i, j in pairs])
        if written and fits and x.dtype is y.dtype and is_float(x.dtype):
            return contracted(x, y, written)
    try:
        terms, out = _parsed(subscripts, tuple([len(x.shape) for x in operands]))
    except _Misnamed as error:
        k, named = error.args
        raise shape_error(
            f"einsum {subscripts!r}: {named}, and operand {k} has shape {operands[k].shape}"
        ) from None
    operands = floats_of(*operands)
    x, a = _diagonals(operands[0], terms[0])
    for k in range(1, len(operands)):
        y, b = _diagonals(operands[k], terms[k])
        made = out
        if k < len(operands) - 1:
            later = "".join(terms[k + 1 :]) + out
            made = "".join(s for s in dict.fromkeys(a + b) if s in later)
        x = _pair(x, a, y, b, made, (x.shape, y.shape), f"einsum {subscripts!r}")
        a = made
    x, a = _only(x, a, out)
    return _in_order(x, a, out)
