"""Where versions of the llvm dialect differ, for those who build it."""

from __future__ import annotations

import functools

from lowering.bindings import context, ir


def masked_alignment(operation: str, count: int) -> ir.Attribute:
    """The alignment of a masked load, store, gather or scatter, in bytes, as a current context and
    these bindings want it: an attribute of 32 bits in MLIR 22, of 64 in later versions.

    >>> with context():
    ...     str(masked_alignment("llvm.intr.masked.load", 8)) in ("8 : i32", "8 : i64")
    True
    """
    type_ = ir.IntegerType.get_signless(_alignment_bits(operation))
    return ir.IntegerAttr.get(type_, count)


# Per operation, its operands and result; the alignment is put between.
_FORMS = {
    "llvm.intr.masked.load": ("(%p, %m, %x)", "(!llvm.ptr, vector<2xi1>, vector<2xf32>)", True),
    "llvm.intr.masked.store": ("(%x, %p, %m)", "(vector<2xf32>, !llvm.ptr, vector<2xi1>)", False),
    "llvm.intr.masked.gather": ("(%q, %m)", "(vector<2x!llvm.ptr>, vector<2xi1>)", True),
    "llvm.intr.masked.scatter": (
        "(%x, %q, %m)",
        "(vector<2xf32>, vector<2x!llvm.ptr>, vector<2xi1>)",
        False,
    ),
}


@functools.cache
def _alignment_bits(operation: str) -> int:
    operands, types, loads = _FORMS[operation]
    assignment, result = ("%r = ", "vector<2xf32>") if loads else ("", "()")
    text = (
        "llvm.func @f(%p: !llvm.ptr, %q: vector<2x!llvm.ptr>, %m: vector<2xi1>, %x: vector<2xf32>) "
        f'{{ {assignment}"{operation}"{operands} <{{alignment = 4 : i64}}> : {types} -> {result} '
        "llvm.return }"
    )
    try:
        ir.Module.parse(text, context())
    except ir.MLIRError:
        return 32
    return 64
