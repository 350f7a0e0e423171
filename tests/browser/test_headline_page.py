"""The page "Could this headline be true?" in Chromium: moved by keyboard, and what it says is what was computed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from looking import AXE_TAGS, RUN_AXE, WIDER, axe_source

from trustbook.headline import FILE, QUESTIONS, switches
from trustbook.sphinx.headline_pages import PLACE, page_data, skeleton, web_files
from trustlib.record.printed import load_figures
from trustlib.schema import load_yaml

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "data" / "published"
HOME = "http://headline.test/"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'"
KINDS = {".js": "text/javascript", ".css": "text/css"}
FOUND = json.loads((PUBLISHED / FILE).read_text(encoding="utf-8"))
MOVABLE = load_yaml(PUBLISHED / QUESTIONS)["movable"]
CHOSEN = list(switches(MOVABLE))
SIDES = ("across", "up")


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """Address -> what is served there."""
    figures = load_figures(PUBLISHED / "figures.csv").set_index("id")
    data = page_data(FOUND, MOVABLE, figures, "record.html")
    body = f"<main><h1>Headline</h1>{skeleton(PLACE)}</main>"
    html = f"<!DOCTYPE html><html lang=en><title>x</title><meta charset=utf-8>{body}"
    served = {HOME: html}
    return served | {f"{HOME}{PLACE}/{name}": text for name, text in web_files(data)}


@pytest.fixture
def page(chromium: Browser, files: dict[str, str]) -> Iterator[Page]:
    """The page, with the policy of the site; a request for anything else, or an error, is a fault."""
    faults: list[str] = []
    opened = chromium.new_page(reduced_motion="reduce")

    def serve(route) -> None:
        address = route.request.url.partition("#")[0]
        if address not in files:
            faults.append(address)
            route.abort()
            return
        kind = KINDS.get(Path(address).suffix, "text/html")
        route.fulfill(
            body=files[address],
            content_type=f"{kind}; charset=utf-8",
            headers={"Content-Security-Policy": POLICY},
        )

    opened.route("**/*", serve)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text))
    opened.goto(HOME)
    yield opened
    opened.close()
    assert not faults


def said(page: Page) -> str:
    return page.inner_text("#headline-said")


def choose(page: Page, chosen: tuple[str, str, str], across: int, up: int) -> None:
    """Take switches and values from an address."""
    from playwright.sync_api import expect

    questions, bases, orders = chosen
    values = f"across={across}&up={up}"
    hash_ = f"#questions={questions}&bases={bases}&orders={orders}&{values}"
    page.evaluate("hash => { location.hash = hash; }", hash_)
    expect(page.locator("#headline-across")).to_have_value(str(across))
    expect(page.locator("#headline-up")).to_have_value(str(up))


def expected(chosen: tuple[str, str, str], across: int, up: int) -> list[str]:
    """The members of the contradiction, as committed; none where all is possible."""
    found = FOUND[" ".join(chosen)]
    if not found["possible"]:
        return found["conflict"]
    for one in found["contradictions"]:
        rows = [row[1:] for row in one["fits"] for _ in range(row[0])]
        low, high = rows[across]
        if not low <= up <= high:
            return one["names"]
    return []


class TestWhatIsSaid:
    @pytest.mark.parametrize("chosen", CHOSEN, ids=" ".join)
    def test_it_is_what_was_computed(
        self, page: Page, chosen: tuple[str, str, str]
    ) -> None:
        draw = random.Random(" ".join(chosen))
        for _ in range(12):
            across = draw.randrange(101)
            up = draw.randrange(101)
            choose(page, chosen, across, up)
            names = expected(chosen, across, up)
            lines = [name for name in names if name.startswith("R24-")]
            lit = page.locator(".headline-lit a").all_inner_texts()
            assert sorted(lit) == sorted(lines)
            assert said(page).startswith("These two values are possible.") == (
                not names
            )
            own = sum(f"value {side}" in names for side in SIDES)
            told = said(page)
            assert (f"{len(lines)} printed line" in told) == bool(names)
            assert told.count("your ") == own

    def test_the_region_is_drawn_from_the_committed_rows(self, page: Page) -> None:
        choose(page, ("two", "8", "capped"), 50, 50)
        rows = FOUND["two 8 capped"]["region"]
        path = page.get_attribute(".headline-region", "d")
        assert path.count("L") == 2 * len(rows) - 1
        choose(page, ("one", "9", "free"), 50, 50)
        assert page.locator(".headline-region").count() == 0

    def test_lines_lead_to_the_record(self, page: Page) -> None:
        for link in page.locator("#headline-lines a").all():
            name = link.inner_text()
            assert link.get_attribute("href") == f"record.html#figure-{name}"


class TestKeyboard:
    def test_arrows_move_a_value_and_the_change_is_said(self, page: Page) -> None:
        page.focus("#headline-across")
        before = said(page)
        for _ in range(15):
            page.keyboard.press("ArrowRight")
        assert page.inner_text("#headline-across-value") == "90 %"
        assert "90 % of people of an ethnic minority" in said(page) or (
            said(page) != before
        )
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "headline-up"
        page.keyboard.press("ArrowRight")
        assert said(page).startswith("These two values are possible.")

    def test_arrows_move_a_switch(self, page: Page) -> None:
        page.focus("#headline-orders-free")
        page.keyboard.press("ArrowDown")
        assert said(page).startswith("Nothing is possible under this reading")
        lit = page.locator(".headline-lit").all_inner_texts()
        assert any("Is never above the people who are both" in text for text in lit)

    def test_a_change_is_spoken_as_a_whole(self, page: Page) -> None:
        box = page.locator("#headline-said")
        assert box.get_attribute("role") == "status"
        assert box.get_attribute("aria-atomic") == "true"
        for side in SIDES:
            value = page.get_attribute(f"#headline-{side}", "aria-valuetext")
            assert value.endswith(" percent")

    def test_the_picture_says_what_it_shows(self, page: Page) -> None:
        label = page.get_attribute("#headline-picture svg", "aria-label")
        assert " ".join(said(page).split()) in label


class TestAddress:
    def test_it_restores_the_choice(self, page: Page) -> None:
        choose(page, ("two", "9", "capped"), 84, 20)
        before = said(page)
        address = page.get_attribute("#headline-link", "href")
        page.goto("about:blank")
        page.goto(HOME + address)
        assert said(page) == before

    @pytest.mark.parametrize(
        "address",
        ["#questions=three&bases=8&orders=free", "#across=101", "#%E0%A4", "#x"],
    )
    def test_nonsense_in_it_shows_something_sound(
        self, page: Page, address: str
    ) -> None:
        page.goto("about:blank")
        page.goto(HOME + address)
        assert said(page).startswith(
            "These two values are not possible together, if weights play no part."
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_it_has_no_fault(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate(WIDER) == []
    page.evaluate(axe_source())
    assert page.evaluate(RUN_AXE, AXE_TAGS) == []


def test_a_click_on_the_picture_takes_both_values(page: Page) -> None:
    box = page.locator(".headline-frame").bounding_box()
    x = box["x"] + 0.9 * box["width"]
    y = box["y"] + 0.3 * box["height"]
    page.mouse.click(x, y)
    across = int(page.input_value("#headline-across"))
    up = int(page.input_value("#headline-up"))
    assert abs(across - 90) <= 1
    assert abs(up - 70) <= 1


def test_it_works_from_a_folder(
    chromium: Browser, files: dict[str, str], tmp_path: Path
) -> None:
    for address, text in files.items():
        path = tmp_path / (address.removeprefix(HOME) or "headline.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    opened = chromium.new_page()
    opened.goto((tmp_path / "headline.html").as_uri())
    assert opened.inner_text("#headline-said").startswith("These two values")
    opened.close()


def test_without_scripts_it_says_so(chromium: Browser, files: dict[str, str]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.set_content(files[HOME])
    assert opened.locator("#headline-without").is_visible()
    assert not opened.locator("#headline-form").is_visible()
    context.close()
