"""The evidence chapters: their arithmetic, their form, and that every printed line is two clicks from the first table."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from scipy.stats import norm

import trustlib as tl
from trustbook.runs import load_plan
from trustbook.site import broken_links
from trustbook.sphinx.evidence import numbers
from trustbook.sphinx.evidence.arithmetic import (
    both_and_neither,
    gap_change,
    level_change,
    people_needed,
    ratio_range,
)
from trustbook.sphinx.evidence.contrasts import contrasts
from trustbook.sphinx.evidence.lookup import printed_gap, share, trial_shares
from trustbook.sphinx.evidence.numbers import (
    Evidence,
    load_evidence,
    quantities,
    with_experience,
)
from trustbook.sphinx.evidence.plan import load_trials, sections
from trustbook.sphinx.evidence.sections import record_ids, sections_markdown
from trustbook.sphinx.evidence.worked import WORDS, worked
from trustlib.errors import CodebookError, TrustlibError, UnknownNameError
from trustlib.record.printed import asked_in, load_figures
from trustlib.record.questions import answers

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PUBLISHED = ROOT / "data" / "published"
SECTIONS = BOOK / "sections.yml"
CHAPTERS = [
    part["chapter"] for part in yaml.safe_load(SECTIONS.read_text())["sections"]
]
TEXTS = {chapter: (BOOK / f"{chapter}.md").read_text() for chapter in CHAPTERS}
README_TABLE = re.compile(
    r"<!-- book/sections\.yml -->\n\n(.*?)\n\n<!-- end -->", re.DOTALL
)


@pytest.fixture(scope="module")
def figures():
    return load_figures(PUBLISHED / "figures.csv").set_index("id")


@pytest.fixture(scope="module")
def found():
    table = pd.read_csv(PUBLISHED / "figures.csv", dtype=str, keep_default_na=False)
    return answers(
        table, yaml.safe_load((PUBLISHED / "questions.yml").read_text())
    ).set_index("key")


@pytest.fixture(scope="module")
def evidence(figures, found):
    trials = load_trials(PUBLISHED / "trials.yml")
    plan = load_evidence(PUBLISHED / "evidence.yml")
    asked = asked_in(ROOT / "data" / "codebook.yml")
    return Evidence(figures, found, asked, trials, plan)


@pytest.fixture(scope="module")
def known(evidence):
    return quantities(evidence)


# ----- arithmetic -----


@pytest.mark.parametrize(
    ("one", "two", "gap", "low", "high"),
    [
        ("R24-020", "R24-021", 11, 8.3, 13.7),
        ("R24-025", "R24-026", 5, 2.8, 7.2),
        ("R24-027", "R24-028", 9, 7.1, 10.9),
    ],
)
def test_as_if_intervals_of_printed_gaps_are_those_of_the_derived_figures(
    figures, one, two, gap, low, high
):
    """Row D-24 of the list of derived figures."""
    assert np.round(
        100 * np.array(printed_gap(figures, one, two, 1.0)), 1
    ) == pytest.approx([gap, low, high])
    wide = printed_gap(figures, one, two, 2.0)
    assert (wide[2] - wide[1]) ** 2 == pytest.approx(
        2 * (np.diff(printed_gap(figures, one, two, 1.0)[1:])[0]) ** 2
    )


def test_a_printed_gap_needs_the_numbers_of_people(figures):
    with pytest.raises(TrustlibError, match="not both printed"):
        printed_gap(figures, "R24-017", "R24-018", 1.0)
    with pytest.raises(UnknownNameError):
        printed_gap(figures, "R24-999", "R24-018", 1.0)


def test_from_those_asked_to_everybody_is_the_derived_figure(figures, evidence):
    """Row D-22: 26.4 against 14.4, 13.9 against 7.9, 12.5 against 5.0."""
    base = with_experience(evidence)
    pairs = [("R24-020", "R24-021"), ("R24-025", "R24-026"), ("R24-027", "R24-028")]
    of_all = [
        [round(100 * b * share(figures, i), 1) for b, i in zip(base, pair, strict=True)]
        for pair in pairs
    ]
    assert of_all == [[26.4, 14.4], [13.9, 7.9], [12.5, 5.0]]
    # What the chapters on reasons and consequences say in words.
    asked = [[figures.at[i, "value"] for i in pair] for pair in pairs]
    wider = [a - b > c - d for (a, b), (c, d) in zip(of_all, asked, strict=True)]
    assert wider == [True, True, False]
    assert all(a / b > c / d for (a, b), (c, d) in zip(of_all, asked, strict=True))


def test_the_smallest_group_is_spread_over_the_countries_that_asked(known):
    """Brazil, the United Kingdom and the United States."""
    both = float(known["both-people"].shown.replace(",", ""))
    each = float(known["both-per-country"].shown.replace(",", ""))
    assert each == pytest.approx(both / 3, abs=0.7)
    half_width = 100 * norm.ppf(0.975) * math.sqrt(1.5 * 0.25 / (both / 3))
    assert known["both-interval"].shown == f"{half_width:.0f} points"


def test_groups_under_independence_are_the_derived_figure(figures):
    """Row D-07; the four cells add up to everybody."""
    one = figures["value"]
    both, neither = both_and_neither(one["R24-001"], one["R24-009"], one["R24-010"])
    assert round(both) == 614
    assert both + neither + (one["R24-009"] - both) + (
        one["R24-010"] - both
    ) == pytest.approx(one["R24-001"])


@pytest.mark.parametrize("deff", [1.0, 1.5, 2.0])
def test_a_detectable_change_of_a_gap_is_found_four_times_in_five(deff):
    """Against a simulation of two waves of two groups, whose tests count their own scatter."""
    levels, people = (0.66, 0.5), (8598, 2891)
    change, rng, draws = (
        gap_change(levels, people, deff),
        np.random.default_rng(5),
        40_000,
    )
    after = (levels[0] - change / 2, levels[1] + change / 2)
    size = [round(n / deff) for n in people]
    gaps, variance = [], np.zeros(draws)
    for wave in (levels, after):
        p = [rng.binomial(n, q, draws) / n for n, q in zip(size, wave, strict=True)]
        variance += sum(q * (1 - q) / n for q, n in zip(p, size, strict=True))
        gaps.append(p[0] - p[1])
    power = np.mean(np.abs(gaps[0] - gaps[1]) > norm.ppf(0.975) * np.sqrt(variance))
    assert power == pytest.approx(0.8, abs=0.02)


def test_people_needed_is_the_inverse_of_the_detectable_change():
    levels, change = (0.82, 0.47), 0.0875
    n = people_needed(levels, change, 1.5)
    assert (
        gap_change(levels, (n, n), 1.5)
        <= change
        < gap_change(levels, (n - 1, n - 1), 1.5)
    )


def test_a_fall_is_the_rise_of_the_complement():
    assert level_change(0.71, 2712, 1.5) == pytest.approx(
        tl.detectable_difference(0.29, 2712, 1.5)
    )
    assert (
        level_change(0.71, 2712, 1.0)
        < level_change(0.5, 2712, 1.0)
        < level_change(0.5, 1000, 1.0)
    )


def test_ratios_of_trials_are_quotients_and_allow_for_rounding(known, evidence):
    assert known["ppr"].shown == f"{12 / 56:.2f}"
    assert known["ppr-target"].shown == f"{25 / 56:.2f}"
    assert known["ppr-range"].shown == f"{11.5 / 56.5:.2f} to {12.5 / 55.5:.2f}"
    value, low, high = ratio_range((12.0, 55.5), (0.5, 0.05))
    assert low < value < high
    shares = trial_shares(evidence.trials, evidence.figures)
    assert all(
        row.source and row.reading and row.half_width > 0 for row in shares.values()
    )


def test_differences_of_the_two_questions_compare_the_same_people(known, figures):
    pairs = [("W23-008", "W23-009"), ("W23-010", "W23-011"), ("W23-012", "W23-013"), ("W23-014", "W23-015"),
             ("W23-016", "W23-017"), ("W22-036", "W22-045"), ("W22-038", "W22-044")]  # fmt: skip
    apart = [figures.at[s, "value"] - figures.at[p, "value"] for s, p in pairs]
    assert all(figures.at[s, "group"] == figures.at[p, "group"] for s, p in pairs)
    assert known["items-pairs"].shown == str(len(pairs))
    assert known["items-least"].shown == f"{min(apart):.0f} points"
    assert known["items-most"].shown == f"{max(apart):.0f} points"


def test_the_rise_of_the_printed_gap_comes_from_the_reference_group(known, figures):
    """The chapter on waves says so in words."""
    value = figures["value"]
    assert value["R24-017"] == value["W22-011"]
    assert (
        known["gap-rise"].shown == f"{value['W22-012'] - value['R24-018']:.0f} points"
    )


def test_what_is_called_significant_is_the_edge_of_a_test(known, figures):
    n = figures.loc[["R24-012", "R24-013"], "value"]
    least = float(known["smallest-gap-called-significant"].shown.split()[0]) / 100
    assert least / math.sqrt((0.25 / n).sum()) == pytest.approx(
        norm.ppf(0.975), rel=0.03
    )


# ----- what is computed from which lines -----


def test_every_formula_and_style_is_used(evidence):
    """What no number needs is not kept."""
    numbers_of_file = evidence.plan.numbers.values()
    formulas = {*numbers.FORMULAS, *numbers.RANGES, *numbers.SUMMARIES}
    assert {number.formula for number in numbers_of_file} == formulas
    assert {number.shown for number in numbers_of_file} == set(numbers.STYLES)


def changed(tmp_path, **entries):
    """evidence.yml with some numbers put in place of its own."""
    content = yaml.safe_load((PUBLISHED / "evidence.yml").read_text())
    path = tmp_path / "evidence.yml"
    path.write_text(yaml.safe_dump(content | {"numbers": entries}, sort_keys=False))
    return path


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"formula": "diference"}, "Did you mean 'difference'"),
        ({"shown": "point"}, "Did you mean 'points'"),
        ({"of": ["R24-017"]}, "difference takes one, two, got ['R24-017']"),
        ({"of": ["R24-017", "later"]}, "later does not stand above"),
        ({"of": ["R24-017", "range"]}, "range is a range"),
        ({"how": "{2} less {1}"}, "how cannot be filled"),
        ({"sown": "points"}, "There is no key 'sown'. Did you mean 'shown'"),
    ],
)
def test_a_number_that_cannot_be_computed_is_a_fault_of_its_file(
    tmp_path, entry, words
):
    right = {
        "formula": "difference",
        "of": ["R24-017", "R24-018"],
        "shown": "points",
        "how": "{0} less {1}",
    }
    ends = right | {"formula": "range of quotient", "shown": "ratio"}
    load_evidence(changed(tmp_path, range=ends, tried=right, later=right))
    path = changed(tmp_path, range=ends, tried=right | entry, later=right)
    with pytest.raises(CodebookError, match="1 fault") as fault:
        load_evidence(path)
    assert words in str(fault.value)


def test_a_number_of_something_that_is_not_there_is_refused(evidence, tmp_path):
    right = {"formula": "as printed", "shown": "points", "how": "{0}"}
    for name in ("R24-999", "audit nothing", "trial nothing", "gap nothing"):
        plan = load_evidence(changed(tmp_path, tried=right | {"of": [name]}))
        with pytest.raises(UnknownNameError):
            quantities(replace(evidence, plan=plan))


def test_a_share_of_trials_has_a_source(tmp_path):
    path = tmp_path / "trials.yml"
    path.write_text("shares: {a: {label: b, reading: c}}\nband: {low: 0.8, high: 1.2}")
    with pytest.raises(CodebookError, match="shares: a: "):
        load_trials(path)


# ----- which line belongs where -----


def test_every_line_of_the_record_belongs_to_a_chapter_and_every_pattern_finds_one(
    figures,
):
    lines = list(figures.index)
    mine = [set(record_ids(part.record.split(), lines)) for part in sections(SECTIONS)]
    assert all(mine)
    assert set().union(*mine) == set(lines)
    with pytest.raises(UnknownNameError):
        record_ids(["R24-9*"], lines)


def test_the_chapters_of_the_table_are_those_of_the_contents():
    listed = re.findall(r"file: (evidence/[\w-]+)", (ROOT / "_toc.yml").read_text())
    assert listed == ["evidence/index", *CHAPTERS] or sorted(listed) == sorted(
        ["evidence/index", *CHAPTERS]
    )
    assert sorted(p.stem for p in (BOOK / "evidence").glob("*.md")) == sorted(
        Path(c).name for c in listed
    )


def test_readme_and_book_show_the_same_table():
    shown = README_TABLE.search((ROOT / "README.md").read_text())
    assert shown, (
        "the README needs the table of book/sections.yml between its two comments"
    )
    assert shown[1] == sections_markdown(
        SECTIONS, ROOT / "notebooks" / "runs.yml", page=""
    )
    assert all(
        (ROOT / target).is_file()
        for target in re.findall(r"\]\((book/[^)]+)\)", shown[1])
    )
    assert "{sections-table}" in (BOOK / "evidence" / "index.md").read_text()


def test_a_run_of_the_table_that_has_no_page_is_refused(tmp_path):
    path = tmp_path / "sections.yml"
    path.write_text(
        "sections: [{section: a, chapter: evidence/who, title: b, record: R24-001, runs: [no-such-run]}]\n"
    )
    with pytest.raises(UnknownNameError, match="run with a page"):
        sections_markdown(path, ROOT / "notebooks" / "runs.yml")


# ----- the form of a chapter -----


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_opens_in_plain_words_with_a_picture_and_ends_with_what_may_be_concluded(
    chapter,
):
    text = TEXTS[chapter]
    opening, *_ = text.split("\n## ")
    assert re.match(r"# .+\n\n\*\*In plain words\.\*\* ", text)
    assert re.search(
        r"```\{(record-figure|run-figure|run-picture)\}|\{\.mark-", opening
    ), "a picture before the first heading"
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[-1] == "What you may conclude, and what not"
    assert {"How sure one can be", "What would change the answer"} <= set(headings)
    assert "| You may say | You may not say |" in text
    assert text.rstrip().endswith("```{record-rows}\n```")
    assert re.search(r"\{doc\}`[^`]*</estimand>`", text), (
        "an interval is an as-if statement: link to the estimand"
    )
    assert 50 <= text.count("\n") <= 140


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_plain_words_are_plain(chapter):
    """Short sentences of short words: what a reader of about twelve years manages (Flesch-Kincaid grade below 8)."""
    plain = re.search(r"\*\*In plain words\.\*\* (.+)", TEXTS[chapter])[1]
    plain = re.sub(r"\{[\w-]+\}`[^`]+`", "80", plain)
    sentences = [s for s in re.split(r"[.!?:]+\s", plain) if s.strip()]
    words = re.findall(r"[A-Za-z+]+", plain)
    syllables = sum(
        max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e\b", "", w.lower()))))
        for w in words
    )
    assert (
        0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59 < 8
    )
    assert max(len(re.findall(r"\w+", s)) for s in sentences) <= 32


def test_the_measure_of_plain_words_can_fail():
    hard = "**In plain words.** Multidimensional intersectional inequalities necessitate methodological triangulation."
    TEXTS["hard"] = hard
    try:
        with pytest.raises(AssertionError):
            test_the_plain_words_are_plain("hard")
    finally:
        del TEXTS["hard"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_picture_states_what_is_seen_without_typed_percentages(chapter):
    for block in re.findall(r"```\{record-figure\}.*?```", TEXTS[chapter], re.DOTALL):
        says = re.search(r"^:says: (.+)$", block, re.MULTILINE)
        assert says, "a picture says what is to be seen"
        assert not re.search(r"\d", says[1])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_synthetic_number_or_picture_is_called_so_where_it_stands(chapter):
    findings = yaml.safe_load((BOOK / "findings.yml").read_text())
    for paragraph in re.split(r"\n\n|\n- |\n\| |\n\d\. ", TEXTS[chapter]):
        names = re.findall(r"\{finding\}`([\w-]+)", paragraph)
        if any(findings[name]["run"].startswith("synthetic") for name in names):
            assert "synthetic" in paragraph.replace("_runs/synthetic", "")


# ----- two clicks: the table, a chapter, the line -----


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A small site: the table, chapters that hold only their lines, the record, and empty pages in place of the rest."""
    from sphinx.application import Sphinx

    root = tmp_path_factory.mktemp("evidence")
    book = root / "book"
    (root / "notebooks").mkdir()
    book.mkdir()
    for folder in ("data", "notebooks/templates", "notebooks/lessons"):
        (root / folder).symlink_to(ROOT / folder)
    for file in ("notebooks/runs.yml", "book/sections.yml", "requirements.lock"):
        shutil.copy(ROOT / file, root / file)
    pages = {
        "record": "# Record\n\n```{record-table}\n```",
        "do-the-figures-fit": "# Fit",
    }
    pages |= dict.fromkeys(CHAPTERS, "# Chapter\n\n```{record-rows}\n```")
    pages |= {
        f"_runs/{r.id}/{r.id}": "# Run"
        for r in load_plan(ROOT / "notebooks" / "runs.yml")
        if r.page
    }
    pages["tried"] = (
        "# Tried\n\n```{record-figure} Title\n:first: one\n:second: two\n:says: Words.\n# Part\nA: R24-020 R24-021\n"
        "B: R24-017\n# Ranges\nC: audit one-item-minority\nD: audit implied-all\n```\n\n"
        "{evidence}`both-people` {evidence}`both-people` {audit}`one-item-minority low` {record-line}`R24-029`\n\n"
        "```{record-figure} Second\n:says: Words.\nA: R24-020\n```\n\n```{record-rows} R24-029\n```\n\n```{trials-table}\n```\n\n```{detectable-gap-table}\n```\n\n"
        "```{per-hundred-table} R24-020 R24-021\n```\n\n```{people-needed-table}\n```\n\n```{detectable-level-table}\n```\n"
    )
    pages["contents"] = (
        "# Contents\n\n```{report-contents}\n```\n\n```{facts-left-out}\n```"
    )
    pages["wrong"] = (
        "# Wrong\n\n```{record-figure} Title\nA: R24-999\n```\n\n```{record-figure} Title\nA: R24-001\n```\n\n"
        "{evidence}`nothing` {record-line}`R24-998`\n\n```{printed-gap-table} R24-017 R24-018\n```\n"
    )
    listing = "\n".join(pages)
    pages["index"] = (
        f"# Home\n\n```{{sections-table}}\n```\n\n```{{toctree}}\n{listing}\n```"
    )
    for name, text in pages.items():
        path = book / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    names = [
        "myst_parser",
        *(
            f"trustbook.sphinx.{e}"
            for e in ("finding", "record_pages", "audit_pages", "evidence_pages")
        ),
    ]
    settings = {
        "extensions": names,
        "myst_enable_extensions": ["colon_fence"],
        "html_theme": "basic",
    }
    log = root / "log.txt"
    with log.open("w") as stream:
        out = root / "out"
        Sphinx(
            book,
            None,
            out,
            root / "trees",
            "html",
            settings,
            status=None,
            warning=stream,
        ).build()
    return out, log.read_text()


