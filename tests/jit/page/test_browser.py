"""A page in a browser: what is marked by clicks and keys, how it looks, and what it asks for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from micrograd import jit, tanh

from .conftest import Open

N = 100


def loss(w: list, x):  # type: ignore[no-untyped-def,type-arg]
    total = 0.0
    for k in range(N):
        y = w[0] * (x + k) + w[1]
        total = total + tanh(y) * y
    return total


LINE = loss.__code__.co_firstlineno + 4
"""That with the tanh."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about a loss and its gradient."""
    kernel = jit(loss).value_and_grad
    kernel([0.5, 0.1], 0.25)
    return kernel.page(tmp_path_factory.mktemp("page") / "loss.html")


MARKED = """(column) => [...document.querySelectorAll(`#${column} .lines .m`)]
    .map((line) => line.textContent.trim())"""


def marked(window: Any, column: str) -> list[str]:
    """The lines of a column that are marked as the same."""
    found: list[str] = window.evaluate(MARKED, column)
    return found


def line_with(window: Any, column: str, text: str) -> Any:
    """The first line of a column that has a text."""
    script = """([column, text]) => [...document.querySelectorAll(`#${column} .lines li`)]
        .find((line) => line.textContent.includes(text))"""
    return window.evaluate_handle(script, [column, text]).as_element()


def click(window: Any, column: str, text: str) -> None:
    box = line_with(window, column, text)
    box.evaluate("(line) => line.scrollIntoView({ block: 'center', inline: 'start' })")
    place = box.bounding_box()
    window.mouse.click(place["x"] + 8, place["y"] + 8)


SOURCE = "total = total + tanh(y) * y"


def test_a_click_on_a_line_marks_what_it_became(opened: Open, page: Path) -> None:
    window = opened(page)
    click(window, "source", SOURCE)
    assert any("tanh" in line for line in marked(window, "program"))
    assert not any("c0[i]" in line for line in marked(window, "program"))
    assert any("llvm.fdiv" in line for line in marked(window, "mlir"))
    assert any(re.match(r"v?f?n?m?(add|sub|mul|div)", s) for s in marked(window, "assembly"))
    assert any(" fdiv " in line for line in marked(window, "llvm"))
    said = window.inner_text("#said")
    assert said.startswith("Pinned: ")
    assert "assembly lines" in said


def test_every_column_leads_back_to_the_source(opened: Open, page: Path) -> None:
    window = opened(page)
    for column in ("program", "mlir", "assembly"):
        click(window, "source", SOURCE)
        own = window.evaluate_handle(
            """(column) => [...document.querySelectorAll(`#${column} .lines .m`)].at(-1)""", column
        ).as_element()
        window.keyboard.press("Escape")
        assert marked(window, column) == []
        own.evaluate("(line) => line.click()")
        assert any(SOURCE in line for line in marked(window, "source")), column
        window.keyboard.press("Escape")


def test_what_is_pinned_stays_under_the_mouse_until_escape(opened: Open, page: Path) -> None:
    window = opened(page)
    click(window, "source", SOURCE)
    pinned = marked(window, "program")
    place = line_with(window, "source", "y = w[0]").bounding_box()
    window.mouse.move(place["x"] + 8, place["y"] + 8)
    assert marked(window, "program") == pinned
    window.keyboard.press("Escape")
    assert marked(window, "program") == []
    window.mouse.move(place["x"] + 9, place["y"] + 40)
    window.mouse.move(place["x"] + 9, place["y"] + 8)
    assert marked(window, "program") not in ([], pinned)


def test_the_keyboard_does_what_the_mouse_does(opened: Open, page: Path) -> None:
    window = opened(page)
    click(window, "source", SOURCE)
    wanted = {c: marked(window, c) for c in ("source", "program", "mlir", "assembly")}
    window.reload()
    for _ in range(30):  # to the first column
        window.keyboard.press("Tab")
        if window.evaluate("document.activeElement.matches('#source .lines li')"):
            break
    at = "document.activeElement.textContent"
    window.keyboard.press("Home")
    for _ in range(400):
        if SOURCE in window.evaluate(at):
            break
        window.keyboard.press("j")
    assert SOURCE in window.evaluate(at)
    assert {c: marked(window, c) for c in wanted} == wanted
    window.keyboard.press("Enter")
    assert window.inner_text("#said").startswith("Pinned")
    window.keyboard.press("ArrowRight")
    assert window.evaluate("document.activeElement.closest('.column').id") == "program"
    assert "m" in window.evaluate("document.activeElement.className")
    window.keyboard.press("ArrowDown")
    window.keyboard.press("ArrowUp")
    window.keyboard.press("Tab")
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.closest('.column').id") == "mlir"
    assert {c: marked(window, c) for c in wanted} == wanted
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert window.evaluate(outline) != "none"
    window.keyboard.press("Escape")
    assert marked(window, "mlir") == []


