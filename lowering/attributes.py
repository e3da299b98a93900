"""Attributes of functions and calls.

Source: LangRef, "Functions", "Function Attributes", "Calling Conventions". One of the llvm dialect
that is not in these tables is an error, because it may change the meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lowering.bindings import ir
from lowering.composites import function
from lowering.errors import UnsupportedAttribute
from lowering.parameters import named, parameters
from lowering.scope import ModuleScope
from lowering.types import identifier, quoted

VISIBILITIES = ("", "hidden ", "protected ")
UNNAMED = ("", "local_unnamed_addr ", "unnamed_addr ")
_THREAD_LOCAL = (
    "",
    "thread_local ",
    "thread_local(localdynamic) ",
    "thread_local(initialexec) ",
    "thread_local(localexec) ",
)

# Conventions that LLVM IR calls otherwise, by their numbers.
_CONVENTIONS = {
    "ptx_kernelcc": 71,
    "ptx_devicecc": 72,
    "spir_funccc": 75,
    "spir_kernelcc": 76,
    "avr_builtincc": 86,
    "amdgpu_kernelcc": 91,
    "msp430_builtincc": 94,
    "aarch64_vectorcallcc": 97,
    "aarch64_sve_vectorcallcc": 98,
    "wasm_emscripten_invokecc": 99,
    "amdgpu_gfxcc": 100,
    "m68k_intrcc": 101,
}

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
    "builtin": "builtin",
    "nobuiltin": "nobuiltin",
    "optsize": "optsize",
    "minsize": "minsize",
    "no_caller_saved_registers": '"no_caller_saved_registers"',
    "save_reg_params": '"save-reg-params"',
}

# Attributes that LLVM keeps as a string with a string value.
_STRINGS = {
    "denormal_fp_math": "denormal-fp-math",
    "denormal_fp_math_f32": "denormal-fp-math-f32",
    "target_cpu": "target-cpu",
    "tune_cpu": "tune-cpu",
    "reciprocal_estimates": "reciprocal-estimates",
    "prefer_vector_width": "prefer-vector-width",
    "fp_contract": "fp-contract",
    "zero_call_used_regs": "zero-call-used-regs",
    "modular_format": "modular-format",
    "trap_func_name": "trap-func-name",
    "instrument_function_entry": "instrument-function-entry",
    "instrument_function_exit": "instrument-function-exit",
}
_BOOLEANS = {
    "no_signed_zeros_fp_math": "no-signed-zeros-fp-math",
    "use_sample_profile": "use-sample-profile",
    "no_infs_fp_math": "no-infs-fp-math",
    "no_nans_fp_math": "no-nans-fp-math",
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


def thread_local(attributes: Any) -> str:
    """Whether each thread has its own, with a space behind: a mark in MLIR 22, a mode later."""
    mode = number(attributes.get("tls_mode"))
    return _THREAD_LOCAL[mode or int("thread_local_" in attributes)]


def number(attribute: Any) -> int:
    """The value of an integer attribute; 0 for none."""
    return 0 if attribute is None else int(attribute.value)


def convention(attribute: ir.Attribute | None) -> str:
    """The calling convention with a space behind; nothing for C."""
    name = "ccc" if attribute is None else _inner(attribute)
    if name == "ccc":
        return ""
    if name in _CONVENTIONS:
        return f"cc {_CONVENTIONS[name]} "
    return re.sub(r"^cc_(\d+)$", r"cc \1", name) + " "


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


def function_attributes(op: ir.Operation) -> str:
    """The attributes of a function or of a call that stand behind its arguments, each with a space
    in front. Requires that `accounts.check` has passed the operation.
    """
    parts = []
    attributes = op.attributes
    for name in attributes:
        if name in _UNITS:
            parts.append(_UNITS[name])
        elif name in _STRINGS:
            parts.append(_string(_STRINGS[name], attributes[name].value))
        elif name in _BOOLEANS:
            value = "true" if attributes[name].value else "false"
            parts.append(_string(_BOOLEANS[name], value))
        elif name in _OTHERS:
            parts.append(_OTHERS[name](attributes[name]))
    return "".join(f" {part}" for part in parts if part)


TRANSLATED = frozenset((*_UNITS, *_STRINGS, *_BOOLEANS, *_OTHERS))
"""The names of the attributes that `function_attributes` writes."""


def comdat(op: ir.Operation) -> str:
    """` comdat($name)` for a function or a global that is in a group, else nothing."""
    if "comdat" not in op.attributes:
        return ""
    selector: Any = op.attributes["comdat"]
    return f" comdat(${identifier(selector.value[-1])})"


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
    text += comdat(op)
    if alignment := number(attributes.get("alignment")):
        text += f" align {alignment}"
    if "garbageCollector" in attributes:
        text += f" gc {quoted(attributes['garbageCollector'].value)}"
    count = attributes.get("function_entry_count")
    if count is not None and not declaration:
        body = f'!{{!"function_entry_count", i64 {count.value}}}'
        text += f" !prof {module.metadata(body)}"
    if "personality" in attributes and not declaration:
        text += f" personality ptr @{identifier(attributes['personality'].value)}"
    return f"declare {text}" if declaration else f"define {text} {{"
