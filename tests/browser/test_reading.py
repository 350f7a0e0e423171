"""Reading a page: explained words, the fold at its end, cards on a phone, sheets of paper, and the page for no page."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import small_site

from trustbook.sphinx.not_found import not_found

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# Of A4, at most; the first that fits counts. A lesson has room to write below each exercise.
SHEETS = {"ledger.html": 15, "lessons/": 7, "_runs/": 4}
PRINTED = [
    (name, next(most for start, most in SHEETS.items() if name.startswith(start)))
    for name in small_site.pages_under_test()
    if name.startswith(tuple(SHEETS))
]
CARDS = [
    name
    for name in small_site.pages_under_test()
    if name in ("ledger.html", "record.html")
]
TALL = """() => [...document.querySelectorAll('.as-cards tbody tr')].filter(row => row.offsetParent).filter(row => {
    const texts = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    let low = 0;
    while (texts.nextNode()) {
        range.selectNodeContents(texts.currentNode);
        for (const box of range.getClientRects()) low = Math.max(low, box.bottom);
    }
    return row.getBoundingClientRect().bottom - low > 24;
}).map(row => row.id)"""


@pytest.fixture
def prose(chromium: Browser, site: Path) -> Iterator[Page]:
    """A page with an explained word, opened from a file."""
    name = "prose.html"
    if small_site.site_under_test() is not None:
        name = "hints7.html"
    context = chromium.new_context(reduced_motion="reduce", viewport=DESK)
    page = context.new_page()
    page.goto((site / name).as_uri())
    yield page
    context.close()


def said(page: Page) -> Any:
    return page.locator(".term-texts > p:popover-open")


class TestTerms:
    def test_the_mouse_shows_what_a_word_means_and_may_go_there(
        self, prose: Page
    ) -> None:
        word = prose.locator("a.term").first
        word.hover()
        said(prose).wait_for()
        at, shown = word.bounding_box(), said(prose).bounding_box()
        assert at is not None
        assert shown is not None
        assert (
            min(abs(shown["y"] - at["y"]), abs(shown["y"] + shown["height"] - at["y"]))
            < 60
        )
        said(prose).hover()
        prose.wait_for_timeout(500)
        assert said(prose).count() == 1, "the text stays while the mouse is on it"
        prose.mouse.move(2, 2)
        prose.wait_for_timeout(600)
        assert said(prose).count() == 0

    def test_the_keyboard_does_too_and_escape_closes(self, prose: Page) -> None:
        word = prose.locator("a.term").first
        prose.keyboard.press("Tab")  # so that the browser shows the focus
        word.focus()
        said(prose).wait_for()
        prose.keyboard.press("Escape")
        assert said(prose).count() == 0
        assert word.evaluate("word => word === document.activeElement")

    def test_a_word_is_described_to_a_screen_reader_though_nothing_is_shown(
        self, prose: Page
    ) -> None:
        words = prose.locator("a.term").all()
        assert words
        for word in words:
            place = word.get_attribute("aria-describedby")
            assert prose.locator(f"#{place}").text_content()

    def test_a_finger_opens_it_and_stays_on_the_page(
        self, chromium: Browser, site: Path
    ) -> None:
        name = "prose.html"
        if small_site.site_under_test() is not None:
            name = "hints7.html"
        context = chromium.new_context(
            reduced_motion="reduce", viewport=PHONE, has_touch=True
        )
        page = context.new_page()
        page.goto((site / name).as_uri())
        page.locator("a.term").first.tap()
        said(page).wait_for()
        assert page.url.endswith(name)
        shown = said(page).bounding_box()
        assert shown is not None
        assert shown["x"] >= 0
        assert shown["x"] + shown["width"] <= PHONE["width"]
        context.close()


def test_a_link_into_the_fold_opens_it(chromium: Browser, site: Path) -> None:
    runs = [name for name in small_site.pages_under_test() if "_runs/" in name]
    page = chromium.new_page(reduced_motion="reduce", viewport=DESK)
    page.goto((site / runs[0]).as_uri())
    fold = page.locator("details.computed")
    assert not fold.locator(".cell_input").first.is_visible()
    assert page.locator("article details.hide.above-input").count() == 0
    place = fold.locator("section[id]").first.get_attribute("id")
    page.evaluate(f"location.hash = '#{place}'")
    page.wait_for_selector("details.computed[open]")
    page.close()


@pytest.mark.parametrize(("name", "most"), PRINTED)
def test_a_page_takes_few_sheets(
    chromium: Browser, site: Path, name: str, most: int
) -> None:
    page = chromium.new_page(reduced_motion="reduce", viewport=DESK)
    page.goto((site / name).as_uri())
    paper = page.pdf(format="A4", print_background=True, prefer_css_page_size=True)
    page.close()
    sheets = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert 0 < sheets <= most, f"{name} takes {sheets} sheets"


@pytest.mark.parametrize("name", CARDS)
def test_lines_are_cards_on_a_phone(chromium: Browser, site: Path, name: str) -> None:
    page = chromium.new_page(
        reduced_motion="reduce", viewport={"width": 320, "height": 700}
    )
    page.goto((site / name).as_uri())
    lines = page.locator(".as-cards tbody tr")
    cells = lines.first.locator("td")
    assert cells.first.evaluate("td => getComputedStyle(td, '::before').content") == (
        f'"{cells.first.get_attribute("data-label")}"'
    )
    box = page.locator(".table-scroll:has(> .as-cards)")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
    assert page.evaluate(TALL) == []
    page.close()


class _Host(SimpleHTTPRequestHandler):
    """A host that serves a book below /book/ and shows its 404.html for all else."""

    def send_error(self, code: int, *_: Any, **__: Any) -> None:
        shown = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(shown)))
        self.end_headers()
        self.wfile.write(shown)

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/book"))

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("address", ["nothing", "evidence/gone.html", "a/b/c/d/"])
def test_no_page_leads_home_from_any_depth(
    chromium: Browser, tmp_path: Path, address: str
) -> None:
    page_text = not_found("The book", "/book/", ["index"])
    (tmp_path / "404.html").write_text(page_text, encoding="utf-8")
    (tmp_path / "index.html").write_text("<h1>Home</h1>", encoding="utf-8")
    (tmp_path / "search.html").write_text("<h1>Search</h1>", encoding="utf-8")
    host = partial(_Host, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/book/"
        page = chromium.new_page()
        page.goto(home + address)
        page.get_by_role("link", name="The first page").click()
        assert page.inner_text("h1") == "Home"
        page.goto(home + address)
        page.get_by_label("Search the book").fill("gap")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{home}search.html?q=gap")
        page.close()
        server.shutdown()