def test_every_printed_line_is_two_clicks_from_the_table(site, figures):
    out, _ = site
    home = BeautifulSoup((out / "index.html").read_text(), "html.parser")
    chapters = {a["href"] for a in home.select("table a[href^='evidence/']")}
    assert chapters == {f"{chapter}.html" for chapter in CHAPTERS}
    lines = set()
    for chapter in chapters:
        page = BeautifulSoup((out / chapter).read_text(), "html.parser")
        lines |= {a["href"] for a in page.select("details.record-rows a")}
    assert lines == {f"../record.html#figure-{name}" for name in figures.index}
    assert [
        fault
        for fault in broken_links(out)
        if "_static" not in fault and "evidence" in fault
    ] == []


def test_every_page_of_the_report_leads_to_chapters_runs_and_lines(site, figures):
    """Or says why not; and what has no line stands below, with the reason."""
    page = BeautifulSoup((site[0] / "contents.html").read_text(), "html.parser")
    rows = page.select("table.report-contents tbody tr")
    assert rows[0].get_text().startswith("1Cover")
    assert rows[-1].select_one("th").get_text() == "33"
    without = [row for row in rows if row.select_one("td[colspan]")]
    assert all("No line: " in row.get_text() for row in without)
    for row in rows:
        links = [a["href"] for a in row.select("a")]
        is_read = any(
            link.startswith(("evidence/", "do-the-figures")) for link in links
        )
        has_line = any(link.startswith("record.html#figure-") for link in links)
        assert is_read == has_line == (row not in without)
    (trust_gap,) = [row for row in rows if row.select_one("th").get_text() == "8"]
    links = [a["href"] for a in trust_gap.select("a")]
    assert "record.html#figure-S24-005" in links
    assert "_runs/synthetic-2024-levels/synthetic-2024-levels.html" in links
    faults = broken_links(site[0])
    assert [fault for fault in faults if fault.startswith("contents")] == []
    left_out = page.select("table")[-1].get_text(" ", strip=True)
    assert "What the report does not say" in left_out
    of_report = figures[figures["source"].str.startswith("Closing Healthcare")].index
    listed = {a.get_text() for a in page.select("a[href^='record.html#']")}
    assert listed == set(of_report)


