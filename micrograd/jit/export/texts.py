"""A function in C -> the texts around it: header, example, ctypes stub, and for build systems."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from string import Template

import numpy as np

from ...real_types import BY_DTYPE, REAL_TYPES
from .function import WHOLE, Argument, Function, guard
from .names import python_names

_ROWS = 4
"""Rows that the example has, of what there may be any number of."""
_SMALL = 16
"""Elements up to which an array of the example is on the stack."""

_HEADER = Template("""\
/* $name: compiled by micrograd for $machine.
 *
$words
 *
 * What is at an address is aligned as its elements are, and is not written while the function reads
 * it; what the function writes overlaps nothing else. There is no state: threads may call it at the
 * same time. $memory
 */
#ifndef $guard
#define $guard
$include
#ifdef __cplusplus
extern "C" {
#endif

$prototype;

#ifdef __cplusplus
}
#endif

#endif
""")

_EXAMPLE = Template("""\
#include <stdio.h>
#include "$name.h"
$more
int main(void) {
$body
    return 0;
}
""")

_STUB = Template('''\
"""$call, compiled: the function $name of $library, for ctypes."""

import ctypes
${index}from pathlib import Path

_library = ctypes.CDLL(str(Path(__file__).resolve().with_name("$library")))
_function = _library.$name
_function.restype = $restype
_function.argtypes = [$argtypes]


def _numbers(given):
    """What is in rows, and in rows of rows."""
    for x in given:
        if hasattr(x, "__len__") and getattr(x, "ndim", 1):
            yield from _numbers(x)
        else:
            yield x


def _array(name, number, size, given):
    """A row of numbers in C."""
    row = list(_numbers(given))
    if len(row) != size:
        raise ValueError(f"{name} has {size} numbers, got {len(row)}")
    return (number * size)(*row)

$whole
def $name($parameters):
    """$returns"""
$body
''')

_WHOLE = '''
def _whole(name, x):
    """An integer, which ctypes would cut to 64 bits."""
    x = _index(x)
    if not -(2**63) <= x < 2**63:
        raise IndexError(f"{name} has {x}, which is beyond 64 bits")
    return x

'''

_PKG_CONFIG = Template("""\
prefix=$${pcfiledir}

Name: $name
Description: $call, compiled by micrograd for $machine
Version: 1.0
Cflags: -I$${prefix}
Libs: -L$${prefix} -l$name $libm
""")

_CMAKE = Template("""\
# find_package($name CONFIG): the targets $targets
get_filename_component(_${name}_folder "$${CMAKE_CURRENT_LIST_FILE}" PATH)
""")
_CMAKE_TARGET = Template("""\
if(NOT TARGET $name::$target)
  add_library($name::$target $kind IMPORTED)
  set_target_properties($name::$target PROPERTIES
    IMPORTED_LOCATION "$${_${name}_folder}/$library"
    INTERFACE_INCLUDE_DIRECTORIES "$${_${name}_folder}"
    INTERFACE_LINK_LIBRARIES "$libm")
