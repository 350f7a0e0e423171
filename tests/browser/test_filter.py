"""The filter of a long table: it narrows, counts, resets, takes a choice from the address, and is not needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
SHOWN = "[...document.querySelectorAll('#ledger-table tbody tr')].filter(r => r.offsetParent).map(r => r.id)"
LINES = [
    ("a", "match", "2022", "Women who trust"),
    ("b", "needs-microdata", "2022 2024", "Women and men"),
    ("c", "needs-microdata", "2024", "Disabled women"),
]


@pytest.fixture(scope="module")
def html() -> str:
    """A page with a small table, its filter, and the script and style of the book."""
    from trustbook.sphinx import record_pages

    sys.path.pop(0)
    rows = "".join(
        f'<tr id="ledger-{name}" data-verdict="{verdict}" data-wave="{wave}"><th scope="row">{name}</th><td>{said}<span class="record-note">of {name}</span></td></tr>'
        for name, verdict, wave, said in LINES
    )
    choices = {
        "verdict": (
            "Verdict",
            {
                "match": "match",
                "needs-microdata": "needs microdata",
                "differs": "differs",
            },
        ),
        "wave": ("Wave", {"2022": "2022", "2024": "2024"}),
    }
    table = record_pages.filtered_table(
        "ledger", "The ledger", choices, ("Line", "What is said"), rows, notes=True
    )
    style, script = (
        (ROOT / "book" / "_static" / f"record.{kind}").read_text()
        for kind in ("css", "js")
    )
    return f"<!DOCTYPE html><html lang=en><title>x</title><style>{style}</style><script>{script}</script>{table}"


@pytest.fixture
def page(chromium: Browser, html: str, tmp_path: Path) -> Iterator[Page]:
    """The page, opened from a file: nothing is fetched."""
    (tmp_path / "ledger.html").write_text(html, encoding="utf-8")
    context = chromium.new_context(reduced_motion="reduce")
    opened = context.new_page()
    opened.goto((tmp_path / "ledger.html").as_uri())
    yield opened
    context.close()


def test_lists_and_words_narrow_together_and_the_count_is_said(page: Page) -> None:
    assert page.inner_text("[role=status]") == "3 of 3 lines"
    page.get_by_label("Verdict").select_option("needs microdata")
    assert page.evaluate(SHOWN) == ["ledger-b", "ledger-c"]
    page.get_by_label("Wave").select_option("2022")  # a line may be of several waves
    assert page.evaluate(SHOWN) == ["ledger-b"]
    page.get_by_label("Wave").select_option("All")
    page.get_by_label("Words").fill("women disabled")  # in any order, in any case
    assert page.evaluate(SHOWN) == ["ledger-c"]
    assert page.inner_text("[role=status]") == "1 of 3 lines"
    page.get_by_label("Verdict").select_option("differs")
    assert page.inner_text("[role=status]") == "0 of 3 lines"


def test_everything_comes_back_and_the_keyboard_is_enough(page: Page) -> None:
    page.get_by_label("Words").press_sequentially("men and")
    assert page.evaluate(SHOWN) == ["ledger-b"]
    page.keyboard.press("Enter")  # does not leave the page
    page.get_by_role("button", name="Show all").press("Enter")
    page.locator("[role=status]").filter(has_text="3 of 3").wait_for()
    assert page.get_by_label("Words").input_value() == ""


def test_the_address_may_choose_and_point(page: Page) -> None:
    page.goto(page.url + "?verdict=match&wave=nonsense#ledger-a")
    assert page.evaluate(SHOWN) == ["ledger-a"]
    assert page.get_by_label("Verdict").input_value() == "match"
    assert page.get_by_label("Wave").input_value() == ""


def test_small_print_is_folded_until_it_is_wanted(page: Page) -> None:
    small = page.locator(".record-note").filter(visible=True)
    assert small.count() == 0
    page.get_by_label("Details").check()
    assert small.all_inner_texts() == ["of a", "of b", "of c"]
    page.get_by_label("Details").uncheck()
    page.get_by_label("Words").fill("of c")  # the words may stand in the small print
    assert small.all_inner_texts() == ["of c"]
    page.get_by_label("Words").fill("")
    page.goto(page.url + "#ledger-b")  # a link to a line opens that line
    assert small.all_inner_texts() == ["of b"]
    page.emulate_media(media="print")  # paper shows what the screen shows
    assert small.all_inner_texts() == ["of b"]
    page.get_by_label("Details").check()
    assert small.count() == 3


def test_without_script_the_whole_table_stands_there(
    chromium: Browser, html: str, tmp_path: Path
) -> None:
    (tmp_path / "ledger.html").write_text(html, encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "ledger.html").as_uri())
    assert page.locator("#ledger-table tbody tr").count() == 3
    assert page.locator("#ledger-table tbody tr").last.is_visible()
    assert page.locator(".record-note").last.is_visible()
    assert not page.locator("form").is_visible()
    context.close()