def test_a_picture_puts_marks_where_the_figures_are(site, figures):
    page = BeautifulSoup((site[0] / "tried.html").read_text(), "html.parser")
    rows = page.select_one("figure.record-figure").select(".ef-row:not(.ef-axis)")
    assert [row.select_one(".ef-label").find(string=True) for row in rows] == list(
        "ABCD"
    )
    marks = [[m["style"] for m in row.select(".ef-mark")] for row in rows]
    assert marks[0] == [
        f"left:{figures.at[i, 'value']:g}%" for i in ("R24-020", "R24-021")
    ]
    assert marks[1] == ["left:82%"]
    assert rows[2].select_one(".ef-range")["style"].startswith("left:86.")
    assert not rows[3].select(".ef-range")  # one value is a mark, not a range
    assert "of those with an experience" in rows[0].get_text()
    caption = page.select_one("figcaption").get_text()
    assert "Kind of evidence: published" in caption
    assert "computed" in caption
    links = [a["href"] for a in rows[0].select("a")]
    assert links == ["record.html#figure-R24-020", "record.html#figure-R24-021"]


def test_the_numbers_of_a_picture_are_a_file_below_it(site, figures, found):
    page = BeautifulSoup((site[0] / "tried.html").read_text(), "html.parser")
    links = [
        a["href"]
        for a in page.select("figure.record-figure .picture-numbers a[download]")
    ]
    assert links == [
        "_downloads/pictures/tried-1.csv",
        "_downloads/pictures/tried-2.csv",
    ]
    table = pd.read_csv(site[0] / links[0], dtype=str, keep_default_na=False)
    low, high = (
        f"{100 * float(found.at[f'one-item-minority {end}', 'value']):.1f}"
        for end in ("low", "high")
    )
    alone = f"{100 * float(found.at['implied-all low', 'value']):.1f}"
    assert table.to_dict("split", index=False)["data"] == [
        ["Part", "A", "R24-020", f"{figures.at['R24-020', 'value']:g}", "", ""],
        ["Part", "A", "R24-021", f"{figures.at['R24-021', 'value']:g}", "", ""],
        ["Part", "B", "R24-017", "82", "", ""],
        ["Ranges", "C", "one-item-minority", "", low, high],
        ["Ranges", "D", "implied-all", alone, alone, alone],
    ]
    assert list(table) == ["part", "label", "id", "percent", "low", "high"]
    assert [
        fault
        for fault in broken_links(site[0])
        if "_downloads" in fault or "computed-" in fault
    ] == []


