"""Cards of numbers: what they say is what the library published, and a text is given a card only where it is sure whose it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

import small_run
import trustlib as tl
from trustbook.cards import R_WORDS, RunCards, r_line, statements, table_facts
from trustbook.sphinx.card_pages import (
    CARD,
    SCRIPT,
    WEB,
    cells_of,
    computed_data,
    mark_numbers,
    record_data,
    run_files,
)
from trustlib.disclosure import MINIMUM
from trustlib.record.printed import load_figures
from trustlib.scales import MEASURES, SCALES
from trustlib.tables import readable

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "data" / "published"
RUN = small_run.RUN


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """A book with one run, made of committed cells."""
    folder = tmp_path_factory.mktemp("cards") / "book"
    (folder / "_runs").mkdir(parents=True)
    small_run.make_run(ROOT, folder / "_runs")
    return folder


@pytest.fixture(scope="module")
def cards(book) -> RunCards:
    return RunCards(RUN, book / "_runs" / RUN)


@pytest.fixture(scope="module")
def levels() -> tl.Estimates:
    path = ROOT / "data" / "hints7" / "cells" / f"{small_run.CELLS}.parquet"
    return tl.cell_means(tl.Cells.read(path))


def rows_of(cards: RunCards, name: str) -> list:
    return [row for table in cards.tables if table.name == name for row in table.rows]


class TestWhatACardSays:
    def test_it_prints_what_a_table_prints(self, cards, levels):
        published = {"levels": levels, "gaps": tl.comparisons(levels)}
        for name, estimates in published.items():
            texts = readable(estimates)
            heading = SCALES[estimates.kind].heading
            rows = rows_of(cards, name)
            assert [row.estimate for row in rows] == texts[heading].tolist()
            intervals = texts.filter(like="interval").iloc[:, 0]
            assert [row.interval for row in rows] == intervals.tolist()
            people = texts.filter(like="People").iloc[:, -1]
            assert [row.people for row in rows] == people.tolist()

    def test_its_facts_are_the_numbers_of_the_library(self, cards, levels):
        for row, truth in zip(
            rows_of(cards, "levels"), levels.frame.to_dict("records"), strict=True
        ):
            assert row.groups == {name: truth[name] for name in small_run.IDENTITIES}
            error = float(row.facts["error"].removesuffix(" points"))
            assert error == pytest.approx(100 * truth["std_error"], abs=0.005)
            worth = int(row.facts["worth"].replace(",", ""))
            assert worth == round(truth["n_eff"])
            assert row.facts["df"] == f"{truth['df']:g}"

    def test_design_convention_and_line_of_r_are_those_of_its_table(
        self, cards, levels
    ):
        [facts] = [table.facts for table in cards.tables if table.name == "levels"]
        whole = f"{facts['design']}; {facts['convention']}"
        assert whole == levels.convention
        assert facts["r"].startswith("svyby(~outcome, ~ethnicity + disability")
        assert facts["r"] in re.sub(r" *#.*", "", small_run.R)

    def test_every_kind_and_measure_has_a_formula(self):
        formulas = [scale.formula for scale in (*SCALES.values(), *MEASURES.values())]
        assert all(formulas)
        assert set(R_WORDS) <= set(SCALES)

    def test_a_measure_says_which_it_is(self, cards):
        by_measure = {
            row.groups["measure"]: row for row in rows_of(cards, "interaction")
        }
        assert by_measure["reri_rr"].facts["formula"] == MEASURES["reri_rr"].formula
        assert by_measure["reri_rr"].facts["apart"] == "yes"
        assert "apart" not in by_measure["interaction_contrast"].facts

    def test_nobody_is_singled_out(self, cards):
        counts = [
            int(row.people.replace(",", ""))
            for table in cards.tables
            for row in table.rows
        ]
        assert counts
        assert min(counts) >= MINIMUM


class TestLinesOfR:
    def test_a_loop_goes_on_to_its_body(self):
        lines = ["for (k in list(1, 2))", "  print(k)", "b <- 1"]
        assert list(statements(lines)) == [
            "for (k in list(1, 2))\n  print(k)",
            "b <- 1",
        ]

    @pytest.mark.parametrize("how", ["plus four", "MOVER interval"])
    def test_what_the_lines_do_not_give_has_none(self, how):
        told = {"kind": "difference", "by": [], "outcome": "y"}
        told["convention"] = f"simple random sample; t with 9 df; ({how})"
        assert "r" not in table_facts("run", "gaps", told, ["svycontrast(levels)"])

    def test_no_line_is_taken_for_another(self):
        assert r_line("ratio", ["svycontrast(levels, c(-1, 1))"]) == ""


class TestWhoseNumber:
    def test_a_row_is_found_by_all_that_is_printed(self, cards):
        row = rows_of(cards, "levels")[3]
        words = "minority ; disabled"
        assert cards.find(row.estimate, row.interval, words) == row.key
        assert cards.find(row.estimate, row.interval, words, "", row.people) == row.key

    def test_one_that_differs_in_anything_has_no_card(self, cards):
        row = rows_of(cards, "levels")[3]
        words = "minority ; disabled"
        assert not cards.find("99.9", row.interval, words)
        assert not cards.find(row.estimate, "1.0 to 2.0", words)
        assert not cards.find(row.estimate, row.interval, "majority ; disabled")
        assert not cards.find(row.estimate, row.interval, words, "another convention")
        assert not cards.find(row.estimate, row.interval, words, "", "12")

    def test_two_rows_that_print_the_same_have_none_without_their_groups(
        self, cards, tmp_path
    ):
        folder = tmp_path / "twice"
        (folder / "tables").mkdir(parents=True)
        source = cards.folder / "tables" / "levels"
        frame = pd.read_csv(source.with_suffix(".csv"))
        frame.loc[1] = frame.loc[0].replace({"not disabled": "disabled"})
        frame.to_csv(folder / "tables" / "levels.csv", index=False)
        told = source.with_suffix(".json").read_text(encoding="utf-8")
        (folder / "tables" / "levels.json").write_text(told, encoding="utf-8")
        both = RunCards("twice", folder)
        first, second, *_ = both.tables[0].rows
        assert (first.estimate, first.interval) == (second.estimate, second.interval)
        words = "majority ; disabled ; not disabled"
        assert not both.find(first.estimate, first.interval, words)
        assert both.find(second.estimate, second.interval, "majority ; disabled")

    def test_words_are_not_found_inside_others(self, cards):
        row = rows_of(cards, "levels")[3]
        assert not cards.find(row.estimate, row.interval, "minorityish ; disabledness")


class TestPages:
    def page(self, book, body: str, name: str = f"_runs/{RUN}/{RUN}.html"):
        soup = BeautifulSoup(f"<head></head><main>{body}</main>", "html.parser")
        mark_numbers(soup, name, book)
        return soup

    def table(self, cards, **change: str) -> str:
        row = rows_of(cards, "levels")[3]
        cells = {"a": "minority", "b": "disabled", "estimate": row.estimate}
        cells |= {"interval": row.interval, "n": row.people} | change
        shown = "".join(f"<td>{text}</td>" for text in cells.values())
        return f"<div class='book-table'><table><tbody><tr>{shown}</tr></tbody></table></div>"

    def test_a_row_is_marked_at_its_estimate(self, book, cards):
        soup = self.page(book, self.table(cards))
        [marked] = soup.select(f"[{CARD}]")
        assert marked.get_text() == rows_of(cards, "levels")[3].estimate
        assert marked[CARD] == f"runs/{RUN}|levels:3"

    def test_a_row_of_another_number_is_not(self, book, cards):
        soup = self.page(book, self.table(cards, estimate="99.9"))
        assert not soup.select(f"[{CARD}]")
        assert not soup.select("script")

    def test_marking_again_changes_nothing(self, book, cards):
        soup = self.page(book, self.table(cards))
        once = str(soup)
        mark_numbers(soup, f"_runs/{RUN}/{RUN}.html", book)
        assert str(soup) == once
        assert once.count("<script") == 1

    def test_a_row_of_another_page_is_that_of_the_run_it_leads_to(self, book, cards):
        row = rows_of(cards, "levels")[3]
        cells = "".join(
            f"<td>{text}</td>"
            for text in ("minority, disabled", row.estimate, row.interval, row.people)
        )
        link = f"<td><a href='_runs/{RUN}/{RUN}.html'>run</a></td>"
        body = f"<table><tr>{cells[: -len('</td>')]}</td>{link}</tr></table>"
        moved = f"<table><tr>{link}{cells}</tr></table>"
        assert self.page(book, moved, "hints7.html").select(f"[{CARD}]")
        assert not self.page(book, body.replace(RUN, "none"), "x.html").select(
            f"[{CARD}]"
        )

    def test_a_page_without_numbers_loads_no_script(self, book):
        assert not self.page(book, "<p>Words.</p>", "index.html").select("script")

    def test_every_file_of_a_run_is_data(self, book, tmp_path):
        files = dict(run_files(RUN, book, tmp_path))
        text = files[f"runs/{RUN}.js"]
        data = json.loads(text.partition("] = ")[2].rstrip(";\n"))
        assert "page" not in data  # it is not in the folder of the site
        assert all("download" not in facts for facts in data["tables"].values())

    def test_the_cells_are_those_of_the_run(self, cards):
        name, text = cells_of(cards, ROOT / "data")
        assert name == f"cells/hints7-{small_run.CELLS}.json"
        assert min(json.loads(text)["n"]) >= MINIMUM

    def test_a_run_without_committed_cells_offers_none(self, cards, tmp_path):
        assert cells_of(cards, tmp_path) is None

    def test_each_line_of_the_record_has_a_card(self):
        figures = load_figures(PUBLISHED / "figures.csv")
        made = record_data(PUBLISHED)
        assert list(made) == figures["id"].tolist()
        assert made["R24-017"]["printed"].startswith("82")
        assert made["R24-017"]["facts"]["Rounding"] == "0.5 up or down"

    def test_each_question_of_the_audit_names_its_lines(self):
        made = computed_data(PUBLISHED)
        known = set(record_data(PUBLISHED))
        assert {name for one in made.values() for name in one["lines"]} <= known
        assert made["one-item-order"]["assumed"] == [
            "one item",
            "no single group above the double group",
        ]

    def test_the_script_fetches_nothing_and_writes_no_html(self):
        text = (WEB / SCRIPT).read_text(encoding="utf-8")
        for word in (
            "fetch(",
            "eval(",
            "XMLHttpRequest",
            "innerHTML",
            "http://",
            "https://",
        ):
            assert word not in text, word
