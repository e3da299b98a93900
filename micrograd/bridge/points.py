"""Kernels of numbers as functions of arrays of points, which other frameworks differentiate.

Of k arguments, each a number or a row of numbers at every point, such a function gives n numbers at
every point: an array (n, *points). Its pullback takes the same arguments and a row of cotangents,
and is such a function again; so are the pullbacks of that, for kernels nest.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..errors import SignatureError, kind
from ..jit import Kernel, jit
from ..jit.call.threads import SPLIT_WORK
from ..jit.ir.graph import PARAMETER, Graph, is_take
from ..jit.trace.parameters import Parameter
from ..jit.trace.signature import SCALAR, Structure, build, count, result_structure, row
from ..locks import Lock
from ..store import Store
from .cores import Core, Items, structure_of

if TYPE_CHECKING:
    from ..jit.executable import Executable

Array: TypeAlias = npt.NDArray[Any]
Places: TypeAlias = npt.NDArray[np.intp]
WIDE = np.dtype(np.float64)


def kernel_of(function: Any) -> Kernel:
    """What operators are made of: a kernel, or the function that it is compiled of.

    Raises SignatureError for what is no function of numbers.
    """
    kernel = function
    if callable(function) and not isinstance(function, Kernel):
        kernel = jit(function)
    if getattr(kernel, "is_of_tensors", False):
        raise SignatureError(
            f"operator takes a function of numbers, and {kernel.name} is of Tensors; write it of "
            "numbers: a parameter that is annotated as an array, x: np.ndarray, is taken whole"
        )
    if not isinstance(kernel, Kernel):
        raise SignatureError(
            f"operator takes a function of numbers, or a kernel of one, got {kind(function)}"
        )
    return kernel


class Points:
    """A kernel of numbers, for arguments of any cores."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._made: dict[tuple[Core, ...], Pointwise] = {}
        self._lock = Lock()

    def at(self, cores: tuple[Core, ...]) -> Pointwise:
        """The function for these."""
        found = self._made.get(cores)
        if found is None:
            with self._lock:
                if cores not in self._made:
                    self._made[cores] = _of_kernel(self.kernel, cores)
                found = self._made[cores]
        return found


class Pointwise:
    """A kernel whose arguments are numbers and rows, and which gives one, or a list of several.

    sizes       how many numbers each argument is a row of; 0 for one that is no row
    integers    which arguments are integers, that nothing is differentiated by
    results     how many numbers it gives
    structure   of what the kernel that it was made of gives
    """

    def __init__(
        self, call: Callable[..., list[Any]], parameters: list[Parameter], name: str, like: Kernel
    ) -> None:
        options = like._options
        how: dict[str, Any] = {"threads": options.threads, "check": options.check}
        function = _Function(call, parameters, name.replace(".", "_"))
        self.kernel: Kernel = jit(function, dtype=WIDE, strict=options.strict, **how)
        self.parameters = parameters
        structures = tuple(p.structure or SCALAR for p in parameters)
        self.sizes = tuple(0 if s is SCALAR else count(s) for s in structures)
        self.integers = tuple(p.integer for p in parameters)
        recording, _ = self.kernel._recorded(structures)
        self.results = count(recording.result)
        self.structure: Structure = recording.result
        self._reads = _reads(recording.trace.graph, recording.trace.stores)
        self._shared: dict[Pointwise, tuple[Places, Places]] = {}
        self._pullbacks: dict[tuple[int, ...], Pointwise] = {}
        self._kernels: dict[np.dtype[Any], Kernel] = {WIDE: self.kernel}
        self._lock = Lock()

    def __call__(self, arrays: Sequence[Array], out: Array) -> None:
        """Compute it into an array (results, *points), in its dtype.

        arrays   (*points), or (*points, size) for a row
        """
        kernel = self._kernels.get(out.dtype) or self._in(out.dtype)
        if out.ndim == 1:
            given = [x if n else x.item() for x, n in zip(arrays, self.sizes, strict=True)]
            if self.results == 1:
                out[0] = kernel(*given)
            else:
                kernel(*given, out=out)
            return
        if out.ndim > 2 and all(x.flags.c_contiguous for x in arrays):
            out = out.reshape(self.results, -1)
            arrays = [
                x.reshape(-1, n) if n else x.reshape(-1)
                for x, n in zip(arrays, self.sizes, strict=True)
            ]
        kernel(*arrays, out=out[0] if self.results == 1 else out)

    @property
    def live(self) -> int:
        """How many numbers of parameters it reads."""
        return sum(len(read) for _, read in self._reads)

    def parameters_now(self) -> Array:
        """A copy of the numbers of the parameters that it reads."""
        return np.concatenate([store.array[read] for store, read in self._reads] or [np.empty(0)])

    def changed(self, of: Pointwise, before: Array) -> bool:
        """Whether parameters that it reads, too, are others than before.

        before   what `of.parameters_now()` was, or several of these
        """
        found = self._shared.get(of)
        if found is None:
            found = self._shared[of] = _shared(self._reads, of._reads)
        own, theirs = found
        now = self.parameters_now()[own]
        differ = now.view(np.int64) != before[..., theirs].view(np.int64)  # bits, for nan
        return bool(differ.any())

    def executable(self, dtype: np.dtype[Any]) -> Executable:
        """The kernel that computes in a dtype, compiled for these arguments."""
        kernel = self._kernels.get(dtype) or self._in(dtype)
        return kernel._compile(tuple(p.structure or SCALAR for p in self.parameters))

    def most_points(self, dtype: np.dtype[Any]) -> int | None:
        """Fewer points than this are computed by one call of the machine code for a block of them,
        for they are not worth several threads; None if that is not all there is to a call.
        """
        executable = self.executable(dtype)
        if any(self.integers) or executable.options.check:
            return None
        if executable.convention.indices is not None or executable.graph.regions:
            return None
        return SPLIT_WORK // max(1, executable.work)

    def _in(self, dtype: np.dtype[Any]) -> Kernel:
        """The kernel that computes in a dtype."""
        made = self._kernels[dtype] = self.kernel._with_dtype(dtype)
        return made

    def pullback(self, needed: tuple[int, ...]) -> Pointwise:
        """The function of the same arguments and a row of cotangents, one for each result, that
        gives the cotangents of the `needed` arguments, one after the other.
        """
        with self._lock:
            if needed not in self._pullbacks:
                self._pullbacks[needed] = self._pulled_back(needed)
            return self._pullbacks[needed]

    def _pulled_back(self, needed: tuple[int, ...]) -> Pointwise:
        inner = jit(self.kernel, wrt=[self.parameters[k].name for k in needed], dtype=WIDE)

        def call(*args: Any) -> list[Any]:
            *given, cotangents = args
            _, partials = inner.vjp(*given, cotangents[0] if self.results == 1 else cotangents)
            return [x for p in partials for x in (p if isinstance(p, list) else [p])]

        unnamed = (f"ct{k}" for k in itertools.count(len(self.parameters)))
        name = next(n for n in unnamed if all(n != p.name for p in self.parameters))
        cotangents = Parameter(name, "rows", row(list, self.results))
        name = f"{self.kernel.name}_vjp"
        return Pointwise(call, [*self.parameters, cotangents], name, self.kernel)


