"""The explorer in Chromium: all choices against the library, and the page as a reader uses it.

The page is made here from the book's own parts, and served with the policy of the site.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from looking import open_card

import explorer_choices
import trustlib as tl
from trustbook.cells_json import write_cells_json
from trustbook.explorer import explorer_sources
from trustbook.pictures.together import together
from trustbook.sphinx import card_pages
from trustbook.sphinx.explorer_pages import (
    PLACE,
    WEB,
    formulas,
    skeleton,
    web_files,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
HOME = "http://explorer.test/"
NEAR = 1e-8
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:"
)
KINDS = {".js": "text/javascript", ".css": "text/css"}
BROWSERS_ONLY = pytest.mark.skipif(
    not os.environ.get("TRUSTLIB_SITE"),
    reason="all choices take minutes: make browser runs them, make test a sample",
)


@pytest.fixture(scope="module")
def sources() -> list:
    runs = ROOT / "notebooks" / "runs.yml"
    page = "_runs/hints7-discriminated-ethnicity-disability/hints7-discriminated-ethnicity-disability"
    return explorer_sources(ROOT / "data", explorer_choices.SOURCES, runs, [page])


@pytest.fixture(scope="module")
def files(sources: list) -> dict[str, str]:
    """Address -> what is served there."""
    body = f"<main class='bd-article'><h1>Explorer</h1>{skeleton(PLACE)}</main>"
    cards = f"{card_pages.PLACE}/{card_pages.SCRIPT}"
    head = f"<title>x</title><meta charset=utf-8><script src={cards} defer></script>"
    html = f"<!DOCTYPE html><html lang=en><head>{head}</head>{body}"
    script = (WEB / card_pages.SCRIPT).read_text(encoding="utf-8")
    served = {HOME: html, f"{HOME}{cards}": script}
    return served | {f"{HOME}{PLACE}/{name}": text for name, text in web_files(sources)}


def go(page: Page, address: str) -> None:
    """Open the explorer and wait for its cells, which come after the page."""
    page.goto(address)
    page.wait_for_selector("#explorer-said:not(:empty)")


@pytest.fixture
def page(chromium: Browser, files: dict[str, str]) -> Iterator[Page]:
    """The page, with the policy of the site; a request for anything else, or an error, is a fault."""
    faults: list[str] = []
    opened = chromium.new_page()

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
    go(opened, HOME)
    yield opened
    opened.close()
    assert not faults


def choose(page: Page, **lists: str) -> None:
    for name, value in lists.items():
        page.select_option(f"#explorer-{name.replace('_', '-')}", value)


def said(page: Page) -> str:
    return page.inner_text("#explorer-said")


def rows_of(html: str) -> list:
    """What a reader sees of each row of a picture, and where its marks stand."""
    rows = []
    for row in BeautifulSoup(html, "html.parser").select(".ef-row"):
        places = re.findall(r"(?:left|width):\s*([\d.]+)%", str(row))
        kinds = [" ".join(mark["class"]) for mark in row.select("i")]
        rows.append((row.get_text("|"), [float(place) for place in places], kinds))
    return rows


@BROWSERS_ONLY
class AllChoices:
    """Each choice of one source equals the library."""

    source = ""

    def test_every_choice_equals_the_library(self, chromium: Browser) -> None:
        files = [p for p in explorer_choices.paths() if self.source in p.parts]
        for path in files:
            every = explorer_choices.choices_of(path)
            found = explorer_choices.by_page(chromium, every)
            for choice, theirs in zip(every, found, strict=True):
                ours = explorer_choices.by_library(choice)
                far = max(explorer_choices.differences(ours, theirs, choice))
                assert far < NEAR, str(choice)


class TestHints7(AllChoices):
    source = "hints7"


class TestHints6(AllChoices):
    source = "hints6"


class TestSynthetic(AllChoices):
    source = "synthetic"


class TestWhatIsShown:
    def test_the_headline_pair_comes_first_with_its_replicate_weights(
        self, page: Page
    ) -> None:
        assert "HINTS 7" in said(page)
        assert "by replicate weights" in said(page)
        assert page.locator("#explorer-levels tbody tr").count() == 4
        heads = page.locator("#explorer-levels thead th").all_inner_texts()
        assert "By replicate weights" in heads
        link = page.get_by_role("link", name="The page of the run")
        assert "hints7-discriminated-ethnicity-disability" in link.get_attribute("href")

    def test_the_picture_is_that_of_the_library(self, page: Page) -> None:
        choose(page, source="synthetic", axis_0="gender", axis_1="disability")
        assert said(page).startswith("SYNTHETIC")
        name = "provider-2024-gender-ethnicity-disability"
        cells = tl.Cells.read(ROOT / "data" / "synthetic" / "cells" / f"{name}.parquet")
        picture = together(tl.cell_means(cells, by=["gender", "disability"]))
        theirs = page.locator("#explorer-picture").inner_html()
        assert rows_of(theirs) == rows_of(picture._repr_html_())
        assert "Synthetic: " in page.inner_text("#explorer-picture .ef-title")

    def test_every_sentence_on_the_stand_in_says_so(self, page: Page) -> None:
        choose(page, source="synthetic")
        lines = page.locator("#explorer-said p").all_inner_texts()
        assert all(line.lower().startswith("synthetic") for line in lines)

    def test_without_a_stored_interval_it_says_which_one_stands_there(
        self, page: Page
    ) -> None:
        choose(page, first_ethnicity="minority")
        assert "no interval by replicate weights is stored" in said(page)

    def test_identities_of_one_name_are_told_apart(self, page: Page) -> None:
        for place in range(3):
            shown = page.locator(f"#explorer-axis-{place} option").all_inner_texts()
            assert len(set(shown)) == len(shown)

    def test_a_refused_table_says_that_the_gate_refused_it(self, page: Page) -> None:
        choose(page, axis_0="gender", axis_1="age_band", axis_2="disability")
        assert "The disclosure gate refuses it" in said(page)

    def test_each_list_says_which_identities_are_not_shown_with_the_others(
        self, page: Page
    ) -> None:
        for group, is_shown in ((">", True), ("> optgroup >", False)):
            options = page.locator(f"#explorer-axis-1 {group} option")
            axes = [one.get_attribute("value") or "" for one in options.all()]
            assert axes
            for axis in axes:
                choose(page, axis_1=axis)
                assert page.locator("#explorer-found").is_visible() is is_shown
                choose(page, axis_1="disability")

    def test_what_was_not_asked_for_says_that_the_gate_would_let_it_pass(
        self, page: Page
    ) -> None:
        choose(page, axis_0="gender", axis_1="disability_or_pain")
        assert "The disclosure gate would let these cells pass" in said(page)
        assert "data/hints7/cells.yml" in said(page)

    def test_three_identities_show_pairs_and_all_three(self, page: Page) -> None:
        choose(page, axis_2="gender")
        assert page.locator("#explorer-levels tbody tr").count() == 8
        assert page.locator("#explorer-scales tbody tr").count() == 3 * (6 + 1)
        assert "Of 7 interaction contrasts" in said(page)

    def test_the_number_of_contrasts_is_told(self, page: Page) -> None:
        told = page.inner_text("#explorer-many")
        assert int(re.search(r"offers (\d+) interaction", told)[1]) > 100

    def test_what_is_not_committed_is_said_and_others_are_offered(
        self, page: Page
    ) -> None:
        choose(page, axis_0="age_band", axis_1="lgbtq")
        assert said(page).startswith("Not shown")
        assert not page.locator("#explorer-found").is_visible()
        page.locator("#explorer-others button").first.click()
        assert page.locator("#explorer-found").is_visible()
        assert page.evaluate("document.activeElement.id") == "explorer-axis-0"


class TestAddress:
    def test_it_restores_the_choice(self, page: Page) -> None:
        choose(page, axis_0="gender", axis_2="ethnicity", first_gender="woman")
        before = said(page), page.inner_text("#explorer-gaps")
        address = page.get_by_role("link", name="Link to this choice").get_attribute(
            "href"
        )
        go(page, HOME)
        go(page, HOME + address)
        assert (said(page), page.inner_text("#explorer-gaps")) == before

    @pytest.mark.parametrize(
        "address",
        [
            "#source=hints7&by=nonsense,gender",
            "#source=nowhere",
            "#by=gender",
            "#source=hints6&year=1900&question=x&by=&from=gender",
            "#levels",
            "#%E0%A4",
        ],
    )
    def test_nonsense_in_it_shows_something_sound(
        self, page: Page, address: str
    ) -> None:
        page.goto("about:blank")
        go(page, HOME + address)
        assert page.locator("#explorer-found").is_visible()


class TestReaders:
    def test_the_keyboard_is_enough(self, page: Page) -> None:
        before = said(page)
        page.focus("#explorer-axis-0")
        page.keyboard.press("ArrowDown")
        assert said(page) != before
        assert page.evaluate("document.activeElement.id") == "explorer-axis-0"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "explorer-axis-1"

    def test_a_change_is_spoken_as_a_whole(self, page: Page) -> None:
        box = page.locator("#explorer-said")
        assert box.get_attribute("role") == "status"
        assert box.get_attribute("aria-atomic") == "true"

    def test_the_numbers_can_be_taken_along(self, page: Page) -> None:
        link = page.get_by_role("link", name="Numbers as CSV")
        assert link.get_attribute("download").endswith("ethnicity-disability.csv")
        text = unquote(link.get_attribute("href").partition(",")[2])
        rows = list(csv.reader(io.StringIO(text)))
        notes = [row for row in rows if row[0] == "note"]
        assert "Kind of evidence: Real people" in notes[-1][1]
        heads, *table = rows[len(notes) :]
        lines = [dict(zip(heads, row, strict=True)) for row in table]
        path = ROOT / "data/hints7/cells/discriminated-ethnicity-disability.parquet"
        levels = tl.cell_means(tl.Cells.read(path)).frame["estimate"]
        taylor = [line for line in lines if line["method"] == "Taylor, logit"]
        given = [float(line["estimate"]) for line in taylor]
        assert given == pytest.approx(levels.tolist(), rel=NEAR)
        assert {line["method"] for line in lines} >= {
            "replicate weights",
            "Taylor, MOVER, plus four",
        }

    def test_the_picture_can_be_taken_along(self, page: Page) -> None:
        choose(page, source="synthetic")
        href = page.get_by_role("link", name="Picture as SVG").get_attribute("href")
        svg = BeautifulSoup(unquote(href.partition(",")[2]), "html.parser")
        assert svg.title.string.startswith("Synthetic: ")
        assert len(svg.select("circle")) == 4

    def test_so_can_a_png_of_it(self, page: Page, tmp_path: Path) -> None:
        from matplotlib.image import imread

        with page.expect_download() as taken:
            page.get_by_role("link", name="Picture as PNG").click()
        assert taken.value.suggested_filename.endswith("ethnicity-disability.png")
        path = tmp_path / "picture.png"
        taken.value.save_as(path)
        dots = imread(path)
        rows = page.locator("#explorer-levels tbody tr").count()
        assert dots.shape[:2] == (2 * (152 + 44 * rows), 1600)
        assert dots.std() > 0.05  # something is drawn


class TestOwnFile:
    def test_it_is_shown_and_equals_the_library(
        self, page: Page, tmp_path: Path
    ) -> None:
        path = ROOT / "data/hints6/cells/delayed_care-ethnicity-lgbtq.parquet"
        own = write_cells_json(tl.Cells.read(path), tmp_path / "own.json")
        page.click("#explorer-own summary")
        page.set_input_files("#explorer-file", own)
        page.locator("#explorer-said").filter(
            has_text=re.compile("^Your file")
        ).wait_for()
        levels = tl.cell_means(tl.Cells.read(path)).frame["estimate"]
        shown = page.locator("#explorer-levels tbody tr td:nth-child(2)")
        assert shown.all_inner_texts() == [f"{100 * p:.1f}" for p in levels]

    def test_a_foreign_one_is_refused_and_the_page_stays(
        self, page: Page, tmp_path: Path
    ) -> None:
        before = said(page)
        foreign = tmp_path / "foreign.json"
        foreign.write_text('{"a": 1}')
        page.click("#explorer-own summary")
        page.set_input_files("#explorer-file", foreign)
        page.wait_for_selector("#explorer-fault:not(:empty)")
        assert "does not call itself sealed cells" in page.inner_text("#explorer-fault")
        assert said(page) == before

    def test_its_labels_do_nothing(self, page: Page, tmp_path: Path) -> None:
        path = ROOT / "data/hints6/cells/delayed_care-ethnicity-lgbtq.parquet"
        own = write_cells_json(tl.Cells.read(path), tmp_path / "own.json")
        text = own.read_text().replace("minority", "<img src=x onerror=alert(1)>")
        own.write_text(text)
        page.click("#explorer-own summary")
        page.set_input_files("#explorer-file", own)
        page.wait_for_selector("#explorer-levels >> text=<img src=x")
        assert page.locator("#explorer img").count() == 0


def test_it_works_from_a_folder(
    chromium: Browser, files: dict[str, str], tmp_path: Path
) -> None:
    for address, text in files.items():
        path = tmp_path / (address.removeprefix(HOME) or "explorer.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    opened = chromium.new_page()
    go(opened, (tmp_path / "explorer.html").as_uri())
    assert opened.locator("#explorer-levels tbody tr").count() == 4
    opened.close()


def test_without_scripts_it_says_so(chromium: Browser, files: dict[str, str]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.set_content(files[HOME])
    assert opened.locator("#explorer-without").is_visible()
    context.close()


# -- what is this number? ---------------------------------------------------------------


@pytest.fixture
def with_cards(page: Page) -> Page:
    """The explorer when its numbers are buttons."""
    page.wait_for_selector("#explorer-levels button.card-number")
    return page


def card_of(page: Page, table: str, row: int) -> dict[str, str]:
    """Title, facts and lines of R of a number's card."""
    page.locator(f"#explorer-{table} button.card-number").nth(row).click()
    card = open_card(page)
    names = card.locator("dt").all_inner_texts()
    told = dict(zip(names, card.locator("dd").all_inner_texts(), strict=True))
    plain = card.locator(".number-card-plain")
    told |= {"plain": plain.inner_text() if plain.count() else ""}
    told |= {
        "title": card.locator("h2").inner_text(),
        "r": card.locator("pre").inner_text(),
    }
    page.keyboard.press("Escape")
    return told


