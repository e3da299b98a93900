"""A compiled loss of samples, compared with the interpreter before it is trained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..jit.ir.program import Access, Program, Role, Statement
from ..jit.passes.over_samples import SHARE, WEIGHTS
from ..jit.reroll.outputs import OUTPUT
from ..locks import importing
from .ragged_data import Ints, RaggedData, Sizes
from .sample_loss import SampleLoss

if TYPE_CHECKING:
    from ..jit.call.check import Checker


def check_loss(loss: SampleLoss, data: Sequence[npt.NDArray[Any]], batch: int) -> None:
    """Compare the loss of the first samples, and its gradient, with the interpreter.

    Raises CheckError. Native loops compare nothing, so this is done once, before the first of them.
    """
    program, checker = loss.program, _checker(loss)
    if not checker.compares:
        return
    some = min(batch, loss.samples, len(data[0]))
    given = {
        WEIGHTS: np.where(np.arange(loss.samples) < some, 1.0 / some, 0.0),
        SHARE: np.ones(1),
    }
    rows = np.arange(loss.samples) % some  # behind the batch the weights are 0
    names = [f"x{k}" for k in range(len(data) - len(loss.indices))]
    names += [index.name for index in loss.indices]
    for name, column in zip(names, data, strict=True):
        given[name] = column[rows].reshape(-1)
    count = -(-some // loss.multiple) * loss.multiple
    extents = {a.name: count for a in program.with_role(Role.EXTENT)}
    inputs = {a.name: given.get(a.name, np.zeros(a.size)) for a in program.with_role(Role.INPUT)}
    _compare(loss, checker, inputs, extents)


def check_class(
    loss: SampleLoss,
    data: RaggedData,
    sizes: Sizes,
    given: Sequence[npt.NDArray[Any]],
    indices: Sequence[Ints],
) -> None:
    """The same of the first sample of a class of samples that differ in length.

    given     what its code is given beside data, in the order of its arguments
    indices   of the rows of tables, for each index array
    """
    program, checker = loss.program, _checker(loss)
    if not checker.compares:
        return
    row = int(np.argmax(data.classes == data.sizes.index(sizes)))
    columns = [c.numbers[c.starts[row] : c.starts[row] + c.lengths[row]] for c in data.columns]
    said = [*columns, *(entries[0] for entries in indices), *given]
    passed: dict[str, npt.NDArray[Any]] = {WEIGHTS: np.ones(1)}
    extents = {}
    names = [a.name for a in loss.interface.arguments(program) if a.name not in passed]
    for name, numbers in zip(names, said, strict=False):
        if program.arrays[name].role is Role.EXTENT:
            extents[name] = int(numbers[0])
        else:
            passed[name] = numbers
    inputs = {a.name: np.resize(passed[a.name], a.size) for a in program.with_role(Role.INPUT)}
    _compare(loss, checker, inputs, extents)


def _compare(
    loss: SampleLoss,
    checker: Checker,
    inputs: Mapping[str, npt.NDArray[Any]],
    extents: Mapping[str, int],
) -> None:
    """Call the code with these arguments, and compare."""
    program, dtype = loss.program, loss.options.dtype
    with np.errstate(all="ignore"):  # what float32 does not hold is inf or 0
        passed = {
            name: numbers.astype(np.int64 if program.arrays[name].is_index else dtype)
            for name, numbers in inputs.items()
        }
    found = loss.interface.call(loss.address, program, dtype, {**passed, **extents})
    results = np.concatenate([found[name] for name in checker.outputs])
    columns = [x if x.dtype.kind == "i" else x.astype(np.float64) for x in passed.values()]
    checker.compare([x[:, None] for x in columns], results[:, None], extents)


def _from_nothing(program: Program) -> Program:
    """What the program gives where its state is 0."""
    arrays, body = dict(program.arrays), list(program.body)
    for a in program.with_role(Role.STATE):
        arrays[a.name] = replace(a, role=Role.OUTPUT)
        body.insert(0, Statement(Access(a.name, 0, (1,)), 0.0, (a.size,)))
    return replace(program, arrays=arrays, body=body)


def _checker(loss: SampleLoss) -> Checker:
    with importing:
        from ..jit.call.check import Checker

    return Checker(
        "the loss of samples",
        _from_nothing(loss.program),
        loss.stores,
        loss.options.dtype,
        strict=loss.options.strict,
        returned=OUTPUT,
        trial=None,
    )
