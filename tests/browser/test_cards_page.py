"""Numbers and their cards in Chromium: opened by mouse, finger and keyboard, closed, printed, and from a folder."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import small_site
from bs4 import BeautifulSoup
from looking import AXE_TAGS, RUN_AXE, WIDER, axe_source, open_card

from trustbook.sphinx.card_pages import CARD, PLACE, SCRIPT
from trustbook.sphinx.finding import unbroken

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
WINDOW = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SMALL = {"width": 320, "height": 800}
MOST = 15_000  # bytes, compressed
REAL = "hints7-discriminated-ethnicity-disability"
IS_REAL = small_site.site_under_test() is not None
RUN = REAL if IS_REAL else "cards"
RUN_PAGE = f"_runs/{RUN}/{RUN}.html"
FINDINGS = "hints7.html" if IS_REAL else "numbers.html"
LEDGER = "ledger.html"
PRINTED = "do-the-figures-fit.html" if IS_REAL else "numbers.html"
LEVEL = ".book-table button.card-number"
each_page = pytest.mark.parametrize("name", small_site.pages_under_test())


@contextmanager
def opened(chromium: Browser, address: str, **how: Any) -> Iterator[Page]:
    """A page whose scripts make no fault."""
    faults: list[str] = []
    how = {"viewport": WINDOW, "reduced_motion": "reduce"} | how
    context = chromium.new_context(**how)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if said.type == "error" else None,
    )
    page.goto(address)
    yield page
    context.close()
    assert not faults


def card(page: Page) -> str:
    """What the open card says, unfolded."""
    return open_card(page).inner_text()


def fact(page: Page, name: str) -> str:
    """One fact of the open card."""
    return page.locator(f"dialog dt:text-is('{name}') + dd").first.inner_text()


def is_open(page: Page) -> bool:
    return page.locator("dialog.number-card[open]").count() == 1


def value(text: str) -> float:
    """The number that a text begins with."""
    return float(text.split()[0].replace(",", "").replace("\N{MINUS SIGN}", "-"))


def data_of(site: Path, file: str) -> Any:
    """A file of cards as the page reads it."""
    text = (site / PLACE / f"{file}.js").read_text(encoding="utf-8")
    return json.loads(text.partition("] = ")[2].rstrip(";\n"))


@each_page
def test_every_marked_number_has_a_card_that_says_the_same(
    site: Path, name: str
) -> None:
    soup = BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser")
    files: dict[str, Any] = {}
    for number in soup.select(f"[{CARD}]"):
        file, _, key = number[CARD].partition("|")
        if file not in files:
            files[file] = data_of(site, file)
        shown = str(number.find(string=True)).strip()
        if file == "record":
            assert unbroken(shown) == files[file][key]["printed"]
            continue
        if file == "ledger":
            assert files[file][key]["shown"].removeprefix("Synthetic: ") == shown
            continue
        if file == "findings" and name == LEDGER:
            finding = files[file][key]
            run = data_of(site, f"runs/{finding['run']}")
            of_run, of_line = map(
                value, (run["rows"][finding["row"]]["estimate"], shown)
            )
            assert of_run == pytest.approx(of_line, abs=0.0551)
            continue
        if file == "findings":
            assert shown.split(" (")[0] == files[file][key]["shown"]
            continue
        row = files[file]["rows"][key]
        assert row["estimate"].startswith(shown)
        assert int(row["people"].replace(",", "")) >= 10
        assert key.split(":")[0] in files[file]["tables"]


@each_page
def test_a_page_that_nobody_touches_carries_little_more(site: Path, name: str) -> None:
    html = (site / name).read_text(encoding="utf-8")
    without = re.sub(rf' {CARD}="[^"]*"|<script[^>]*{SCRIPT}[^>]*></script>', "", html)
    more = len(gzip.compress(html.encode())) - len(gzip.compress(without.encode()))
    script = len(gzip.compress((site / PLACE / SCRIPT).read_bytes()))
    assert more + script < MOST


class TestRunPage:
    def test_a_click_opens_the_card_of_a_row(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            row = page.locator(".book-table tbody tr:has([data-card])").first
            cells = row.locator("td").all_inner_texts()
            row.locator("button.card-number").click()
            said = card(page)
            assert page.url.endswith(RUN_PAGE)
            for text in (cells[1], cells[2]):
                assert text in said
            assert fact(page, "People") == cells[-1]
            assert "Σ w y / Σ w" in fact(page, "Formula")
            assert fact(page, "Design")
            assert fact(page, "Standard error").endswith("points")
            assert "svyciprop" in page.inner_text("dialog pre")

    def test_it_says_the_number_first_and_unfolds_how_it_is_computed(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            page.locator(LEVEL).first.click()
            page.wait_for_selector("dialog.number-card[open]")
            fold = page.locator("dialog details")
            assert page.locator("dialog dd").first.is_visible()
            assert not page.locator("dialog pre").is_visible()
            fold.locator("summary").click()
            assert page.locator("dialog pre").is_visible()
            page.keyboard.press("Escape")
            page.locator(LEVEL).nth(1).click()
            page.wait_for_selector("dialog.number-card[open]")
            assert page.locator("dialog pre").is_visible()

    def test_so_does_a_click_on_another_number_of_the_row(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            row = page.locator(".book-table tbody tr:has([data-card])").first
            row.locator("td").last.click()
            assert row.locator("button.card-number").inner_text() in card(page)

    def test_table_and_cells_can_be_taken_along(
        self, chromium: Browser, address: str, site: Path
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            page.locator(LEVEL).first.click()
            card(page)
            links = page.locator("dialog a[download]")
            names = [link.get_attribute("href") for link in links.all()]
            there = [(site / RUN_PAGE).parent / str(name) for name in names]
            assert all(path.is_file() for path in there)
            cells = json.loads(there[-1].read_text(encoding="utf-8"))
            assert cells["format"].startswith("trustlib sealed cells")
            assert min(cells["n"]) >= 10

    def test_the_picture_and_the_sentence_open_the_same(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            value = page.locator(".ef-value[data-card]").first
            shown = value.locator("button.card-number").inner_text()
            value.locator("small").click()
            assert shown in card(page)
            page.keyboard.press("Escape")
            sentence = page.locator("p [data-card] button").first
            shown = sentence.inner_text()
            sentence.click()
            assert shown in card(page)

    def test_r_is_asked_where_the_page_has_its_button(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            page.evaluate(
                "document.querySelectorAll('[data-ask-r]').forEach(e => e.remove())"
            )
            page.locator(LEVEL).first.click()
            assert "Ask R" not in card(page)
            page.keyboard.press("Escape")
            page.evaluate(
                "document.querySelector('h2').innerHTML += '<i id=here data-ask-r></i>'"
            )
            page.locator(LEVEL).first.click()
            card(page)
            page.get_by_role("link", name="Ask R on this page").click()
            assert page.url.endswith("#here")
            assert not is_open(page)


class TestKeyboard:
    def test_enter_opens_escape_closes_and_the_focus_returns(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            page.locator(LEVEL).first.focus()
            page.keyboard.press("Enter")
            page.wait_for_selector("dialog.number-card[open]")
            focused = "document.activeElement.id"
            assert page.evaluate(focused) == "number-card-title"
            page.keyboard.press("Escape")
            assert not is_open(page)
            assert page.evaluate(
                "document.activeElement === document.querySelectorAll('.book-table button.card-number')[0]"
            )

    def test_the_focus_stays_in_the_card_until_it_is_closed(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            page.locator(LEVEL).first.focus()
            page.keyboard.press("Enter")
            card(page)
            for _ in range(8):
                page.keyboard.press("Tab")
                assert page.evaluate(
                    "document.activeElement === document.body"
                    " || document.activeElement.closest('dialog') !== null"
                )
            page.get_by_role("button", name="Close").focus()
            page.keyboard.press("Enter")
            assert not is_open(page)

    def test_tab_reaches_a_table_once_and_arrows_its_numbers(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            table = page.locator(".book-table table:has(button.card-number)").first
            buttons = table.locator("button.card-number")
            reached = buttons.evaluate_all("all => all.map(one => one.tabIndex)")
            assert reached == [0] + [-1] * (len(reached) - 1)
            buttons.first.focus()
            page.keyboard.press("ArrowDown")
            page.keyboard.press("End")
            last = buttons.last.inner_text()
            assert page.evaluate("document.activeElement.textContent") == last
            page.keyboard.press("Enter")
            assert last in card(page)


class TestLedger:
    def test_our_number_says_how_it_was_worked_out(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + LEDGER) as page:
            link = page.locator(f'a[data-card="ledger|{small_site.COMPUTED}"]')
            link.click()
            said = card(page)
            assert link.inner_text() in said
            assert fact(page, "Computed from") == "R24-017 \N{MINUS SIGN} R24-018"
            assert fact(page, "Open by rounding") == "34.0 to 36.0"
            link = page.locator('dialog a[href*="#figure-R24-017"]')
            link.click()
            page.wait_for_url("**/record.html#figure-R24-017")

    def test_the_printed_one_is_its_line_of_the_record(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + LEDGER) as page:
            page.locator('a[data-card="record|R24-017"]').click()
            assert "(R24-017)" in card(page)
            assert page.url.endswith(LEDGER)

    def test_other_links_of_a_line_lead_on(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + LEDGER) as page:
            page.locator("#ledger-R24-017 th a").click()
            page.wait_for_url("**/record.html#figure-R24-017")


class TestFindingsAndPrint:
    def test_a_finding_opens_its_card_and_still_leads_to_its_run(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + FINDINGS) as page:
            link = page.locator('a[data-card^="findings|"]').first
            shown = link.inner_text()
            link.focus()
            page.keyboard.press("Enter")
            said = card(page)
            assert shown.split()[0] in said
            assert page.url.endswith(FINDINGS)
            page.get_by_role("link", name="The page of this number").click()
            page.wait_for_url("**/_runs/**")

    def test_a_printed_number_opens_its_line_of_the_record(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + FINDINGS.replace("hints7", "index")) as page:
            link = page.locator('main a[href*="record.html#figure-"]').first
            name = str(link.get_attribute("href")).partition("#figure-")[2]
            link.click()
            assert f"({name})" in card(page)
            assert fact(page, "Source")
            page.get_by_role("link", name="Its line of the record").click()
            page.wait_for_url(f"**/record.html#figure-{name}")

    def test_a_computed_number_says_how_and_from_which_lines(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(chromium, address + PRINTED) as page:
            link = page.locator('main a[href="#computed-one-item-minority-low"]').first
            shown = link.inner_text()
            link.click()
            said = card(page)
            assert shown in said
            assert "R24-017" in said
            assert fact(page, "Assumed") == "one item"

    def test_what_the_script_cannot_load_is_said(
        self, chromium: Browser, address: str
    ) -> None:
        context = chromium.new_context(viewport=WINDOW)
        page = context.new_page()
        page.route("**/_static/cards/findings.js", lambda route: route.abort())
        page.goto(address + FINDINGS)
        page.locator('a[data-card^="findings|"]').first.click()
        assert "could not be loaded" in card(page)
        context.close()


class TestLook:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("window", [WINDOW, PHONE, SMALL])
    def test_an_open_card_has_no_fault(
        self, chromium: Browser, address: str, scheme: Any, window: Any
    ) -> None:
        how = {"viewport": window, "color_scheme": scheme}
        with opened(chromium, address + RUN_PAGE, **how) as page:
            page.locator(LEVEL).first.click()
            card(page)
            assert page.evaluate(WIDER) == []
            wide = "document.querySelector('dialog').scrollWidth <= innerWidth"
            assert page.evaluate(wide)
            page.evaluate(axe_source())
            assert page.evaluate(RUN_AXE, AXE_TAGS) == []

    def test_a_finger_opens_and_closes_it(
        self, chromium: Browser, address: str
    ) -> None:
        with opened(
            chromium, address + RUN_PAGE, viewport=PHONE, has_touch=True
        ) as page:
            page.locator(LEVEL).first.tap()
            card(page)
            page.touchscreen.tap(200, 20)
            assert not is_open(page)

    def test_it_is_not_printed(self, chromium: Browser, address: str) -> None:
        with opened(chromium, address + RUN_PAGE) as page:
            page.locator(LEVEL).first.click()
            card(page)
            page.emulate_media(media="print")
            assert not page.locator("dialog.number-card").is_visible()

    def test_it_works_from_a_folder(self, chromium: Browser, site: Path) -> None:
        with opened(chromium, (site / RUN_PAGE).as_uri()) as page:
            page.locator(LEVEL).first.click()
            assert "svyciprop" in card(page)
