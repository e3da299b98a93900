"""A browser for the tests of pages: Chromium, headless, one for all tests of a process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a skipped test that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    alone = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=alone)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens a file, or an address, in a window of its own.

    Behind the test, nothing may have been said on the console, and nothing been asked for but what
    was opened.
    """
    contexts, said, asked = [], [], []

    def open_(page: Path | str, **options: Any) -> Any:
        options = {"viewport": {"width": 1600, "height": 950}, **options}
        contexts.append(browser.new_context(**options))
        window = contexts[-1].new_page()
        window.set_default_timeout(180_000)
        window.on("console", lambda message: said.append(message.text))
        window.on("pageerror", lambda error: said.append(str(error)))
        address = page if isinstance(page, str) else page.resolve().as_uri()
        window.on("request", lambda request: asked.append((address, request.url)))
        window.goto(address)
        return window

    yield open_
    for context in contexts:
        context.close()
    assert said == []
    elsewhere = [url for page, url in asked if not url.startswith((page, "data:"))]
    assert elsewhere == []
