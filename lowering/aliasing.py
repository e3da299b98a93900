"""Alias scopes as metadata: they let LLVM vectorise loops over buffers that do not overlap.

Source: LangRef, "'noalias' and 'alias.scope' Metadata". tbaa and access groups are hints as well
and are dropped.
"""

from __future__ import annotations

import re
from typing import Any

from lowering.bindings import ir
from lowering.scope import ModuleScope

_DOMAIN = re.compile(r"domain = <id = ([^,>]*(?:<>)?)")


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
                nodes = ", ".join(self._node(each) for each in scopes)
                text += f", !{kind} {self._module.metadata(f'!{{{nodes}}}')}"
        return text

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
            first, second = _DOMAIN.findall(str(pair))
            if first == second:
                return node
        node = self._module.distinct("!{{self}}")
        self._domains.append((scope, node))
        return node
