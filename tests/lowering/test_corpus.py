"""Each operation and feature, translated here and by MLIR's own translation, and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Check, call, checks, equal, parse, values
from oracle import reference_ir

import lowering

FILES = sorted((Path(__file__).parent / "corpus").glob("*.mlir"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("opt_level", [0, 2])
def test_gives_what_the_file_says(path: Path, opt_level: int) -> None:
    text = path.read_text()
    native = lowering.compile(parse(text), opt_level=opt_level)
    for check in checks(text):
        bytes_ = call(native, check.name, check.signature, *check.arguments)
        outcome = values(check.signature, bytes_)
        if check.expected is not None:
            found = outcome[: len(check.expected)]
            assert equal(found, list(check.expected)), f"{check}: {found}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_gives_what_the_reference_gives(path: Path) -> None:
    text = path.read_text()
    reference = reference_ir(text)

    def outcomes(native: lowering.NativeModule) -> list[tuple[Check, list[bytes]]]:
        return [
            (check, call(native, check.name, check.signature, *check.arguments))
            for check in checks(text)
        ]

    # At level 0, so that nothing folds away what is compared.
    ours = outcomes(lowering.compile(parse(text), opt_level=0))
    theirs = outcomes(lowering.compile_ir(reference, opt_level=0))
    assert ours == theirs


def test_every_file_has_checks_with_expected_values() -> None:
    assert len(FILES) > 20
    for path in FILES:
        assert any(check.expected is not None for check in checks(path.read_text())), path
