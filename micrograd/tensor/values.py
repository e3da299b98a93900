"""Values of a Tensor's elements, and Tensors of Values' numbers, through which gradients flow.

Both are nodes of one graph, in one order of creation. `of_values` is a primitive whose operands are
Values; an `Element` is a leaf Value that belongs to a Tensor. A backward pass that meets either
walks both kinds, youngest first, each by the rules of its own table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import get_ident
from typing import Any

import numpy as np

from ..backward import MIXED, UNSET, number_of
from ..copies import serial as _serial
from ..engine import Value
from ..errors import DataError, TensorsNeeded, kind, user_location
from ..ops import as_float
from ..value_arrays import value_array
from .backward import CROSSING, Cotangents, add_to_leaves, push
from .casting import DEFAULT, dtype_named, is_float
from .layout import concat
from .primitive import Primitive, define, shape_error
from .recording import OFF, WATCHED, no_grad

of_values: Primitive = define(
    "of_values",
    formula="out[i] = the number of Value i",
    shape=lambda *shapes, shape: shape,
    eval=lambda *numbers, shape: np.reshape(numbers, shape),
    vjp=lambda ct, out, operands, i, *, shape: ct.reshape(-1)[i],
)


class Element(Value):
    """A leaf Value that has the number of a Tensor's element, and gives it its gradient."""

    __slots__ = ("_place", "_tensor")

    _tensor: Any
    _place: int

    _plain = Value  # what its copies are

    def __getstate__(self) -> None:
        """Nothing of the Tensor goes with a copy."""


class OfValues:
    """How Tensors and Values become each other."""

    __slots__ = ()

    _class: Any

    def values(self: Any) -> Any:
        """An array of Values, one for each element; a gradient of them flows on into the Tensor.

        >>> from micrograd import Tensor
        >>> t = Tensor([3.0, 4.0], requires_grad=True)
        >>> a, b = t.values()
        >>> (a * b).backward()
        >>> t.grad
        Tensor([4., 3.])

        A Tensor of no axes gives one Value. Of no floats, or without a gradient, they are leaves.
        """
        made: list[Any] = []
        needs = self._needs and (not OFF or get_ident() not in OFF)
        for place, number in enumerate(self.numpy().ravel().tolist()):
            value: Any = Element(number) if needs else Value(number)
            if needs:
                value._tensor, value._place = self, place
            made.append(value)
        if needs and not MIXED:
            MIXED.append(backward_through_both)
        return value_array(made, self.shape) if self.shape else made[0]

    @classmethod
    def of_values(cls, values: Any, dtype: Any = None) -> Any:
        """A Tensor of the numbers of Values, whose gradient flows on into them.

        values   a Value, or nested lists or an array of Values and numbers

        >>> from micrograd import Tensor, Value
        >>> a, b = Value(3.0), Value(4.0)
        >>> Tensor.of_values([a, b]).prod().backward()
        >>> a.grad, b.grad
        (4.0, 3.0)

        Tensors of one number are Values, too. Raises DataError for what is none of these.
        """
        array = boxed(values)
        if any([hasattr(x, "__primitive__") for x in array.flat]):
            return cls._of_both(array, dtype)
        flat = [_value(x) for x in array.ravel()]
        found = DEFAULT if dtype is None else dtype_named(dtype)
        if not is_float(found):
            raise DataError(f"{user_location()}: Values are floats, got dtype {found}")
        out: Any = cls._class([number_of(x) for x in flat], found)
        out._data = out._data.reshape(array.shape)
        if not OFF or get_ident() not in OFF or get_ident() in WATCHED:
            out._needs = True
            out._primitive = of_values
            out._operands = tuple(flat)
            out._parameters = {"shape": array.shape}
        return out

    @classmethod
    def _of_both(cls, array: Any, dtype: Any) -> Any:
        """A Tensor of Tensors of one number, and Values and numbers."""
        parts = []
        found = None if dtype is None else dtype_named(dtype)
        for x in array.flat:
            if not hasattr(x, "__primitive__"):
                parts.append(x)
                continue
            if x.size != 1:
                raise shape_error(
                    f"of_values takes Values and numbers, got a Tensor of shape {x.shape}; use "
                    "stack or concat"
                )
            found = x.dtype if found is None and is_float(x.dtype) else found
            parts.append(x)
        found = found or DEFAULT
        rows = [
            (x if hasattr(x, "__primitive__") else cls._class.of_values(x, found))
            .astype(found)
            .reshape(1)
            for x in parts
        ]
        return concat(*rows, axis=0).reshape(array.shape)


def boxed(values: Any) -> Any:
    """Nested lists as an array of objects."""
    if hasattr(values, "__primitive__"):
        return objects([values], ())
    if isinstance(values, (list, tuple)) and _has_tensors(values):
        parts = [boxed(x) for x in values]
        if any(p.shape != parts[0].shape for p in parts):
            raise shape_error("the lists of of_values should all have one length")
        return np.stack(parts)
    return np.array(values, dtype=object)