endif()
""")


def header(f: Function, machine: str) -> str:
    """The header, for C and C++."""
    lines = [f"{f.call} in Python, which gives `result`.", ""]
    width = max([len("returns"), *(len(a.name) for a in f.arguments)]) + 2
    for a in f.arguments:
        written = "written: " * a.written
        lines += _entry(a.name, f"{written}{a.says}", width)
    if f.codes:
        told = [f"{k} if {text}" for k, text in enumerate(f.codes, 1)]
        says = f"0; {'; '.join(told)}: then nothing is written"
        lines += _entry("returns", says, width)
    elif f.returns:
        lines += _entry("returns", f.returned, width)
    heap, stack = f.memory
    memory = [f"A call has {stack:,} bytes of arrays on the stack, at most."] * (stack > 0)
    if heap:
        memory.append(f"It takes {heap:,} bytes from malloc, which must not fail, and frees them.")
    else:
        memory.append("It takes nothing from the heap.")
    return _HEADER.substitute(
        name=f.name,
        machine=machine,
        words="\n".join(f" * {line}".rstrip() for line in lines).replace("*/", "* /"),
        memory="\n * ".join(memory),
        guard=guard(f.name),
        include="\n#include <stdint.h>\n" if any(a.is_whole for a in f.arguments) else "",
        prototype="\n    ".join(textwrap.wrap(f.prototype, 92)),
    )


def _entry(name: str, says: str, width: int) -> list[str]:
    first, *rest = textwrap.wrap(says, 92 - width)
    return [name.ljust(width) + first, *(" " * width + line for line in rest)]


def sample(k: int) -> float:
    """The number that the example has for element k of an array, or argument k."""
    return 0.5 + k % 8 / 16


def example(f: Function) -> str:
    """A program in C that calls the function, and prints what it gives, a line each."""
    body, passed = [], []
    counter = "k"  # the counter of loops
    while any(a.name == counter for a in f.arguments):
        counter += "_"
    for k, a in enumerate(f.arguments):
        if a.size is None:
            number = "0" if a.is_whole else f"{sample(k)}"
            passed.append(f"{_ROWS}" if a.name in f.counts else number)
            continue
        if not a.size:
            passed.append("NULL")
            continue
        passed.append(a.name if a.name not in f.numbers else f"{f.name}_{a.name}")
        if a.name not in f.numbers:
            size = a.size * (_ROWS if a.rows else 1)
            body.append(f"{'static ' * (size > _SMALL)}{a.c_type} {a.name}[{size}];")
            if not a.written:
                number = "0" if a.is_whole else f"0.5 + {counter} % 8 / 16.0"
                fill = f"{a.name}[{counter}] = {number};"
                body.append(f"for (int {counter} = 0; {counter} < {size}; {counter}++) {fill}")
    call = f"{f.name}({', '.join(passed)})"
    digits = "%.17g" if f.number == "double" else "%.9g"
    if f.codes:
        body.append(f"if ({call}) return 1;")
    else:
        body.append(f'printf("{digits}\\n", {call});' if f.returns else f"{call};")
    for a in f.arguments:
        if a.written and a.size:
            show = f'printf("{digits}\\n", {a.name}[{counter}]);'
            body.append(f"for (int {counter} = 0; {counter} < {a.size}; {counter}++) {show}")
    return _EXAMPLE.substitute(
        name=f.name,
        more=f'#include "{f.name}_parameters.h"\n' if f.numbers else "",
        body="\n".join(f"    {line}" for line in body),
    )


def parameters(f: Function) -> str:
    """A header with the numbers of the parameters that are passed, as they are now."""
    lines = [f"/* The parameters of {f.name}, as they were when it was exported. */"]
    for name, numbers in f.numbers.items():
        rows = textwrap.wrap(", ".join(map(_literal, numbers.tolist())), 92)
        number = BY_DTYPE[numbers.dtype].c
        lines += [f"static const {number} {f.name}_{name}[{len(numbers)}] = {{"]
        lines += [f"    {row}" for row in rows] + ["};"]
    return "\n".join(lines) + "\n"


def _literal(x: float) -> str:
    """A number in C, to the last bit."""
    if np.isnan(x):
        return "0.0 / 0.0"
    if np.isinf(x):
        return "1.0 / 0.0" if x > 0 else "-1.0 / 0.0"
    return x.hex()


def stub(f: Function, library: str) -> str:
    """A module of Python that calls the function by ctypes."""
    types = {t.c: f"ctypes.c_{t.c}" for t in REAL_TYPES.values()} | {WHOLE: "ctypes.c_int64"}
    known = [a.name for a in f.arguments]
    names = python_names(known)
    body, results, taken = [], [], []
    counted: list[str] = []
    optional = True  # as long as what stands behind is
    for a, name in reversed([*zip(f.arguments, names, strict=True)]):
        if a.written:
            body.append(f"{name} = ({types[a.c_type]} * {a.size})()")
            results.append(f"list({name})")
            continue
        if a.name in f.counts:
            some = next(x for x in f.arguments if x.rows)
            of = names[f.arguments.index(some)]
            counted = [f"{name} = len(list(_numbers({of}))) // {some.size}"]
            continue
        if a.rows:
            row_of = f"{names[known.index(a.rows)]} * {a.size}"
            body.append(f'{name} = _array("{name}", {types[a.c_type]}, {row_of}, {name})')
        elif a.size is not None:
            body.append(f'{name} = _array("{name}", {types[a.c_type]}, {a.size}, {name})')
        if a.is_whole:
            several = a.rows or a.size is not None
            each = f'[_whole("{name}", x) for x in _numbers({name})]'
            body.append(f"{name} = {each}" if several else f'{name} = _whole("{name}", {name})')
        optional = optional and a.default is not None
        taken.append(f"{name}={_python_literal(a.default)}" if optional else name)
    body = [*counted, *reversed(body)]
    results.reverse()
    call = f"_function({', '.join(names)})"
    if f.codes:
        told = ", ".join(map(repr, f.codes))
        body += [f"code = {call}", "if code:", f"    raise IndexError([{told}][code - 1])"]
        body += [f"return {', '.join(results)}"]
    elif f.returns and results:
        body += [f"value = {call}", f"return value, {', '.join(results)}"]
    else:
        body += [f"return {call}"] if f.returns else [call, f"return {', '.join(results)}"]
    takes_whole = any(a.is_whole and a.name not in f.counts for a in f.arguments)
    return _STUB.substitute(
        call=f.call,
        name=f.name,
        library=library,
        restype="ctypes.c_int" if f.codes else types[f.number] if f.returns else None,
        argtypes=", ".join(_ctype(a, types[a.c_type]) for a in f.arguments),
        parameters=", ".join(reversed(taken)),
        returns=_what_python_gives(f, names),
        index="from operator import index as _index\n" * takes_whole,
        whole=_WHOLE * takes_whole,
        body="\n".join(f"    {line}" for line in body),
    )


def _python_literal(x: float | None) -> str:
    """A number in Python."""
    return repr(x) if x is not None and np.isfinite(x) else f'float("{x}")'


def _ctype(a: Argument, number: str) -> str:
    return number if a.size is None else f"ctypes.POINTER({number})"


def _what_python_gives(f: Function, names: Sequence[str]) -> str:
    """A docstring of the stub's function."""
    rows = [f"{f.call}, of numbers and rows of numbers, which gives `result`.", ""]
    given = zip(f.arguments, names, strict=True)
    taken = [(a, n) for a, n in given if not a.written and a.name not in f.counts]
    rows += [f"    {name}: {a.says}" for a, name in taken]
    gives = [f.returned] if f.returns and not f.codes else []
    gives += [f"a list, {a.says}" for a in f.arguments if a.written]
    rows += ["", f"    Gives {'; and '.join(gives)}.", "    "]
    return "\n".join(rows)


def pkg_config(f: Function, machine: str, *, libm: bool) -> str:
    """A file of pkg-config."""
    return _PKG_CONFIG.substitute(
        name=f.name, call=f.call, machine=machine, libm="-lm" if libm else ""
    ).rstrip(" ")


def cmake(f: Function, libraries: dict[str, str], *, libm: bool) -> str:
    """A configuration file of CMake; `libraries`: the file of each of its targets."""
    names = " and ".join(f"{f.name}::{target}" for target in libraries)
    text = _CMAKE.substitute(name=f.name, targets=names)
    return text + "".join(
        _CMAKE_TARGET.substitute(
            name=f.name,
            target=target,
            kind=target.upper(),
            library=library,
            libm="m" if libm and target == "static" else "",
        )
        for target, library in libraries.items()
    )
