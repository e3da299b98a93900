"""A loss of one sample, as Python code -> native code for its value and gradient on many samples.

The function is traced once, on one sample. `BlockLoss` runs it on a block of samples at a time;
what has no such form, and what must be equal to the interpreter's result, is done by `SingleLoss`,
one sample after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy.typing as npt

from .. import ops
from ..cache.keys import written_out
from ..cache.remembered import remembered
from ..engine import Value
from ..jit.code import compile_program
from ..jit.emit.interface import Interface
from ..jit.ir.graph import Graph, said
from ..jit.ir.program import Access, Apply, Program, Role
from ..jit.options import Options
from ..jit.passes.dots import dot
from ..jit.passes.over_samples import SHARE, SIZE, WEIGHTS
from ..jit.reroll.found import SMALL
from ..jit.reroll.outputs import OUTPUT
from ..jit.target import Target
from ..jit.trace.trace import Element, Trace, trace, without_collecting
from ..locks import Lock, importing
from ..losses import Expectation, expectations
from ..store import addresses
from .data import ColumnLabels
from .plain_rows import compare_rows
from .sample_trace import trace_sample

if TYPE_CHECKING:
    from ..jit.schedule.schedule import Schedule

BEFORE = "before"


def _element(p: Value, found: Trace) -> Element:
    """The element that a live parameter is, also one that the graph does not have."""
    store, index = p._home
    if store not in found.stores:
        found.stores.append(store)
    element = (f"p{found.stores.index(store)}", index)
    return found.elements.setdefault(p, element)


class SampleLoss:
    """A loss of samples, differentiated and compiled.

    size      samples in a block, at most
    samples   of them, how many one run of the program is for
    multiple  a kernel takes a multiple of so many
    padded    whether it is run for multiples of so many only, and not for any number of them
    address   of the native function
    begins_with   the input that the gradient begins with, where it lies
    expected  what its losses expect of columns of the data
    indices   index arrays that it takes behind the data
    """

    size: int
    samples: int
    multiple = 1
    padded = True
    begins_with: str | None = None
    by_value: Sequence[str] = ()
    expected: Sequence[ColumnLabels] = ()

    def __init__(
        self,
        program: Program,
        of: Element,
        found: Trace,
        parameters: Sequence[Value],
        options: Options,
    ) -> None:
        wrt, target = [found.elements.get(p) for p in parameters], options.target

        made_from = program, of, wrt, target, self.begins_with
        made = remembered("loss of samples", made_from, lambda: _made().differentiated(*made_from))
        self._take(made, found, options)

    def _take(self, program: Program, found: Trace, options: Options) -> None:
        self.options = options
        self.stores = found.stores
        self.indices = found.outline.indices
        self.program = program
        self._compile()

    def _compile(self) -> None:
        self.interface = Interface(frozenset(self.by_value), OUTPUT, padded=self.padded)
        self.code = compile_program(
            self.program, self.options.target, self.interface, stores=self.stores
        )
        self.address = self.code.address

    def __getstate__(self) -> dict[str, Any]:
        """All but the machine code, which another process makes for its own processor."""
        made = {"interface", "code", "address", "multiple", "expected"}
        return {name: x for name, x in vars(self).items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._compile()

    @property
    def schedule(self) -> Schedule:
        """How its code runs."""
        return self.code.schedule


class BlockLoss(SampleLoss):
    """The weighted sum of the losses of a block of samples, and its gradient, at

    number f(x0*, x1*, ..., weights*, share, count*, gradient*)
    """

    by_value = (SHARE,)
    size = samples = SIZE

    def __init__(
        self,
        program: Program,
        found: Trace,
        parameters: Sequence[Value],
        options: Options,
    ) -> None:
        super().__init__(program, (OUTPUT, 0), found, parameters, options)

    def _compile(self) -> None:
        super()._compile()
        self.multiple = self.code.multiple


class SingleLoss(SampleLoss):
    """The loss of one sample, and the gradient of its product with a weight, added to another, at

    number f(x0*, x1*, ..., weight*, gradient*)

    penalty   the value and gradient of what depends on parameters only, at `number f(gradient*)`
    """

    begins_with = BEFORE
    size = 64
    samples = 1
    padded = False

    def __init__(
        self,
        program: Program,
        found: Trace,
        parameters: Sequence[Value],
        options: Options,
        penalty: SampleLoss | None,
    ) -> None:
        self.penalty = penalty
        weight = program.declare(WEIGHTS, Role.INPUT)
        before = program.declare(BEFORE, Role.INPUT, len(parameters))
        elements = [_element(p, found) for p in parameters]
        for (name, _), p in zip(elements, parameters, strict=True):
            if name not in program.arrays:
                program.declare(name, Role.PARAMETER, len(p._home[0]))
        others = dot(program, elements, before.name)
        total = Access(program.declare("total", Role.TEMPORARY).name)
        weighted = Apply(ops.mul, (Access(OUTPUT), Access(weight.name)))
        program.assign(total, Apply(ops.add, (weighted, others)))
        super().__init__(program, (total.array, 0), found, parameters, options)


class SampleValue(SampleLoss):
    """The value of one sample alone, at `number f(x0*, x1*, ...)`."""

    padded = False

    def __init__(
        self,
        program: Program,
        found: Trace,
        parameters: Sequence[Value],
        options: Options,
        penalty: SampleLoss | None,
    ) -> None:
        made_from = program, options.target
        made = remembered("value of a sample", made_from, lambda: _made().value(*made_from))
        self._take(made, found, options)


class Penalty(SampleLoss):
    """A value that depends on parameters only, and its gradient, at `number f(gradient*)`."""

    def __init__(self, found: Trace, parameters: Sequence[Value], options: Options) -> None:
        program = _made().looped(found.graph, options.target)
        super().__init__(program, (OUTPUT, 0), found, parameters, options)


def sample_loss(
    function: Callable[..., Any],
    shapes: Sequence[Sequence[int]],
    parameters: Sequence[Value],
    options: Options,
    penalty: Value | None = None,
    integers: Sequence[bool] = (),
    data: Sequence[npt.NDArray[Any]] | None = None,
) -> SampleLoss:
    """The loss of samples with rows of these shapes, plus a penalty, by blocks if it has that form.

    Strict losses go sample by sample: only so is the order of sums the interpreter's. A graph that
    was compiled lately, for the same parameters, is not compiled again.

    data   of which rows are compared, where rows of tables are looked up in plain Python; None:
           they are not here
    """
    with without_collecting(), expectations() as expected:
        found = trace_sample(function, shapes, parameters, penalty, integers)
        if found.is_plain:
            compare_rows(function, parameters, found, shapes, integers, data)
    key = (digest(found), addresses(parameters).tobytes(), options, penalty is None)
    loss = kept(key, lambda: _compiled(found, parameters, options, penalty))
    loss.expected = column_labels(found, expected)
    return loss


def column_labels(found: Trace, expected: Sequence[Expectation]) -> list[ColumnLabels]:
    """What losses that were traced expect of columns of the data."""
    places = [found.inputs.get(e.label._serial) for e in expected]
    return [
        ColumnLabels(int(place[0][1:]), place[1], e.loss, e.labels)
        for place, e in zip(places, expected, strict=True)
        if place is not None and place[0].startswith("x")
    ]


MOST_LOSSES = 8
"""How many losses are kept compiled."""
_LOSSES: dict[Any, Any] = {}
"""The latest ones; they keep the stores alive whose addresses are in their keys."""
_lock = Lock()
Made = TypeVar("Made")


def kept(key: Any, make: Callable[[], Made]) -> Made:
    """What was made for that key, if that was lately."""
    with _lock:
        found = _LOSSES.pop(key, _LOSSES)
    made: Made = make() if found is _LOSSES else found
    with _lock:
        _LOSSES[key] = made
        while len(_LOSSES) > MOST_LOSSES:
            del _LOSSES[next(iter(_LOSSES))]
    return made


def digest(found: Trace) -> str:
    """What two traces that compute the same of the same by the same operations have in common."""
    # a loss that reads one of two stores has the graph of one that reads the other
    stores = [store.address for store in found.stores[: len(found.outline.parameters)]]
    written = written_out((found.digest() or said(found.graph), stores))
    assert written is not None  # it is numbers and names
    return hashlib.sha256(written).hexdigest()


def _compiled(
    found: Trace, parameters: Sequence[Value], options: Options, penalty: Value | None
) -> SampleLoss:
    if not options.strict:
        # rows that are looked up lie in a row, and samples do not
        small = 0 if found.graph.indices else SMALL

        made_from = said(found.graph), options.target, small
        block = remembered(
            "block of samples", made_from, lambda: _made().block(found.graph, options.target, small)
        )
        if block is not None:
            return BlockLoss(block, found, parameters, options)
    alone = None
    if penalty is not None:
        found.graph.outputs = found.graph.outputs[:1]
        alone = penalty_loss(penalty, parameters, options)
    behind = [name for name, _ in found.graph.parameters]
    program = rerolled(found.graph, options.target, behind)
    return SingleLoss(program, found, parameters, options, alone)


def rerolled(graph: Graph, target: Target, behind: Sequence[str]) -> Program:
    """The loops in the graph of one sample; `behind`: arrays whose derivatives are added to those
    of other samples.
    """

    made_from = said(graph), target, list(behind)
    made: Program = remembered(
        "program of a sample", made_from, lambda: _made().looped(graph, target, behind)
    )
    return made


def _made() -> ModuleType:
    """What programs are made by, if they are not found."""
    with importing:
        from . import sample_programs

    return sample_programs


def penalty_loss(penalty: Value, parameters: Sequence[Value], options: Options) -> Penalty:
    """The penalty by itself."""
    return Penalty(trace([penalty], {}, set(parameters)), parameters, options)
