"""What a kernel computes: the value, or a derivative.

Each `Wanted` says which parameters a kernel takes behind those of the source, a direction or a
cotangent, and the structure of its result; `derivatives.py` has the programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from ..errors import SignatureError
from .jacobian_blocks import blocks
from .trace.parameters import Parameter
from .trace.recordings import Recording
from .trace.signature import SCALAR, Container, Structure, array_of, row
from .trace.source import Source, ValueSource

Extra: TypeAlias = Sequence[tuple[str, Structure]]
"""The parameters behind those of the source, with their structures."""


@dataclass(frozen=True, slots=True)
class Derivative:
    """One thing to compute.

    name         what a kernel of it is called
    words        the same in a sentence, which goes on with "of 2 parameters"
    structure    recording -> the structure of the result
    parameters   source -> the extra parameters
    """

    name: str
    words: str
    structure: Callable[[Recording], Structure]
    parameters: Callable[[Source], list[Parameter]] = lambda source: []


# -- results -----------------------------------------------------------------------------------


def _pair(x: Structure, y: Structure) -> Structure:
    return Container(tuple, (), (x, y))


def _entries(recording: Recording, name: str) -> Structure:
    """That of the entries of a sparse derivative, which is known once there is a program of it."""
    return array_of((recording.sparse[name].count,))


# -- parameters --------------------------------------------------------------------------------


def _directions(source: Source) -> list[Parameter]:
    """A function's tangents, one for each parameter; else one, for all of `wrt` in a row."""
    taken = {p.name for p in source.parameters}
    asked = source.asked
    if asked is None:
        return [
            p._replace(name=_untaken(f"d_{p.name}", taken), default=None)
            for p in source.parameters
            if not p.named
        ]
    if source.alone and not isinstance(asked[0], str):
        return [Parameter(_untaken("direction", taken))]
    known = not any(isinstance(w, str) for w in asked)
    structure = row(list, len(asked)) if known else None
    return [Parameter(_untaken("direction", taken), "rows", structure)]


def _cotangent(source: Source) -> list[Parameter]:
    """One parameter, with the structure of the result."""
    whole = any(p.array == "whole" for p in source.parameters)
    name = _untaken("cotangent", {p.name for p in source.parameters})
    return [Parameter(name, "whole" if whole else "map")]


def _untaken(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


class Wanted(Enum):
    """What a kernel computes."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return getattr, (Wanted, self.name)

    __hash__ = object.__hash__  # kernels look their derivatives up by it; Enum's runs Python

    VALUE = Derivative("value", "for the value", lambda r: r.result)
    GRADIENT = Derivative("grad", "for the gradient alone", lambda r: r.partials)
    BOTH = Derivative(
        "value_and_grad",
        "with the gradient",
        lambda r: _pair(SCALAR, r.partials),
    )
    JACOBIAN = Derivative(
        "jacobian",
        "for the Jacobian",
        lambda r: blocks(r.result, r.gradient, alone=r.alone)[0],
    )
    HESSIAN = Derivative(
        "hessian",
        "for the Hessian",
        lambda r: blocks(r.partials, r.gradient, alone=r.alone)[0],
    )
    SPARSE_JACOBIAN = Derivative(
        "sparse_jacobian",
        "for the sparse Jacobian",
        lambda r: _entries(r, "sparse_jacobian"),
    )
    SPARSE_HESSIAN = Derivative(
        "sparse_hessian",
        "for the sparse Hessian",
        lambda r: _entries(r, "sparse_hessian"),
    )
    JVP = Derivative(
        "jvp",
        "with the derivative along a direction",
        lambda r: _pair(r.result, r.result),
        _directions,
    )
    VJP = Derivative(
        "vjp",
        "with the gradient, weighted by a cotangent,",
        lambda r: _pair(r.result, r.partials),
        _cotangent,
    )
    HVP = Derivative(
        "hvp",
        "for the Hessian times a direction",
        lambda r: r.partials,
        _directions,
    )


SPARSE = (Wanted.SPARSE_JACOBIAN, Wanted.SPARSE_HESSIAN)
"""What gives the entries that there are, and not all."""


def structures_behind(
    wanted: Wanted, source: Source, structures: tuple[Structure, ...]
) -> list[Structure]:
    """Those of a derivative's own parameters where the source has these, as most calls give them: a
    direction is like what it is a direction of, a cotangent like the result.
    """
    extra = wanted.value.parameters(source)
    if not extra:
        return []
    recording = source.record(structures)
    if wanted is Wanted.VJP:
        return [recording.result]
    if source.asked is None:
        return [s for p, s in zip(source.parameters, structures, strict=True) if not p.named]
    return [SCALAR if extra[0].array == "map" else row(list, len(recording.wrt))]


def check_asked(name: str, source: Source, wanted: Wanted) -> None:
    """Raises SignatureError for a derivative of this name if nobody said with respect to what."""
    if wanted is Wanted.VALUE:
        return
    if isinstance(source, ValueSource):
        if source.is_given:
            return
        why = "a Value's leaves are constants, unless wrt says which are not: jit(loss, wrt=[w])"
    else:
        if source.asked is not None or not all(p.named for p in source.parameters):
            return
        takes = "nothing but keywords" if source.parameters else "no arguments"
        why = f"the function takes {takes}; say it by wrt, leaves or names: jit(f, wrt=[w])"
    raise SignatureError(f"{name}, with respect to what? {why}")