class _Function:
    """A function that says what it takes."""

    def __init__(
        self, call: Callable[..., list[Any]], parameters: list[Parameter], name: str
    ) -> None:
        self._call, self._parameters, self.__name__ = call, parameters, name

    def __call__(self, *args: Any) -> Any:
        found = self._call(*args)
        return found[0] if len(found) == 1 else found


def _reads(graph: Graph, stores: Sequence[Store]) -> list[tuple[Store, Places]]:
    """The stores that it reads, and which of their elements: all, where that depends on indices."""
    whole = graph.regions or graph.tables or is_take(graph.codes).any()
    read = np.unique(graph.x[graph.codes == PARAMETER])
    found, at = [], 0
    for store, (_, size) in zip(stores, graph.parameters, strict=False):
        own = np.arange(size) if whole else read[(read >= at) & (read < at + size)] - at
        if len(own):
            found.append((store, own))
        at += size
    return found


def _shared(
    some: Sequence[tuple[Store, Places]], others: Sequence[tuple[Store, Places]]
) -> tuple[Places, Places]:
    """Where the elements that both read are, in the elements of the one and of the other."""
    own, theirs = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    at = 0
    for store, read in some:
        place = 0
        for other, among in others:
            if other is store:
                _, x, y = np.intersect1d(read, among, assume_unique=True, return_indices=True)
                own.append(x + at)
                theirs.append(y + place)
            place += len(among)
        at += len(read)
    return np.concatenate(own), np.concatenate(theirs)


def _of_kernel(kernel: Kernel, cores: tuple[Core, ...]) -> Pointwise:
    """The function of a kernel for arguments of these cores."""
    structure: list[Structure] = []

    def call(*args: Any) -> list[Any]:
        given = [
            build(structure_of(core), iter(x))
            if isinstance(core, Items) or (core is not None and p.array == "whole")
            else x
            for x, core, p in zip(args, cores, kernel._parameters, strict=True)
        ]
        found: list[Value | float] = []
        structure[:] = [result_structure(kernel(*given), found.append, kernel.name)]
        return found

    parameters = [
        Parameter(p.name, integer=p.integer)
        if core is None
        else Parameter(p.name, "rows", row(list, count(structure_of(core))), integer=p.integer)
        for p, core in zip(kernel._parameters, cores, strict=True)
    ]
    made = Pointwise(call, parameters, kernel.name, kernel)
    made.structure = structure[0]
    return made
