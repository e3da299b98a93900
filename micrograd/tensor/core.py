"""`Tensor`: an array that remembers how it was computed.

Input: numbers, arrays and the user's arithmetic. Output: a DAG of Tensors, eagerly evaluated by
NumPy, that `backward` differentiates.

Invariants: an operand is older than its result (`_serial` grows with creation, Values' and Tensors'
together); a Tensor holds its operands and nothing holds its results; its array is never written to,
as results share it: `data` is replaced, and `_changed` says when, so that a gradient through
numbers that have changed since is an error. Nothing here recurses.

What a Tensor can do stands in the classes that it is made of, each in a file.
"""

from __future__ import annotations

import math
from sys import getrefcount
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import flag
from ..copies import next_serial
from ..errors import DataError, GraphError, user_location
from ..locks import importing
from ..ops import Op
from .applying import Applying, refusal
from .arithmetic import Arithmetic, install_arithmetic
from .backward import differentiate
from .casting import dtype_named, is_float
from .copied import CopiedTensor
from .indexing import Indexing
from .leaving import Leaving
from .numpy_calls import ByNumPy
from .primitive import Primitive, Shape, shape_error
from .printing import shown
from .products import Products
from .reading import array_of
from .reducing import Reducing
from .shaping import Shaping
from .sliding import Sliding
from .truths import Truths
from .values import OfValues