def test_columns_fold(opened: Open, page: Path) -> None:
    window = opened(page)
    button = window.locator("#mlir .fold")
    wide = window.locator("#program").bounding_box()["width"]
    button.click()
    assert button.get_attribute("aria-expanded") == "false"
    assert not window.locator("#mlir .body").is_visible()
    assert window.locator("#program").bounding_box()["width"] > wide
    button.click()
    assert window.locator("#mlir .body").is_visible()


def test_llvm_ir_and_assembly_share_a_column(opened: Open, page: Path) -> None:
    window = opened(page)
    assert not window.locator("#llvm").is_visible()
    window.locator('[data-shows="llvm"]').click()
    assert window.locator("#llvm").is_visible()
    assert not window.locator("#assembly").is_visible()
    click(window, "llvm", "fdiv")
    assert any(SOURCE in line for line in marked(window, "source"))


# --- how it looks --------------------------------------------------------------------------------

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((c) =>
      (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at), bars = style.backgroundImage.match(/rgba?\\([^)]*\\)/);
      if (bars) return rgba(bars[0]); // the bar itself, on which text stands too
      const colour = rgba(style.backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const seen = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest("svg")) continue;
    const colour = getComputedStyle(element).color, back = ground(element);
    const key = colour + back;
    if (seen.has(key)) continue;
    seen.add(key);
    const [a, b] = [luminance(rgba(colour)), luminance(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5)
      found.push(`${element.tagName}.${element.className} ${colour} on ${back}: ${ratio}`);
  }
  return [seen.size, found];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(opened: Open, page: Path, scheme: str) -> None:
    window = opened(page, color_scheme=scheme)
    window.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    click(window, "source", SOURCE)
    for dark in (scheme == "dark", scheme != "dark"):
        assert window.get_attribute("#theme", "aria-pressed") == str(dark).lower()
        ground = window.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", ground))) < 100) == dark
        pairs, faults = window.evaluate(CONTRAST)
        assert pairs > 12
        assert faults == []
        window.evaluate("document.getElementById('theme').click()")


def test_nothing_is_wider_than_the_window(opened: Open, page: Path) -> None:
    window = opened(page)
    for width in (1600, 800, 360):
        window.set_viewport_size({"width": width, "height": 800})
        assert window.evaluate("document.documentElement.scrollWidth") <= width
        last = window.locator("#machine").bounding_box()
        assert last["x"] + last["width"] <= width
        click(window, "source", SOURCE)
        assert marked(window, "assembly")
        window.keyboard.press("Escape")


def test_it_prints(opened: Open, page: Path) -> None:
    window = opened(page)
    printed = window.pdf()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") > 2
    window.locator("#mlir .fold").click()
    window.emulate_media(media="print")
    assert not window.locator("#mlir").is_visible()
    assert window.locator("#program .body").evaluate("e => e.scrollHeight <= e.clientHeight + 1")


# --- for those who do not see it -----------------------------------------------------------------

NAMELESS = """() => {
  const named = (e) => (e.getAttribute("aria-label") || "").trim() || e.textContent.trim()
    || document.getElementById(e.getAttribute("aria-labelledby"));
  const all = "button, summary, a[href], [role], [tabindex='0'], section";
  return [...document.querySelectorAll(all)]
    .filter((e) => !e.matches("li[role=option]") && !named(e))
    .map((e) => e.outerHTML.slice(0, 80));
}"""

ORDER = """() => {
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((h) => Number(h.tagName[1]));
  return levels[0] === 1 && levels.filter((l) => l === 1).length === 1
    && levels.every((level, k) => !k || level <= levels[k - 1] + 1);
}"""

BROKEN = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const twice = ids.filter((id, k) => ids.indexOf(id) !== k);
  const lost = [...document.querySelectorAll("[aria-controls], [aria-labelledby]")]
    .flatMap((e) => ["aria-controls", "aria-labelledby"].map((a) => e.getAttribute(a)))
    .filter((id) => id && !document.getElementById(id));
  const alone = [...document.querySelectorAll("[role=option]")]
    .filter((e) => e.parentElement.getAttribute("role") !== "listbox").length;
  const foreign = [...document.querySelectorAll("[role=listbox]")]
    .filter((e) => [...e.children].some((c) => c.getAttribute("role") !== "option")).length;
  return [...twice, ...lost, ...Array(alone + foreign).fill("listbox")];
}"""


def test_all_that_can_be_pressed_has_a_name_and_headings_are_in_order(
    opened: Open, page: Path
) -> None:
    window = opened(page)
    assert window.evaluate(NAMELESS) == []
    assert window.evaluate(ORDER)
    assert window.evaluate(BROKEN) == []
    assert window.get_attribute("html", "lang") == "en"
    assert window.title() == "loss.value_and_grad"
    assert window.get_attribute("#said", "aria-live") == "polite"


def test_a_column_is_one_stop_of_tab_and_marks_are_selected(opened: Open, page: Path) -> None:
    window = opened(page)
    for column in ("source", "program", "mlir", "machine"):
        assert window.locator(f'#{column} li[tabindex="0"]').count() == 1, column
    click(window, "source", SOURCE)
    selected = window.locator('#mlir [aria-selected="true"]').count()
    assert selected == len(marked(window, "mlir")) > 0
