"""Tensors: arrays with gradients, eager on NumPy.

Everything that a `Tensor` can do is composed of a few primitives, each an entry of one table:
primitive.py says what an entry is; elementwise, casting, layout, reduction, scans, indexed,
windows, contraction and values have them. core.py is the Tensor, whose methods stand in files by
what they are about; functions.py has what is no method.

>>> from micrograd import Tensor
>>> x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
>>> (x @ x).sum().backward()
>>> x.grad
Tensor([[ 7., 11.],
        [ 9., 13.]])
"""

from . import numpy_composed as numpy_composed  # where NumPy finds them
from . import numpy_names as numpy_names
from . import numpy_ordered as numpy_ordered
from . import numpy_products as numpy_products
from . import numpy_reduced as numpy_reduced
from . import numpy_ufuncs as numpy_ufuncs
from .backward import gradients
from .core import Tensor
from .functions import (
    avg_pool,
    concat,
    conv1d,
    conv2d,
    einsum,
    log_softmax,
    logsumexp,
    matmul,
    max_pool,
    pad,
    softmax,
    split,
    stack,
    tensordot,
    where,
)
from .making import arange, eye, full, one_hot, ones, zeros
from .recording import no_grad
from .steps import Steps as Steps

__all__ = [
    "Tensor",
    "arange",
    "avg_pool",
    "concat",
    "conv1d",
    "conv2d",
    "einsum",
    "eye",
    "full",
    "gradients",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max_pool",
    "no_grad",
    "one_hot",
    "ones",
    "pad",
    "softmax",
    "split",
    "stack",
    "tensordot",
    "where",
    "zeros",
]


def __dir__() -> list[str]:
    return sorted(__all__)
