"""Callee: a compiled function of Tensors as others know it, who call it.

In a function that is compiled a call becomes rows of the primitive `call`, whose rule makes the
callee's program a part of that of the caller. Outside of one it runs; where a gradient will be
asked for, its results remember it, and their gradient is that of its program, again a callee: so
kernels have derivatives of any order, in any order of nesting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...locks import lazy_property
from ...tensor.casting import is_float
from ...tensor.core import Tensor
from ...tensor.primitive import Primitive, Shape
from ..target import Target
from ..trace.batches import Batch
from ..trace.tensors import Row, TensorScope, current_scope
from ..wanted import Wanted
from .code import TensorCode
from .derivatives import Asked, Derived, derived, results_of

call = Primitive(
    "call",
    "a result of a compiled function",
    shape=lambda *shapes, callee, output, mapped, samples: callee.shape(output, samples),
    eval=lambda *arrays, callee, output, mapped, samples: callee.evaluated(arrays)[output],
    vjp=lambda ct, out, operands, i, *, callee, output, mapped, samples: callee.pulled_back(
        ct, operands, i, output
    ),
    dtype=lambda *dtypes, callee, output, mapped, samples: callee.results[output].dtype,
    reads=True,
)
_made: Any = Tensor._made
"""The Tensor of an array that nothing else has; of the class."""


class Callee:
    """Rows, and what is asked of them.

    operands   the rows that a call gives, in order: arguments, and Tensors that are closed over
    target     for calls by themselves; None if there are none
    """

    primitive = call

    def __init__(
        self,
        name: str,
        rows: Sequence[Row],
        asked: Asked,
        operands: Sequence[int],
        target: Target | None,
        *,
        most: int | None = None,
        threads: int | None = None,
        check: bool = False,
    ) -> None:
        self.name, self.rows, self.asked = name, rows, asked
        self.check = check
        self.operands = list(operands)
        self.counts = [k for k, r in enumerate(rows) if r.samples]
        """Rows of the number of samples, which stand behind the operands."""
        self.target, self.most, self.threads = target, most, threads
        self.results = results_of(rows, asked)
        self._derived: dict[int | None, Derived] = {}
        self._pullbacks: dict[int, Callee] = {}
        self._pulled: dict[int, tuple[Any, list[Any]]] = {}

    @lazy_property
    def code(self) -> TensorCode:
        """Its machine code."""
        assert self.target is not None
        return TensorCode(
            self.rows,
            self.asked,
            self.operands,
            self.target,
            most=self.most,
            threads=self.threads,
            check=self.name if self.check else "",
        )

    def derived(self, most: int | None) -> Derived:
        """Its program, for batches of at most so many samples."""
        if most not in self._derived:
            self._derived[most] = derived(self.rows, self.asked, most, self.target)
        return self._derived[most]

    def shape(self, output: int, samples: Any) -> Shape:
        """The shape of a result, of all samples."""
        found = self.results[output].shape
        return found if samples is None else (samples, *found)

    # -- calls by themselves -------------------------------------------------------------------

    def evaluated(self, arrays: Sequence[Any]) -> list[Any]:
        """The arrays of the results, for those of the operands."""
        samples = 0
        for k, x in zip(self.operands, arrays, strict=True):
            shape = self.rows[k].shape
            if shape and isinstance(shape[0], Batch):
                samples = len(x)
        return self.code(arrays, samples)

    def remembered(self, operands: tuple[Any, ...], arrays: Sequence[Any]) -> list[Any]:
        """Tensors of the results of a call, which remember it."""
        made = []
        for output, (x, flows) in enumerate(zip(arrays, self._flows, strict=True)):
            if any(operands[i]._needs for i in flows):
                how = {"callee": self, "output": output, "mapped": (), "samples": None}
                made.append(_made(Tensor, x, call, operands, how))
            else:
                made.append(_made(Tensor, x))
        return made

    @lazy_property
    def _flows(self) -> list[list[int]]:
        """For each result, the operands that a derivative flows to."""
        known: list[set[int]] = []
        for k, row in enumerate(self.rows):
            found: set[int] = {k} if is_float(row.dtype) else set()
            if row.primitive is not None:
                op = row.parameters.get("op")
                rules = row.operands if op is None or op.differentiable else ()
                if row.primitive.vjp is None or not is_float(row.dtype):
                    rules = ()
                found = {e for x in rules if not isinstance(x, float) for e in known[x]}
            known.append(found)
        place = {k: i for i, k in enumerate(self.operands)}
        everything = [i for k, i in place.items() if is_float(self.rows[k].dtype)]
        if self.asked.wanted is not Wanted.VALUE:
            return [everything] * len(self.results)
        return [[place[e] for e in sorted(known[k]) if e in place] for k in self.asked.outputs]

    # -- their gradients -----------------------------------------------------------------------

    def pulled_back(self, ct: Any, operands: tuple[Any, ...], i: int, output: int) -> Any:
        """The cotangent of operand i, from that of a result. Those of all operands are computed
        with the first that is asked for.
        """
        needed = [k for k, x in enumerate(operands) if x._needs]
        found = self._pulled.get(id(ct))
        if found is None or found[0] is not ct:
            pullback = self._pullback(output)
            self._pulled[id(ct)] = found = (ct, applied(pullback, (*operands, ct))[1:])
        if i == needed[-1]:
            del self._pulled[id(ct)]
        floats = [k for k, row in enumerate(self.operands) if is_float(self.rows[row].dtype)]
        return found[1][floats.index(i)]

    def _pullback(self, output: int) -> Callee:
        """The function of the operands and a cotangent that gives the operands' cotangents, behind
        the result.
        """
        if output not in self._pullbacks:
            scope = TensorScope(self.name)
            given = [self.rows[k] for k in self.operands]
            args = [scope.argument(r.name or "x", r.shape, r.dtype) for r in given]
            result = scope.calls(self, args)[output]
            wrt = [x._row for x in args if is_float(x.dtype)]
            ct = scope.argument("cotangent", result.shape, result.dtype)
            self._pullbacks[output] = Callee(
                self.name,
                scope.rows,
                Asked(Wanted.VJP, [result._row], wrt, [ct._row]),
                [*(x._row for x in args), ct._row],
                self.target,
                most=self.most,
                threads=self.threads,
                check=self.check,
            )
        return self._pullbacks[output]


def applied(callee: Callee, operands: tuple[Any, ...]) -> list[Any]:
    """The results for Tensors: recorded in the function that is compiled, or computed."""
    scope = current_scope()
    if scope is not None:
        return list(scope.calls(callee, operands))
    return callee.remembered(operands, callee.evaluated([x._data for x in operands]))
