"""The folder: where it is, whom it belongs to, and what stays in it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from micrograd.cache import folder, store
from micrograd.checking import is_checking

KEYS = [f"{k:02x}" * 32 for k in range(20)]


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is this test's, which is not there yet."""
    monkeypatch.setenv("MICROGRAD_CACHE", "1")
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path / "a" / "cache"))
    monkeypatch.delenv("MICROGRAD_CACHE_SIZE", raising=False)
    monkeypatch.setattr(folder, "_warned", set())
    monkeypatch.setattr(store, "_sizes", {})
    return tmp_path / "a" / "cache"


def test_it_is_made_for_its_user_when_something_is_stored(own: Path) -> None:
    assert store.load(KEYS[0]) is None
    assert not own.exists()
    store.store(KEYS[0], b"x")
    assert store.load(KEYS[0]) == b"x"
    assert own.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"MICROGRAD_CACHE_DIR": "/m"}, "/m"),
        ({"MICROGRAD_CACHE_DIR": "~/m"}, "/home/me/m"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/micrograd"),
        ({"MICROGRAD_CACHE_DIR": "", "XDG_CACHE_HOME": "x"}, "/home/me/.cache/micrograd"),
        ({}, "/home/me/.cache/micrograd"),
        ({"HOME": "here"}, None),
    ],
)
def test_where_it_is(
    said: dict[str, str], found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MICROGRAD_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **said}.items():
        monkeypatch.setenv(name, value)
    assert folder.path() == found
    if found is None:
        store.store(KEYS[0], b"x")
        assert store.load(KEYS[0]) is None


def test_without_a_home_it_is_the_one_that_the_system_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MICROGRAD_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    found = folder.path()
    assert found is None or os.path.isabs(found)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_to_is_not_used_and_that_is_said_once(
    own: Path, mode: int
) -> None:
    store.store(KEYS[0], b"x")
    own.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write to it; make it yours alone"):
        assert store.load(KEYS[0]) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.store(KEYS[1], b"x")
        assert store.load(KEYS[0]) is None
    assert len(list(own.iterdir())) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="gives folders away, as root only may")
def test_a_folder_of_another_user_is_not_used(own: Path) -> None:
    own.mkdir(parents=True)
    os.chown(own, 12345, 12345)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        store.store(KEYS[0], b"x")
    assert list(own.iterdir()) == []


def test_a_file_in_its_place_is_no_error(own: Path) -> None:
    own.parent.mkdir()
    own.write_text("no folder")
    store.store(KEYS[0], b"x")
    assert store.load(KEYS[0]) is None
    assert own.read_text() == "no folder"


def test_what_was_not_used_for_longest_goes(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE_SIZE", "0.01")  # 10,485 bytes
    for k in range(10):
        store.store(KEYS[k], bytes(920))  # 1,000 with what is in front
        os.utime(own / f"{KEYS[k]}.kept", (1000 + k, 1000 + k))
    assert store.load(KEYS[2]) == bytes(920)  # used now
    store.store(KEYS[10], bytes(920))
    kept = [k for k in range(11) if (own / f"{KEYS[k]}.kept").exists()]
    assert kept == [2, 4, 5, 6, 7, 8, 9, 10]
    assert sum(file.stat().st_size for file in own.iterdir()) <= 0.8 * 10485
    store.store(KEYS[11], bytes(5000))  # more than its part
    assert store.load(KEYS[11]) is None


def test_a_size_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE_SIZE", "much")
    with pytest.warns(RuntimeWarning, match="a number of megabytes, 0 or more, got 'much'"):
        assert folder.most_bytes() == 512 << 20


def test_clearing_leaves_what_is_not_of_the_cache(own: Path) -> None:
    store.store(KEYS[0], b"x")
    (own / "mine").write_text("mine")
    (own / f"{KEYS[1]}.kept.1.1.half").write_text("")
    assert len(store.clear(str(own))) == 2
    assert [file.name for file in own.iterdir()] == ["mine"]


def test_what_a_process_left_half_written_goes_after_a_while(own: Path) -> None:
    store.store(KEYS[0], b"x")
    old, new = own / "old.half", own / "new.half"
    old.write_text("")
    new.write_text("")
    os.utime(old, (1000, 1000))
    assert [entry.size for entry in store.entries(str(own))] == [81]
    assert sorted(file.name for file in own.iterdir()) == [f"{KEYS[0]}.kept", "new.half"]


@pytest.mark.parametrize("said", ["0", "off", "OFF", "no", "false"])
def test_it_is_off_when_the_environment_says_so(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE", said)
    assert folder.is_off()


@pytest.mark.parametrize("said", ["", "1", "on", "Yes", "true", "check", "0"])
def test_what_the_environment_may_say_is_taken(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE", said)
    assert folder.is_off() is (said == "0")


def test_what_it_may_not_say_is_said(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE", "chek")
    with pytest.warns(RuntimeWarning, match=r"no, false\), or check, got 'chek', which is taken"):
        assert not folder.is_off()
    monkeypatch.setenv("MICROGRAD_CACHE_SIZE", "-3")
    with pytest.warns(
        RuntimeWarning, match="megabytes, 0 or more, got '-3', which is taken for 512"
    ):
        assert store.load(KEYS[0]) is None


@pytest.mark.parametrize("said", ["0", "off", "No", ""])
def test_checks_are_off_when_the_environment_says_so(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROGRAD_CHECK", said)
    assert not is_checking()
