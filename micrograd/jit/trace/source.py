"""What `jit` is given, as something that can be traced for a structure of arguments.

A source knows the names of its parameters and, where it can, their structures before a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from copy import deepcopy
from operator import attrgetter
from typing import Any

from ...engine import Value
from ...errors import GraphError, kind
from ...lookups import Lookups
from ...nn import Module
from ...traced import Scope, Traced
from .captured import captured
from .compiling import compiling
from .leaf_parameters import LeafParameters
from .mistakes import said_clearer
from .parameters import Key, Parameter, array_names, taken
from .pickles import FunctionOf, portable
from .recoded import CHECKS, recoded
from .recordings import Recording, Recordings
from .signature import SCALAR, Container, Structure, build, count, result_structure, row
from .stale import Stale, stale
from .tensor_reads import no_parameters_read
from .trace import Element, Trace, check_leaves, check_wrt, trace, without_collecting

_name = attrgetter("name")
Outer = Mapping[int, Sequence[Any]]
_NONE: Outer = {}


class ValueSource:
    """A Value: a function of its leaves `wrt`, a Value or several, closed over the others."""

    def __init__(self, value: Value, wrt: Any) -> None:
        self.name = "value"
        self.value = value
        self.is_given = wrt is not None
        self.alone = isinstance(wrt, Value)
        self.wrt = wrt = _as_list(wrt)
        with without_collecting():
            check_wrt(wrt)
            self.parameters = LeafParameters([v.label for v in wrt])
        self.recordings = Recordings()

    @property
    def asked(self) -> Sequence[Any]:
        """What derivatives are with respect to, one after the other."""
        return self.wrt

    def stale(self) -> list[Stale]:
        """The constants that were read from Values which depend on `wrt`, as far as is known."""
        return stale(self.value, self.wrt)

    def record(
        self,
        structures: tuple[Structure, ...],
        *,
        captures: bool = False,
        near: Sequence[Any] = (),
    ) -> Recording:
        """The recording, made once; with no arguments, `wrt` are live instead of arguments."""
        made: Recording = self.recordings.get(structures, lambda: self._trace(structures))
        return made

    def _trace(self, structures: tuple[Structure, ...]) -> Recording:
        check_leaves(self.wrt)
        numbers = self.recordings.numbers
        if structures:
            names = array_names(self.parameters)
            inputs = {names[p.name]: [v] for p, v in zip(self.parameters, self.wrt, strict=True)}
            found = trace([self.value], inputs, (), numbers)
            elements: list[Element | None] = [found.elements[v] for v in self.wrt]
        else:
            found = trace([self.value], {}, set(self.wrt), numbers, self.wrt)
            elements = [*found.elements_of(self.wrt)]
        shape = row(tuple, len(elements))
        return Recording(found, SCALAR, elements, shape, self.alone)


class FunctionSource:
    """A Python function, a model, a kernel or an op; leaves that it closes over are live, unless
    frozen.

    wrt        a leaf or the name of a parameter, or several; None: all that may be given by place
    key        settings, see parameters.py
    promoted   parameters that are arguments whatever their defaults are
    """

    def __init__(
        self,
        function: Callable[..., Any],
        wrt: Any,
        *,
        freeze: bool,
        key: Key = (),
        promoted: frozenset[str] = frozenset(),
    ) -> None:
        self.function = function
        self.freeze = freeze
        names = (getattr(function, attribute, None) for attribute in ("__name__", "name"))
        self.name = next((n for n in names if isinstance(n, str)), type(function).__name__)
        self.wrt = None if wrt is None else _as_list(wrt)
        self._under = key, promoted
        self._begin()
        self.alone = isinstance(wrt, (Value, str))
        if wrt is None and not isinstance(function, Module):
            self.alone = [p.named for p in self.parameters].count(False) == 1

    def _begin(self) -> None:
        """Nothing is traced yet."""
        self.taken = taken(self.function, *self._under)
        self.recordings = Recordings()
        self._variants = Recordings()

    @property
    def parameters(self) -> list[Parameter]:
        """Its arguments."""
        return self.taken.arguments

    def variant(self, key: Key, promoted: frozenset[str]) -> FunctionSource:
        """The source under other settings, made once."""
        made: FunctionSource = self._variants.get(
            (key, promoted), lambda: self.of(self.function, key, promoted)
        )
        return made

    def of(
        self, function: Callable[..., Any], key: Key = (), promoted: frozenset[str] = frozenset()
    ) -> FunctionSource:
        """The source of another function, or under other settings, and else as this one."""
        wrt = self.wrt[0] if self.wrt and self.alone else self.wrt
        return FunctionSource(function, wrt, freeze=self.freeze, key=key, promoted=promoted)

    def __deepcopy__(self, memo: dict[int, Any]) -> FunctionSource:
        """With a copy of a model, method or object; a plain function stays, and what it reads."""
        made = FunctionSource.__new__(FunctionSource)
        made.__dict__.update(self.__dict__)
        memo[id(self)] = made
        made.function = deepcopy(self.function, memo)
        if made.function is not self.function:
            made.wrt = deepcopy(self.wrt, memo)
        made._begin()
        return made

    def __reduce__(self) -> Any:
        state = {**self.__dict__, "function": portable(self.function, self.wrt)}
        for traced in ("taken", "recordings", "_variants"):
            del state[traced]
        return object.__new__, (FunctionSource,), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.function, FunctionOf):
            self.function = self.function.function
        self._begin()

    @property
    def asked(self) -> Sequence[Any] | None:
        """What derivatives are with respect to, one after the other; None: each parameter."""
        if self.wrt is None and isinstance(self.function, Module) and not self.freeze:
            return self.function.parameters()
        return self.wrt

    def record(
        self,
        structures: tuple[Structure, ...],
        *,
        captures: bool = False,
        outer: Outer = _NONE,
        near: Sequence[Any] = (),
    ) -> Recording:
        """What the function does to arguments of these structures; it is called once for them, and
        if it looks up in plain Python, again to compare what it does.

        captures   whether it may read values of functions around, which are being compiled
        outer      integers that these compute, by the places of parameters; it is called anew then
        near       what it is called with, if that is known
        """

        def recorded() -> Recording:
            integers = any(p.integer for p in self.parameters)
            made, is_plain = recoded(
                lambda: self._trace(structures, captures, outer), self.function, integers=integers
            )
            made.trace.is_plain = is_plain
            if is_plain and not outer:  # else it is like one that was compared
                for check in CHECKS:
                    check(self, made, structures, near)
            return made

        made: Recording = recorded() if outer else self.recordings.get(structures, recorded)
        return made

    def _trace(self, structures: tuple[Structure, ...], captures: bool, outer: Outer) -> Recording:
        wrt = self._leaves()
        scope = Scope(self.name)
        scope.lookups = lookups = Lookups()
        inputs: dict[str, list[Value]] = {}
        arguments, arrays = [], array_names(self.parameters)
        for place, (p, s) in enumerate(zip(self.parameters, structures, strict=True)):
            leaves: list[Value] = [
                Traced(p.name if s is SCALAR else f"{p.name}[{k}]", p.array == "map", scope)
                for k in range(count(s))
            ]
            inputs[arrays[p.name]] = leaves
            lookups.note(arrays[p.name], leaves if p.integer else (), outer.get(place, ()))
            arguments.append(build(s, iter(leaves), exact=True))
        reads = nullcontext() if self.freeze else no_parameters_read(self.name)
        said = said_clearer(self.name, self.parameters, structures)
        with said, reads, compiling(scope, frozen=self.freeze):
            returned = self.taken.call(self.function, arguments)
        outputs: list[Value | float] = []
        result = result_structure(returned, outputs.append, self.name)
        inputs |= lookups.inputs
        around = captured(outputs, scope, lookups.begun[-1], inputs) if captures else {}
        live = () if self.freeze else None
        found = trace(outputs, inputs | around, live, wrt=wrt, lookups=lookups, scope=scope)
        recording = self._recording(found, result, inputs, structures)
        recording.captured = around
        return recording

    def _leaves(self) -> list[Value]:
        """The leaves that derivatives are with respect to, whether the result uses them or not."""
        if self.wrt is None:
            return [v for v in self.asked or () if v._entry is None]
        check_leaves(self.wrt)
        leaves = {k: w for k, w in enumerate(self.wrt) if not isinstance(w, str)}
        if self.freeze:
            for k, v in leaves.items():
                raise GraphError(
                    f"wrt[{k}], {v!r}, is a constant of {self.name}, as freeze=True makes all "
                    "leaves; leave out freeze, or pass it as an argument"
                )
        return [*leaves.values()]

    def _recording(
        self,
        found: Trace,
        result: Structure,
        inputs: dict[str, list[Value]],
        structures: tuple[Structure, ...],
    ) -> Recording:
        names = [p.name for p in self.parameters]
        arrays = array_names(self.parameters)
        wrt = self.wrt
        if wrt is None and isinstance(self.function, Module) and not self.freeze:
            reached = [found.elements.get(v) for v in self.function.parameters()]
            shape = row(tuple, len(reached))
            return Recording(found, result, reached, shape)
        elements: list[Element | None] = []
        items: list[Structure] = []
        places = [p.name for p in self.parameters if not p.named]
        for k, w in enumerate(places if wrt is None else wrt):
            if not isinstance(w, str):
                elements.append(found.elements[w])
                items.append(SCALAR)
            elif w in names:
                array = arrays[w]
                elements += [(array, i) for i in range(len(inputs[array]))]
                items.append(structures[names.index(w)])
            else:
                raise GraphError(
                    f"wrt[{k}] is {w!r}, but {self.name} has no such parameter; it has "
                    f"{', '.join(names) or 'none'}"
                )
        return Recording(found, result, elements, Container(tuple, (), tuple(items)), self.alone)


Source = ValueSource | FunctionSource


def order_of(source: Source, parameters: Sequence[Parameter]) -> tuple[bool, list[str], bool]:
    """How a kernel with these parameters is called: whether arguments are given by position as
    `main` takes them; the names of what may be given by position, for a Value [], as all may; and
    whether it may be a setting.
    """
    if isinstance(source, ValueSource):
        return True, [], False
    taken, named = source.taken, any(p.named for p in parameters)
    places = taken.places
    if len(parameters) > len(taken.arguments):
        # settings go by name, as directions and cotangents stand behind the arguments
        places = [p.name for p in parameters if not p.named]
    optional = any(p.default is not None for p in taken.arguments)
    return taken.in_order and not named, places, optional or bool(taken.defaults)


def free(words: frozenset[str], source: Source, parameters: Sequence[Parameter]) -> frozenset[str]:
    """The words by which nothing is given to a kernel with these parameters, settings included."""
    if isinstance(source, ValueSource):
        words = source.parameters.unused(words)
        return words.difference(map(_name, parameters[len(source.parameters) :]))
    return words.difference(map(_name, parameters), source.taken.names)


def _as_list(wrt: Any) -> list[Any]:
    if wrt is None:
        return []
    if isinstance(wrt, (Value, str)):
        return [wrt]
    try:
        return list(wrt)
    except TypeError:
        raise GraphError(f"wrt should be a list of leaves or names, got {kind(wrt)}") from None
