"""`micrograd cache`: what is there, and clearing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from micrograd.cache import folder, store
from micrograd.cli.main import main

KEY = "ab" * 32


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MICROGRAD_CACHE", "1")
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "_sizes", {})
    monkeypatch.setattr(folder, "_warned", set())
    return tmp_path / "cache"


def test_it_is_shown_and_cleared(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"folder   {place}",
        "state    on; the folder is not there yet, or not trusted",
        "kept     0 files, 0 MB, of at most 512 MB",
    ]
    store.store(KEY, bytes(1 << 20))
    (place / "mine").write_text("")
    assert main(["cache", "info"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == [
        "state    on", "kept     1 file, 1 MB, of at most 512 MB", "used     0.0 to 0.0 days ago"
    ]  # fmt: skip
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"removed 1 file, 1 MB from {place}\n"
    assert [file.name for file in place.iterdir()] == ["mine"]


@pytest.mark.parametrize(("said", "state"), [("0", "off, by"), ("check", "on; the")])
def test_its_state_is_said(
    said: str, state: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE", said)
    assert main(["cache", "info"]) == 0
    assert f"state    {state}" in capsys.readouterr().out


def test_without_a_home_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MICROGRAD_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "nowhere")
    for what in ("info", "clear"):
        assert main(["cache", what]) == 0
        assert "name one: MICROGRAD_CACHE_DIR" in capsys.readouterr().out