class TestWorked:
    """What is written of a formula computes what its function gives."""

    ROOT_OF = "yes-sayers that undo, the others independent"

    @pytest.mark.parametrize("formula", sorted(set(WORDS) - {ROOT_OF}))
    def test_the_words_compute_the_number(self, formula):
        function = numbers.FORMULAS[formula]
        names = list(signature(function).parameters)
        values = dict(zip(names, (700.0, 0.8, 900.0, 0.4), strict=False))
        if formula == "level of the rest":
            values = {"people": 900.0, "level": 0.7, "part": 200.0, "of_part": 0.8}
        elif "yes-sayers" in formula:
            values = dict(zip(names, (700.0, 9000.0, 0.8, 0.4), strict=True))
        elif formula in ("both if independent", "neither if independent"):
            values = dict(zip(names, (9000.0, 700.0, 2500.0), strict=True))
        written = WORDS[formula].replace("·", "*").replace("√", "sqrt")
        found = eval(written, {"sqrt": math.sqrt}, values)
        rounding = 1e-4 if "1.96" in written else 1e-12
        assert found == pytest.approx(function(**values), rel=rounding)

    def test_the_root_solves_its_equation(self):
        given = {"everybody": 11000.0, "one": 2500.0, "two": 2700.0}
        given |= {"level": 0.82, "target": 0.47}
        given["s"] = numbers.FORMULAS[self.ROOT_OF](**given)
        equation, _, where = WORDS[self.ROOT_OF].partition(", where ")
        left = equation.partition("with ")[2].partition(" = 0")[0]
        for named in where.split(", "):
            name, _, written = named.partition(" = ")
            given[name] = eval(written, {}, given)
        left = left.replace("·", "*").replace("s²", "s**2")
        assert eval(left, {}, given) == pytest.approx(0, abs=1e-12)

    def test_every_number_names_what_went_into_it(self, evidence):
        said = worked(evidence, "yes-sayers-among")
        assert "level = 0.82 (R24-017); target = 0.47 (R24-018)" in said
        assert "everybody = 11,489 (R24-001)" in said
        said = worked(evidence, "yes-sayers-vanish")
        assert numbers.quantity(evidence, "both-people").how in said

    def test_what_words_say_has_none(self, evidence):
        keys = [
            key
            for key, number in evidence.plan.numbers.items()
            if number.formula in numbers.SUMMARIES
        ]
        assert keys
        assert not any(worked(evidence, key) for key in keys)


