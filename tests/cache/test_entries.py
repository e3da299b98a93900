"""Files of the cache: whole and trusted, or not used; and writing them, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from micrograd.cache import entries, folder

KEY, OTHER = "ab" * 32, "cd" * 32
PAYLOAD = b"what was made"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / f"{KEY}.kept"
    entries.write(str(path), KEY, PAYLOAD)
    return path


def test_what_was_written_is_read(file: Path) -> None:
    assert entries.read(str(file), KEY) == PAYLOAD
    assert entries.read(str(file), OTHER) is None
    assert entries.read(str(file) + "x", KEY) is None
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert os.listdir(file.parent) == [file.name]


def test_a_change_of_any_bit_is_seen_and_so_is_any_other_length() -> None:
    whole = entries.packed(KEY, PAYLOAD)
    assert entries.unpacked(KEY, whole) == PAYLOAD
    for k in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[k] ^= 1 << bit
            assert entries.unpacked(KEY, bytes(changed)) is None
        assert entries.unpacked(KEY, whole[:k]) is None
        assert entries.unpacked(KEY, whole[k:]) is None or k == 0
    assert entries.unpacked(KEY, whole + b"\0") is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_may_write_to_is_not_read(file: Path, mode: int) -> None:
    os.chmod(file, mode)
    assert entries.read(str(file), KEY) is None


def test_links_pipes_and_folders_are_not_read(file: Path) -> None:
    link, pipe = file.parent / "link", file.parent / "pipe"
    link.symlink_to(file)
    os.mkfifo(pipe)
    for path in (link, pipe, file.parent):
        assert entries.read(str(path), KEY) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away, as root only may")
def test_what_is_another_users_is_not_read(file: Path, tmp_path: Path) -> None:
    os.chown(file, 12345, 12345)
    assert entries.read(str(file), KEY) is None
    os.chown(file, 0, 0)
    assert entries.read(str(file), KEY) == PAYLOAD
    assert folder.distrusted(os.stat(file)) == ""


def test_an_interrupt_while_it_is_written_leaves_what_was_there(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        entries.write(str(file), KEY, b"other")
    assert os.listdir(file.parent) == [file.name]
    assert entries.read(str(file), KEY) == PAYLOAD


def test_threads_that_write_and_read_at_once_see_whole_payloads(file: Path) -> None:
    payloads = [bytes([k]) * (1000 + k) for k in range(4)]
    wrong: list[bytes | None] = []

    def write(payload: bytes) -> None:
        for _ in range(40):
            entries.write(str(file), KEY, payload)
            found = entries.read(str(file), KEY)
            if found not in payloads:
                wrong.append(found)

    threads = [threading.Thread(target=write, args=[payload]) for payload in payloads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert os.listdir(file.parent) == [file.name]


def test_a_full_disk_is_no_error(tmp_path: Path) -> None:
    program = f"""
import os, resource
from micrograd.cache import store
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
store.store({KEY!r}, b"x" * 100)
store.store({OTHER!r}, b"x" * 5000)
print(store.load({KEY!r}) == b"x" * 100, store.load({OTHER!r}), os.listdir({str(tmp_path)!r}))
"""
    env = {**os.environ, "MICROGRAD_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"True None ['{KEY}.kept']\n"
