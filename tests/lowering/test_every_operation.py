"""Every operation of the dialect, with every attribute that it has: translated or refused by name.

The operations, their operands and attributes are those of the classes that MLIR generates from the
dialect's definition (see `dialect.py`); `fuzz_dialect.py` tries them at random for as long as one
likes.
"""

from __future__ import annotations

import collections
import functools
import re
from pathlib import Path

import pytest
from dialect import APART, VALUES, Case, Spec, accepts, read, specs
from fuzz_dialect import compare
from harness import parse
from oracle import tool

import lowering
from lowering.accounts import DROPPED, KNOWN
from lowering.backend import parsed
from lowering.bindings import context, package
from lowering.operations import WRITERS

# Those of MLIR 22, which the cases are of; what later versions add is refused by its name.
SPECS = {name: spec for name, spec in specs().items() if name in read() or name in APART}
ALONE = {name: spec for name, spec in SPECS.items() if name not in APART}

# Operations of modules, which `translation.py` writes itself, or drops.
AT_THE_TOP = {
    f"llvm.{name}"
    for name in str.split(
        "func mlir.global mlir.alias mlir.global_ctors mlir.global_dtors comdat comdat_selector "
        "module_flags named_metadata linker_options"
    )
}

# Valid MLIR that is refused, by the name of the operation.
REFUSED = {
    f"llvm.{name}"
    for name in str.split(
        "blockaddress blocktag indirectbr dso_local_equivalent mlir.ifunc mlir.none "
        "mlir.metadata_as_value intr.vscale intr.matrix.column.major.load "
        "intr.matrix.column.major.store intr.matrix.multiply intr.matrix.transpose "
        "intr.coro.align intr.coro.begin intr.coro.end intr.coro.free intr.coro.id "
        "intr.coro.promise intr.coro.resume intr.coro.save intr.coro.size intr.coro.suspend"
    )
}


# Calls have more attributes since MLIR 23; the reference, of 22, reads them and says nothing.
OF_NEWER_VERSIONS = set(
    str.split(
        "allocsize builtin cold default_func_attrs hot minsize modular_format "
        "no_caller_saved_registers nobuiltin nobuiltins nocallback noduplicate noreturn optsize "
        "returns_twice save_reg_params trap_func_name zero_call_used_regs"
    )
)


@functools.cache
def accepted() -> dict[str, list[Case]]:
    """The cases that these bindings know: attributes are not the same in all versions."""
    ctx = context()
    return {
        name: [case for case in cases if accepts(ctx, case.module())]
        for name, cases in read().items()
        if name in ALONE
    }


of_22 = pytest.mark.skipif(
    specs().keys() != SPECS.keys(), reason="these bindings are later than the cases"
)


@of_22
def test_there_is_a_case_of_each_operation_and_attribute() -> None:
    found = read()
    assert [name for name in ALONE if not found.get(name)] == []
    assert [name for name in ALONE if not accepted()[name]] == []
    lost = [
        f"{spec.name} {attribute}"
        for spec in ALONE.values()
        for attribute in (*spec.required, *spec.optional)
        if VALUES[attribute]
        and not any(attribute in dict(case.attributes) for case in found[spec.name])
    ]
    assert lost == []


def test_none_is_left_out() -> None:
    if package() != "mlir":
        pytest.skip("these bindings are not of MLIR 22")
    assert specs().keys() == SPECS.keys()


def test_each_operation_is_translated_or_refused() -> None:
    written = {name for name in SPECS if name in WRITERS} | AT_THE_TOP
    assert written & REFUSED == set()
    assert SPECS.keys() - written - REFUSED == set()


@of_22
def test_each_attribute_is_known_or_dropped_or_refused() -> None:
    refused = {
        f"{spec.name} {attribute}"
        for spec in SPECS.values()
        if spec.name not in REFUSED
        for attribute in (*spec.required, *spec.optional)
        if attribute not in KNOWN.get(spec.name, ()) and attribute not in DROPPED
    }
    # Of other processors, and for variables that no linker of running processes can place.
    assert refused <= {
        "llvm.alloca inalloca",
        "llvm.mlir.global target_specific_attrs",
        *(
            f"llvm.func arm_{name}"
            for name in str.split(
                "in_za inout_za locally_streaming new_za out_za preserves_za streaming "
                "streaming_compatible"
            )
        ),
    }


def test_the_corpus_has_what_does_not_stand_alone() -> None:
    text = "".join(path.read_text() for path in (Path(__file__).parent / "corpus").glob("*.mlir"))
    names = set(re.findall(r"llvm\.[\w.]+", text))
    needed = {
        f"llvm.{name}"
        for name in str.split(
            "br cond_br switch invoke landingpad resume return unreachable inline_asm func "
            "mlir.global mlir.alias comdat comdat_selector intr.lifetime.start intr.lifetime.end "
            "intr.vastart"
        )
    }
    assert needed - names == set()


@pytest.mark.parametrize("spec", ALONE.values(), ids=ALONE)
def test_is_valid_or_refused_by_name(spec: Spec) -> None:
    for case in accepted()[spec.name]:
        try:
            llvm_ir = lowering.translate(parse(case.module()))
        except lowering.Unsupported as error:
            message = str(error)
            assert "was not expected" not in message
            assert "of: @f" in message
            if spec.name in REFUSED:
                assert spec.name in message
            continue
        assert spec.name not in REFUSED
        with parsed(llvm_ir):
            pass


@pytest.mark.skipif(tool("mlir-translate") is None, reason="there is no mlir-translate")
def test_is_what_the_reference_says() -> None:
    kept = []
    for name in sorted(ALONE.keys() - REFUSED):
        for case in accepted()[name]:
            try:
                with parsed(lowering.translate(parse(case.module()))):
                    kept.append(case)
            except lowering.LoweringError:
                continue
    kept = [
        case for case in kept if OF_NEWER_VERSIONS.isdisjoint(name for name, _ in case.attributes)
    ]
    counts: collections.Counter[str] = collections.Counter()
    wrong = []
    for start in range(0, len(kept), 50):
        wrong += compare(context(), kept[start : start + 50], counts)
    assert wrong == []
    assert counts["the same"] > 200
    assert counts["run"] > 80
