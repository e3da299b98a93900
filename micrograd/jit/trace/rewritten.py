"""Code of a function -> the same code, in which lookups and `max` may be of traced values.

The source is read, and calls of plain.py are put in: `a[b]` becomes one of `item`, `max(...)` and
`min(...)` of what `chosen` gives; what `is` compares is asked for by `identified`, and lists that
are changed by `changed`. That is compiled: operands are computed in the same order, once each,
names mean what they meant, and lines and columns stay. The source as it is is compiled, too, and
must be the code that runs; else there is no such code, as where there is no source.
"""

from __future__ import annotations
import __future__

import ast
import dis
import linecache
import warnings
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Any
from weakref import ref

from ... import plain
from ...watched import WATCHED, chosen

_CALLED = plain.item, chosen, plain.identified, plain.changed, plain.extended, plain.classed
_MARKS: dict[str, Any] = {f"micrograd: {f.__name__}": f for f in _CALLED}
"""Texts that stand for functions in a syntax tree, where a name might mean something else."""
_ITEM, _CHOSEN, _IDENTIFIED, _CHANGED, _EXTENDED, _CLASSED = _MARKS
_FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
_CHOICES = ("max", "min", "type", "isinstance", "print", "int")
_METHODS = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"}
_METHODS |= {"__setitem__", "__delitem__", "__iadd__", "__imul__"}
"""Of lists, that change them."""
_OPERATIONS = frozenset(["IS_OP", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"])
_READS = frozenset(["BINARY_SUBSCR", "MATCH_CLASS"])
_NAMED = frozenset([*_CHOICES, *_METHODS, *WATCHED, "id", "__class__"])
Index = dict[tuple[str, int], list[tuple[CodeType, CodeType]]]
"""The code of a file, and what it becomes, by names and first lines."""

_others: dict[int, tuple[ref[CodeType], CodeType | None]] = {}
"""What code becomes, by its id, for as long as it is there."""


def rewritten(code: CodeType) -> CodeType | None:
    """What the code becomes; None if there is no source that is certain."""
    key = id(code)
    if key not in _others:
        linecache.checkcache(code.co_filename)
        lines = linecache.getlines(code.co_filename)
        other = _found(code, _statement(lines, code.co_firstlineno)) or _found(code, lines)
        forget = _others.pop  # bound, for modules may be empty when Python ends
        _others[key] = ref(code, lambda _: forget(key, None)), other
    return _others[key][1]


def _found(code: CodeType, lines: list[str]) -> CodeType | None:
    """What the code becomes, of which these lines are the source."""
    ways = _index(code.co_filename, "".join(lines), code.co_flags & _FUTURE)
    place = code.co_name, code.co_firstlineno
    return next((b for a, b in ways.get(place, ()) if are_alike(a, code)), None)


def _statement(lines: list[str], line: int) -> list[str]:
    """The lines of what seems to be the statement of a module that this one is in, at their places:
    files may be long.
    """
    if len(lines) < line:
        return []
    first = line - 1
    while first and not _begins(lines[first]):
        first -= 1
    while first and lines[first - 1].startswith("@"):
        first -= 1
    last, begun = first, not lines[first].startswith("@")  # else behind its decorators
    while last + 1 < len(lines):
        begins = _begins(lines[last + 1])
        if begun and begins and last + 1 >= line:
            break
        begun |= begins and not lines[last + 1].startswith("@")
        last += 1
    return ["\n"] * first + lines[first : last + 1]


def _begins(line: str) -> bool:
    """Whether a statement of a module seems to begin with this line."""
    return not line[:1].isspace() and line[:1] not in ("", "#", ")", "]", "}")


def is_touched(code: CodeType) -> bool:
    """Whether something of it, or in it, would be written anew, as far as its instructions say."""
    names = code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars
    if not all(map(_NAMED.isdisjoint, names)):
        return True
    for x in dis.get_instructions(code):
        if x.opname in _READS or x.opname in _OPERATIONS:
            return True
        if x.opname.startswith("BINARY_") and x.argrepr.endswith(("=", "[]")):
            return True
    return any(isinstance(x, CodeType) and is_touched(x) for x in code.co_consts)


def matters(code: CodeType) -> bool:
    """Whether code may look up, change a list, or tell which one it is."""
    if code.co_name.startswith("__") and code.co_filename.startswith("<"):
        return False  # written by a decorator of classes
    names = code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars
    if "id" in code.co_names or not _METHODS.isdisjoint(code.co_names):
        return True
    if not all(map(WATCHED.isdisjoint, names)):
        return True
    before = None
    for x in dis.get_instructions(code):
        is_certain = before is not None and (
            before.opname == "LOAD_CONST" or before.argval == "__class__"
        )
        if x.opname in _OPERATIONS and not (x.opname == "IS_OP" and is_certain):
            return True
        if x.opname.startswith("BINARY_") and x.argrepr.endswith("="):
            return True
        before = x
    return any(isinstance(x, CodeType) and matters(x) for x in code.co_consts)


@lru_cache(maxsize=64)
def _index(file: str, source: str, flags: int) -> Index:
    if not source or any(mark in source for mark in _MARKS):
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a text is called, and what was said before
        try:
            tree = ast.parse(source, file)
            before = compile(tree, file, "exec", flags, dont_inherit=True)
            tree = ast.fix_missing_locations(_Rewrite().visit(tree))
            after = compile(tree, file, "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {}
    found: Index = defaultdict(list)
    for a, b in _pairs(before, _with_functions(after)):
        found[a.co_name, a.co_firstlineno].append((a, b))
    return found


def _pairs(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Code in a module's code, and what it has become."""
    inside = [[c for c in x.co_consts if isinstance(c, CodeType)] for x in (before, after)]
    if len(inside[0]) == len(inside[1]):
        for a, b in zip(*inside, strict=True):
            if (a.co_name, a.co_firstlineno) == (b.co_name, b.co_firstlineno):
                yield a, b
                yield from _pairs(a, b)


def _with_functions(code: CodeType) -> CodeType:
    """The code, with functions in place of the marks."""
    return code.replace(co_consts=tuple(map(_constant, code.co_consts)))


def _constant(x: Any) -> Any:
    if isinstance(x, CodeType):
        return _with_functions(x)
    return _MARKS.get(x, x) if isinstance(x, str) else x


def are_alike(a: CodeType, b: CodeType) -> bool:
    """Whether code says the same, at the same place."""
    return _facts(a) == _facts(b) and all(map(_same, a.co_consts, b.co_consts))


def _same(x: Any, y: Any) -> bool:
    if x.__class__ is not y.__class__:
        return False
    if isinstance(x, CodeType):
        return are_alike(x, y)
    if isinstance(x, tuple):
        return len(x) == len(y) and all(map(_same, x, y))
    if isinstance(x, frozenset):  # the order of its items is by chance
        return {(type(i), repr(i)) for i in x} == {(type(i), repr(i)) for i in y}
    return repr(x) == repr(y)


def _facts(code: CodeType) -> tuple[Any, ...]:
    return (
        code.co_name,
        code.co_firstlineno,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags,
        code.co_exceptiontable,
        list(code.co_positions()),
        len(code.co_consts),
    )


class _Rewrite(ast.NodeTransformer):
    """Puts marks in place of what is looked up, compared, changed, and of `max`."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            node.value = _call(_CHANGED, [node.value], node.value)
        elif not _is_slice(node.slice):
            return _call(_ITEM, [node.value, node.slice], node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load) and node.attr in _METHODS:
            node.value = _call(_CHANGED, [node.value], node.value)
        if isinstance(node.ctx, ast.Load) and node.attr == "__class__":
            node.value = _call(_CLASSED, [node.value], node.value)
        return self._watched(node.attr, node)

    def visit_Match(self, node: ast.Match) -> ast.Match:
        self.generic_visit(node)
        if any(
            isinstance(x, ast.MatchClass) for case in node.cases for x in ast.walk(case.pattern)
        ):
            node.subject = _call(_CLASSED, [node.subject], node.subject)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AugAssign:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            before = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
            node.value = _call(_EXTENDED, [before, node.value], node.value)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == "id" and isinstance(node.ctx, ast.Load):
            return _call(_CHOSEN, [node], node)
        return self._watched(node.id, node)

    def _watched(self, name: str, node: ast.Name | ast.Attribute) -> ast.expr:
        """What is named, or if it is a function that may change lists, that which looks first."""
        if name in WATCHED and isinstance(node.ctx, ast.Load):
            return _call(_CHOSEN, [node], node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        known = node.func.id if isinstance(node.func, ast.Name) else ""
        if known in _CHOICES and not (known == "type" and len(node.args) != 1):
            node.func = _call(_CHOSEN, [node.func], node.func)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        operands = [node.left, *node.comparators]
        asked = set()
        for k, op in enumerate(node.ops):
            pair = operands[k : k + 2]
            if isinstance(op, ast.Is | ast.IsNot) and not any(map(_is_constant, pair)):
                asked |= {k, k + 1}
        for k in asked:
            operands[k] = _call(_IDENTIFIED, [operands[k]], operands[k])
        node.left, *node.comparators = operands
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return node  # annotations are no part of what runs

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.target = self.visit(node.target)
        node.value = node.value and self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._visit_function(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        self._visit_function(node)
        return node

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        returns, node.returns = node.returns, None
        self.generic_visit(node)
        node.returns = returns


def _is_constant(x: ast.expr) -> bool:
    return isinstance(x, ast.Constant)


def _is_slice(x: ast.expr) -> bool:
    parts = x.elts if isinstance(x, ast.Tuple) else [x]
    return any(isinstance(part, (ast.Slice, ast.Starred)) for part in parts)


def _call(mark: str, args: list[ast.expr], at: ast.expr) -> ast.Call:
    function = ast.copy_location(ast.Constant(mark), at)
    return ast.copy_location(ast.Call(function, args, []), at)
