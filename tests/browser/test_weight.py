"""What a page and a search cost a reader: bytes and requests, over a server that compresses as hosts of pages do.

Bytes and requests are asserted, seconds never.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import small_site
from compressing import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PAGE_BYTES = 350_000  # before the reader scrolls, fonts and pictures included
SEARCH_BYTES = 1_000_000
SEARCH_REQUESTS = 40
WINDOW = {"width": 1280, "height": 900}
FOUND = "[...document.querySelectorAll('.search-list > li > a')].map(a => [a.textContent, a.getAttribute('href')])"
GAP = "evidence/trust-gap.html"


@pytest.fixture(scope="module")
def compressed(site: Path) -> Iterator[str]:
    """Serve the site compressed and return its address."""
    with serving(site) as address:
        yield address


@dataclass
class Cost:
    """What was sent until a page was there, and what the browser complained of."""

    size: int = 0
    sent: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def finished(self, event: dict[str, Any]) -> None:
        self.size += int(event["encodedDataLength"])

    def asked(self, event: dict[str, Any]) -> None:
        address = event["request"]["url"]
        if not address.startswith("data:"):
            self.sent.append(address.rsplit("/", 1)[-1])

    def said(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(message.text)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a reader who has seen nothing yet."""
    context = chromium.new_context(viewport=WINDOW, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def cost_of(page: Page, address: str) -> Cost:
    """Open an address and count until nothing more comes."""
    cost = Cost()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", cost.asked)
    session.on("Network.loadingFinished", cost.finished)
    page.on("console", cost.said)
    page.on("pageerror", lambda error: cost.faults.append(str(error)))
    page.goto(address, wait_until="networkidle")
    return cost


@pytest.mark.parametrize("name", small_site.pages_under_test())
def test_a_page_is_light_and_breaks_no_rule_of_its_own(
    page: Page, compressed: str, name: str
) -> None:
    cost = cost_of(page, compressed + name)
    assert cost.size <= PAGE_BYTES, f"{name}: {cost.size:,} bytes for {cost.sent}"
    assert cost.faults == []
    heavy = ("fontawesome", "mathjax", "bootstrap", "search-data", "searchindex")
    assert not [sent for sent in cost.sent if any(word in sent for word in heavy)]
    assert len(cost.sent) <= SEARCH_REQUESTS


@pytest.mark.parametrize("query", ["disabled", "how big is the gap", "mathematics"])
def test_a_search_is_light(page: Page, compressed: str, query: str) -> None:
    cost = cost_of(page, f"{compressed}search.html?q={query}")
    assert cost.faults == []
    assert len(cost.sent) < SEARCH_REQUESTS, cost.sent
    assert cost.size < SEARCH_BYTES
    assert "found" in page.inner_text("#search-results [role=status]")
    assert len(page.evaluate(FOUND)) <= 10


def test_a_search_finds_chapters_first(page: Page, compressed: str, site: Path) -> None:
    if not (site / GAP).is_file():
        page.goto(f"{compressed}search.html?q=Mathematics")
        page.wait_for_selector(".search-list > li")
        assert page.evaluate(FOUND)[0][1].startswith("index.html")
        return
    page.goto(f"{compressed}search.html?q=how big is the gap")
    page.wait_for_selector(".search-list > li")
    title, address = page.evaluate(FOUND)[0]
    assert (title, address.split("#")[0]) == ("The trust gap", GAP)
    kinds = page.evaluate(
        "bookSearch.search('ethnicity and disability').hits.map(hit => hit.page.kind)"
    )
    places = {kind: kinds.index(kind) for kind in set(kinds)}
    assert places["chapter"] < places["real"] < places["synthetic"]


def test_what_is_searched_for_is_shown_as_text(page: Page, compressed: str) -> None:
    page.goto(f"{compressed}search.html?q=%3Cimg src=x onerror=alert(1)%3E book")
    page.wait_for_selector(".search-list > li")
    assert page.evaluate(FOUND)
    assert page.locator("#search-results img").count() == 0


def test_the_book_works_in_a_folder(page: Page, site: Path) -> None:
    cost = cost_of(page, (site / "index.html").as_uri())
    assert cost.faults == []
    page.keyboard.press("Control+k")
    page.keyboard.type("book")
    page.keyboard.press("Enter")
    page.wait_for_selector(".search-list > li")
    assert cost.faults == []


def test_the_search_goes_on_without_leaving_the_page(
    page: Page, compressed: str
) -> None:
    page.goto(f"{compressed}search.html?q=nonesuchword")
    page.get_by_text("Nothing was found").wait_for()
    field_of_page = page.locator(".bd-search-container input[name=q]")
    field_of_page.fill("book")
    field_of_page.press("Enter")
    page.wait_for_selector(".search-list > li")
    assert page.url.endswith("?q=book")
