"""Kernel: compiled code as Python sees it. `jit` makes one."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from ..checks import flag
from ..engine import Value
from ..errors import KernelClosed, SignatureError, kind
from ..nn import Module
from .arguments import broadcast, checked_mask, flatten
from .array_entry import array_entry, described
from .arrays import ArrayCaller, ufunc_of
from .derivatives import Wanted
from .executable import Executable, Options
from .explain import explain
from .native_callable import NativeCallable, available, native, reason
from .pickles import global_name
from .signature import Structure
from .source import FunctionSource, Parameter, Source, ValueSource
from .threads import checked

_COMPILED = {
    "__wrapped__",
    "_answering",
    "_array_words",
    "_closed",
    "_derived",
    "_executables",
    "_latest",
    "_lock",
    "_siblings",
}
"""Attributes of a kernel that its copies do not have: each compiles for itself."""

_DTYPES = {"f32": np.float32, "float32": np.float32, "f64": np.float64, "float64": np.float64}


@native
class Kernel(NativeCallable):
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
        self._parameters = [*source.parameters, *wanted.value.parameters(source)]
        self._options = options
        self._wanted = wanted
        self._begin()

    def _begin(self) -> None:
        """Nothing is compiled yet."""
        self._lock = threading.Lock()
        self._executables: dict[tuple[Structure, ...], Executable] = {}
        self._answering: list[Executable] = []  # those that were called with numbers
        self._latest: Executable | None = None
        self._array_words: Any = None  # what `_arrays` points to; (): nothing, for good
        self._derived: dict[Wanted, Kernel] = {}
        self._siblings: dict[np.dtype[Any], Kernel] = {}
        self._closed = False

    # -- copies --------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles have: what it was made from, and nothing that was compiled."""
        return {k: x for k, x in self.__dict__.items() if k not in _COMPILED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self._source, FunctionSource) and "__name__" in state:
            self.__dict__["__wrapped__"] = self._source.function
        self._begin()

    def __copy__(self) -> Kernel:
        made = _blank(type(self))
        made.__setstate__(self.__getstate__())
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Kernel:
        memo[id(self)] = made = _blank(type(self))
        made.__setstate__(deepcopy(self.__getstate__(), memo))
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        return global_name(self) or (_blank, (type(self),), self.__getstate__())

    # -- derived kernels -----------------------------------------------------------------------

    @property
    def grad(self) -> Kernel:
        """The kernel of the gradient: the partials, structured like the arguments or `wrt`.

        Of a function with one parameter, the partial itself; with several, a tuple of them.

        >>> jit(lambda x: x * x).grad(3.0), jit(lambda x, y: x * y).grad(3.0, 5.0)
        (6.0, (5.0, 3.0))
        """
        return self._derive(Wanted.GRADIENT)

    @property
    def value_and_grad(self) -> Kernel:
        """The kernel of `(value, partials)`, computed together."""
        return self._derive(Wanted.BOTH)

    @property
    def jacobian(self) -> Kernel:
        """The kernel of all partials of all results: a matrix, in the structure of both.

        A number, list or array of results gives a tuple with a block for each argument; in it, a
        structure like that argument stands for each result. A tuple or dict of results gives one
        of such tuples.

        >>> jit(lambda x, y: (x * y, x - y)).jacobian(2.0, 3.0)
        ((3.0, 2.0), (1.0, -1.0))
        """
        return self._derive(Wanted.JACOBIAN)

    @property
    def hessian(self) -> Kernel:
        """The kernel of the second derivatives: the Jacobian of `grad`, exactly symmetric.

        >>> jit(lambda x, y: x * x * y).hessian(2.0, 3.0)
        ((6.0, 4.0), (4.0, 0.0))
        """
        return self._derive(Wanted.HESSIAN)

    @property
    def jvp(self) -> Kernel:
        """The kernel of `(value, tangent)`: the derivative of the results along a direction.

        It takes a function's arguments, then a tangent for each. With `wrt`, and for a model, the
        direction is one argument: a list or array with a number for each partial.

        >>> jit(lambda x, y: x * y).jvp(2.0, 3.0, 1.0, 10.0)
        (6.0, 23.0)
        """
        return self._derive(Wanted.JVP)

    @property
    def vjp(self) -> Kernel:
        """The kernel of `(value, partials)` of the results weighted with a cotangent.

        It takes the arguments, then the cotangent, structured like the result.

        >>> jit(lambda x, y: (x * y, x - y)).vjp(2.0, 3.0, (1.0, 10.0))
        ((6.0, -1.0), (13.0, -8.0))
        """
        return self._derive(Wanted.VJP)

    @property
    def hvp(self) -> Kernel:
        """The kernel of the Hessian times a direction, given as to `jvp`, structured like `grad`.

        >>> jit(lambda x, y: x * x * y).hvp(2.0, 3.0, 1.0, 10.0)
        (46.0, 4.0)
        """
        return self._derive(Wanted.HVP)

    def _derive(self, wanted: Wanted) -> Kernel:
        if self._wanted is not Wanted.VALUE:
            raise SignatureError(
                f"{self.name} is a derivative already, and {wanted.value.name} is taken of a "
                f"function: {self._source.name}.hessian has the second derivatives, "
                f"{self._source.name}.hvp those along a direction"
            )
        with self._lock:
            self._check_open()
            if wanted not in self._derived:
                self._derived[wanted] = Kernel(self._source, self._options, wanted)
            return self._derived[wanted]

    def _with_dtype(self, dtype: np.dtype[Any]) -> Kernel:
        """The same kernel, computing in another dtype."""
        if dtype == self._options.dtype:
            return self
        with self._lock:
            self._check_open()
            if dtype not in self._siblings:
                options = replace(self._options, dtype=dtype)
                self._siblings[dtype] = Kernel(self._source, options, self._wanted)
            return self._siblings[dtype]

    @property
    def ufunc(self) -> np.ufunc:
        """The kernel as a NumPy ufunc, with loops for float32 and float64.

        A parameter or result that is a sequence of n numbers is a core dimension `(n)`. It keeps
        the machine code alive.
        """
        kernels = [self._with_dtype(np.dtype(t)) for t in (np.float32, np.float64)]
        executables = [k._shown for k in kernels]
        codes = [e.arrays.code for e in executables]
        return ufunc_of(executables[0].convention, codes, self.__doc__ or "")

    # -- calling -------------------------------------------------------------------------------

    def __call__(
        self, *args: Any, out: Any = None, where: Any = True, dtype: Any = None, **kwargs: Any
    ) -> Any:
        if dtype is not None and _dtype_of(dtype) != self._options.dtype:
            other = self._with_dtype(_dtype_of(dtype))
            return other(*args, out=out, where=where, **kwargs)
        if where is not True:
            where = checked_mask(self.name, where)
        parameters = self._parameters
        if kwargs or len(args) != len(parameters):
            args = self._bind(args, kwargs)
        latest = self._latest
        if where is True and latest in self._answering and latest.caller.fits(args):
            return latest.caller.call(args, out)
        return self._call_structured(args, out, where)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments in order, with names and defaults resolved."""
        parameters = self._parameters
        extra = len(parameters) - len(self._source.parameters)
        if len(args) == extra and not kwargs and isinstance(self._source, ValueSource):
            return args  # with its leaves live
        names = [p.name for p in parameters]
        unknown = [k for k in kwargs if k not in names[len(args) :]]
        bound = list(args)
        for p in parameters[len(args) :]:
            if p.name in kwargs:
                bound.append(kwargs[p.name])
            elif p.default is not None:
                bound.append(p.default)
        if unknown or len(bound) != len(parameters):
            raise SignatureError(
                f"{self.name} takes {len(parameters)} argument{'s' * (len(parameters) != 1)}"
                f" ({', '.join(names) or 'none'}), got {len(args)}"
                + (f" and {', '.join(f'{k}=' for k in kwargs)}" if kwargs else "")
            )
        return tuple(bound)

    def _call_structured(self, args: Sequence[Any], out: Any, where: Any) -> Any:
        """The general call: containers are flattened, arrays are mapped over."""
        parameters, only_numbers = self._given(len(args)), isinstance(self._source, ValueSource)
        key, columns, shapes = flatten(self.name, parameters, args, only_numbers)
        executable = self._latest
        if executable is None or executable.structures != key:
            executable = self._executables.get(key) or self._compile(key)
            self._latest = executable
        if any(shapes) or np.ndim(where):
            if where is not True:
                shapes[np.shape(where)] = None
            shape = next(iter(shapes)) if len(shapes) == 1 else broadcast(self.name, shapes)
            arrays = executable.arrays
            result = arrays(columns, shape, out, where, self._options.threads)
            if self._array_words is None:
                self._admit(arrays)
            return result
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

    def _given(self, n: int) -> list[Parameter]:
        """The parameters that n arguments are for: all, or those behind the leaves of a Value."""
        missing = len(self._parameters) - n
        return self._parameters[missing:] if missing else self._parameters

    # -- compiling -----------------------------------------------------------------------------

    def _compile(self, structures: tuple[Structure, ...]) -> Executable:
        with self._lock:
            self._check_open()
            executable = self._executables.get(structures)
            if executable is None:
                names = [p.name for p in self._given(len(structures))]
                extra = len(self._parameters) - len(self._source.parameters)
                recording = self._source.trace(structures[: len(structures) - extra])
                executable = Executable(
                    self.name,
                    recording,
                    list(zip(names, structures, strict=True)),
                    self._wanted,
                    self._options,
                    frozenset(
                        p.name
                        for p in self._source.parameters
                        if p.array == "rows" and p.structure is not None
                    ),
                )
                self._executables[structures] = executable
            self._latest = executable
            return executable

    def _admit(self, arrays: ArrayCaller) -> None:
        """Let array_entry.py answer the calls with arrays that it can, from now on."""
        words = described(arrays.convention, arrays.code.address, arrays.work)
        with self._lock:
            if self._closed or self._array_words is not None:
                return
            self._array_words = () if words is None else words
            if words is None:
                return
            self._arrays = words.ctypes.data
            self._link()

    def _link(self) -> None:
        """Let entries answer calls, before the general path."""
        entry = array_entry() if self._arrays else 0
        for executable in self._answering:
            entry = executable.before(entry)
        self._entry = entry

    def _check_open(self) -> None:
        if self._closed:
            raise KernelClosed(
                f"kernel {self.name} was closed and its machine code is freed; call jit again"
            )

    @property
    def _shown(self) -> Executable:
        """The executable that the inspecting methods are about: the latest, or the default one."""
        self._check_open()
        if self._latest is not None:
            return self._latest
        structures = [p.structure for p in self._parameters]
        known = [s for s in structures if s is not None]
        if len(known) != len(structures):
            raise SignatureError(
                f"{self.name} has not been called yet, and its arguments may have any structure; "
                "call it once, then look at it"
            )
        return self._compile(tuple(known))

    # -- looking -------------------------------------------------------------------------------

    def __str__(self) -> str:
        return self._shown.mlir

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self._parameters)
        return f"<kernel {self.name}({names}) -> {self._options.dtype}>"

    def stages(self) -> dict[str, str]:
        """Every stage of the compiler as text: graph, program, ..., mlir, llvm_ir, assembly.

        Once the kernel was called with arrays, also arrays_mlir, arrays_llvm_ir, arrays_assembly.
        """
        return self._shown.stages()

    def explain(self) -> str:
        """What the compiler found, in words: statements, contractions, loops, what is left over."""
        if self._latest is None and isinstance(self._source, ValueSource):
            extra = self._parameters[len(self._source.parameters) :]
            known = [p.structure for p in extra if p.structure is not None]
            self._compile(tuple(known))  # with its leaves live, as a call without them has them
        text = explain(self._shown)
        return text if available() else f"{text}\ncalls: through ctypes, since {reason()}"

    @property
    def address(self) -> int:
        """The address of `main`, for ctypes or C; valid while the kernel lives."""
        return self._shown.address

    @property
    def signature(self) -> str:
        """`main` as C declares it."""
        return self._shown.c_prototype

    def close(self) -> None:
        """Free the machine code now, of derived kernels too; so does dropping the kernel."""
        with self._lock:
            self._closed = True
            self._entry = self._arrays = 0
            for executable in self._executables.values():
                executable.close()
            for kernel in [*self._derived.values(), *self._siblings.values()]:
                kernel.close()


def _blank(kind: type[Kernel]) -> Kernel:
    """A kernel that is about to get its state."""
    return kind.__new__(kind)


def jit(
    target: Any = None,
    *,
    wrt: Any = None,
    dtype: Any = None,
    strict: bool = False,
    freeze: bool = False,
    threads: int | None = None,
) -> Any:
    """Compile a Value, a function of numbers, or a Neuron, Layer or MLP. Also a decorator.

    target   a Value: its leaves are constants, but for those in `wrt`, which become arguments;
             called without arguments, the kernel reads their present numbers instead.
             A function: traced when first called, on the structure of its arguments. Leaves and
             models that it closes over are live: the kernel sees every change of their `data`.
             A model: a kernel of its input.
    wrt      what `.grad` is with respect to: a list of leaves or of names of parameters, for a
             tuple of partials; or one of them, for its partial. By default a function's arguments,
             and a model's parameters.
    dtype    float32 or float64, as the kernel computes. By default float64 for a function, as
             Python's numbers are, and float32 for a Value or a model.
    strict   neither sums are reassociated nor products fused: with float64, the results are those
             of the interpreter, bit for bit.
    freeze   bake closed-over leaves in as constants.
    threads  how many threads a call with arrays may use; by default those of `set_threads`.

    Raises SignatureError, GraphError or TraceError, each saying what to do.

    >>> a, b = Value(4.0), Value(2.0)
    >>> jit(a + (a + b))()
    10.0
    """
    default = np.float32 if isinstance(target, (Value, Module)) else np.float64
    computed = _dtype_of(default if dtype is None else dtype)
    options = Options(computed, flag("strict", strict, SignatureError), checked(threads))
    freeze = flag("freeze", freeze, SignatureError)
    if target is None:
        return functools.partial(
            jit, wrt=wrt, dtype=dtype, strict=strict, freeze=freeze, threads=threads
        )
    source: Source
    if isinstance(target, Value):
        source = ValueSource(target, wrt)
    elif callable(target):
        source = FunctionSource(target, wrt, freeze=freeze)
    else:
        raise SignatureError(f"jit compiles a Value, a function or a model, got {kind(target)}")
    kernel = Kernel(source, options, Wanted.VALUE)
    if callable(target) and not isinstance(target, Value):
        functools.update_wrapper(kernel, target, updated=())
    return kernel


def _dtype_of(dtype: Any) -> np.dtype[Any]:
    try:
        found = np.dtype(_DTYPES.get(dtype, dtype) if isinstance(dtype, str) else dtype)
    except Exception:  # NumPy asks all kinds of objects whether they are a type
        found = None
    if found not in (np.float32, np.float64):
        raise SignatureError(f"dtype should be float32 or float64, got {kind(dtype)}")
    return found


def grad(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled gradient of a function: `jit(function, ...).grad`."""
    return jit(function, **options).grad  # type: ignore[no-any-return]


def value_and_grad(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled value and gradient of a function: `jit(function, ...).value_and_grad`."""
    return jit(function, **options).value_and_grad  # type: ignore[no-any-return]


def jacobian(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled Jacobian of a function: `jit(function, ...).jacobian`."""
    return jit(function, **options).jacobian  # type: ignore[no-any-return]


def hessian(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled Hessian of a function: `jit(function, ...).hessian`."""
    return jit(function, **options).hessian  # type: ignore[no-any-return]


def jvp(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled derivative of a function along a direction: `jit(function, ...).jvp`."""
    return jit(function, **options).jvp  # type: ignore[no-any-return]


def vjp(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled gradient of a function's weighted results: `jit(function, ...).vjp`."""
    return jit(function, **options).vjp  # type: ignore[no-any-return]


def hvp(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled product of a function's Hessian with a direction: `jit(function, ...).hvp`."""
    return jit(function, **options).hvp  # type: ignore[no-any-return]