TABLES = ("levels", "gaps", "scales")


class TestCards:
    def test_every_estimate_has_one_that_says_what_its_row_says(self, with_cards: Page):
        for table in TABLES:
            rows = with_cards.locator(f"#explorer-{table} tbody tr")
            heads = with_cards.locator(f"#explorer-{table} thead th").all_inner_texts()
            at = heads.index("95 % interval")
            for i in range(rows.count()):
                cells = rows.nth(i).locator("th, td").all_inner_texts()
                told = card_of(with_cards, table, i)
                assert told["title"].split()[0] == cells[at - 1]
                own = told.get("By Taylor linearisation") or told["95 % interval"]
                assert own == cells[at]
                assert told["Formula"] in formulas().values()
                assert int(told["People"].replace(",", "")) >= 10

    def test_it_says_its_number_in_words(self, with_cards: Page):
        told = card_of(with_cards, "levels", 3)
        assert told["title"] == "23.8 percent"
        assert (
            told["plain"]
            == "About 24 in a hundred. By the interval it may be 18 to 30."
        )
        contrast = card_of(with_cards, "scales", 0)
        assert contrast["plain"].endswith("so none at all is possible too.")
        ratio = card_of(with_cards, "scales", 1)
        assert ratio["plain"] == ""

    def test_another_choice_has_its_own(self, with_cards: Page):
        before = card_of(with_cards, "levels", 0)
        with_cards.select_option("#explorer-axis-0", "gender")
        after = card_of(with_cards, "levels", 0)
        assert "gender" in after["r"]
        assert "gender" not in before["r"]

    def test_by_keyboard_and_back(self, with_cards: Page):
        number = with_cards.locator("#explorer-gaps button.card-number").first
        number.focus()
        with_cards.keyboard.press("Enter")
        with_cards.locator("dialog.number-card[open]").wait_for()
        with_cards.keyboard.press("Escape")
        assert number.evaluate("one => one === document.activeElement")


