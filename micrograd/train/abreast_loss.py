"""A program of one sample, for samples that differ in length -> native code for several at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .. import ops
from ..engine import Value
from ..errors import CompilerError
from ..jit.code import compile_program
from ..jit.compile import optimized
from ..jit.emit.interface import Interface
from ..jit.ir.program import Access, Apply, Program, Role
from ..jit.ir.verify import verify
from ..jit.options import Options
from ..jit.passes.abreast import EACH, LIVE, Unfit, abreast
from ..jit.passes.dots import dot
from ..jit.passes.joined_rows import joined_rows, rows_of
from ..jit.passes.over_samples import WEIGHTS
from ..jit.passes.reverse import GRADIENT, gradient
from ..jit.reroll.outputs import OUTPUT
from ..store import Store
from .abreast_code import COUNT, Given
from .sample_loss import BEFORE


class AbreastLoss:
    """The weighted sum of the losses of COUNT samples, and its gradient added to another one, at
    the function that abreast_code.py calls; nan if anything in the gradient is not finite.

    given    what it takes of what a class of samples is given, in order
    sizes    of a sample's row in its columns and index arrays
    stores   whose numbers it takes copies of, in the kernel's dtype; or reads where they are
    """

    def __init__(
        self,
        program: Program,
        stores: Sequence[Store],
        leaves: Sequence[str],
        given: Sequence[str],
        parameters: Sequence[Value],
        options: Options,
    ) -> None:
        """Raises Unfit if the program has no such form.

        leaves   the names of columns and index arrays
        given    the names of what a class is given
        """
        self.sizes = [program.arrays[name].size for name in leaves]
        target, sizes = options.target, {a.name: a.size for a in program.arrays.values()}
        block = abreast(program, COUNT)
        self.stores = [*stores]
        elements = [self._element(p, block) for p in parameters]
        weights = block.declare(WEIGHTS, Role.INPUT, COUNT)
        before = block.declare(BEFORE, Role.INPUT, len(parameters))
        block.declare(OUTPUT, Role.OUTPUT)
        block.assign(Access(OUTPUT), -0.0)
        weighted = Apply(ops.mul, (Access(EACH, 0, (1,)), Access(weights.name, 0, (1,))))
        block.assign(Access(OUTPUT, 0, (0,)), weighted, (COUNT,), accumulate=ops.add)
        others = dot(block, elements, before.name)
        total = Access(block.declare("total", Role.TEMPORARY).name)
        block.assign(total, Apply(ops.add, (Access(OUTPUT), others)))
        verify(block, "abreast")
        found = gradient(block, (total.array, 0), elements, keep_value=True, target=target)
        zero = Apply(ops.mul, (Access(GRADIENT, 0, (1,)), 0.0))  # nan, if it is not finite
        found.assign(Access(OUTPUT, 0, (0,)), zero, (len(parameters),), accumulate=ops.add)
        found = optimized(verify(found, "differentiate"), target)
        if target.bits < 64:
            for a in found.with_role(Role.PARAMETER):
                found.arrays[a.name] = replace(a, dtype=f"f{target.bits}")
        self.copied = target.bits < 64
        found = joined_rows(found, COUNT)
        self.given = [
            Given(
                sizes[name],
                is_extent=block.arrays[name].role is Role.EXTENT,
                is_index=block.arrays[name].is_index,
                live=LIVE + name in block.arrays,
                rows=rows_of(name, COUNT) in found.arrays,
            )
            for name in given
        ]
        rows = [rows_of(name, COUNT) for name in given]
        live = [LIVE + name for name in given]
        order = [*leaves, *given, *rows, *live, WEIGHTS, BEFORE]
        first = {name: found.arrays[name] for name in order if name in found.arrays}
        stored = {f"p{k}": found.arrays[f"p{k}"] for k in range(len(self.stores))}
        rest = {name: a for name, a in found.arrays.items() if name not in stored}
        found = replace(found, arrays=first | rest | stored)
        self.program = found
        self.code = compile_program(
            found, target, Interface(frozenset(), OUTPUT), stores=self.stores
        )
        self.address = self.code.address

    def _element(self, p: Value, program: Program) -> tuple[str, int]:
        """The element of a parameter, also one that the program does not have."""
        store, index = p._home
        if store not in self.stores:
            self.stores.append(store)
        name = f"p{self.stores.index(store)}"
        if name not in program.arrays:
            program.declare(name, Role.PARAMETER, len(store))
        return name, index


def abreast_loss(*given: Any) -> AbreastLoss | None:
    """The code for several samples; None for a program that has no such form."""
    with suppress(Unfit, CompilerError):
        return AbreastLoss(*given)
    return None
