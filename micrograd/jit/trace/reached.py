"""A function -> the user's functions that it may call, as far as can be told without any call.

These are what it names: in its closure, its defaults, globals and modules; the methods of classes
and of what is an instance of such; and what those name in turn. Packages that are installed are
not gone through, but for the one that the function is of. Nothing of the user's is run.
"""

from __future__ import annotations

import functools
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from types import (
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

from ...engine import Value
from ...errors import is_own, is_users
from ...store import Live
from ...watched import WATCHED, is_watched

_CALLED = ("__wrapped__", "function", "_source")
"""Attributes of objects of libraries in which they have what they call."""
MOST_ITEMS = 20_000
"""Items of containers, no numbers, that are looked at, for functions among them."""
MOST_OF_ONE = 256
"""Of a single container: data have more, and what a program calls is in shorter ones."""
_PACKAGES = "-packages"
_MADE = 1 << 9
"""The flag of classes that a program has made."""
_DICTS = (dict, OrderedDict, defaultdict)
_LISTS = (list, tuple, set, frozenset)
_IN_CLASSES = (
    staticmethod, classmethod, property, functools.cached_property, functools.partialmethod,
)  # fmt: skip
_PLAIN = frozenset({int, float, bool, str, bytes, complex, type(None), Value, Live})


class Reached:
    """What a function may call.

    functions   of the user, it among them
    names       that any of them says, and of functions of libraries that it finds
    is_unseen   whether there is a function of Python's library that changes lists, or whose result
                says whether two are one, under another name than its own
    """

    def __init__(self, function: Any) -> None:
        self.functions: list[FunctionType] = []
        self.names: set[str] = set()
        self.is_unseen = False
        self._items = MOST_ITEMS
        self._home = ""
        self._seen: set[int] = set()
        self._modules: dict[int, set[str]] = {}
        self._todo: list[Any] = [function]  # what is seen stays there, as its id is noted
        done = 0
        while done < len(self._todo):
            x = self._todo[done]
            if id(x) not in self._seen:
                self._seen.add(id(x))
                self._see(x)
            done += 1

    def _see(self, x: Any) -> None:
        t = type(x)
        self.is_unseen |= is_watched(x)
        if t is FunctionType:
            self._see_function(x)
        elif t is MethodType:
            self._todo += [x.__func__, x.__self__]
        elif issubclass(t, functools.partial):
            self._todo += [x.func, *x.args, *x.keywords.values()]
        elif issubclass(t, type):
            own = [c for c in type.mro(x) if self._is_own(c)] if x is not type else []
            for c in own:
                self._todo += c.__dict__.values()
        elif t in _IN_CLASSES:
            names = ("__func__", "fget", "fset", "func")
            self._todo += [getattr(x, name) for name in names if hasattr(x, name)]
        elif t in _DICTS or t is SimpleNamespace:
            held = vars(x) if t is SimpleNamespace else x
            self._see_items(islice(held.values(), MOST_OF_ONE))
        elif t in _LISTS:
            self._see_items(islice(x, MOST_OF_ONE))
        elif self._is_own(t):
            self._todo.append(t)
            self._see_items(_attributes(x))
        else:
            held = _attributes_by_name(x)
            self._todo += [held[name] for name in _CALLED if name in held]

    def _see_items(self, items: Iterable[Any]) -> None:
        some = [x for x in items if type(x) not in _PLAIN][: max(0, self._items)]
        self._items -= len(some)
        self._todo += some

    def _see_function(self, f: FunctionType) -> None:
        if not self._is_near(f.__code__.co_filename):
            self.names.add(f.__name__)
            self._todo += vars(f).values()
            if is_own(f.__code__.co_filename):  # it may call what it was given
                self._todo += _closure(f)
            return
        self.functions.append(f)
        names = set(_names(f.__code__))
        self.names |= names
        self._todo += f.__defaults__ or ()
        self._todo += (f.__kwdefaults__ or {}).values()
        self._todo += vars(f).values()
        for x in _closure(f):
            self._see_named(x, names)
        for name in sorted(names):  # in the same order in every process
            if name in f.__globals__:
                self._see_named(f.__globals__[name], names, name)

    def _see_named(self, x: Any, names: set[str], name: str = "") -> None:
        """Look at what has a name, or if it is a module, at what these names are in it."""
        if type(x) is not ModuleType:
            if name not in WATCHED or not is_watched(x):  # else it is looked at when it is called
                self._todo.append(x)
            return
        new = names - self._modules.setdefault(id(x), set())
        self._modules[id(x)] |= new
        for name in sorted(new & vars(x).keys()):
            self._see_named(vars(x)[name], names, name)

    def _is_own(self, c: type) -> bool:
        """Whether a class is the user's."""
        module = c.__dict__.get("__module__")
        if not isinstance(module, str) or not c.__flags__ & _MADE:
            return False
        file = getattr(sys.modules.get(module), "__file__", None)
        return not isinstance(file, str) or self._is_near(file)

    def _is_near(self, file: str) -> bool:
        """Whether a file is the user's, and of no package that is none of the function's."""
        if not is_users(file):
            return False
        folder = _package(file)
        if not self.functions:
            self._home = folder
        return folder in ("", self._home)


def _package(file: str) -> str:
    """The installed package that a file is of, if it is of one."""
    before, packages, path = file.replace("\\", "/").rpartition(_PACKAGES)
    return before + path.split("/")[1] if packages else ""


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for x in code.co_consts:
        if isinstance(x, CodeType):
            yield from _names(x)


def _closure(f: FunctionType) -> Iterator[Any]:
    for cell in f.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it is empty
            continue


def _attributes_by_name(x: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(x, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _attributes(x: Any) -> list[Any]:
    """What an object has, in a dict or in slots."""
    found = [*_attributes_by_name(x).values()]
    for c in type.mro(type(x)):
        for member in c.__dict__.values():
            if type(member) is MemberDescriptorType:
                try:
                    found.append(member.__get__(x, c))
                except AttributeError:  # it has not been set
                    continue
    return found