def test_a_computed_number_leads_to_how_it_was_computed(site, known):
    """A tooltip alone is for a mouse; a link is for keyboards and fingers too."""
    page = BeautifulSoup((site[0] / "tried.html").read_text(), "html.parser")
    links = page.select("a[href^='#computed-']")
    assert [a["href"] for a in links] == ["#computed-both-people"] * 2 + [
        "#computed-one-item-minority-low"
    ]
    shown, how = known["both-people"].shown, known["both-people"].how
    assert links[0].get_text() == shown
    told = page.select("details.computed-numbers li")
    assert [li["id"] for li in told] == [
        "computed-both-people",
        "computed-one-item-minority-low",
    ]
    text = told[0].get_text()
    assert text.startswith(f"{shown}: Computed from the print: {how}. ")
    assert "one · two / everybody, with everybody = 11,489 (R24-001)" in text
    assert not [
        a for a in page.select("main abbr, .body abbr") if a.find_parent("a") is None
    ]


def test_one_line_is_one_line(site):
    page = BeautifulSoup((site[0] / "tried.html").read_text(), "html.parser")
    assert (
        page.select_one("details.record-rows summary").get_text()
        == "The one printed line that belongs to this chapter"
    )
    assert (
        "All"
        in BeautifulSoup(
            (site[0] / CHAPTERS[0]).with_suffix(".html").read_text(), "html.parser"
        )
        .select_one("details.record-rows summary")
        .get_text()
    )


