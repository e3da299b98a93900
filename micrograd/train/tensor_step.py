"""A loss of Tensors and an optimiser -> the program of a training step, compiled.

One program has the forward half, the backward half, and the update of parameters and state, which
are rewritten in place. A parameter is set as soon as its gradient is complete and nothing reads it
any more, so that the scheduler may make one of the two.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from inspect import BoundArguments, Signature
from typing import Any

import numpy as np

from ..errors import MicrogradError, TraceError, TrainingError, kind
from ..jit.compile import normal
from ..jit.emit.interface import Interface
from ..jit.ir.program import (
    NUMBER,
    Access,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    row_major,
    statements,
)
from ..jit.ir.verify import verify
from ..jit.options import Options
from ..jit.passes.reaching import fresh
from ..jit.passes.reverse import with_cotangents
from ..jit.schedule.counts import operations
from ..jit.tensors.asked import require_one_dtype, watched_call
from ..jit.trace.tensor_backward import with_gradient
from ..jit.trace.tensor_lowering import Given, TensorProgram, lowered
from ..jit.trace.tensors import TensorScope
from ..losses import Expectation, expectations
from ..optimizer import Optimizer
from ..real_types import BY_DTYPE
from ..tensor.casting import is_float
from ..tensor.core import Tensor
from ..tensor.recording import leaves_of
from .data import ColumnLabels
from .tensor_programs import compiled_step
from .tensor_update import RATES, Places, TensorUpdate

LOSS = "out"
PARTIAL = "ct_"
"""What the names of gradients begin with, where a strict step has them."""
STEP = Interface(frozenset(), LOSS, team=True)
"""How a step is called."""
TEAM = "the team"
"""The last argument of a step; no array has that name."""
NOTHING = BoundArguments(Signature(), OrderedDict())
Shapes = Sequence[tuple[tuple[int, ...], Any]]


@dataclass(slots=True)
class TensorLoss:
    """A loss as a program of data and parameters.

    data         by data array, what the program reads of it
    parameters   the inputs that parameters are in; '' where nothing reads one
    counts       the inputs that are the number of samples, and of each how often that is counted
    apart        numbers of samples that it is not for
    expected     what labels should be
    cotangents   if strict, the arrays in which the program has the gradient already, by parameter
    """

    program: Program
    data: list[list[Given]]
    parameters: list[str]
    counts: dict[str, int]
    apart: frozenset[int] = frozenset()
    expected: list[ColumnLabels] = field(default_factory=list)
    cotangents: dict[str, str] = field(default_factory=dict)

    def differentiated(self) -> tuple[Program, dict[str, str]]:
        """The program with its gradient, and the arrays which that is in, by parameter."""
        if not self.cotangents:
            return with_cotangents(self.program, (LOSS, 0), [n for n in self.parameters if n])
        program = Program(dict(self.program.arrays), list(self.program.body))
        for name in self.cotangents.values():
            program.arrays[name] = replace(program.arrays[name], role=Role.TEMPORARY)
        return program, dict(self.cotangents)


def traced_loss(
    function: Callable[..., Any],
    data: Shapes,
    parameters: Sequence[Tensor],
    options: Options,
    *,
    any_size: bool = False,
) -> TensorLoss:
    """The loss of a batch; `data`: the shape and dtype of each array's batch.

    any_size   batches have so many samples or fewer, which the program is told

    Raises TrainingError if the function fails on them, or gives no single number; what else it does
    if it depends on the size of the batch, where that is any.
    """
    scope = TensorScope("the loss", parameters)
    argument = scope.batched if any_size else scope.argument
    given = [argument(f"x{k}", *shape) for k, shape in enumerate(data)]
    taken = " and ".join(f"data[{k}] as {d} of shape {s}" for k, (s, d) in enumerate(data))
    try:
        with expectations() as expected:
            loss, read = watched_call(scope, lambda: function(*given), NOTHING)
    except TraceError:
        raise
    except (TypeError, ValueError, IndexError, MicrogradError) as error:
        if not data:
            raise
        raise TrainingError(
            f"the loss of a batch could not be computed from {taken}: {error}; it is called with a "
            "batch of rows of each data array, so check their shapes"
        ) from error
    constant = [x for x in leaves_of(read) if any(x is p for p in parameters)]
    if constant:
        raise TrainingError(
            f"the loss computes with numbers of a parameter of shape {constant[0].shape}, by "
            "item(), detach(), numpy() or a comparison, which would stay what they are now; "
            "compute with the Tensor itself"
        )
    if not isinstance(loss, Tensor) or loss.size != 1 or not is_float(loss.dtype):
        got = f"{loss.dtype} of shape {loss.shape}" if isinstance(loss, Tensor) else kind(loss)
        raise TrainingError(
            f"the loss of a batch should be one number, a Tensor of floats, got {got}; take the "
            "mean() over the samples"
        )
    rows = [scope.row(p) for p in parameters]
    made, partials = _lowered(scope, loss, rows, data[0][0][0] if any_size else None, options)
    names = [made.name_of(k) for k in rows]
    if not any(names):
        raise TrainingError(
            "the loss does not depend on any parameter of the optimizer; compute it with the model "
            "whose parameters() the optimizer has"
        )
    reads = [[g for g in made.given if g.row == k] for k in range(len(data))]
    counts = {g.name: scope.rows[g.row].samples for g in made.given if scope.rows[g.row].samples}
    apart = frozenset(scope.batch.apart if scope.batch is not None else ())
    program = normal(verify(made.program, "trace"), options.target)
    cotangents = {n: partials[k] for k, n in zip(rows, names, strict=True) if k in partials and n}
    return TensorLoss(program, reads, names, counts, apart, _labels_of(expected, given), cotangents)


def _lowered(
    scope: TensorScope,
    loss: Tensor,
    parameters: Sequence[int],
    most: int | None,
    options: Options,
) -> tuple[TensorProgram, dict[int, str]]:
    """The program of a loss, and if strict the outputs in which it has the gradient, by row."""
    result = scope.row(loss)
    if not options.strict:
        return lowered(scope.rows, [result], most), {}
    require_one_dtype("the loss", scope.rows, options.dtype)
    return with_gradient(scope.rows, (result, LOSS), parameters, PARTIAL, most)


def _labels_of(expected: Sequence[Expectation], given: Sequence[Tensor]) -> list[ColumnLabels]:
    """What the data arrays should be that losses take as labels."""
    return [
        ColumnLabels(k, slice(None), e.loss, e.labels)
        for e in expected
        for k, x in enumerate(given)
        if e.label is x
    ]


class TensorStep:
    """A training step: `number main(data*..., parameters*..., state*..., rates*)`.

    arguments   the names of what `main` takes, in order
    state       by slot, the arrays of each parameter's state
    rates       the array of what a step has of its own, and `width`, how many numbers these are
    """

    def __init__(
        self,
        loss: TensorLoss,
        shapes: Sequence[tuple[int, ...]],
        optimizer: Optimizer,
        options: Options,
    ) -> None:
        self.loss = loss
        own = options.dtype
        dtypes = [
            NUMBER if p.dtype == own else BY_DTYPE[p.dtype].name for p in optimizer.parameters
        ]
        program, cotangents = loss.differentiated()
        stored = dict(zip(loss.parameters, dtypes, strict=True))
        program.arrays = {
            n: replace(a, role=Role.STATE, dtype=stored[n]) if stored.get(n) else a
            for n, a in program.arrays.items()
        }
        update = TensorUpdate(optimizer)
        self.parameters = list(loss.parameters)
        gradients = Gradients(program)
        places = []
        for k, (name, shape) in enumerate(zip(loss.parameters, shapes, strict=True)):
            if not name:
                name = self.parameters[k] = fresh(program, f"unread{k}")
                program.declare(name, Role.STATE, shape or (1,), dtype=dtypes[k])
            state = [fresh(program, f"s{i}_{k}") for i in range(len(optimizer.slots))]
            for s in state:
                program.declare(s, Role.STATE, shape or (1,))
            ct = cotangents.get(name, "")
            value = gradients.simple(ct, name) if ct else 0.0
            places.append(Places(name, ct, state, value))
        self.state = [[p.state[i] for p in places] for i in range(len(optimizer.slots))]
        alone = {p.gradient for p in places if p.value is not None}
        program.body = [
            n for n in program.body if isinstance(n, Loop) or n.target.array not in alone
        ]
        program.arrays = {n: a for n, a in program.arrays.items() if n not in alone}
        self.differentiated = verify(_with_update(program, update, places), "update")
        self.code = compiled_step(self.differentiated, STEP, options.target.of_tensors)
        self.program = self.code.program
        self.arguments = [*(a.name for a in STEP.arguments(self.program)), TEAM]
        self.width = update.rates
        self.rates = update.names[RATES]


def _with_update(program: Program, update: TensorUpdate, places: Sequence[Places]) -> Program:
    """The program in which parameters are set, each as early as that can be."""
    body, program.body = program.body, []
    update.declare(program)
    begin, program.body = program.body, []
    if update.terms:
        for p in places:
            update.add_up(program, p)
        for p in places:
            update.write(program, p)
        program.body = [*body, *begin, *program.body]
        return program
    last = {name: k for k, node in enumerate(body) for name in _touched(node)}
    behind: dict[int, list[Node]] = {}
    for p in places:
        update.write(program, p)
        read = [p.parameter, p.gradient, *(a.array for a in accesses(p.value or 0.0))]
        at = max(last.get(name, -1) for name in read)
        behind.setdefault(at, []).extend(program.body)
        program.body = []
    program.body = [*begin, *behind.get(-1, [])]
    for k, node in enumerate(body):
        program.body += [node, *behind.get(k, [])]
    return program


MOST_OPS = 2
"""Ops of a gradient that is computed where it is used."""


class Gradients:
    """Which statements of a program assign arrays, and which read them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._straight = {id(node) for node in program.body}
        self._sets: dict[str, list[Statement]] = {}
        self._read: set[str] = set()
        for s in program.statements:
            self._sets.setdefault(s.target.array, []).append(s)
            self._read.update([a.array for a in accesses(s.expr)])

    def simple(self, ct: str, parameter: str) -> Expr | None:
        """The expression of a parameter's gradient, in loops over its elements, if one statement
        assigns all of it, and what that reads stays as it is; else None.

        Of one sample, the gradient of a matrix is a product of two vectors, and needs no array.
        """
        found = self._sets[ct]
        if len(found) != 1 or ct in self._read or id(found[0]) not in self._straight:
            return None
        return _elementwise(found[0], self.program, parameter)


def _elementwise(s: Statement, program: Program, parameter: str) -> Expr | None:
    reads = accesses(s.expr)
    shape = program.arrays[parameter].shape
    steady = all(program.arrays[a.array].role is not Role.STATE for a in reads)
    if s.accumulate or s.target.parts or not steady or operations(s.expr) > MOST_OPS:
        return None
    if any(a.parts for a in reads):
        return None
    by = {stride: d for d, stride in enumerate(s.target.strides)}
    order = [
        by.get(stride) if n != 1 else None
        for n, stride in zip(shape, row_major(shape), strict=True)
    ]
    counts = [1 if d is None else s.domain[d] for d in order]
    if tuple(counts) != shape or len(s.domain) != sum(d is not None for d in order):
        return None

    def moved(a: Access) -> Access:
        return Access(a.array, a.offset, tuple(0 if d is None else a.strides[d] for d in order))

    return map_accesses(s.expr, moved)


def _touched(node: Node) -> set[str]:
    return {a.array for s in statements([node]) for a in s.accesses}


def number_dtype_of(parameters: Sequence[Tensor]) -> np.dtype[Any]:
    """What a step computes in: float64, if a parameter is; float32 ones stay so."""
    return np.dtype(np.result_type(*(p.dtype for p in parameters)))