class Tensor(
    Arithmetic,
    Applying,
    Leaving,
    Truths,
    Reducing,
    Shaping,
    Indexing,
    Products,
    Sliding,
    OfValues,
    ByNumPy,
    CopiedTensor,
):
    """An n-dimensional array of numbers, its gradient, and what it was computed from.

    data             numbers, nested lists of them, an array (which is copied), or a Tensor
    dtype            "float32" (by default; also of float64 arrays), "float64", "int64" or "bool";
                     arrays of whole numbers and of truth values stay what they are
    requires_grad    whether `backward` fills `grad`
    label            yours, for printing and drawing

    >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y
    Tensor(30., requires_grad=True)
    >>> y.backward()
    >>> x.grad
    Tensor([[2., 4.],
            [6., 8.]])

    Raises DataError for what is no array of numbers; ShapeError for lists of different lengths.
    """

    __slots__ = (
        "__weakref__",
        "_changed",
        "_data",
        "_needs",
        "_operands",
        "_parameters",
        "_primitive",
        "_serial",
        "grad",
        "label",
    )

    grad: Any
    """The gradient, a Tensor of the same shape and dtype; None before `backward`."""
    label: str
    _data: npt.NDArray[Any]
    _needs: bool  # whether it requires a gradient
    _primitive: Primitive | None  # None for a leaf
    _operands: tuple[Any, ...]  # Tensors, and floats for literals
    _parameters: dict[str, Any]
    _serial: int
    _changed: int  # the serial number of the last assignment to `data`, or 0
    _scope: Any = None  # where a traced Tensor is recorded

    def __init__(
        self, data: Any, dtype: Any = None, requires_grad: bool = False, label: str = ""
    ) -> None:
        self._data = array_of(data, dtype)
        self.grad = None
        self.label = label
        self._needs = False
        self._primitive = None
        self._operands = ()
        self._parameters = {}
        self._serial = next_serial()
        self._changed = 0
        if requires_grad is not False:
            self.requires_grad = flag("requires_grad", requires_grad, refusal)

    # -- what it is ------------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The sizes of its axes."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype of its elements."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return self._data.ndim if self._scope is None else len(self.shape)

    @property
    def size(self) -> int:
        """The number of its elements."""
        return self._data.size if self._scope is None else math.prod(self.shape)

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows to it; of a leaf, it can be set."""
        return self._needs

    @requires_grad.setter
    def requires_grad(self, needs: bool) -> None:
        if self._primitive is not None and bool(needs) is not self._needs:
            raise GraphError(
                f"{user_location()}: requires_grad is set of leaves, and this Tensor is the result "
                f"of {self._op}; use detach() for its numbers without a gradient"
            )
        if needs and not is_float(self.dtype):
            raise DataError(
                f"{user_location()}: gradients are of floats, and this Tensor is {self.dtype}; "
                'make it with dtype="float32", or use astype("float32")'
            )
        self._needs = bool(needs)

    @property
    def is_leaf(self) -> bool:
        """Whether it is the result of nothing that is recorded."""
        return self._primitive is None

    @property
    def _op(self) -> str:
        """What it is the result of, for printing and drawing; '' for a leaf."""
        if self._primitive is None:
            return ""
        op = self._parameters.get("op")
        return op.label if isinstance(op, Op) else self._primitive.name

    @property
    def _prev(self) -> tuple[Any, ...]:
        """Its operands, literals as leaves."""
        return tuple(Tensor(x) if x.__class__ is float else x for x in self._operands)

    # -- its numbers -----------------------------------------------------------------------------

    @property
    def data(self) -> Any:
        """Its numbers, as a Tensor without a gradient; numbers of the same shape can be assigned.

        What was computed before keeps the old numbers. A gradient through it that needs them is
        an error, not a wrong number.

        >>> w = Tensor([1.0, 2.0], requires_grad=True)
        >>> w.data -= 0.5
        >>> w
        Tensor([0.5, 1.5], requires_grad=True)
        """
        return self.detach()

    @data.setter
    def data(self, numbers: Any) -> None:
        found = array_of(numbers, self.dtype)
        if found.shape != self.shape:
            raise shape_error(
                f"data of shape {self.shape} cannot become numbers of shape {found.shape}; "
                "broadcast them, or make a new Tensor"
            )
        self._data = found
        self._changed = next_serial()

    def _put(self, place: tuple[int, ...], number: float) -> None:
        """Write one number: in place if nothing else has the array, else into a copy."""
        array = self._data
        if getrefcount(array) > 3 or not array.flags.owndata:  # this one, `array` and the argument
            array = array.copy()
        array[place] = number
        self._data = array
        self._changed = next_serial()

    def __repr__(self) -> str:
        return shown(self)

    def __str__(self) -> str:
        return str(self._data)

    def _repr_html_(self) -> str | None:
        with importing:
            from ..notebook.arrays import tensor_html
        return tensor_html(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    __hash__ = object.__hash__  # `==` is of elements

    # -- gradient --------------------------------------------------------------------------------

    def backward(self, cotangent: Any = None, *, create_graph: bool = False) -> None:
        """Fill `grad` of every Tensor that this one depends on, and requires one.

        cotangent       what each element's gradient is multiplied with; 1 for a single element
        create_graph    record what is computed, so that gradients can be differentiated

        Leaves accumulate over calls (set their `grad` to None between steps); other Tensors' are
        computed anew, so a second call on the same graph is not wrong. Cotangents are summed in
        reverse creation order. Cost: that of a few forward passes, and the gradients' memory.

        Raises GraphError if nothing here requires a gradient, or numbers were assigned since that
        the gradient needs; DataError for a Tensor of whole numbers; ShapeError for more than one
        element without a cotangent, or one of another shape.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> (x**3).backward([1.0, 10.0])
        >>> x.grad
        Tensor([  3., 120.])
        """
        differentiate(self, self._cotangent(cotangent), create_graph=create_graph)

    def _cotangent(self, given: Any) -> Any:
        """What the gradient begins with."""
        if not is_float(self.dtype):
            raise DataError(
                f"{user_location()}: backward() is of floats, and this Tensor is {self.dtype}"
            )
        if not self._needs:
            raise GraphError(
                f"{user_location()}: nothing that this Tensor was computed from requires a "
                "gradient; make leaves with Tensor(..., requires_grad=True), outside no_grad()"
            )
        if given is None:
            if self.size != 1:
                raise shape_error(
                    f"backward() of shape {self.shape} needs a cotangent of that shape, as its "
                    "gradient is of one number: use sum() or mean() before, or give "
                    "backward(cotangent)"
                )
            return Tensor(np.ones(self.shape), self.dtype)
        ct = given if isinstance(given, Tensor) else Tensor(given, self.dtype)
        if ct.shape != self.shape:
            raise shape_error(
                f"a cotangent of shape {ct.shape} for a Tensor of shape {self.shape}: they should "
                "be equal"
            )
        return ct if ct.dtype is self.dtype else ct.astype(self.dtype)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def astype(self, dtype: Any) -> Tensor:
        """Its numbers as another dtype; the gradient flows between floats."""
        found = dtype_named(dtype)
        return self if found is self.dtype else self._cast(found)


Tensor._class = Tensor
install_arithmetic(Tensor)
