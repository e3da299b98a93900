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

    threads   how many threads a call with arrays may use; None: the default
    check     whether calls are compared with the interpreter
    fixed     whether the user named the dtype: Tensors say their own otherwise
    """

    target: Target
    threads: int | None = None
    check: bool = False
    fixed: bool = False

    @staticmethod
    def given(dtype: np.dtype[Any], strict: Any, threads: Any, check: Any) -> Options:
        """The options that a user gave; `check`: None is what the environment says."""
        strict = flag("strict", strict, SignatureError)
        check = is_checking() if check is None else flag("check", check, SignatureError)
        return Options(Target.host(dtype, strict=strict), checked(threads), check=check)

    def with_dtype(self, dtype: np.dtype[Any]) -> Options:
        """The same for other numbers."""
        return replace(self, target=replace(self.target, dtype=dtype), fixed=True)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.target.dtype

    @property
    def strict(self) -> bool:
        """Whether any change of rounding is forbidden."""
        return self.target.strict