def objects(items: Sequence[Any], shape: Any) -> Any:
    """An array of these objects, which NumPy takes as they are."""
    return np.fromiter(items, object, len(items)).reshape(shape)


def _has_tensors(values: Any) -> bool:
    """Whether there are Tensors in nested lists, which NumPy would take apart."""
    return any(
        _has_tensors(x) if isinstance(x, (list, tuple)) else hasattr(x, "__primitive__")
        for x in values
    )


def renewed(t: Any) -> Any:
    """A Tensor of Values that has the numbers they have now."""
    return t._class.of_values(np.array(t._operands, object).reshape(t.shape), t.dtype)


def _value(x: Any) -> Any:
    """A Value, or a number as a float."""
    if getattr(x, "_scope", None) is not None:
        raise TensorsNeeded(
            f"{user_location()}: a number of a function that is being compiled becomes an element "
            "of a Tensor; such a function is compiled as one of Tensors, when jit(f) is called"
        )
    if isinstance(x, Value):
        return x
    if isinstance(x, (int, float, np.number, np.bool_)):
        return as_float(x)
    raise DataError(f"{user_location()}: of_values takes Values and numbers, got {kind(x)}")


# --- gradients through both -----------------------------------------------------------------------


def backward_through_both(root: Any, ct: Any = None) -> bool:
    """Fill `grad` of the Values and Tensors under `root`; False if there are only Values, and
    nothing was done.
    """
    if isinstance(root, Value) and not _has_elements(root):
        return False
    order = _interior(root)
    cts = Cotangents({}, in_place=True)
    by_element: dict[Any, Any] = {}
    for v in order:
        if isinstance(v, Value):
            v.grad = UNSET
    if ct is None:
        root.grad = 1.0
    else:
        cts[root] = ct
    with no_grad():
        for v in order:
            if isinstance(v, Element):
                found = by_element.setdefault(v._tensor, np.zeros(v._tensor.size))
                found[v._place] += v.grad
            elif isinstance(v, Value):
                _push_value(v)
            else:
                _push_tensor(v, cts, by_element)
        for tensor in list(by_element):  # of leaves
            _collect(tensor, cts, by_element)
        add_to_leaves(cts)
    return True


def _push_value(v: Any) -> None:
    data = [number_of(x) for x in v._operands]
    for x, rule in zip(v._operands, v._entry.vjp, strict=True):
        if rule is not None and x.__class__ is not float:
            x.grad += rule(v.grad, v._data, *data)


def _push_tensor(v: Any, cts: Cotangents, by_element: dict[Any, Any]) -> None:
    _collect(v, cts, by_element)
    v.grad = ct = cts.pop(v, None)
    if ct is None:
        return
    if v._primitive is not of_values:
        push(v, ct, cts)
        return
    for x, number in zip(v._operands, ct.numpy().ravel().tolist(), strict=True):
        if x.__class__ is not float:
            x.grad += number


def _collect(v: Any, cts: Cotangents, by_element: dict[Any, Any]) -> None:
    """Add what has come to a Tensor's elements to its cotangent."""
    if v not in by_element:
        return
    given = v._class(by_element.pop(v).reshape(v.shape), v.dtype)
    cts.add(v, given)


def _has_elements(root: Any) -> bool:
    """Whether a Tensor's elements are among the leaves under a Value."""
    if isinstance(root, Element):
        return True
    seen = {root}
    stack = [root]
    while stack:
        for x in stack.pop()._operands:
            if x.__class__ is float:
                continue
            if x._entry is not None:
                if x not in seen:
                    seen.add(x)
                    stack.append(x)
            elif isinstance(x, Element):
                return True
    return False


def _interior(root: Any) -> list[Any]:
    """The nodes of both kinds that a derivative of `root` flows through, youngest first."""
    seen: set[Any] = {root}
    stack = [root]
    while stack:
        for x in _sources(stack.pop()):
            is_leaf = x._entry is None if isinstance(x, Value) else x._primitive is None
            if x not in seen and (not is_leaf or isinstance(x, Element)):
                seen.add(x)
                stack.append(x)
    inner = (v for v in seen if isinstance(v, Element) or _sources(v))
    return sorted(inner, key=_serial, reverse=True)


def _sources(v: Any) -> Iterable[Any]:
    """What a derivative of a node flows on to."""
    if isinstance(v, Element):
        return (v._tensor,)
    if isinstance(v, Value):
        found = () if v._entry is None else tuple(v._operands[i] for i in v._entry.differentiable)
    else:
        found = tuple(x for x in v._operands if isinstance(x, Value) or getattr(x, "_needs", False))
    return tuple(x for x in found if x.__class__ is not float)


CROSSING[of_values] = backward_through_both
