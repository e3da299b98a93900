"""Every operation of the llvm dialect, with every attribute that it has, made at random.

What there is comes from the classes that MLIR generates from the dialect's definition: names,
operands, attributes. Which types fit is found by trying: MLIR's verifier decides.
`python tests/lowering/dialect.py` writes what it finds into `cases.json`, which takes minutes.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import lowering
from lowering.backend import parsed
from lowering.bindings import context, ir, package

T = TypeVar("T")


@dataclass(frozen=True)
class Spec:
    """One operation, as its generated class has it."""

    name: str
    operands: tuple[tuple[str, str], ...]
    """Per operand its name, and "one", "optional" or "variadic"."""
    required: tuple[str, ...]
    """The attributes that it must have."""
    optional: tuple[str, ...]
    results: bool
    simple: bool
    """Whether it has neither regions nor successors."""
    segments: bool
    """Whether it says how many operands each variadic group has."""


@functools.cache
def specs() -> dict[str, Spec]:
    """The operations of the dialect by name."""
    module = importlib.import_module(package() + ".dialects._llvm_ops_gen")
    found = {}
    for text in re.split(r"\n@_ods_cext\.register_operation", inspect.getsource(module))[1:]:
        match = re.search(r'OPERATION_NAME = "(.*)"', text)
        assert match is not None
        init = text[text.index("def __init__") : text.index("super().__init__")]
        operands = []
        for condition, wrapped, operand in re.findall(
            r"^ *(if .*)?operands\.(?:append|extend)\("
            r"(_get_op_results_or_values\()?(?:\w+\()?(\w+)",
            init,
            re.MULTILINE,
        ):
            kind = "variadic" if wrapped else "one"
            operands.append((operand, "optional" if condition else kind))
        attributes = re.findall(r'^ *(if .*)?attributes\["(\w+)"\] =', init, re.MULTILINE)
        required = tuple(name for condition, name in attributes if not condition)
        optional = tuple(name for condition, name in attributes if condition)
        if "overflowFlags" in init:
            optional += ("overflowFlags",)
        found[match[1]] = Spec(
            match[1],
            tuple(operands),
            required,
            optional,
            re.search(r"results\.(append|extend)|results: _Optional|results=None", init)
            is not None,
            "successors.append" not in init and "_ODS_REGIONS = (0, True)" in text,
            "_ODS_OPERAND_SEGMENTS = [" in text,
        )
    return found


TYPES = str.split(
    "i32 i64 i1 f32 f64 !llvm.ptr vector<4xi32> vector<4xf32> vector<4xi1> vector<8xi32> "
    "vector<4x!llvm.ptr> i8 i16 i128 f16 bf16 f80 vector<2xf64> !llvm.array<4xi32> "
    "!llvm.struct<(f32,i32)> !llvm.struct<(i32,i1)> !llvm.struct<(f64,f64)> vector<2xi64> i37 "
    "vector<4xf64> vector<4xi64> !llvm.struct<(vector<4xi32>,vector<4xi32>)>"
)
TYPES += [
    "!llvm.struct<(vector<4xi32>,vector<4xi1>)>",
    "!llvm.struct<(vector<4xi32>,vector<4xi32>)>",
]

_SCOPE = "#llvm.alias_scope<id = distinct[{0}]<>, domain = <id = distinct[9]<>>>"
_UNIT = ("unit",)
_BOUND = ("1 : i64", "4 : i64", "16 : i64", "1 : i32", "4 : i32", "8 : i32")
_COUNTS = ("0 : i32", "1 : i32", "2 : i32", "3 : i32", "0 : i64", "2 : i64")

VALUES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        str.split(
            "isExact isDisjoint nonNeg volatile_ nontemporal invariant invariantGroup weak "
            "inalloca is_align_stack has_side_effects no_inline always_inline inline_hint "
            "convergent no_unwind will_return noreturn cold hot minsize optsize builtin nobuiltin "
            "nocallback noduplicate returns_twice save_reg_params no_caller_saved_registers"
        ),
        _UNIT,
    ),
    "overflowFlags": tuple(
        f"#llvm.overflow<{each}>" for each in ("none", "nsw", "nuw", "nsw, nuw")
    ),
    "noWrapFlags": tuple(f"{each} : i32" for each in (0, 2, 3, 4, 6, 7)),
    "fastmathFlags": tuple(
        f"#llvm.fastmath<{each}>" for each in ("none", "fast", "nnan", "nsz, arcp")
    ),
    "alignment": _BOUND,
    "ordering": tuple(f"{each} : i64" for each in (0, 1, 2, 4, 5, 6, 7)),
    "success_ordering": tuple(f"{each} : i64" for each in (2, 4, 5, 6, 7)),
    "failure_ordering": tuple(f"{each} : i64" for each in (2, 4, 7)),
    "bin_op": tuple(f"{each} : i64" for each in range(20)),
    "syncscope": ('"singlethread"', '""'),
    "predicate": tuple(f"{each} : i64" for each in range(16)),
    "dereferenceable": ("#llvm.dereferenceable<bytes = 4>",),
    "access_groups": ("[#llvm.access_group<id = distinct[7]<>>]",),
    "alias_scopes": (f"[{_SCOPE.format(1)}]", f"[{_SCOPE.format(1)}, {_SCOPE.format(2)}]"),
    "noalias_scopes": (f"[{_SCOPE.format(3)}]", f"[{_SCOPE.format(1)}]"),
    "scope": (_SCOPE.format(1), _SCOPE.format(3)),
    "tbaa": (),
    "is_int_min_poison": ("true", "false"),
    "is_zero_poison": ("true", "false"),
    "isVolatile": ("true", "false"),
    "elem_type": ("i32", "f64", "!llvm.struct<(i32,f64)>", "!llvm.array<4xi32>"),
    "global_name": ("@global",),
    "callee": ("@callee",),
    "var_callee_type": (),
    "position": ("array<i64: 0>", "array<i64: 1>"),
    "mask": ("array<i32: 0, 1, -1, 5>", "array<i32: 0>"),
    "rawConstantIndices": ("array<i32: 1>", "array<i32: -2147483648>", "array<i32: 1, 0>"),
    "value": (
        "1 : i32",
        "-1 : i64",
        "true",
        "1.5 : f32",
        "dense<[1,-2,3,4]> : vector<4xi32>",
        "dense<2.5> : vector<4xf32>",
        "7 : i128",
        "1.5 : f80",
    ),
    "arg_attrs": (
        "[{llvm.noundef}]",
        "[{}, {llvm.noundef}]",
        "[{llvm.noundef}, {}, {}]",
        "[{llvm.align = 8 : i64}, {llvm.nonnull}, {}]",
    ),
    "res_attrs": ("[{llvm.noundef}]", "[{llvm.range = #llvm.constant_range<i32, 0, 100>}]"),
    "op_bundle_sizes": ("array<i32>", "array<i32: 0>"),
    "op_bundle_tags": (),
    "CConv": ("#llvm.cconv<ccc>", "#llvm.cconv<fastcc>"),
    "TailCallKind": ("#llvm.tailcallkind<tail>", "#llvm.tailcallkind<notail>"),
    "tail_call_kind": ("#llvm.tailcallkind<tail>", "#llvm.tailcallkind<notail>"),
    "memory_effects": (
        "#llvm.memory_effects<other = none, argMem = read, inaccessibleMem = none>",
        "#llvm.memory_effects<other = none, argMem = none, inaccessibleMem = none>",
        # Since MLIR 23 there are more places.
        "#llvm.memory_effects<other = none, argMem = read, inaccessibleMem = none, "
        "errnoMem = none, targetMem0 = none, targetMem1 = none>",
    ),
    "allocsize": ("array<i32: 0>",),
    "default_func_attrs": ('{key = "value"}',),
    "modular_format": ('"a,b"',),
    "nobuiltins": ("[]", '["exp"]'),
    "trap_func_name": ('"trap"',),
    "zero_call_used_regs": ('"skip"',),
    "intrin": ('"llvm.fabs.f32"', '"llvm.ctpop.i32"', '"llvm.donothing"'),
    "asm_string": ('"nop"',),
    "constraints": ('""', '"=r"', '"=r,r"'),
    "asm_dialect": ("0 : i64", "1 : i64"),
    "operand_attrs": (),
    "bit": tuple(f"{each} : i32" for each in (0, 3, 128, 1023)),
    "prob": ("5.000000e-01 : f64", "1.0 : f64"),
    "len": ("8 : i64", "4 : i32"),
    "size": ("4 : i64", "8 : i64"),
    **dict.fromkeys(
        ("rw", "hint", "cache", "failureKind"), ("0 : i32", "1 : i32", "0 : i8", "3 : i8")
    ),
    "pos": ("0 : i64", "4 : i64"),
    "roundingmode": tuple(f"{each} : i64" for each in (0, 1, 2, 3, 4, 7)),
    "fpExceptionBehavior": tuple(f"{each} : i64" for each in (0, 1, 2)),
    "cleanup": _UNIT,
    **dict.fromkeys(("rows", "columns", "lhs_rows", "lhs_columns", "rhs_columns"), _COUNTS),
    "tag": ("#llvm.blocktag<id = 1>",),
    "function_name": ("@callee",),
    "block_addr": (),
    **dict.fromkeys(("varInfo", "locationExpr", "label", "metadata"), ()),
}
"""Values to try for each attribute. None for those that only text written by hand can have: they
refer to something else in the module.
"""

PRELUDE = """
llvm.mlir.global internal @global(7 : i32) : i32
llvm.func @callee(%x: i32) -> i32 { llvm.return %x : i32 }
"""


# What operands of these names usually are.
_HINTS = {
    "mask": "vector<4xi1>",
    "evl": "i32",
    "line": "i32",
    "stride": "i64",
    "len": "i64",
    "cond": "i1",
    "condition": "i1",
    "power": "i32",
    "ptrs": "vector<4x!llvm.ptr>",
    **dict.fromkeys(("ptr", "addr", "annotation", "fileName", "attr", "dst", "start"), "!llvm.ptr"),
}

# What stands elsewhere than in a block, ends one, or refers to what a module must have besides: the
# corpus has these, or they are refused.
APART = {
    "llvm." + name
    for name in str.split(
        "mlir.alias mlir.global mlir.global_ctors mlir.global_dtors mlir.ifunc comdat "
        "comdat_selector func linker_options module_flags named_metadata br cond_br switch "
        "indirectbr invoke landingpad resume return unreachable blockaddress blocktag inline_asm "
        "mlir.metadata_as_value mlir.none intr.dbg.declare intr.dbg.value intr.dbg.label "
        "intr.coro.align intr.coro.begin intr.coro.end intr.coro.free intr.coro.id "
        "intr.coro.promise intr.coro.resume intr.coro.save intr.coro.size intr.coro.suspend "
        # These take an alloca, the address of a thread's variable, a function's further arguments.
        "intr.lifetime.start intr.lifetime.end intr.threadlocal.address intr.vastart"
    )
}

# Whose verifiers, in MLIR, do not survive other types.
_VECTORS = {
    f"llvm.intr.vector.{name}" for name in ("interleave2", "deinterleave2", "insert", "extract")
}


@dataclass(frozen=True)
class Case:
    """One operation with operands, result and attributes that MLIR accepts."""

    name: str
    operands: tuple[str, ...]
    result: str | None
    attributes: tuple[tuple[str, str], ...]

    def function(self, symbol: str) -> str:
        """A function that loads the operands one after the other, does it and stores the result."""
        lines = [f"llvm.func @{symbol}(%from: !llvm.ptr, %to: !llvm.ptr) {{"]
        for index, type_ in enumerate(self.operands):
            place = f"llvm.getelementptr %from[{32 * index}] : (!llvm.ptr) -> !llvm.ptr, i8"
            lines.append(f"  %p{index} = {place}")
            lines.append(f"  %a{index} = llvm.load %p{index} : !llvm.ptr -> {type_}")
        names = ", ".join(f"%a{index}" for index in range(len(self.operands)))
        types = ", ".join(self.operands)
        properties = ", ".join(f"{name} = {value}" for name, value in self.attributes)
        head = "" if self.result is None else "%r = "
        properties = f" <{{{properties}}}>" if properties else ""
        lines.append(
            f'  {head}"{self.name}"({names}){properties} : ({types}) -> {self.result or "()"}'
        )
        if self.result is not None:
            lines.append(f"  llvm.store %r, %to : {self.result}, !llvm.ptr")
        return "\n".join([*lines, "  llvm.return", "}"])

    def module(self) -> str:
        return PRELUDE + self.function("f")


def accepts(context: ir.Context, text: str) -> bool:
    """Whether MLIR parses and verifies the text."""
    try:
        return ir.Module.parse(text, context).operation.verify()
    except ir.MLIRError:
        return False


def translates(context: ir.Context, text: str) -> bool:
    """Whether LLVM accepts the translation, or there is none."""
    try:
        with parsed(lowering.translate(ir.Module.parse(text, context))):
            return True
    except lowering.Unsupported:
        return True
    except lowering.CompileError:
        return False


def _values(name: str) -> tuple[str, ...]:
    return VALUES[name]


class Maker:
    """Makes cases that the verifier accepts, and remembers which types did."""

    def __init__(self, context: ir.Context, seed: int) -> None:
        self._context = context
        self._random = random.Random(seed)
        self._signatures: dict[
            str, list[tuple[tuple[str, ...], str | None, tuple[tuple[str, str], ...]]]
        ] = {}
        self.tried = 0

    def choose(self, choices: Sequence[T]) -> T:
        """One of them at random."""
        return self._random.choice(choices)

    def case(
        self, spec: Spec, attempts: int, wanted: str | None = None, *, by_llvm: bool = False
    ) -> Case | None:
        """A case of the operation with the attribute wanted, or None when none was found.

        `by_llvm` wants LLVM to accept it as well, unless its translation is refused.
        """
        for _ in range(attempts):
            found = self._guess(spec, wanted)
            self.tried += 1
            if found is None or not accepts(self._context, found.module()):
                continue
            if not by_llvm or translates(self._context, found.module()):
                known = self._signatures.setdefault(spec.name, [])
                base = tuple(
                    pair
                    for pair in found.attributes
                    if pair[0] in spec.required or pair[0] == "operandSegmentSizes"
                )
                known.append((found.operands, found.result, base))
                return found
        return None

    def _guess(self, spec: Spec, wanted: str | None) -> Case | None:
        choose = self._random.choice
        known = self._signatures.get(spec.name)
        attributes: dict[str, str] = {}
        if known and self._random.random() < 0.8:
            operands, result, base = choose(known)
            attributes.update(base)
        else:
            counts = [
                {"one": 1, "optional": choose((0, 1)), "variadic": choose((0, 1, 1, 2))}[kind]
                for _, kind in spec.operands
            ]
            if (
                spec.name == "llvm.call"
                or spec.name == "llvm.call_intrinsic"
                or spec.name == "llvm.intr.assume"
            ):
                counts[-1] = 0
            pool = TYPES[: choose((3, 7, 12, len(TYPES)))]
            if spec.name in _VECTORS:
                pool = [each for each in TYPES if each.startswith("vector")]
            main = choose(pool)
            uniform = self._random.random() < 0.5
            names = [
                name
                for (name, _), count in zip(spec.operands, counts, strict=True)
                for _ in range(count)
            ]
            hinted = self._random.random() < 0.8
            if hinted and {"mask", "evl", "vector"} & set(names):
                main = choose([each for each in TYPES if each.startswith("vector<4x")])
            scalar = re.sub(r"vector<\d+x(.*)>", r"\1", main)
            hints = {**_HINTS, "satrt_value": scalar, "start_value": scalar}
            if "evl" in names:
                hints["cond"] = "vector<4xi1>"
            if "vector" in names:
                hints.update(vector=main, value=scalar, position="i32")
            if "container" in names:
                main = hints["value"] = "i32"
                hints["container"] = choose(("!llvm.array<4xi32>", "!llvm.struct<(i32,i1)>"))
            operands = tuple(
                hints[name]
                if hinted and name in hints
                else main
                if uniform or self._random.random() < 0.3
                else choose(pool)
                for name in names
            )
            result = None
            if spec.results:
                flagged = f"!llvm.struct<({main}, i1)>"
                result = choose((main, *operands, scalar, flagged, choose(TYPES)))
                if spec.name in _VECTORS:
                    result = choose((*pool, "!llvm.struct<(vector<4xi32>,vector<4xi32>)>"))
            if spec.segments:
                attributes["operandSegmentSizes"] = f"array<i32: {', '.join(map(str, counts))}>"
            for name in spec.required:
                if not _values(name):
                    return None
                attributes[name] = choose(_values(name))
        for name in spec.optional:
            if (name == wanted or self._random.random() < 0.25) and _values(name):
                attributes[name] = choose(_values(name))
        if wanted is not None and wanted not in attributes:
            if not _values(wanted):
                return None
            attributes[wanted] = choose(_values(wanted))
        if spec.name in ("llvm.call", "llvm.call_intrinsic", "llvm.intr.assume"):
            attributes["op_bundle_sizes"] = "array<i32>"
            attributes.pop("op_bundle_tags", None)
        return Case(spec.name, operands, result, tuple(attributes.items()))


CASES = Path(__file__).parent / "cases.json"


def read() -> dict[str, list[Case]]:
    """The cases that `main` wrote down, by operation."""
    return {
        name: [
            Case(name, tuple(operands), result, tuple(map(tuple, attributes)))
            for operands, result, attributes in rows
        ]
        for name, rows in json.loads(CASES.read_text()).items()
    }


def main() -> None:
    """Writes down, per operation, one case of it and one with each attribute.

    They are found in a process of its own, because MLIR's verifiers do not survive all operands;
    it goes on with other random numbers where it died.
    """
    rows: dict[str, object] = {}
    for seed in range(7, 40):
        missing = [name for name in specs() if name not in rows and name not in APART]
        if not missing:
            break
        done = subprocess.run(
            [sys.executable, __file__, str(seed), *missing], stdout=subprocess.PIPE, check=False
        )
        rows.update(json.loads(line) for line in done.stdout.splitlines())
    lines = (f"{json.dumps(name)}: {json.dumps(rows[name])}" for name in sorted(rows))
    CASES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def search(seed: int, names: list[str]) -> None:
    """Prints the cases of these operations, a line for each."""
    maker = Maker(context(), seed)
    for name in names:
        spec = specs()[name]
        cases = [maker.case(spec, 20_000, by_llvm=True)]
        for attribute in dict.fromkeys((*spec.required, *spec.optional)):
            if cases[0] is not None and _values(attribute):
                cases.append(maker.case(spec, 500, attribute, by_llvm=True))
        rows = [[case.operands, case.result, case.attributes] for case in cases if case is not None]
        print(json.dumps([name, rows]), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        search(int(sys.argv[1]), sys.argv[2:])
    else:
        main()
