"""Kernel: compiled code as Python sees it. `jit` makes one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import KernelClosed, SignatureError, TensorsNeeded
from ...locks import Lock, importing
from ...nn import Module
from ...tracing import FROZEN, THREADS
from ..call.arguments import broadcast, checked_mask, dtype_of, flatten, stacked
from ..call.binding import KEYWORDS, Given, bound, unusual
from ..call.callable import NativeCallable, native
from ..copyable import Copyable
from ..options import Options
from ..tensors.calls import has_tensors
from ..trace.parameters import Parameter, in_rows
from ..trace.recordings import Recording
from ..trace.signature import Structure
from ..trace.source import FunctionSource, Source, ValueSource, free, order_of
from ..trace.trace import without_collecting
from ..wanted import Wanted, check_asked
from .derivable import AT_SIGHT, Derivable
from .inspectable import Inspectable
from .linked import Linked

if TYPE_CHECKING:
    from ..executable import Executable
    from .nesting import Nested


@native
class Kernel(Linked, Derivable, Inspectable, Copyable, NativeCallable):
    """A callable that runs native code, compiled once per structure of arguments.

    Numbers give Python floats; NumPy arrays are mapped over and give arrays. `grad` and
    `value_and_grad` are kernels too. `print(kernel)` shows its MLIR, `stages()` everything.

    >>> import micrograd
    >>> f = micrograd.jit(lambda x, y: x * y + micrograd.tanh(x))
    >>> f(0.0, 3.0)
    0.0
    >>> f.value_and_grad(0.0, 3.0)
    (0.0, (4.0, 0.0))
    """

    def __init__(self, source: Source, options: Options, wanted: Wanted) -> None:
        self.name = source.name if wanted is Wanted.VALUE else f"{source.name}.{wanted.value.name}"
        self._source = source
        behind = wanted.value.parameters(source)
        self._parameters: Sequence[Parameter] = source.parameters
        if behind:
            self._parameters = [*source.parameters, *behind]
        self._in_order, self._places, self._configurable = order_of(source, self._parameters)
        self._is_value = isinstance(source, ValueSource)
        self._keywords = free(KEYWORDS, source, self._parameters)
        is_model = isinstance(getattr(source, "function", None), Module)
        self._stacks = is_model and wanted in (Wanted.VALUE, Wanted.JVP, Wanted.VJP)
        self._options = options
        self._wanted = wanted
        self._begin()

    def _begin(self) -> None:
        """Nothing is compiled yet."""
        self._lock = Lock()  # a function that is traced may call kernels, and this one
        self._executables: dict[tuple[Structure, ...], Executable] = {}
        self._answering: list[Executable] = []  # those that were called with numbers
        self._latest: Executable | None = None
        self._guessed: Executable | None = None
        self._answered = ctypes.c_size_t()
        # what `_arrays` points to, whose code takes out=; (): nothing, for good
        self._array_words: Any = () if self._options.check or "out" not in self._keywords else None
        self._nested: dict[tuple[Structure, ...], Nested] = {}
        self._variants: dict[FunctionSource, Kernel] = {}
        self._of_classes: dict[Any, Kernel] = {}
        self._derived: dict[Wanted, Kernel] = {}
        self._siblings: dict[np.dtype[Any], Kernel] = {}
        self._parent: Callable[[], Kernel | None] = lambda: None
        self._closed = False

    # -- other kernels -------------------------------------------------------------------------

    def _like(self, source: Source, wanted: Wanted) -> Kernel:
        return Kernel(source, self._options, wanted)

    def _with_dtype(self, dtype: np.dtype[Any]) -> Kernel:
        """The same kernel, computing in another dtype."""
        if dtype == self._options.dtype:
            return self
        with self._lock:
            self._check_open()
            if dtype not in self._siblings:
                options = self._options.with_dtype(dtype)
                self._siblings[dtype] = Kernel(self._source, options, self._wanted)
            return self._siblings[dtype]

    def _on(self, options: Options) -> Kernel:
        return Kernel(self._source, options, self._wanted)

    # -- calling -------------------------------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The result for these arguments, and KEYWORDS that say how to compute it."""
        how: dict[str, Any] = {}
        for name in self._keywords & kwargs.keys() if kwargs else ():
            how[name] = kwargs.pop(name)
        if args and args[0].__class__ not in AT_SIGHT and self._binds(args):
            return self.__get__(args[0])(*args[1:], **how, **kwargs)
        if how.get("dtype") is not None:
            dtype = dtype_of(how.pop("dtype"))
            if dtype != self._options.dtype:
                return self._with_dtype(dtype)(*args, **how, **kwargs)
        out, where = how.get("out"), how.get("where", True)
        if where is not True:
            where = checked_mask(self.name, where)
        for x in (*args, *kwargs.values()) if kwargs else args:
            if hasattr(x.__class__, "__primitive__"):
                return self._on_tensors(args, kwargs, out, where)
        variant, given = self, args
        try:
            if (
                kwargs
                or len(args) != len(self._parameters)
                or not self._in_order
                or (self._configurable and unusual(args))
            ):
                variant, given = self._sorted(args, kwargs)
            latest = variant._latest
            if where is not True or THREADS or latest not in variant._answering:
                return variant._call_structured(given, out, where)
            if latest.caller.fits(given):
                variant._answered.value = 0
                return latest.caller.call(given, out)
            return variant._call_structured(given, out, where)
        except TensorsNeeded:
            return variant._on_numbers(given, out, where)
        except SignatureError:
            if not has_tensors([args, kwargs]):
                raise
        return self._on_tensors(args, kwargs, out, where)

    def at_points(self, args: tuple[Any, ...]) -> Any:
        """The results at every point of arrays; TensorsNeeded where it would take them whole."""
        variant, given = self._sorted(args, {})
        return variant._call_structured(given, None, True)

    def _sorted(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Kernel, tuple[Any, ...]]:
        """The kernel under the settings that are given, and its arguments in order."""
        source, names, places = self._source, self._parameters, self._places
        if not self._configurable or isinstance(source, ValueSource):
            if self._is_value and len(args) == len(names) - len(source.parameters) and not kwargs:
                return self, args  # with its leaves live
            places = [p.name for p in names] if self._is_value else places
            return self, bound(self.name, names, places, args, kwargs)
        settings = source.taken.defaults.keys()
        given = Given(self.name, names, places, args, kwargs, settings)
        key, promoted = source.taken.sort(self.name, given.by_name)
        if not key and not promoted:
            return self, bound(self.name, names, places, args, kwargs, settings)
        given.check()
        variant = self._variant(source.variant(key, promoted))
        set_here = {*source.taken.defaults, *(name for name, *_ in key)} - promoted
        rest = {k: x for k, x in given.by_name.items() if k not in set_here}
        return variant, bound(variant.name, variant._parameters, [], (), rest)

    def _variant(self, source: FunctionSource) -> Kernel:
        """This kernel of a source under other settings."""
        with self._lock:
            self._check_open()
            if source not in self._variants:
                self._variants[source] = Kernel(source, self._options, self._wanted)
            return self._variants[source]

    def _call_structured(self, args: Sequence[Any], out: Any, where: Any) -> Any:
        """The general call: containers are flattened, arrays are mapped over."""
        n, parameters = len(args), self._parameters
        parameters = parameters if n == len(parameters) else self._given(n)
        key, columns, shapes, values = flatten(self.name, parameters, args, self._is_value)
        if values or ((THREADS or FROZEN) and self._is_recorded(key)):
            return self._call_nested(key, columns, shapes, out, where)
        executable = self._latest
        if executable is None or executable.structures != key:
            executable = self._executables.get(key) or self._compile(key, columns)
            self._latest = executable
        self._guessed = None
        self._answered.value = 0
        if any(shapes) or (where is not True and np.ndim(where)):
            if where is not True:
                shapes[np.shape(where)] = None
            shape = next(iter(shapes)) if len(shapes) == 1 else broadcast(self.name, shapes)
            arrays = executable.arrays
            result = arrays(columns, shape, out, where, self._options.threads, self._stacks)
            if self._array_words is None:
                self._admit(arrays)
            if not self._stacks or out is not None or result.__class__ is np.ndarray:
                return result
            return self._stacked(result)
        if where is not True and not where:
            raise SignatureError(
                f"{self.name}: where chooses among the points of arrays, but all arguments are "
                "numbers"
            )
        if executable not in self._answering:
            with self._lock:
                self._check_open()
                if executable not in self._answering:  # twice, the chain of entries would be a ring
                    self._answering.append(executable)
                    self._link()
        return executable.caller.call(columns, out)

    def _is_recorded(self, key: tuple[Structure, ...]) -> bool:
        """Whether a call with numbers is part of what this thread compiles: it reads parameters,
        which are not final then unless they are frozen, or values of that.
        """
        tracing, frozen = get_ident() in THREADS, get_ident() in FROZEN
        made = self._recorded(key, captures=True)[0] if tracing or frozen else None
        return made is not None and bool(made.captured or (tracing and made.trace.graph.parameters))

    def _call_nested(
        self, key: tuple[Structure, ...], columns: Sequence[Any], shapes: Any, out: Any, where: Any
    ) -> Any:
        """A call with Values, which gives Values."""
        if out is not None or where is not True:
            raise SignatureError(f"{self.name}: out and where are for numbers, not for Values")
        nested = self._nested.get(key)
        if nested is None or nested.lacks(columns):
            self._check_open()
            with importing:
                from .nesting import nested_of
            nested = nested_of(self, key, columns)
        result = nested(columns, mapped := list(filter(None, shapes)))
        return self._stacked(result) if mapped and self._stacks else result

    def _stacked(self, result: Any) -> Any:
        """The results of a model at many points, with its numbers along the last axis."""
        if self._wanted in (Wanted.JVP, Wanted.VJP):
            value, other = result
            return stacked(value), stacked(other) if self._wanted is Wanted.JVP else other
        return stacked(result)

    def _recorded(
        self, structures: tuple[Structure, ...], captures: bool = False, called: Any = ()
    ) -> tuple[Recording, list[tuple[str, Structure]]]:
        """What is traced for these structures, and the parameters behind those of the source."""
        check_asked(self.name, self._source, self._wanted)
        n = len(structures) - len(self._parameters) + len(self._source.parameters)
        names = [p.name for p in self._given(len(structures))]
        extras = list(zip(names, structures, strict=True))[n:]
        return self._source.record(structures[:n], captures=captures, near=called[:n]), extras

    def _given(self, n: int) -> Sequence[Parameter]:
        """The parameters that n arguments are for: all, or those behind the leaves of a Value."""
        return self._parameters[len(self._parameters) - n :]

    # -- compiling -----------------------------------------------------------------------------

    def _compile(self, structures: tuple[Structure, ...], called: Any = ()) -> Executable:
        if structures not in self._executables and not self._closed:
            with without_collecting():  # and no lock: what is traced may call kernels
                self._recorded(structures, called=called)
        with self._lock, without_collecting():
            self._check_open()
            executable = self._executables.get(structures)
            if executable is None:
                with importing:
                    from ..executable import Executable
                names = [p.name for p in self._given(len(structures))]
                executable = self._executables[structures] = Executable(
                    self.name,
                    self._recorded(structures)[0],
                    list(zip(names, structures, strict=True)),
                    self._wanted,
                    self._options,
                    in_rows(() if self._is_value else self._source.parameters),
                    takes_out="out" in self._keywords,
                )
            self._latest = executable
            self._answered.value = 0
            return executable

    def _check_open(self) -> None:
        if self._closed:
            raise KernelClosed(
                f"kernel {self.name} was closed and its machine code is freed; call jit again"
            )

    # -- the end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Free the machine code now, of derived kernels too; so does dropping the kernel."""
        with self._lock:
            if not self._closed:
                self._look()
            self._answered.value = 0
            self._closed = True
            self._arrays = 0
            self._set_entry(0)
            for executable in self._executables.values():
                executable.close()
            kernels = (self._derived, self._siblings, self._variants)
            for kernel in [k for some in kernels for k in some.values()]:
                kernel.close()
