"""Alias scopes as metadata: they let LLVM vectorise loops over buffers that do not overlap.

A scope holds from its declaration on, and a declaration in a loop means another scope in each turn:
without it, accesses of one turn would be independent of those of the last. So scopes and
declarations are both translated. tbaa and access groups are hints and are dropped.

Source: LangRef, "'noalias' and 'alias.scope' Metadata", "llvm.experimental.noalias.scope.decl".
"""

from __future__ import annotations

import re
from typing import Any

from lowering.bindings import ir
from lowering.scope import ModuleScope

_STRING = r'"(?:[^"\\]|\\.)*"'
_ID = rf"id = (?:distinct\[\d+\]<>|{_STRING})"
_SCOPE = re.compile(
    rf"#llvm\.alias_scope<{_ID}, domain = <({_ID}(?:, description = {_STRING})?)>"
    rf"(?:, description = {_STRING})?>"
)


class AliasScopes:
    """The scopes of one module. A scope is known by its attribute: printed alone, all look the
    same.
    """

    def __init__(self, module: ModuleScope) -> None:
        self._module = module
        self._nodes: dict[ir.Attribute, str] = {}
        self._domains: list[tuple[ir.Attribute, str]] = []

    def hints(self, op: ir.Operation) -> str:
        """`, !alias.scope !n, !noalias !m` for an access, as far as it has them."""
        text = ""
        attributes: Any = op.attributes
        for name, kind in (("alias_scopes", "alias.scope"), ("noalias_scopes", "noalias")):
            scopes = attributes.get(name)
            if scopes is not None and len(scopes):
                text += f", !{kind} {self._list(scopes)}"
        return text

    def declaration(self, op: ir.Operation) -> str:
        """The call that declares a scope."""
        attributes: Any = op.attributes
        scopes = self._list([attributes["scope"]])
        return f"call void @llvm.experimental.noalias.scope.decl(metadata {scopes})"

    def _list(self, scopes: Any) -> str:
        nodes = ", ".join(self._node(each) for each in scopes)
        return self._module.metadata(f"!{{{nodes}}}")

    def _node(self, scope: ir.Attribute) -> str:
        found = self._nodes.get(scope)
        if found is None:
            domain = self._domain(scope)
            found = self._nodes[scope] = self._module.distinct(f"!{{{{self}}, {domain}}}")
        return found

    def _domain(self, scope: ir.Attribute) -> str:
        """The node of the scope's domain: that of a scope printed beside this one with the same
        domain.
        """
        for other, node in self._domains:
            pair = ir.ArrayAttr.get([other, scope], context=scope.context)
            first, second = _SCOPE.findall(str(pair))
            if first == second:
                return node
        node = self._module.distinct("!{{self}}")
        self._domains.append((scope, node))
        return node
