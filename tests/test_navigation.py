"""What readers find their way with: the left bar, folds, heads, explained words, the gallery, and the page for no page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx.errors import ConfigError

from trustbook.runs import load_plan
from trustbook.site import poor_heads
from trustbook.sphinx.folds import fold_code, fold_conventions
from trustbook.sphinx.gallery_pages import chosen, run_list
from trustbook.sphinx.heads import LONGEST, describe
from trustbook.sphinx.leftbar import drop_branches, fold_parts
from trustbook.sphinx.not_found import not_found
from trustbook.sphinx.terms import MOST, Term, explain, terms_of
from trustlib.errors import TrustlibError

ROOT = Path(__file__).parents[1]


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def twice(repair, html: str) -> BeautifulSoup:
    """The tree after a repair, which a second one leaves as it is."""
    page = soup(html)
    repair(page)
    once = str(page)
    again = soup(once)
    repair(again)
    assert str(again) == once
    return page


RUNS = {run.id: run for run in load_plan(ROOT / "notebooks" / "runs.yml")}
PAGES = [name for name, run in RUNS.items() if run.page]


class TestGallery:
    def test_every_run_on_the_stand_in_stands_on_it_once(self):
        page = (ROOT / "book" / "synthetic-runs.md").read_text(encoding="utf-8")
        lists = re.findall(r"^```\{run-list\} (.+)$", page, re.MULTILINE)
        listed = [
            name for patterns in lists for name in chosen(PAGES, patterns.split())
        ]
        wanted = [name for name in PAGES if name.startswith("synthetic-")]
        assert sorted(listed) == sorted(wanted)

    def test_each_line_has_a_sentence_and_says_synthetic(self):
        names = [name for name in PAGES if name.startswith("synthetic-")]
        lines = [
            line for line in run_list(RUNS, names).splitlines() if line.startswith("- ")
        ]
        assert len(lines) == len(names)
        for line in lines:
            assert line.startswith("- {doc}`Synthetic: ")
            _, _, sentence = line.partition(">`. ")
            assert len(sentence) > 30, line
            assert sentence[-1] in ".?", line

    def test_the_newest_wave_comes_first(self):
        names = ["synthetic-2022-answers", "synthetic-2024-answers"]
        text = run_list(RUNS, names)
        assert text.index("**2024**") < text.index("**2022**")

    def test_a_pattern_that_fits_nothing_is_an_error(self):
        with pytest.raises(TrustlibError, match=r"nothing-\*"):
            chosen(PAGES, ["nothing-*"])

    def test_the_left_bar_has_names_for_the_runs_on_real_people(self):
        contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
        for part in contents["parts"]:
            if part["caption"].startswith("Real people"):
                assert len(part["chapters"]) <= 8
                entries = [
                    e for c in part["chapters"] for e in (c, *c.get("sections", []))
                ]
                runs = [e for e in entries if e["file"].startswith("_runs/")]
                assert all(len(e["title"]) <= 70 for e in runs)


class TestLeftBar:
    def test_only_the_part_of_this_page_is_open(self):
        html = (
            "<nav class='bd-links'><p class='caption' role='heading'><span>One</span></p><ul><li>a</li></ul>"
            "<p class='caption'><span>Two</span></p><ul class='current'><li>b</li></ul></nav>"
        )
        parts = twice(fold_parts, html).select("details.nav-part")
        assert [part.summary.string for part in parts] == ["One", "Two"]
        assert [part.has_attr("open") for part in parts] == [False, True]

    def test_the_runs_of_the_gallery_are_not_in_it(self):
        html = (
            "<nav class='bd-links'><ul><li><a href='../../synthetic-runs.html'>Runs</a><ul><li>x</li></ul><details>y</details></li>"
            "<li><a href='other.html'>Other</a><ul><li>z</li></ul></li></ul></nav>"
        )
        assert twice(drop_branches, html).nav.get_text(" ") == "Runs Other z"

    def test_nor_on_the_page_of_the_gallery(self):
        html = "<nav class='bd-links'><ul><li><a href='#'>Runs</a><ul><li>x</li></ul></li></ul></nav>"
        there = f"{html}<main><div class='run-list'></div></main>"
        assert twice(drop_branches, there).nav.get_text() == "Runs"
        assert twice(drop_branches, html).nav.get_text() == "Runsx"


class TestFolds:
    cell = (
        "<div class='cell'><details class='hide above-input'><summary>Show</summary><div class='cell_input'>{code}</div></details>"
        "{output}</div>"
    )

    def page(self) -> str:
        first = self.cell.format(code="a = 1", output="")
        second = self.cell.format(
            code="b = 2", output="<div class='cell_output'>2</div>"
        )
        open_code = "<div class='cell'><div class='cell_input'>c = 3</div></div>"
        return (
            f"<article><section id='top'><h1>Gaps<a>#</a></h1>{first}<section id='part'><h2>Part<a>#</a></h2>{second}{open_code}</section>"
            "<section id='the-same-in-r'><h2>R</h2></section><section id='last'>Last</section></section></article>"
        )

    def test_code_stands_in_one_fold_at_the_end_under_its_headings(self):
        page = twice(fold_code, self.page())
        fold = page.section.find_all(recursive=False)[-1]
        assert fold["class"] == "computed"
        assert not fold.has_attr("open")
        codes = [code.get_text() for code in fold.select(".cell_input")]
        assert codes == ["a = 1", "b = 2"]
        back = [(link["href"], link.string) for link in fold.select(".code-of a")]
        assert back == [("#top", "Gaps"), ("#part", "Part")]
        assert fold.select_one("#the-same-in-r") is not None
        assert page.select("details.hide") == []

    def test_outputs_and_open_code_stay_and_empty_cells_go(self):
        page = twice(fold_code, self.page())
        cells = page.select("div.cell")
        assert [cell.get_text() for cell in cells] == ["2", "c = 3"]

    def test_a_solution_stays_folded_where_it_is(self):
        inside = "</div><div class='cell_output'>42</div></details>"
        solution = self.cell.replace("</div></details>", inside).format(
            code="print(42)", output=""
        )
        html = f"<article><section>{solution}</section></article>"
        assert str(twice(fold_code, html)) == str(soup(html))

    def test_a_page_without_folded_code_stays_as_it_is(self):
        html = "<article><section><p>Words.</p><section id='the-same-in-r'></section></section></article>"
        assert twice(fold_code, html).find("details") is None

    def test_a_convention_stays_at_its_table(self):
        html = "<main><p class='table-note'><span>Convention: t with 49 df.</span></p><p class='table-note'>Real people.</p></main>"
        page = twice(fold_conventions, html)
        assert page.details.summary.string == "Convention"
        assert page.details.p.get_text() == "t with 49 df."
        assert len(page.select("main > p.table-note")) == 1


class TestHeads:
    def described(self, article: str, title: str = "Gaps") -> str:
        html = f"<head><title>{title}</title></head><article><h1>{title}</h1>{article}</article>"
        page = twice(describe, html)
        (tag,) = page.find_all("meta", attrs={"name": "description"})
        assert page.find("meta", property="og:description")["content"] == tag["content"]
        return tag["content"]

    def test_what_a_page_says_in_short_comes_before_its_first_paragraph(self):
        html = "<p>First words.</p><p><strong>In short.</strong> One of three gaps is clear here.</p>"
        assert self.described(html) == "One of three gaps is clear here."

    def test_warnings_tables_and_short_lines_describe_no_page(self):
        html = (
            "<div class='admonition'><p>A warning that is rather long, and no description.</p></div><p>Short.</p>"
            "<table><tr><td><p>A cell that is rather long, and no description.</p></td></tr></table>"
            "<p>What this page is about, in one sentence.</p>"
        )
        assert self.described(html) == "What this page is about, in one sentence."

    def test_a_long_paragraph_is_cut(self):
        words = self.described(f"<p>{'Many words. ' * 50}</p>")
        assert len(words) <= LONGEST
        assert words.endswith("words.")

    def test_what_is_made_up_is_called_so(self):
        html = "<p>One of three gaps is clear in this wave.</p>"
        assert self.described(html, "Synthetic: gaps").startswith("Synthetic: One")

    @pytest.mark.parametrize(
        ("head", "words"),
        [
            ("<title>x</title>", "is described in 0 characters"),
            ("<meta name='description' content='x'>", "has no title"),
            ("<title>x</title><meta name='description' content='x'>", "has no og:type"),
            (
                "<meta property='og:image' content='https://example.org/a.png'>",
                "picture of another host",
            ),
        ],
    )
    def test_a_poor_head_is_a_fault_of_a_page(self, tmp_path, head, words):
        (tmp_path / "index.html").write_text(f"<head>{head}</head><main></main>")
        assert any(words in fault for fault in poor_heads(tmp_path))


class TestTerms:
    glossary = (
        "<dl class='glossary'><dt id='term-gap'>gap</dt><dd><p>A difference. See <a>x</a>.</p></dd>"
        "<dt id='term-Holm-s-method'>Holm’s method</dt><dd><p>Adjusts.</p></dd>"
        "<dt id='term-point'>point</dt><dd><p>A unit.</p></dd><dt id='term-run'>run</dt><dd><p>An execution.</p></dd></dl>"
    )

    def explained(self, html: str) -> BeautifulSoup:
        terms = terms_of(self.glossary)
        page = f"<html data-content_root='../'><article>{html}</article></html>"
        return twice(lambda tree: explain(tree, terms), page)

    def test_the_first_in_prose_and_no_other(self):
        page = self.explained(
            "<h1>A gap</h1><table><tr><td><p>gap</p></td></tr></table><p><a>gap</a> <code>gap</code> gaps, and a gap.</p><p>A gap.</p>"
        )
        (link,) = page.select("a.term")
        assert link.get_text() == "gaps"
        assert link["href"] == "../glossary.html#term-gap"
        said = page.find(id=link["aria-describedby"])
        assert said.get_text() == "A difference. Glossary"
        assert said.has_attr("popover")

    def test_names_have_their_capitals_and_plain_words_are_left_alone(self):
        page = self.explained(
            "<p>The point of a run: Holm’s method, +10.8 points, a stopgap, a gap-filler.</p>"
        )
        assert [link.get_text() for link in page.select("a.term")] == [
            "Holm’s method",
            "points",
        ]

    def test_a_page_does_not_explain_everything(self):
        terms = {f"word{i:02}": Term(f"term-{i}", "Said.") for i in range(40)}
        page = soup(f"<article><p>{' '.join(terms)}</p></article>")
        explain(page, terms)
        assert len(page.select("a.term")) == MOST

    def test_the_glossary_explains_its_own_words(self):
        page = self.explained(f"<p>A gap.</p>{self.glossary}")
        assert page.select("a.term") == []


class TestNotFound:
    def test_links_count_from_the_base_and_only_the_icon_is_loaded(self):
        page = soup(not_found("A <book>", "/a/b/", ["index", "glossary"]))
        links = [link["href"] for link in page.select("a")]
        assert links == ["/a/b/index.html", "/a/b/glossary.html"]
        assert page.form["action"] == "/a/b/search.html"
        assert page.find(["script", "img"]) is None
        assert page.link.attrs == {"href": "/a/b/_static/favicon.png", "rel": ["icon"]}
        assert len(page.find_all("link")) == 1
        assert "A <book>" in page.title.string

    @pytest.mark.parametrize(
        "base", ["", "book", "/book", "//host/", "/a b/", "https://x/"]
    )
    def test_what_is_no_base_is_refused(self, base):
        with pytest.raises(ConfigError, match="BOOK_BASE"):
            not_found("x", base, [])
