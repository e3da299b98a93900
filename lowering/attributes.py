"""Attributes of functions, calls, arguments and results.

Source: LangRef, "Functions", "Parameter Attributes", "Function Attributes". Attributes of other
dialects are dropped; one of the llvm dialect that is not in these tables is an error, because it
may change the meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from lowering.bindings import ir
from lowering.composites import function
from lowering.errors import UnsupportedAttribute
from lowering.scope import ModuleScope
from lowering.types import Types, identifier, quoted

VISIBILITIES = ("", "hidden ", "protected ")
UNNAMED = ("", "local_unnamed_addr ", "unnamed_addr ")

_PARAMETER_UNITS = set(
    str.split(
        "noalias nonnull noundef nocapture readonly readnone writeonly returned nofree nest "
        "signext zeroext inreg immarg "
        "swiftself swiftasync swifterror allocalign allocptr noext writable dead_on_unwind "
        "dead_on_return"
    )
)
_PARAMETER_NUMBERS = {
    "align": "align {}",
    "dereferenceable": "dereferenceable({})",
    "dereferenceable_or_null": "dereferenceable_or_null({})",
    "alignstack": "alignstack({})",
}
_PARAMETER_TYPES = {"byval", "byref", "sret", "inalloca", "preallocated"}
_RENAMED = {"elementtype": "elementtype", "element_type": "elementtype"}

# Attributes without a value, by the names that MLIR gives them.
_UNITS = {
    "no_inline": "noinline",
    "always_inline": "alwaysinline",
    "inline_hint": "inlinehint",
    "no_unwind": "nounwind",
    "will_return": "willreturn",
    "noreturn": "noreturn",
    "optimize_none": "optnone",
    "returns_twice": "returns_twice",
    "hot": "hot",
    "cold": "cold",
    "noduplicate": "noduplicate",
    "convergent": "convergent",
    "nocallback": "nocallback",
    "optsize": "optsize",
    "minsize": "minsize",
    "no_caller_saved_registers": '"no_caller_saved_registers"',
    "save_reg_params": '"save-reg-params"',
}

# Attributes that LLVM keeps as a string with a string value.
_STRINGS = {
    "target_cpu": "target-cpu",
    "tune_cpu": "tune-cpu",
    "reciprocal_estimates": "reciprocal-estimates",
    "prefer_vector_width": "prefer-vector-width",
    "fp_contract": "fp-contract",
    "zero_call_used_regs": "zero-call-used-regs",
    "modular_format": "modular-format",
    "instrument_function_entry": "instrument-function-entry",
    "instrument_function_exit": "instrument-function-exit",
}
_BOOLEANS = {
    "no_signed_zeros_fp_math": "no-signed-zeros-fp-math",
    "use_sample_profile": "use-sample-profile",
}

# What `passthrough` may name without quotes: the enumeration attributes of functions.
_ENUMERATED = set(
    str.split(
        "alwaysinline builtin cold convergent disable_sanitizer_instrumentation "
        "fn_ret_thunk_extern hot hybrid_patchable "
        "inlinehint jumptable minsize mustprogress naked nobuiltin nocallback nocf_check "
        "nocreateundeforpoison "
        "nodivergencesource noduplicate nofree noimplicitfloat noinline nomerge nonlazybind "
        "noprofile norecurse noredzone "
        "noreturn nosanitize_bounds nosanitize_coverage nosync nounwind null_pointer_is_valid "
        "optdebug optforfuzzing "
        "optnone optsize presplitcoroutine returns_twice safestack sanitize_address "
        "sanitize_hwaddress sanitize_memory "
        "sanitize_memtag sanitize_thread shadowcallstack skipprofile speculatable "
        "speculative_load_hardening ssp sspreq "
        "sspstrong strictfp willreturn"
    )
)


def linkage(op: ir.Operation) -> str:
    """The linkage with a space behind; nothing for external, which is LLVM's default."""
    name = _inner(op.attributes["linkage"])
    return "" if name == "external" else name + " "


def placement(op: ir.Operation) -> str:
    """dso_local and visibility, each with a space behind."""
    attributes = op.attributes
    local = "dso_local " if "dso_local" in attributes else ""
    return local + VISIBILITIES[number(attributes.get("visibility_"))]


def number(attribute: Any) -> int:
    """The value of an integer attribute; 0 for none."""
    return 0 if attribute is None else int(attribute.value)


