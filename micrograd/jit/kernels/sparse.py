"""Kernels of sparse derivatives: as calls of the kernel of their entries, in matrices of SciPy."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...errors import SignatureError, kind
from ...locks import importing
from ...real_types import WIDE
from ..call.arguments import flatten

if TYPE_CHECKING:
    from .kernel import Kernel

LARGE = 1 << 14
"""Entries from which on they are written where they shall be, and not copied there."""


class SparseKernel:
    """The kernel of a sparse Jacobian or Hessian: it gives a `scipy.sparse.csr_array`, and `csc`,
    the same by columns, a `csc_array`.

    There is a row for each number of the result, of a Hessian for each partial, and a column for
    each partial, in the order in which they stand in the structures. Its entries are those that may
    be other than zero, whatever the arguments are; where they stand is found once for each
    structure of arguments, and all matrices share these arrays, which are read-only: of a copy,
    entries can be taken out (`matrix.copy().eliminate_zeros()`).
    """

    def __init__(self, kernel: Kernel, by_columns: bool = False) -> None:
        self._kernel, self._by_columns = kernel, by_columns
        self._orders: dict[int, npt.NDArray[np.int64]] = {}  # of a template's entries, by its id
        self._templates: dict[Any, Any] = {}
        self._only: Any = None  # the template of the one structure that there is so far

    @property
    def entries(self) -> Kernel:
        """The kernel of the entries alone, row by row: an array."""
        return self._kernel

    @property
    def csc(self) -> SparseKernel:
        """The same matrices as `scipy.sparse.csc_array`: by columns, as direct solvers take them.

        >>> from micrograd import jit
        >>> jit(lambda x: [x[0] * x[1], x[2] ** 2]).sparse_jacobian.csc([2.0, 3.0, 4.0]).format
        'csc'
        """
        if self._by_columns:
            return self
        made: SparseKernel = self._kernel.made_of_it.setdefault(
            "csc", SparseKernel(self._kernel, by_columns=True)
        )
        return made

    @property
    def name(self) -> str:
        """What it is called in errors."""
        return self._kernel.name

    def __call__(self, /, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        """The matrix for these arguments.

        out   a matrix that it has given, whose entries are written anew; it is returned

        Raises SignatureError for Values, and for arrays that would be mapped over.
        """
        kernel = self._kernel
        if kwargs and (others := kernel._keywords & kwargs.keys()):
            raise SignatureError(f"{self.name} takes no {min(others)}")
        wide = kernel._options.dtype == WIDE.dtype and not self._by_columns
        if out is not None and wide and len(getattr(out, "data", ())) >= LARGE:
            self._check(out, self._template(args, kwargs))
            kernel(*args, **kwargs, out=out.data)
            return out
        data = kernel(*args, **kwargs)
        if data.__class__ is not np.ndarray or data.ndim != 1:
            raise SignatureError(
                f"{self.name} gives a matrix of numbers for one point: it takes numbers, not "
                "Values, and arrays whole (annotate the parameter, x: np.ndarray, or pass a list)"
            )
        template = self._only
        if template is None or len(kernel._executables) > 1 or kernel._variants:
            template = self._template(args, kwargs)
        if self._by_columns:
            data = data[self._orders[id(template)]]
        if out is None:
            return _like(template, data)
        self._check(out, template)
        out.data[:] = data
        return out

    def _check(self, out: Any, template: Any) -> None:
        if type(out) is not type(template):
            raise SignatureError(
                f"{self.name}: out should be a matrix that it has given, got {kind(out)}"
            )
        same = out.indices is template.indices and out.indptr is template.indptr
        if not same and not _alike(out, template):
            raise SignatureError(
                f"{self.name}: out should be a matrix that it has given for such arguments, of "
                f"shape {template.shape} with {len(template.data)} entries; got {out.shape} with "
                f"{len(out.data)}" + ", which are elsewhere" * (out.shape == template.shape)
            )

    def pattern(self, /, *args: Any, **kwargs: Any) -> Any:
        """Where entries are for such arguments: a matrix of ones."""
        template = self._template(args, kwargs)
        return _like(template, np.ones(len(template.data)))

    def _template(self, args: tuple[Any, ...], kwargs: Any) -> Any:
        """A matrix with the entries that there are for such arguments."""
        kernel = self._kernel
        variant, given = kernel._sorted(args, kwargs)
        parameters = variant._parameters
        if len(given) != len(parameters):
            parameters = variant._given(len(given))
        key = flatten(self.name, parameters, given, variant._is_value)[0]
        found = self._templates.get((variant, key))
        if found is None:
            pattern: Any = variant._compile(key).sparse
            order = np.lexsort((pattern.rows, pattern.columns)) if self._by_columns else None
            found = self._templates[variant, key] = _matrix(self.name, pattern, order)
            if order is not None:
                self._orders[id(found)] = order
        self._only = found if variant is kernel else None
        return found

    def __reduce__(self) -> Any:
        return SparseKernel, (self._kernel, self._by_columns)

    def __repr__(self) -> str:
        made = "csc_array" if self._by_columns else "csr_array"
        return repr(self._kernel).replace(" -> ", f" -> {made} of ")

    def __str__(self) -> str:
        return str(self._kernel)

    @property
    def signature(self) -> str:
        """`main` as C declares it, which writes the entries."""
        return self._kernel.signature

    @property
    def address(self) -> int:
        """The address of `main`; valid while the kernel lives."""
        return self._kernel.address

    def stages(self) -> Any:
        """Every stage of the compiler as text, of the kernel of the entries."""
        return self._kernel.stages()

    def explain(self) -> str:
        """What the compiler found, in words."""
        return self._kernel.explain()

    def page(self, path: str | PathLike[str]) -> Path:
        """Write a page about the kernel of the entries: see `Paged.page`."""
        return self._kernel.page(path)


def _alike(one: Any, other: Any) -> bool:
    """Whether two matrices have their entries in the same places."""
    return bool(
        one.shape == other.shape
        and len(one.data) == len(other.data)
        and np.array_equal(one.indptr, other.indptr)
        and np.array_equal(one.indices, other.indices)
    )


def _like(template: Any, data: npt.NDArray[Any]) -> Any:
    """A matrix with other entries: what `copy.copy` does, in a tenth of the time."""
    made = object.__new__(type(template))
    made.__dict__.update(template.__dict__)
    made.data = data
    return made


def _matrix(name: str, pattern: Any, order: npt.NDArray[np.int64] | None) -> Any:
    """The matrix of a pattern, of zeros; `order`: of its entries by columns, if it is to be so.

    Raises ImportError if there is no SciPy.
    """
    try:
        with importing:
            from scipy.sparse import csc_array, csr_array
    except ImportError as error:
        raise ImportError(
            f"{name} gives a matrix of SciPy, which is not installed; it comes with the extra "
            "'scipy': pip install 'micrograd-mlir[scipy]'"
        ) from error
    outer, inner, count = pattern.rows, pattern.columns, pattern.shape[0]
    if order is not None:
        outer, inner, count = pattern.columns[order], pattern.rows[order], pattern.shape[1]
    starts = np.searchsorted(outer, np.arange(count + 1))
    parts = (np.zeros(pattern.count), inner.astype(np.int32), starts.astype(np.int32))
    made = (csr_array if order is None else csc_array)(parts, shape=pattern.shape)
    made.has_canonical_format = True
    made.indices.flags.writeable = made.indptr.flags.writeable = False
    return made
