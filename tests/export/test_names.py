"""Names of functions and arguments in C, and in Python."""

from __future__ import annotations

import pytest

from micrograd.errors import ExportError
from micrograd.jit.export.names import function_name


@pytest.mark.parametrize(
    "names",
    [
        "sincos sincosf sincosl exp10 exp10f strlen calloc bcmp roundeven cexp cexpf sqrtf32",
        "stdin stdout stderr NULL EOF size_t linux unix I M_PI bzero mempcpy memcpy malloc realloc",
        "fprintf printf putchar puts fwrite sinpi cospif log10p1 lgamma_r lgammaf_r frexp sinf128",
    ],
)
def test_names_that_the_c_library_has_are_refused(names: str) -> None:
    for name in names.split():
        with pytest.raises(ExportError, match=f"'{name}' is a name of the C library"):
            function_name(name, "f")


def test_names_of_functions_that_are_free() -> None:
    for name in ("loss", "step", "f", "model", "net", "predict", "l", "half", "error"):
        assert function_name(name, "") == name
