"""Code of a function -> the same code, in which lookups and `max` may be of traced values.

The source is read, `a[b]` becomes a call of `plain.item`, `max(...)` and `min(...)` one of what
`plain.chosen` gives, `a is b` one of `plain.is_same`, and that is compiled: operands are computed
in the same order, once each, names mean what they meant, and lines and columns stay. The source as
it is is compiled, too, and must be the code that runs; else there is no such code, as where there
is no source.
"""

from __future__ import annotations
import __future__

import ast
import linecache
import warnings
from collections.abc import Iterator
from types import CodeType
from typing import Any

from ... import plain

_CALLED = plain.item, plain.chosen, plain.is_same
_MARKS: dict[str, Any] = {f"micrograd: {f.__name__}": f for f in _CALLED}
"""Texts that stand for functions in a syntax tree, where a name might mean something else."""
_ITEM, _CHOSEN, _SAME = _MARKS
_FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
_NAMES = ("max", "min")


def rewritten(code: CodeType) -> list[tuple[CodeType, CodeType]]:
    """The code, and all code that it is written in, each with what it becomes; the outermost first.

    Nothing, if it has no lookup and no max, or no source that is certain.
    """
    source = "".join(linecache.getlines(code.co_filename))
    if any(mark in source for mark in _MARKS):
        return []
    try:
        tree = ast.parse(source, code.co_filename)
        before = _compiled(tree, code)
        after = _compiled(ast.fix_missing_locations(_Rewrite().visit(tree)), code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return next(_ways(code, before, after), [])


def _compiled(tree: ast.Module, code: CodeType) -> CodeType:
    flags = code.co_flags & _FUTURE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # that a text is called
        found: CodeType = compile(tree, code.co_filename, "exec", flags, dont_inherit=True)
    return found


def _ways(
    code: CodeType, before: CodeType, after: CodeType
) -> Iterator[list[tuple[CodeType, CodeType]]]:
    """The ways from a module's code to code that is like this one, which has become another."""
    if are_alike(before, code):
        made = _with_functions(after)
        if not are_alike(made, code):
            yield [(code, made)]
        return
    inside = [[c for c in x.co_consts if isinstance(c, CodeType)] for x in (before, after)]
    if len(inside[0]) == len(inside[1]):
        for a, b in zip(*inside, strict=True):
            for way in _ways(code, a, b):
                yield [(before, _with_functions(after)), *way]


def _with_functions(code: CodeType) -> CodeType:
    """The code, with functions in place of the marks."""
    return code.replace(co_consts=tuple(map(_constant, code.co_consts)))


def _constant(x: Any) -> Any:
    if isinstance(x, CodeType):
        return _with_functions(x)
    return _MARKS.get(x, x) if isinstance(x, str) else x


def are_alike(a: CodeType, b: CodeType) -> bool:
    """Whether code says the same, at the same place."""
    return _facts(a) == _facts(b) and all(
        are_alike(x, y) if isinstance(x, CodeType) and isinstance(y, CodeType) else _same(x, y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )


def _same(x: Any, y: Any) -> bool:
    return x.__class__ is y.__class__ and repr(x) == repr(y)


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
    """Puts marks in place of what is looked up, and of `max`."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or _is_slice(node.slice):
            return node
        return _call(_ITEM, [node.value, node.slice], node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
            node.func = _call(_CHOSEN, [node.func], node.func)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        operands = [node.left, *node.comparators]
        if any(isinstance(x, ast.Constant) for x in operands) or len(operands) > 2:
            return node
        if isinstance(node.ops[0], ast.Is):
            return _call(_SAME, operands, node)
        if isinstance(node.ops[0], ast.IsNot):
            return ast.copy_location(ast.UnaryOp(ast.Not(), _call(_SAME, operands, node)), node)
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


def _is_slice(x: ast.expr) -> bool:
    parts = x.elts if isinstance(x, ast.Tuple) else [x]
    return any(isinstance(part, (ast.Slice, ast.Starred)) for part in parts)


def _call(mark: str, args: list[ast.expr], at: ast.expr) -> ast.Call:
    function = ast.copy_location(ast.Constant(mark), at)
    return ast.copy_location(ast.Call(function, args, []), at)
