"""What `fit` was given -> functions and kernels that its loop is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import Value
from ..errors import SignatureError, TrainingError, kind
from ..jit.executable import Executable
from ..jit.ir.graph import PARAMETER
from ..jit.kernels.functions import jit
from ..jit.kernels.kernel import Kernel
from ..jit.kernels.rows import row_structure
from ..jit.kernels.totals import Total
from ..jit.options import Options
from ..jit.trace.compiling import compiling
from ..jit.trace.signature import build, count
from ..jit.trace.source import FunctionSource
from ..jit.wanted import Wanted
from ..nn import Module
from ..optimizer import Optimizer
from ..real_types import TENSORS
from ..traced import Scope
from .data import Arrays


def whole_loss(target: Any, optimizer: Optimizer, dtype: Any, strict: bool | None) -> Executable:
    """Value and gradient of a loss that takes no arguments."""
    if isinstance(target, Value):
        chosen = TENSORS.dtype if dtype is None else dtype
        kernel = jit(target, wrt=optimizer.parameters, dtype=chosen, strict=bool(strict))
        loss: Executable = kernel.value_and_grad._compile(())
        if not (loss.graph.codes == PARAMETER).any():
            raise TrainingError(
                "the loss does not depend on any parameter of the optimizer; compute it from the "
                "model whose parameters() the optimizer has"
            )
        return loss
    if isinstance(target, Total):
        raise TrainingError(f"{_summed(target)}; call fit(f, optimizer, data=...)")
    if not isinstance(target, Kernel):
        raise TrainingError(
            "without data, fit takes the loss as a Value or as jit(loss, wrt=model.parameters()); "
            f"got {kind(target)}; a function of one sample needs data=(X, y)"
        )
    if dtype is not None or strict is not None:
        raise TrainingError("a kernel has its dtype and strict already; give them to jit")
    if isinstance(target._source, FunctionSource) and target._source.parameters:
        raise TrainingError(
            f"{target.name} takes arguments, so it cannot be trained without data; give data=(X, y)"
        )
    try:
        return target.value_and_grad._compile(())
    except SignatureError as error:
        raise TrainingError(str(error)) from error


def whole_number(given: Any, name: str, options: Options) -> Callable[[], float] | None:
    """Validation and metric without data: kernels without arguments."""
    if given is None:
        return None
    if isinstance(given, Value):
        return jit(lambda: given, dtype=options.dtype, strict=options.strict)  # type: ignore[no-any-return]
    if isinstance(given, Kernel):
        return given
    raise TrainingError(f"without data, {name} should be a Value or a kernel, got {kind(given)}")


def penalty_of(regularization: Any) -> Value | None:
    """The term of parameters."""
    given = regularization
    if given is None or isinstance(given, Value):
        return given
    made = given
    if callable(given):
        with compiling(Scope("the regularization")):
            made = given()
    if not isinstance(made, Value):
        raise TrainingError(
            "regularization should be a Value, or a function without arguments that gives one, got "
            f"{kind(regularization)}"
        )
    return made


def function_and_options(target: Any, dtype: Any, strict: bool | None) -> tuple[Any, Options]:
    """The Python function of a target, and how to compile it."""
    whole_function = isinstance(target, Kernel) and target._wanted is Wanted.VALUE
    if whole_function and isinstance(target._source, FunctionSource):
        if dtype is not None or strict is not None:
            raise TrainingError("a kernel has its dtype and strict already; give them to jit")
        if target._source.freeze:
            raise TrainingError(
                f"{target.name} was compiled with freeze=True, so its parameters are constants; "
                "compile the loss without it"
            )
        return target._source.function, target._options
    if isinstance(target, Total):
        raise TrainingError(f"{_summed(target)} and here f itself")
    if isinstance(target, (Value, Kernel)) or not callable(target):
        raise TrainingError(
            "with data, fit takes a loss of one sample as a function, or a model and loss=; "
            f"got {kind(target)}"
        )
    model = jit(target, dtype=TENSORS.dtype if dtype is None else dtype, strict=bool(strict))
    return target, model._options


def _summed(total: Total) -> str:
    return (
        f"{total.name} is a sum over all its rows, and fit goes through the rows itself, in steps "
        "of batch_size of them, whose loss is the mean: give it the function of one row, the f of "
        "total(f, ...),"
    )


def _traceable(given: Any) -> Any:
    """What a kernel was made from, so that a loss that is one is told what its labels are."""
    while (
        isinstance(given, Kernel)
        and given._wanted is Wanted.VALUE
        and isinstance(given._source, FunctionSource)
        and not given._source.freeze
    ):
        given = given._source.function
    return given


def of_sample(target: Any, last: Callable[..., Any] | None) -> Callable[..., Any]:
    """The function of a row of each data array."""
    target, last = _traceable(target), _traceable(last)
    if last is not None:
        return lambda x, *rest: last(target(x), *rest)
    if isinstance(target, Module):
        raise TrainingError(
            "a model needs the loss of its output: loss=micrograd.losses.max_margin, for instance"
        )
    return target  # type: ignore[no-any-return]


def mean(function: Callable[..., Any], arrays: Arrays, options: Options) -> Callable[[], float]:
    """The mean of a function of one sample over data, of which integers may be indices of rows."""
    structures = [row_structure(a.shape[1:]) for a in arrays]
    columns = [
        a.reshape(len(a), -1)[:, k]
        for a, s in zip(arrays, structures, strict=True)
        for k in range(count(s))
    ]
    whole = [a.dtype.kind in "iu" for a in columns]

    def of_row(numbers: Any, *integers: Any) -> Any:
        rest, others = iter(numbers), iter(integers)
        row = iter([next(others) if is_whole else next(rest) for is_whole in whole])
        return function(*(build(s, row) for s in structures))

    names = [f"n{k}" for k in range(whole.count(True))]
    by_place = inspect.Parameter.POSITIONAL_OR_KEYWORD
    taken: Any = of_row  # a parameter for each integer, which is annotated as one
    taken.__signature__ = inspect.Signature(
        [inspect.Parameter(name, by_place) for name in ("numbers", *names)]
    )
    taken.__annotations__ = dict.fromkeys(names, int)
    kernel = jit(taken, dtype=options.dtype, strict=options.strict)
    pairs = list(zip(columns, whole, strict=True))
    given = [x for x, is_whole in pairs if not is_whole], *(x for x, is_whole in pairs if is_whole)

    def mean() -> float:
        return float(np.mean(kernel(*given), dtype=np.float64))

    return mean
