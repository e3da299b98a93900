"""What a user says of how to compile -> Options: the target, and how calls are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checking import is_checking
from ..checks import flag
from ..errors import SignatureError
from .call.threads import checked
from .target import Target


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile: what for, and how calls are made.

    dtype     float32 or float64
    strict    whether any change of rounding is forbidden
    threads   how many threads a call with arrays may use; None: the default
    check     whether calls are compared with the interpreter
    fixed     whether the user named the dtype: Tensors say their own otherwise
    chosen    the target; None: this machine, which is looked at when something is compiled
    """

    dtype: np.dtype[Any]
    strict: bool
    threads: int | None = None
    check: bool = False
    fixed: bool = False
    chosen: Target | None = None

    @staticmethod
    def given(dtype: np.dtype[Any], strict: Any, threads: Any, check: Any) -> Options:
        """The options that a user gave; `check`: None is what the environment says."""
        strict = flag("strict", strict, SignatureError)
        check = is_checking() if check is None else flag("check", check, SignatureError)
        return Options(dtype, strict, checked(threads), check=check)

    @staticmethod
    def on(target: Target, *, check: bool = False) -> Options:
        """Those of code for a target."""
        return Options(target.dtype, target.strict, check=check, chosen=target)

    def with_dtype(self, dtype: np.dtype[Any]) -> Options:
        """The same for other numbers."""
        chosen = None if self.chosen is None else replace(self.chosen, dtype=dtype)
        return replace(self, dtype=dtype, fixed=True, chosen=chosen)

    @property
    def target(self) -> Target:
        """What code is for."""
        return self.chosen or Target.host(self.dtype, strict=self.strict)
