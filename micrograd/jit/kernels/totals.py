"""`total`: a function of one row, summed over rows of data, as a kernel.

The function is traced once, on one row, and compiled for blocks of rows whose number is known only
in the call (row_code.py). With Values for arguments it is the sum that it stands for, row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self
from weakref import ref

from ...checks import flag
from ...errors import SignatureError, TraceError
from ...locks import Lock, importing
from ...real_types import WIDE
from ..axes import signature_for
from ..call.arguments import dtype_of, flatten
from ..call.binding import bound
from ..derived import Derived
from ..options import Options
from ..trace.compiling import scope_here
from ..trace.parameters import Parameter, array_names
from ..trace.recordings import Recording
from ..trace.signature import Structure, leaves, structure_of
from ..trace.source import FunctionSource
from ..trace.trace import without_collecting
from ..wanted import Wanted
from .kernel import Kernel
from .known_sum import KnownSum, function_of, is_chosen
from .rows import Rows, names_of_rows, rows_of, sum_over
from .shown_total import ShownTotal


def total(
    function: Callable[..., Any],
    *data: Any,
    rows: Any = None,
    wrt: Any = None,
    dtype: Any = None,
    strict: bool = False,
    threads: int | None = None,
) -> Total:
    """A function of one row, summed over rows of data, as a kernel of what all rows share.

    function  takes what all rows share, numbers, lists, arrays or containers of them, and a row of
              each array of data: a number, a list of numbers, or an array for rows with more axes.
              It gives a number, or several in a container, of which each is summed up.
    data      arrays with a row for each term: for the last parameters of the function. They are
              copied now. Without data, `rows` says which parameters get such arrays in a call.
    rows      the name of a parameter that takes rows, or several names
    wrt       what derivatives are with respect to: as for `jit`, but by default all that is shared.
              Leaves and models that the function closes over are live.
    dtype     float32 or float64, as the kernel computes; by default float64
    strict    the rows are added in order: with float64, value and gradient are those of
              sum(function(..., row) for row in data), uncompiled, bit for bit
    threads   how many threads a call may use. The result does not depend on it.

    It is compiled once for the structure of what is shared and the shape of a row, however many
    rows there are. Of no rows the sum is 0. `grad`, `value_and_grad`, `hvp`, `hessian` and the like
    are such kernels, too. Derivatives for each row are those of `vmap(grad(function))`. In a
    function that is compiled it is a loop over the rows, which may be arguments, and computed.

    >>> import numpy as np
    >>> X, y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1.0, 2.0, 3.0])
    >>> def squared_error(w, x, y):
    ...     return (w[0] * x[0] + w[1] * x[1] - y) ** 2
    >>> loss = total(squared_error, rows=("x", "y"))
    >>> loss([0.0, 0.5], X, y)
    0.0
    >>> loss.value_and_grad([0.5, 0.5], X, y)
    (8.75, [35.0, 44.0])
    >>> total(squared_error, X, y).hvp([0.5, 0.5], [1.0, 0.0])
    [70.0, 88.0]

    Raises SignatureError or ShapeError, each saying what to do.
    """
    function = function_of(function)
    computed = dtype_of(WIDE.dtype if dtype is None else dtype)
    strict = flag("strict", strict, SignatureError)
    options = replace(Options.given(computed, strict, threads, False), fixed=dtype is not None)
    known = FunctionSource(function, None, freeze=False)
    names = names_of_rows(known, data, rows)
    shared = [p.name for p in known.parameters if p.name not in names]
    everything = shared[0] if len(shared) == 1 else shared
    source = FunctionSource(function, everything if wrt is None else wrt, freeze=False)
    given = kernel = None
    if data:
        given = rows_of(source.name, dict(zip(names, data, strict=True))).copied(computed)
        if not (strict or is_chosen(source, names)):
            whole = FunctionSource(KnownSum(source, given), wrt, freeze=False)
            kernel = Kernel(whole, options, Wanted.VALUE)
    return Total(source, names, given, options, Wanted.VALUE, kernel)


FEW = 1 << 20
"""Operations of all rows, without derivatives, up to which the number of known rows is compiled in:
calls are machine code then, and have no threads.
"""


class Total(Derived, ShownTotal):
    """What `total` gives: a kernel, compiled once per structure of its arguments.

    rows     the names of the parameters that take rows
    data     those rows, if they are given for good
    kernel   the same for known data, if there may be one
    """

    def __init__(
        self,
        source: FunctionSource,
        rows: tuple[str, ...],
        data: Rows | None,
        options: Options,
        wanted: Wanted,
        kernel: Kernel | None = None,
    ) -> None:
        name = f"total_{source.name}"
        self.name = name if wanted is Wanted.VALUE else f"{name}.{wanted.value.name}"
        self._source, self._rows, self._data = source, rows, data
        self._options, self._wanted = options, wanted
        self._extra = self._parameters_behind()
        own = [p._replace(array="whole", structure=None) for p in source.parameters]
        taken = [p for p in own if data is None or p.name not in rows]
        self._parameters = [*taken, *self._extra]
        self.__signature__ = signature_for(self._parameters)
        self._each = Kernel(source, options, wanted)
        self._derived: dict[Wanted, Total] = {}
        self._codes: dict[tuple[Structure, ...], Any] = {}
        self._latest: Any = None
        self._parent: Callable[[], Total | None] = lambda: None
        names = [p.name for p in self._parameters]
        same = kernel is not None and [p.name for p in kernel._parameters] == names
        self._kernel = kernel if same else None
        self._one_by_one = options.strict or is_chosen(source, rows)
        self._answers = False  # whether the kernel answers calls
        self._lock = Lock()

    def __reduce__(self) -> Any:
        """Without code, which the copy compiles when it is called."""
        return Total, (self._source, self._rows, self._data, self._options, self._wanted)

    def _parameters_behind(self) -> list[Parameter]:
        """Directions or cotangents: of what is shared, a direction for each."""
        found = self._wanted.value.parameters(self._source)
        if self._has_directions:
            taken = {p.name for p in self._source.parameters}
            names = [f"d_{w}" for w in self._source.asked or ()]
            found = [Parameter(f"{n}_" if n in taken else n) for n in names]
        return [p._replace(array="whole", structure=None) for p in found]

    @property
    def _has_directions(self) -> bool:
        """Whether it takes a direction for each of several parameters, not one of all leaves."""
        asked = self._source.asked or ()
        return self._wanted in (Wanted.JVP, Wanted.HVP) and all(isinstance(w, str) for w in asked)

    def _derive(self, wanted: Wanted) -> Self:
        with self._lock:
            if wanted not in self._derived:
                made = self._derived[wanted] = self._make(wanted)
                made._parent = ref(self)  # not to keep it, and its code
            return self._derived[wanted]  # type: ignore[return-value]

    def _make(self, wanted: Wanted) -> Total:
        source = self._source
        if not source.asked:
            raise SignatureError(
                f"{self.name}: no parameter is shared by all rows, so say what derivatives are "
                "with respect to: total(f, ..., wrt=model.parameters())"
            )
        if self._wanted is not Wanted.VALUE:
            raise SignatureError(
                f"{self.name} is a derivative already; hessian, hvp, jvp and vjp are derivatives "
                "of the sum itself"
            )
        kernel = None if self._kernel is None else self._kernel._derive(wanted)
        return Total(source, self._rows, self._data, self._options, wanted, kernel)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The sum for what is shared, and for rows, unless these are given already."""
        compiling = scope_here() is not None
        if self._answers and self._kernel is not None and not (compiling or kwargs):
            return self._kernel(*args)
        latest = self._latest
        if latest is not None and latest.direct is not None and not (compiling or kwargs):
            found = latest.direct(args)
            if found is not None:
                return found
        places = [p.name for p in self._parameters]
        given = dict(
            zip(places, bound(self.name, self._parameters, places, args, kwargs), strict=True)
        )
        data = self._data
        if data is None:
            data = rows_of(self.name, {name: given.pop(name) for name in self._rows})
        shared = [p for p in self._parameters if p.name in given]
        structures, columns, _, values = flatten(self.name, shared, list(given.values()), False)
        if values or data.has_values or compiling:
            return self._of_values(given, data)
        names = [p.name for p in shared]
        known = {**dict(zip(names, structures, strict=True)), **data.structures}
        numbers = {**dict(zip(names, columns, strict=True)), **data.arrays}
        order = [p.name for p in (*self._source.parameters, *self._extra)]
        ordered = tuple([known[name] for name in order])
        if self._kernel is not None and data.count:
            self._answers = len(self._recorded(ordered).trace.graph) * data.count <= FEW
            if self._answers:
                return self._kernel(*given.values())
        try:
            code = self._code(ordered)
        except TraceError as error:
            if not data.count:
                error.add_note(
                    f"{self.name} was given no rows: where a row has several numbers, give an "
                    "array of shape (0, n), which says how many"
                )
            raise
        return code([numbers[name] for name in order], data.count)

    def _of_values(self, given: dict[str, Any], data: Rows) -> Any:
        """The sum of what each row gives, of Values."""
        function = self._each if self._wanted is not Wanted.VALUE else self._source.function
        names = [p.name for p in self._source.parameters]
        behind = [given[p.name] for p in self._extra]
        if self._has_directions:  # of which the kernel of one row takes all numbers in a row
            structures = [structure_of(x, self.name, array=True) for x in behind]
            pairs = zip(behind, structures, strict=True)
            behind = [[v for x, s in pairs for v in leaves(x, s, self.name)]]

        def term(row: dict[str, Any]) -> Any:
            return function(*(row.get(n, given.get(n)) for n in names), *behind)

        return sum_over(self.name, term, data, one_by_one=self._one_by_one)

    def _code(self, structures: tuple[Structure, ...]) -> Any:
        """The code for these structures of all parameters, compiled once."""
        latest = self._latest
        if latest is None or latest.structures != structures:
            latest = self._latest = self._made_for(structures)
        return latest

    def _made_for(self, structures: tuple[Structure, ...]) -> Any:
        with self._lock, without_collecting():
            if structures not in self._codes:
                with importing:
                    from .direct_sum import direct_sum
                code = self._codes[structures] = self._compiled(structures, self._options)
                places = [p.name for p in self._parameters]
                code.direct = direct_sum(code, self._rows, self._data, places)
            return self._codes[structures]

    def _compiled(self, structures: tuple[Structure, ...], options: Options) -> Any:
        with importing:
            from .row_code import RowCode
        names = [p.name for p in (*self._source.parameters, *self._extra)]
        arrays = array_names(self._source.parameters)
        return RowCode(
            self.name,
            self._recorded(structures),
            list(zip(names, structures, strict=True)),
            {arrays[name]: name for name in self._rows},
            self._data,
            self._wanted,
            options,
        )

    def _recorded(self, structures: tuple[Structure, ...]) -> Recording:
        return self._source.record(structures[: len(self._source.parameters)])

    def close(self) -> None:
        """Free the machine code now, of derivatives too; so does dropping the kernel."""
        with self._lock:
            own = [] if self._kernel is None else [self._kernel]
            for made in (*own, *self._codes.values(), *self._derived.values()):
                made.close()