def convention(attribute: ir.Attribute | None) -> str:
    """The calling convention with a space behind; nothing for C."""
    name = "ccc" if attribute is None else _inner(attribute)
    if name == "ccc":
        return ""
    return re.sub(r"^cc_(\d+)$", r"cc \1", name) + " "


def named(dictionary: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a dictionary attribute."""
    for index in range(len(dictionary)):
        entry = dictionary[index]
        yield entry.name, entry.attr


def parameter(dictionary: Any, types: Types) -> str:
    """The attributes of one argument or result, each with a space behind.

    Raises UnsupportedAttribute for one of the llvm dialect that is not known.
    """
    parts = []
    for full_name, attribute in named(dictionary):
        dialect, _, name = full_name.partition(".")
        if dialect != "llvm":
            continue
        if name in _PARAMETER_UNITS:
            parts.append(f"{name} ")
        elif name in _PARAMETER_NUMBERS:
            parts.append(_PARAMETER_NUMBERS[name].format(attribute.value) + " ")
        elif name in _PARAMETER_TYPES:
            parts.append(f"{name}({types.text(attribute.value)}) ")
        elif name in _RENAMED:
            parts.append(f"{_RENAMED[name]}({types.text(attribute.value)}) ")
        else:
            raise UnsupportedAttribute(
                f"cannot translate the argument attribute `{full_name} = {attribute}`: remove "
                f"it, or add it to "
                "lowering/attributes.py"
            )
    return "".join(parts)


def parameters(attributes: Any, types: Types, count: int) -> list[str]:
    """Per argument its attributes, from an array of dictionaries or None."""
    if attributes is None:
        return [""] * count
    return [parameter(each, types) for each in attributes]


def _string(name: str, value: str | None = None) -> str:
    return quoted(name) if value is None else f"{quoted(name)}={quoted(value)}"


def _passthrough(attribute: Any) -> str:
    parts: list[str] = []
    for each in attribute:
        if isinstance(each, ir.StringAttr):
            name: str = each.value
            parts.append(name if name in _ENUMERATED else _string(name))
            continue
        key, value = (part.value for part in each)
        if key in ("alignstack", "allocsize", "vscale_range"):
            parts.append(f"{key}({value})")
        elif key == "memory":
            raise UnsupportedAttribute(
                "cannot translate `memory` in `passthrough`; use memory_effects = "
                "#llvm.memory_effects<...>"
            )
        else:
            parts.append(_string(key, value))
    return " ".join(parts)


def _inner(attribute: Any) -> str:
    """What stands between the angle brackets of a printed attribute."""
    return str(attribute).partition("<")[2].rpartition(">")[0]


def _memory_effects(attribute: Any) -> str:
    effects = dict(re.findall(r"(\w+) = (\w+)", str(attribute)))
    locations = (
        ("argMem", "argmem"),
        ("inaccessibleMem", "inaccessiblemem"),
        ("errnoMem", "errnomem"),
    )
    default = effects.get("other", "readwrite")
    parts = [default]
    parts += [
        f"{text}: {effects[key]}" for key, text in locations if effects.get(key, default) != default
    ]
    return f"memory({', '.join(parts)})"


def _target_features(attribute: Any) -> str:
    return _string("target-features", ",".join(re.findall(r'"([^"]*)"', str(attribute))))


def _denormals(attribute: Any) -> str:
    """LLVM 22 spells the floating-point environment as two string attributes."""
    modes: dict[str, str] = dict(re.findall(r"(\w+) = (\w+)", str(attribute)))
    spelled = {"preservesign": "preserve-sign", "positivezero": "positive-zero"}

    def mode(kind: str) -> str:
        pair = (modes.get(f"{kind}_output_mode", "ieee"), modes.get(f"{kind}_input_mode", "ieee"))
        return ",".join(spelled.get(each, each) for each in pair)

    text = _string("denormal-fp-math", mode("default"))
    return f"{text} {_string('denormal-fp-math-f32', mode('float'))}"


def _no_builtins(attribute: Any) -> str:
    names = [each.value for each in attribute]
    return " ".join(_string(f"no-builtin-{name}") for name in names) if names else '"no-builtins"'


def _allocsize(attribute: Any) -> str:
    return f"allocsize({', '.join(str(each) for each in attribute)})"


def _defaults(attribute: Any) -> str:
    return " ".join(_string(name, value.value) for name, value in named(attribute))


def _unwind_tables(attribute: Any) -> str:
    return {"none": "", "sync": "uwtable(sync)", "async": "uwtable"}[_inner(attribute)]


_OTHERS: dict[str, Callable[[Any], str]] = {
    "passthrough": _passthrough,
    "memory_effects": _memory_effects,
    "target_features": _target_features,
    "denormal_fpenv": _denormals,
    "nobuiltins": _no_builtins,
    "allocsize": _allocsize,
    "default_func_attrs": _defaults,
    "uwtable_kind": _unwind_tables,
    "frame_pointer": lambda attribute: _string("frame-pointer", _inner(attribute).strip('"')),
    "vscale_range": lambda attribute: "vscale_range({},{})".format(
        *re.findall(r"= (\d+)", str(attribute))
    ),
}

# Written elsewhere in the line, or without meaning for the code.
_ELSEWHERE = set(
    str.split(
        "sym_name function_type sym_visibility linkage dso_local CConv arg_attrs res_attrs "
        "visibility_ section unnamed_addr "
        "alignment garbageCollector function_entry_count vec_type_hint work_group_size_hint "
        "reqd_work_group_size "
        "intel_reqd_sub_group_size"
    )
)
_OF_CALLS = set(
    str.split(
        "callee var_callee_type fastmathFlags TailCallKind op_bundle_sizes op_bundle_tags "
        "operandSegmentSizes "
        "branch_weights access_groups alias_scopes noalias_scopes tbaa intrin"
    )
)


def function_attributes(op: ir.Operation) -> str:
    """The attributes of a function or of a call, each with a space in front.

    Raises UnsupportedAttribute for one that is not known.
    """
    parts = []
    attributes = op.attributes
    for name in attributes:
        if name in _ELSEWHERE or name in _OF_CALLS or "." in name:
            continue
        if name in _UNITS:
            parts.append(_UNITS[name])
        elif name in _STRINGS:
            parts.append(_string(_STRINGS[name], attributes[name].value))
        elif name in _BOOLEANS:
            value = "true" if attributes[name].value else "false"
            parts.append(_string(_BOOLEANS[name], value))
        elif name in _OTHERS:
            parts.append(_OTHERS[name](attributes[name]))
        else:
            raise UnsupportedAttribute(
                f"cannot translate the attribute `{name} = {attributes[name]}` of `{op.name}`: "
                f"remove it, or add it to "
                "lowering/attributes.py"
            )
    return "".join(f" {part}" for part in parts if part)


def function_head(module: ModuleScope, op: ir.Operation, *, declaration: bool) -> str:
    """The `declare` line, or the `define` line up to its brace."""
    attributes = op.attributes
    types = module.types
    type_ = function(attributes["function_type"].value)
    assert type_ is not None  # the verifier has seen to it
    name = attributes["sym_name"].value
    of_arguments = parameters(attributes.get("arg_attrs"), types, len(type_.inputs))
    inputs = [
        f"{types.text(each)} {of}".rstrip() if declaration else f"{types.text(each)} {of}%{index}"
        for index, (each, of) in enumerate(zip(type_.inputs, of_arguments, strict=True))
    ]
    if type_.variadic:
        inputs.append("...")
    (of_result,) = parameters(attributes.get("res_attrs"), types, 1)
    prefix = f"{linkage(op)}{placement(op)}{convention(attributes.get('CConv'))}{of_result}"
    text = f"{prefix}{types.text(type_.result)} @{identifier(name)}({', '.join(inputs)})"
    if unnamed := UNNAMED[number(attributes.get("unnamed_addr"))]:
        text += " " + unnamed.rstrip()
    text += function_attributes(op)
    if "section" in attributes:
        text += f" section {quoted(attributes['section'].value)}"
    if alignment := number(attributes.get("alignment")):
        text += f" align {alignment}"
    if "garbageCollector" in attributes:
        text += f" gc {quoted(attributes['garbageCollector'].value)}"
    count = attributes.get("function_entry_count")
    if count is not None and not declaration:
        body = f'!{{!"function_entry_count", i64 {count.value}}}'
        text += f" !prof {module.metadata(body)}"
    return f"declare {text}" if declaration else f"define {text} {{"