PEOPLE_IN_R = """suppressMessages(library(survey))
people <- read.csv("people.csv", check.names = FALSE)
design <- svydesign(~1, strata = ~stratum, weights = ~w, data = people)
told <- function(found) cat(coef(found), ";", SE(found), "\\n")
"""


def made_up(rows: int = 900) -> pd.DataFrame:
    """People with names of columns and levels that R has to quote."""
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "left side": rng.choice(["no, `never`", "yes"], rows, p=[0.6, 0.4]),
            "b": rng.choice(["low", "mid", "high"], rows),
            "stratum": rng.integers(1, 5, rows),
            "w": rng.uniform(0.5, 3, rows).round(3),
            "y": (rng.random(rows) < 0.4).astype(float),
        }
    )


def said_by_r(folder: Path, lines: list[str]) -> list[tuple[list[float], list[float]]]:
    """Estimates and standard errors that lines of R give, for each."""
    script = "\n".join(f"told({{\n{each}\n}})" for each in lines)
    (folder / "cards.R").write_text(PEOPLE_IN_R + script)
    done = subprocess.run(
        ["Rscript", "cards.R"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    halves = [line.split(";") for line in done.stdout.splitlines()]
    return [
        ([float(x) for x in a.split()], [float(x) for x in b.split()])
        for a, b in halves
    ]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed here")
def test_the_lines_of_r_of_a_card_give_its_number(with_cards: Page, tmp_path: Path):
    people = made_up()
    people.to_csv(tmp_path / "people.csv", index=False)
    design = tl.SurveyDesign(people, weight="w", strata="stratum")
    cells = tl.compress(design, "y", ["left side", "b"]).seal()
    own = write_cells_json(cells, tmp_path / "own.json")
    with_cards.click("#explorer-own summary")
    with_cards.set_input_files("#explorer-file", own)
    with_cards.locator("#explorer-said").filter(has_text="Your file").wait_for()
    rows = {
        table: with_cards.locator(f"#explorer-{table} tbody tr").count()
        for table in TABLES
    }
    assert rows == {"levels": 6, "gaps": 5, "scales": 6}
    cards = [
        card_of(with_cards, table, i) for table in TABLES for i in range(rows[table])
    ]
    found = said_by_r(tmp_path, [card["r"] for card in cards])
    for card, (estimates, errors) in zip(cards, found, strict=True):
        shown = float(card["title"].split()[0].replace("\N{MINUS SIGN}", "-"))
        error = card["Standard error"]
        if "logarithm" in error:
            printed = float(error.split("logarithm ")[1].rstrip(")"))
            assert min(abs(np.exp(x) - shown) for x in estimates) < 0.00501
            assert min(abs(x - printed) for x in errors) < 0.000501
        else:
            assert min(abs(100 * x - shown) for x in estimates) < 0.0501
            assert min(abs(100 * x - float(error.split()[0])) for x in errors) < 0.00501
