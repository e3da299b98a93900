"""What a kernel shows of itself: its stages as text, what the compiler found, where its code is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import SignatureError, TraceError, place_of
from ...locks import importing
from ...notebook.text import Text
from ...real_types import REAL_TYPES
from ..call.callable import available, reason
from ..call.ufunc import numbers_of
from ..export.exported import Exportable, model_of
from ..options import Options
from ..page.paged import Paged
from ..shown import Shown
from ..stages import Stages
from ..target import Target
from ..trace.compiling import is_compiling
from ..trace.explained import asks_number_for_rows
from ..trace.parameters import Parameter
from ..trace.recordings import Recording
from ..trace.signature import Structure
from ..trace.source import Source, ValueSource
from ..wanted import Wanted, structures_behind

if TYPE_CHECKING:
    from ..executable import Executable
    from ..export.function import Exported
    from ..ir.graph import Graph
    from ..page.subject import Subject
    from ..trace.stale import Stale

MOST_ARGUMENTS = 64
"""Leaves of a Value up to which it is shown as a function of them before it is called."""


class Inspectable(Shown, Paged, Exportable):
    """A kernel that can be looked at, before it is called and after."""

    name: str
    _source: Source
    _parameters: Sequence[Parameter]
    _options: Any
    _wanted: Wanted
    _latest: Executable | None
    _guessed: Executable | None
    _parent: Callable[[], Self | None]
    _tensor_kernel: Any

    def _with_dtype(self, dtype: np.dtype[Any]) -> Self:
        raise NotImplementedError

    def _on(self, options: Options) -> Self:
        """The same kernel, compiled under other options."""
        raise NotImplementedError

    def _check_open(self) -> None:
        raise NotImplementedError

    def _compile(self, structures: tuple[Structure, ...]) -> Executable:
        raise NotImplementedError

    def _recorded(
        self, structures: tuple[Structure, ...]
    ) -> tuple[Recording, list[tuple[str, Structure]]]:
        raise NotImplementedError

    def _look(self) -> None:
        """Note what has answered the latest call, if machine code has."""

    @property
    def _shown(self) -> Executable:
        """The executable that the inspecting methods are about: the latest, or the default one."""
        self._check_open()
        called = self._called()
        if called is not None:
            return called
        with self._uncalled():
            return self._looked_at(self._shown_structures(MOST_ARGUMENTS))

    def _called(self) -> Executable | None:
        """What answered the latest call; None if it was only looked at."""
        self._look()
        return None if self._latest is self._guessed else self._latest

    def _looked_at(self, structures: tuple[Structure, ...]) -> Executable:
        """The executable for these structures, with which no call was made."""
        made = self._compile(structures)
        if not isinstance(self._source, ValueSource):  # of which no call tells more
            self._guessed = made
        return made

    @contextmanager
    def _uncalled(self) -> Iterator[None]:
        """A block that traces for arguments that are guessed, if no call has told them."""
        try:
            yield
        except TraceError as error:
            if self._told() is not None:
                raise
            cause = error.__cause__
            found = f"{error}"
            if isinstance(cause, (TypeError, AttributeError)) and asks_number_for_rows(cause):
                found = f"{place_of(cause)}: {cause}"  # no argument is known, so no more is
            raise SignatureError(
                f"{self.name} has not been called yet, and cannot be looked at as a function of "
                f"numbers; call it once, then look at it ({found})"
            ) from error

    def _told(self) -> tuple[Structure, ...] | None:
        """The structures that the latest call had, of this kernel or of what it is derived from."""
        called = self._called()
        if called is not None:
            return called.structures
        source = self._source
        if isinstance(source, ValueSource):
            return None
        parent = self._parent()
        known: tuple[Structure, ...] | None = None if parent is None else parent._told()
        if known is None:
            known = source.recordings.latest
        if known is None and isinstance(source.function, Inspectable):
            known = source.function._told()
        if known is None:
            return None
        return (*known, *structures_behind(self._wanted, source, known))

    def _shown_structures(self, most: int) -> tuple[Structure, ...]:
        """The structures to show before a call: of a Value with more leaves than this, live ones,
        as a call without arguments has them.
        """
        told = self._told()
        if told is not None:
            return told
        parameters = self._parameters
        leaves = len(self._source.parameters)
        if isinstance(self._source, ValueSource) and leaves > most:
            parameters = parameters[leaves:]
        known = [p.structure for p in parameters if p.structure is not None]
        if len(known) != len(parameters):
            raise SignatureError(
                f"{self.name} has not been called yet, and its arguments may have any structure; "
                "call it once, then look at it"
            )
        return tuple(known)

    @property
    def _is_of_tensors(self) -> bool:
        """Whether the latest call was with Tensors, whose kernel is shown then."""
        return self._called() is None and self._tensor_kernel is not None

    def __str__(self) -> str:
        if self._is_of_tensors:
            return str(self._tensor_kernel)
        return self._shown.code.mlir

    def stages(self) -> Any:
        """Every stage of the compiler as text: graph, program, ..., mlir, llvm_ir, assembly.

        A mapping, which makes a text when it is looked up: what stands before LLVM IR is shown
        without compiling. Once the kernel was called with arrays, also arrays_mlir, arrays_llvm_ir,
        arrays_assembly.
        """
        self._check_open()
        if self._is_of_tensors:
            return self._tensor_kernel.stages()
        latest = self._called()
        with self._uncalled():
            shown = self._shown_structures(MOST_ARGUMENTS)

        def graph() -> Graph:
            with self._uncalled():
                return self._recorded(shown)[0].trace.graph

        def executable() -> Executable:
            with self._uncalled():
                return self._compile(shown) if latest is not None else self._looked_at(shown)

        return Stages(graph, executable, latest)

    def explain(self) -> Text:
        """What the compiler found, in words: statements, contractions, loops, what is left over;
        and of a Value, which constants were read from the `.data` of what depends on `wrt`.
        """
        if self._is_of_tensors:
            return self._tensor_kernel.explain()  # type: ignore[no-any-return]
        return self._explained(*self._code())

    def _made(self) -> Any:
        return self._tensor_kernel._made() if self._is_of_tensors else self._latest

    def _explained(self, made: Any, stale: Sequence[Any] = ()) -> Text:
        if self._is_of_tensors:
            return self._tensor_kernel._explained(made)  # type: ignore[no-any-return]
        with importing:
            from ..explain import explain
        text = explain(made, stale)
        return Text(text if available() else f"{text}\ncalls: through ctypes, since {reason()}")

    def _code(self) -> tuple[Executable, Sequence[Stale]]:
        """The code that is explained, and the constants that were read from Values."""
        if not isinstance(self._source, ValueSource):
            return self._shown, ()
        made = self._called()
        if made is None:  # its leaves live, as most calls have them
            made = self._looked_at(self._shown_structures(0))
        return made, self._source.stale()

    def _subject(self) -> Subject:
        with importing:
            from ..page.subject import subject_of
        if self._is_of_tensors:
            subject: Subject = self._tensor_kernel._subject()
            return subject
        return subject_of(*self._code())

    @property
    def _own_target(self) -> Target:
        target: Target = self._options.target
        return target

    @property
    def _model(self) -> Any:
        source: Any = self._source
        while isinstance(getattr(source, "function", None), Inspectable):
            source = source.function._source
        return model_of(getattr(source, "function", None))

    @property
    def _defaults(self) -> dict[str, float]:
        return {p.name: float(p.default) for p in self._parameters if p.default is not None}

    def _exported(self, target: Target, name: str, parameters: str) -> Exported:
        self._check_open()
        if self._is_of_tensors:
            found: Exported = self._tensor_kernel._exported(target, name, parameters)
            return found
        with importing:
            from ..export.of_numbers import of_numbers
        made = self._on(Options.on(target))._compile(self._shown.structures)
        how: Any = {"model": self._model, "defaults": self._defaults}
        return of_numbers(made, target, name, parameters=parameters, **how)

    @property
    def address(self) -> int:
        """The address of `main`, for ctypes or C; valid while the kernel lives."""
        return self._shown.address

    @property
    def signature(self) -> str:
        """`main` as C declares it."""
        return self._shown.c_prototype

    @property
    def ufunc(self) -> np.ufunc:
        """The kernel as a NumPy ufunc, with loops for float32 and float64.

        A parameter or result that is a sequence of n numbers is a core dimension `(n)`. It keeps
        the machine code alive. Pickled, as for the workers of dask, it has the numbers that
        parameters have then.
        """
        if is_compiling() is not None:
            raise numbers_of(self.name)
        with importing:
            from ..ufuncs import Ufunc
        kernels = [self._with_dtype(t.dtype) for t in REAL_TYPES.values()]
        structures = self._shown.structures
        executables = [k._compile(structures) for k in kernels]
        if executables[0].graph.indices:
            raise SignatureError(
                f"{self.name} looks rows up by integers, which are checked at every call, so it is "
                "no ufunc; call it with arrays"
            )
        made_of = Ufunc(executables, self.__doc__ or "")
        return made_of.of([e.arrays.code for e in executables])
