"""Lines of a source: locations of the llvm dialect -> debug metadata of LLVM IR.

A function whose location has a `#llvm.di_subprogram` gets a DISubprogram, and each instruction of
it the line of the operation that it is of, as MLIR's own translation gives them; line 0, which is
none, if the operation says none. LLVM keeps them beside its instructions, and writes `.loc`
directives into assembly. What a subprogram says beside its name and its file is left out.
"""

from __future__ import annotations

import re

from lowering.bindings import ir
from lowering.scope import ModuleScope

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_SUBPROGRAM = re.compile(
    rf"loc\(fused<#llvm\.di_subprogram<.*, name = {_TEXT}.*?, file = <{_TEXT} in {_TEXT}>"
    r"(?:, line = (\d+))?",
    re.DOTALL,
)
_LINE = re.compile(r'loc\("(?:[^"\\]|\\.)*":(\d+):(\d+)(?: to .*)?\)', re.DOTALL)
_WRITTEN = (
    "#llvm.di_subprogram<id = distinct[{number}]<>, compileUnit = <id = distinct[0]<>, "
    'sourceLanguage = DW_LANG_C, file = <"{file}" in "">, isOptimized = true, '
    'emissionKind = LineTablesOnly>, scope = #llvm.di_file<"{file}" in "">, name = "{name}", '
    'file = <"{file}" in "">, subprogramFlags = "Definition|Optimized", '
    "type = #llvm.di_subroutine_type<>>"
)


def with_lines(module: ir.Module, file: str) -> None:
    """Let the functions of a module keep the lines of a file that the locations of their operations
    say; operations without one get line 0, since LLVM wants one of calls.
    """
    views = [view.operation for view in module.body.operations]
    functions = [op for op in views if op.name == "llvm.func" and len(op.regions[0].blocks)]
    if not functions:
        return
    context = module.context
    names = [op.attributes["sym_name"].value for op in functions]
    # together, so that they are of one unit
    written = [
        _WRITTEN.format(number=k, file=file, name=name) for k, name in enumerate(names, start=1)
    ]
    subprograms = ir.ArrayAttr(ir.Attribute.parse(f"[{', '.join(written)}]", context))
    none = ir.Location.file(file, 0, 0, context)

    def located(op: ir.Operation) -> ir.WalkResult:
        if _LINE.match(str(op.location)) is None:
            op.location = none
        return ir.WalkResult.ADVANCE

    for op, subprogram in zip(functions, subprograms, strict=True):
        op.walk(located, ir.WalkOrder.PRE_ORDER)
        op.location = ir.Location.fused([none], subprogram, context)


class Lines:
    """The debug metadata of one function.

    head   what stands behind the function's attributes; '' if it keeps no lines
    """

    def __init__(self, module: ModuleScope, function: ir.Operation) -> None:
        found = _SUBPROGRAM.match(str(function.location))
        self.head = ""
        if found is None:
            return
        name, file, folder, line = found.groups()
        self._module = module
        home = module.metadata(f'!DIFile(filename: "{file}", directory: "{folder}")')
        where = f" line: {line}," if line else ""
        # of a subprogram without a type that is inlined, LLVM makes no code
        type_ = module.metadata(f"!DISubroutineType(types: {module.metadata('!{}')})")
        unit = module.unit(home)
        self._subprogram = module.distinct(
            f'distinct !DISubprogram(name: "{name}", scope: {home}, file: {home},{where} '
            f"type: {type_}, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: {unit})"
        )
        self.head = f" !dbg {self._subprogram}"

    def of(self, op: ir.Operation) -> str:
        """What stands behind the instructions of an operation."""
        found = _LINE.match(str(op.location))
        line, column = found.groups() if found is not None else ("0", "0")
        at = f", column: {column}" if column != "0" else ""
        body = f"!DILocation(line: {line}{at}, scope: {self._subprogram})"
        return f", !dbg {self._module.metadata(body)}"
