"""Random functions of Tensors and what is derived of them, exported for this machine and called in
C: the bits that the kernels give, and the codes of integers that are out of range.

    python -m tests.export.tensors SECONDS SEED
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from micrograd import Tensor, jit
from micrograd.errors import ExportError, ShapeError, TraceError
from micrograd.jit.tensors.arguments import items
from micrograd.jit.tensors.kernel import TensorKernel

from ..tensor.programs import Program, draw
from ..tensor.test_random_programs import loss_of
from . import trials
from .drivers import Call, bits
from .test_native import printed

WANTED = ("", "grad", "value_and_grad", "jacobian", "hessian", "jvp", "vjp", "hvp")
OF_ONE = ("grad", "value_and_grad", "hessian", "hvp")
TOGETHER = 8
"""Functions in a program of C."""
MOST = 4000
"""Numbers of a result up to which it is looked at, for time."""


class Case:
    """A kernel of a seed, and a call of it.

    bad     whether an index in the call is out of range
    folds   whether some of it is computed of parameters when it is compiled, so that products and
            sums that are fused here are not there
    """

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.seed, program = seed, draw(seed)
        self.dtype = random.choice(("f64", "f64", "f32"))
        self.strict = random.random() < 0.3
        self.wanted = random.choice(WANTED)
        self.parameters = random.choice(("baked", "passed"))
        leaves = [Tensor(x, self.dtype) for x in program.leaves]
        held = {k: leaves[k] for k in range(len(leaves)) if random.random() < 0.25}
        if len(held) == len(leaves):
            del held[0]
        for x in held.values():
            x.requires_grad = random.random() < 0.7
            x.label = random.choice(("", "w", "double", "x[0]"))
        self.given = [x for k, x in enumerate(leaves) if k not in held]
        size = random.choice((0, 0, 1, 3, 5))
        rows = random.randint(1, 4)
        shape: Any = () if size == 1 else (size,)
        self.index = np.array([random.randrange(-rows, rows) for _ in range(size)], np.int64)
        function = _function(program, held, len(leaves), rows, self.wanted in OF_ONE)
        names = {"wrt": ["xs"], "strict": self.strict}
        kernel = jit(function, **names)
        self.kernel: Any = getattr(kernel, self.wanted) if self.wanted else kernel
        integers = [Tensor(self.index.reshape(shape))] if size else []
        self.own = [self.given, *integers] if size else [self.given]
        self.looks = bool(size)
        if self.wanted in ("jvp", "hvp"):
            self.own.append([_like(x, seed) for x in self.given])
        if self.wanted == "vjp":
            value = kernel(*self.own)
            self.own.append([_like(x, seed) for x in value])
        self.result = self.kernel(*self.own)
        live = self._live()
        self.folds = bool(live) and not self.strict and self.parameters == "baked"
        self.live = live if self.parameters == "passed" else []
        self.bad = bool(size) and random.random() < 0.3
        self.below = rows

    def __str__(self) -> str:
        return f"seed {self.seed}, {self.wanted or 'value'}, {self.dtype}, strict={self.strict}"

    def _live(self) -> list[Any]:
        """The parameters that are passed, in the order in which they were made."""
        assert isinstance(self.kernel, TensorKernel)
        latest: Any = self.kernel._latest
        code = latest.code
        read = [g.row for g in code._given]
        closed = dict(latest._traced.closed)
        return sorted([closed[k] for k in read if k in closed], key=lambda t: t._serial)

    @property
    def point(self) -> tuple[Any, ...]:
        """The arguments in C, of which one index may be out of range."""
        wrong = self.index.copy()
        if self.bad:
            wrong[-1] = [self.below, -self.below - 1, 2**62, -(2**63)][self.seed % 4]
        return tuple(wrong.tolist() if _is_whole(x) else x for x in items(self.own))


def _is_whole(x: Any) -> bool:
    return isinstance(x, Tensor) and x.dtype == np.int64


def _like(x: Tensor, seed: int) -> Tensor:
    return Tensor(np.random.default_rng(seed).normal(size=x.shape), x.dtype)


def _function(
    program: Program, held: dict[int, Tensor], count: int, rows: int, of_one: bool
) -> Any:
    """All results that nothing uses, or their weighted sum, of the leaves that are not held; with
    rows that integers choose, if there are integers.
    """

    def f(xs: list[Tensor], *index: Tensor) -> Any:
        given = iter(xs)
        made = program.run([held[k] if k in held else next(given) for k in range(count)], "tensor")
        results = [made[k] for k in program.unused()]
        chosen = []
        if index:
            first = results[0].reshape(-1)
            table = first[[k % first.shape[0] for k in range(rows)]] * 2.0
            chosen = [table[index[0]]]
        if of_one:
            return loss_of(program, made) + sum(c.sum() for c in chosen)
        return [*results, *chosen]

    return f


def cases(seeds: Sequence[int]) -> list[Case]:
    """Those of seeds: of some there is none, as what they ask for does not compile, or is large."""
    found = []
    for seed in seeds:
        try:
            case = Case(seed)
        except (ShapeError, TraceError):
            continue
        call = Call(case.kernel, [tuple(case.own)])
        if sum(map(len, call.expected())) <= MOST:
            found.append(case)
    return found


def check(seeds: Sequence[int], folder: Path, tally: Counter[str]) -> None:
    """Export what is derived of the functions of these seeds, and call it in C. Raises
    AssertionError for other bits, and where an index is not refused.
    """
    calls, made, libraries, expected = [], [], [], []
    for case in cases(seeds):
        how = {"parameters": case.parameters}
        call = Call(case.kernel, [case.point], case.live, how, looks=case.looks)
        try:
            files = call.kernel.export(folder, name=f"f{len(calls)}", **how)
        except ExportError as error:
            if not (case.strict and "calls NumPy's" in str(error)):
                raise
            tally["by NumPy"] += 1
            continue
        (row,) = Call(case.kernel, [tuple(case.own)], looks=case.looks).expected()
        expected.append([1.0, *[0.0] * (len(row) - 1)] if case.bad else row)
        calls.append(call)
        made.append(case)
        libraries += [file for file in files if file.suffix == ".a"]
        tally[case.wanted or "value"] += 1
        tally["refused"] += case.bad
    found = printed(calls, libraries, folder, expected)
    for case, got, want in zip(made, found, expected, strict=True):
        if case.folds:
            close = {"f64": 1e-11, "f32": 1e-3}[case.dtype]
            np.testing.assert_allclose(got, want, close, close, err_msg=str(case))
        else:
            assert bits([got]) == bits([want]), f"{case}: {got}, not {want}"


if __name__ == "__main__":
    trials.main(check, TOGETHER)