def test_numbers_and_tables_are_printed(site, known):
    text = BeautifulSoup((site[0] / "tried.html").read_text(), "html.parser").get_text(
        " ", strip=True
    )
    assert known["both-people"].shown in text
    assert "Censo Demográfico 2022" in text
    share = known["closed-double"].shown.replace(" %", "\N{NO-BREAK SPACE}%")
    assert f"{known['change-double'].shown.split()[0]} ({share})" in text


@pytest.mark.parametrize(
    "words",
    [
        "R24-999",
        "is a count",
        "no published figure 'R24-998'",
        "'nothing'",
        "not both printed",
    ],
)
def test_what_does_not_exist_or_cannot_be_drawn_is_an_error_of_the_page(site, words):
    faults = [line for line in site[1].splitlines() if "ERROR" in line]
    assert any(words in line for line in faults)
    assert all("wrong.md" in line for line in faults)


def test_all_contrasts_stand_together_and_are_adjusted_for_their_number(tmp_path):
    p_values = {"one": 0.01, "two": 0.04, "three": 0.03}
    for name, p in p_values.items():
        folder = tmp_path / f"hints6-{name}" / "tables"
        folder.mkdir(parents=True)
        given = {"title": name, "identities": ["a", "b"], "pair": ["a", "b"]}
        (folder.parent / "provenance.json").write_text(
            json.dumps({"parameters": given})
        )
        row = {
            "a": "y",
            "b": "y",
            "method": "delta",
            "estimate": 0.1,
            "conf_low": 0.0,
            "conf_high": 0.2,
            "p_value": p,
        }
        measures = [row | {"measure": m} for m in ("interaction_contrast", "reri_rr")]
        by_replicates = pd.DataFrame(measures)
        by_replicates.to_csv(folder / "interaction_replicates.csv", index=False)
        taylor = by_replicates.assign(
            p_value={"one": p, "two": 0.2, "three": 0.001}[name]
        )
        taylor.to_csv(folder / "interaction.csv", index=False)
    found = contrasts(tmp_path, "hints6")
    assert found["title"].tolist() == ["one", "three", "two"]
    # Holm: the smallest p three times, the next twice, never less than the one before.
    assert found["p_holm"].tolist() == pytest.approx([0.03, 0.06, 0.06])
    verdicts = ["clear", "neither clear nor refuted", "not clear"]
    assert found["verdict"].tolist() == verdicts
    (tmp_path / "hints6-one" / "tables" / "interaction_replicates.csv").unlink()
    with pytest.raises(TrustlibError, match="no replicate errors"):
        contrasts(tmp_path, "hints6")
    with pytest.raises(TrustlibError, match="No run of 'other'"):
        contrasts(tmp_path, "other")
