"""The IR itself against that of MLIR's own translation: flags, attributes, alignments, metadata.

Both are parsed and printed by LLVM; then names are erased and the lines are compared as a multiset,
because blocks and declarations may come in another order.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from facts import facts, host_layout
from harness import parse
from oracle import reference_ir

import lowering

FILES = {path.stem: path for path in (Path(__file__).parent / "corpus").glob("*.mlir")}

# MLIR's translation folds operations on constants while it writes them.
FOLDED = {"aggregate_constants", "constants", "element_types", "folded_initialisers", "globals"}

# It keeps blocks that nothing reaches, and splits edges in another way.
SHAPED = {"control"}


@pytest.mark.parametrize("name", sorted(FILES.keys() - FOLDED - SHAPED))
def test_says_what_the_reference_says(name: str) -> None:
    text = FILES[name].read_text()
    if not text.startswith(("#", "module")):
        # Where no alignment is given, the layout decides on it.
        body, mark, resources = text.partition("{-#")
        text = f'module attributes {{llvm.data_layout = "{host_layout()}"}} {{\n{body}\n}}'
        text += f"\n{mark}{resources}"
    ours, theirs = facts(lowering.translate(parse(text))), facts(reference_ir(text))
    assert list((ours - theirs).elements()) == []
    assert list((theirs - ours).elements()) == []
