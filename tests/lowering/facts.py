"""LLVM IR as facts that two translations of one module must share.

It is parsed and printed by LLVM; names are erased, metadata and attributes are put in place, and
the lines are a multiset, because blocks and declarations may come in another order.
"""

from __future__ import annotations

import re
from collections import Counter

from lowering.backend import parsed

_BOOKKEEPING = re.compile(r"(; |source_filename|target |attributes #|!|[\w.]+:|$)")
# An alias scope or its domain: known by itself or by a name, and described.
_SCOPE = re.compile(
    r'(?:distinct !\{!\d+|!\{!"(?!llvm\.|branch|function)[^"]*")(, !\d+)?(?:, !"[^"]*")?\}'
)
_KNOWN_NAMES = ("%pair", "%va_list")


def host_layout() -> str:
    with parsed("") as module:
        return str(module.data_layout)


def facts(llvm_ir: str) -> Counter[str]:
    """The lines of the IR, without names and with metadata and attribute groups in place."""
    with parsed(llvm_ir) as module:
        text = str(module)
    groups = dict(re.findall(r"attributes (#\d+) = \{ (.*) \}", text))
    nodes = {
        name: _SCOPE.sub(f"distinct !{{{name}\\1}}", body)
        for name, body in re.findall(r"^(!\d+) = (.*)$", text, re.MULTILINE)
    }
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if _BOOKKEEPING.match(line):
            continue
        line = re.sub(r"\s*; preds.*", "", line)
        line = re.sub(r"#\d+", lambda match: groups[match[0]], line)
        for _ in range(4):
            line = re.sub(r"!\d+", lambda match: nodes[match[0]].replace(match[0], "self"), line)
        line = re.sub(r"%[\w.]+", lambda match: match[0] if match[0] in _KNOWN_NAMES else "%", line)
        line = re.sub(
            r", !(llvm\.access\.group|tbaa|dereferenceable) (distinct )?!\{[^}]*\}", "", line
        )  # dropped
        if " phi " in line:
            head, _, incoming = line.partition("[")
            line = head + " ".join(sorted(set(re.findall(r"\[[^]]*\]", "[" + incoming))))
        if "!llvm.loop" in line:
            head, _, properties = line.partition("!llvm.loop")
            line = head + " ".join(sorted(re.findall(r'!\{!"[^}]*\}', properties)))
        found[line.strip()] += 1
    return found
