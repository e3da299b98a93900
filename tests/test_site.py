"""The site that Sphinx makes of the documents: no warnings, every link leads somewhere, and nothing
is loaded from elsewhere.
"""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

from micrograd.opdef import Op

for package in ("sphinx", "myst_parser", "furo", "nbformat"):
    pytest.importorskip(package, reason="the site is made by the packages of the `docs` extra")

ROOT = Path(__file__).parent.parent
MODULES = ["commands", "conf", "docstrings", "inline_pictures", "mlir_lexer", "notebook_pages"]


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """What `make site` runs."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", str(ROOT / "docs")),
            *("-d", f"{target}.doctrees", "-b", "html", str(source), str(target)),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT, target)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return target


class Page(HTMLParser):
    """What a page loads, where its links lead, and which places in it links may name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.places |= {given["id"]} if "id" in given else set()
        if tag == "a":
            self.links += [given["href"]] if "href" in given else []
        elif given.get("rel") not in ("index", "search", "next", "prev", "author", "top"):
            names = ("src", "srcset", "href", "data", "poster", "action")
            self.loads += [given[name] for name in names if name in given]


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for path, page in pages(site).items():
        elsewhere = [x for x in page.loads if re.match(r"(\w+:)?//", x)]
        assert not elsewhere, path
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:\w+:)?//|@import", style.read_text()), style


def test_links_lead_to_files_and_places_of_the_site(site: Path) -> None:
    found = pages(site)
    wrong = []
    for path, page in found.items():
        for link in page.links:
            name, _, place = link.partition("#")
            if re.match(r"\w+:", name):
                continue
            target = (path.parent / unquote(name)).resolve() if name else path
            if not target.exists() or (
                place and target in found and unquote(place) not in found[target].places
            ):
                wrong.append(f"{path.name}: {link}")
    assert not wrong


def test_every_page_can_be_found_from_the_front(site: Path) -> None:
    front = Page(site / "README.html")
    reached = {(site / link.partition("#")[0]).resolve() for link in front.links}
    own = {site / name for name in ("README.html", "genindex.html", "index.html", "search.html")}
    assert {path.resolve() for path in pages(site) if path not in own} <= reached


PUBLIC = ("micrograd", "micrograd.nn", "micrograd.optim", "micrograd.losses", "micrograd.datasets",
          "micrograd.checkpoint", "micrograd.tensor", "micrograd.matrix", "micrograd.scipy",
          "micrograd.gpu", "lowering")  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_the_reference_has_everything_that_users_import(site: Path, name: str) -> None:
    """Each under one of its names; ops are in a table of their own."""
    module = importlib.import_module(name)
    listed: set[str] = set()
    for path in (site / "docs" / "reference").glob("*.html"):
        listed |= Page(path).places
    for public in module.__all__ if hasattr(module, "__all__") else dir(module):
        thing = getattr(module, public)
        if isinstance(thing, ModuleType | Op) or public.isupper():
            continue
        home = f"{getattr(thing, '__module__', '')}.{public}"
        places = ("", "nn.", "schedules.")
        names = {f"{name}.{public}", home, *(f"micrograd.{place}{public}" for place in places)}
        assert names & listed, f"{name}.{public} is in none of docs/reference"


def test_the_first_page_that_a_browser_opens_leads_to_the_front(site: Path) -> None:
    assert 'url=README.html"' in (site / "index.html").read_text()


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# A\n\n[there](#nowhere), [or](docs/no.md)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert "no.md" in done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_its_modules_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert doctest.testmod(module).failed == 0
