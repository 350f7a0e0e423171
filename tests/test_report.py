"""The report, fact by fact: each is answered by a line with its numbers and page, or left out with a reason."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustbook.sphinx.evidence.plan import load_contents, page_numbers
from trustbook.sphinx.evidence.sections import record_ids
from trustbook.sphinx.record_pages import printed
from trustbook.verdicts import DIFFERS, MATCH, verdict_on
from trustlib.errors import CodebookError, MissingFileError
from trustlib.record.facts import COLUMNS, load_facts, pages_of
from trustlib.record.printed import load_figures
from trustlib.record.questions import claims_from

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "data" / "report"
FIGURES = load_figures(ROOT / "data" / "published" / "figures.csv")
VALUES = FIGURES.set_index("id")["value"]
FACTS = pd.read_csv(REPORT / "facts.csv", dtype=str, keep_default_na=False)
ANSWERED = FACTS[FACTS["rows"] != ""].reset_index(drop=True)
NUMBERED = ANSWERED.index[ANSWERED["value"].str.contains(r"\d")].tolist()


def beside_the_data(name):
    """A file beside the folder of the survey files, where it is at hand."""
    folder = (ROOT / os.environ.get("TRUSTLIB_DATA", "data/external")).parent
    path = folder / "report" / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside the folder of the survey files")
    return path


def written(folder, facts=FACTS, left_out=None):
    """The two tables in a folder."""
    if left_out is None:
        left_out = pd.read_csv(REPORT / "left_out.csv", dtype=str)
    facts.to_csv(folder / "facts.csv", index=False)
    left_out.to_csv(folder / "left_out.csv", index=False)
    return folder


# ----- every fact is answered -----


def test_every_fact_is_in_the_record_or_left_out_with_a_reason():
    facts = load_facts(FIGURES, REPORT)
    assert ((facts["rows"] == "") == (facts["why"] != "")).all()
    assert facts["fact"].str.match(r"(report|public)-\d+").all()
    counts = facts["fact"].str.split("-").str[0].value_counts()
    assert dict(counts) == {"report": 120, "public": 27}


def test_the_committed_facts_hold_no_sentence():
    """Ids, numbers, pages and names of lines; whoever wants the words opens the report."""
    words = re.compile(r"[A-Za-z]+")
    allowed = {"order", *FIGURES["item"], "report", "public"}
    ids = set(FIGURES["id"])
    for column in COLUMNS:
        for cell in FACTS[column]:
            for part in re.split(r"[ ;]", cell):
                assert part in ids or set(words.findall(part)) <= allowed, part


def test_the_facts_are_those_of_the_list_where_it_is_at_hand():
    """The pages of both lists, and every number of the committed one in the cells of the first."""
    with beside_the_data("report_facts.csv").open(encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    ours = FACTS[FACTS["fact"].str.startswith("report")].to_dict("records")
    assert len(ours) == len(listed)
    for fact, row in zip(ours, listed, strict=True):
        pages = set(re.findall(r"\d+", re.sub(r"fn \d+", "", row["page"])))
        not_there = "NOT on this page" in row["fact"]
        assert not_there or pages == set(filter(None, fact["page"].split(";")))
        text = " ".join([row["value"], row["base"], row["fact"]])
        text = text.replace(",", "").replace("ten", "10").replace("double", "2")
        text = re.sub("six", "6", re.sub(r"five\b", "5", text)).replace(
            "000000", "000000"
        )
        for part in re.findall(r"\d+", f"{fact['value']};{fact['base']}"):
            assert part in text, (fact["fact"], part)
        for name in re.findall(r"[A-Z]+\d*-\d+", row["in_record_id_or_blank"]):
            assert name in fact["rows"] or name == "C-016", fact["fact"]


def test_the_two_kinds_of_dialogue_add_up():
    assert VALUES["C-030"] + VALUES["C-031"] == VALUES["C-010"]
    assert VALUES["C-031"] > VALUES["C-030"]  # the note says: more than half


def test_a_count_that_was_printed_as_more_than_is_recorded_so():
    signs = FIGURES.set_index("id")["comparison"]
    for name in ("P-001", "W22-001", "C-011", "C-039", "C-045", "C-051", "C-037"):
        assert signs[name] == ">", name
    assert signs["C-001"] == "<="
    assert set(signs[["C-003", "C-005"]]) == {"<"}


# ----- what the check refuses -----

WRONG = {
    "another number": (["report-054"], "value", "83", "value 83: got R24-017 =82"),
    "a lost sign": (["report-086"], "value", "12000", "value 12000: got C-011 >12000"),
    "another direction": (["report-063"], "value", "<", "value <"),
    "a value that is none": (["report-054"], "value", "about 82", "value about 82"),
    "another base": (["report-060"], "base", "5765", "base 5765: got R24-020 =40 of 5675"),
    "another page": (["report-052"], "page", "11", "page 11: got [10]"),
    "another wave": (["report-060"], "wave", "2022", "wave 2022: got ['2024']"),
    "another item": (["report-027"], "item", "system", "item system: got ['provider']"),
    "a line that is not there": (["report-054"], "rows", "R24-917", "no figure 'R24-917'"),
    "no line and no reason": (["report-054"], "rows", "", "got neither"),
    "a line for what is left out": (["report-115"], "rows", "R24-017", "is no fact without a line"),
    "twice": (["report-054", "report-055"], "fact", "report-054", "it is there twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_fact_that_the_record_does_not_answer_is_refused(tmp_path, case):
    names, column, value, words = WRONG[case]
    facts = FACTS.copy()
    facts.loc[facts["fact"].isin(names), column] = value
    with pytest.raises(CodebookError) as caught:
        load_facts(FIGURES, written(tmp_path, facts))
    assert words in str(caught.value)
    assert "left_out.csv" in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path):
    facts = FACTS.assign(page="99")
    with pytest.raises(CodebookError) as caught:
        load_facts(FIGURES, written(tmp_path, facts))
    assert f"{len(ANSWERED)} faults" in str(caught.value)


def test_a_reason_must_be_given(tmp_path):
    left_out = pd.read_csv(REPORT / "left_out.csv", dtype=str).assign(why="")
    with pytest.raises(CodebookError, match="report-115: expected a line"):
        load_facts(FIGURES, written(tmp_path, left_out=left_out))


def test_a_table_that_is_not_there_or_has_other_columns_is_refused(tmp_path):
    with pytest.raises(MissingFileError):
        load_facts(FIGURES, tmp_path)
    written(tmp_path, FACTS.drop(columns="page"))
    with pytest.raises(CodebookError, match=r"facts\.csv has the columns"):
        load_facts(FIGURES, tmp_path)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(NUMBERED),
    st.integers(1, 9),
)
def test_a_number_of_the_record_cannot_move_unseen(tmp_path_factory, row, step):
    """Whatever fact, whatever line of it: a record with another number no longer answers."""
    fact = ANSWERED.loc[row]
    figures = FIGURES.copy()
    moved = figures["id"].isin(fact["rows"].split())
    figures.loc[moved, ["value", "base_n"]] += step / 10
    folder = written(tmp_path_factory.mktemp("facts"))
    with pytest.raises(CodebookError, match=fact["fact"]):
        load_facts(figures, folder)


@pytest.mark.parametrize(
    ("address", "pages"),
    [
        ("footnote 6 (page 9)", {9}),
        ("Executive summary (pages 5 and 6)", {5, 6}),
        ("Executive summary (page 5); also pages 8 and 9", {5, 8, 9}),
        ("footnote 12", set()),
        ("https://example.org/page/7", set()),
    ],
)
def test_the_pages_of_an_address(address, pages):
    assert pages_of({"address": address, "note": ""}) == pages


def test_at_most_is_a_comparison_like_the_others():
    """Printed as up to six times."""
    line = FIGURES[FIGURES["id"] == "R24-017"].assign(comparison="<=", value=60.0)
    claims, _ = claims_from(line, "provider")
    assert (claims[0].low, claims[0].high) == (0.0, 0.595)
    row = next(line.itertuples())
    assert [verdict_on(row, ours, "supplied") for ours in (60.0, 60.1)] == [
        MATCH,
        DIFFERS,
    ]
    assert printed(FIGURES.set_index("id").loc["C-001"]) == "at most 6 times"


# ----- what the book says about the report -----

BOOK = ROOT / "book"
CLAIMS = pd.read_csv(REPORT / "claims.csv", dtype=str, keep_default_na=False)
SOURCE = "Closing Healthcare's Trust Gap (Sanofi, 2025)"
PRINTED = FIGURES.set_index("id", drop=False)
PAGES = {
    path.relative_to(BOOK).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(BOOK.rglob("*.md"))
    if not {"_runs", "library"} & set(path.relative_to(BOOK).parts)
}
# Pages that are about the report; the others cite it here and there.
READERS = [
    *(name for name in PAGES if name.startswith("evidence/")),
    *("do-the-figures-fit", "record", "codebook", "report-contents", "index"),
    *("corrections", "feedback", "estimand", "stand-in"),
]
FENCED = re.compile(r"```.*?```", re.DOTALL)
QUOTED = re.compile(r'"([^"\n]+)"')
IN_WORDS = re.compile(
    r"\b(?:one|two|three|four|nine) (?:in|of) (?:two|three|four|five|seven|eight|ten)\b"
    r"|\babout half\b|\baround half\b|\bmore than (?:a third|half)\b|\bonly half of\b",
    re.IGNORECASE,
)
SAYS = re.compile(
    r"\b[Tt]he report(?: itself)?(?: first| also)? (?:says|prints|calls|names|cites|shows|lets|"
    r"does not say|recommends|advocates|thanks|tells|ends|defines|speaks|reports|numbers)\b"
)
CITES = re.compile(r"\{(?:record|record-line|audit|evidence)\}`")


def cited(text):
    """The lines of the record that a page prints, names, draws or computes with."""
    ids = re.findall(r"\{record(?:-line)?\}`([^`]+)`", text)
    blocks = re.findall(
        r"```\{record-figure\}.*?```|```\{(?:printed-gap|per-hundred)-table\}.*",
        text,
        re.DOTALL,
    )
    for block in blocks:
        ids += re.findall(r"\b[A-Z]\d*-\d{3}[a-z]?\b", block)
    return set(ids)


def quotations(text):
    """What stands in quotation marks, outside of blocks, roles and formulas."""
    return set(
        QUOTED.findall(
            re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$", "", text, flags=re.DOTALL)
        )
    )


def said_without_a_line(text, known):
    """Places where the report is said to say something, without a line of the record near and without a claim."""
    found = []
    for paragraph in re.split(r"\n\n|\n(?=[-|:#] ?)", FENCED.sub("", text)):
        is_claim = CITES.search(paragraph) or any(words in paragraph for words in known)
        if SAYS.search(paragraph) and not is_claim:
            found.append(paragraph)
    return found


def of_page(name, *kinds):
    claims = CLAIMS[(CLAIMS["where"] == name) & CLAIMS["kind"].isin(kinds)]
    return set(claims["words"])


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_figure_of_the_report_on_a_page_is_a_claim_with_page_and_line(name):
    claims = CLAIMS[(CLAIMS["where"] == name) & (CLAIMS["kind"] == "figure")]
    of_report = {i for i in cited(PAGES[name]) if PRINTED.loc[i, "source"] == SOURCE}
    assert set(claims["rows"]) == of_report, "write data/report/claims.csv anew"
    for claim in claims.itertuples():
        line = PRINTED.loc[claim.rows]
        assert claim.words == line["claim"]
        assert {int(p) for p in claim.page.split(";")} == pages_of(line)


@pytest.mark.parametrize("name", READERS)
def test_every_quotation_is_a_claim_with_its_page_or_words_of_our_own(name):
    known = of_page(name, "quotation", "words")
    assert quotations(PAGES[name]) <= known, "add it to data/report/claims.csv"


@pytest.mark.parametrize("name", READERS)
def test_every_share_in_words_and_every_saying_is_a_claim(name):
    numbers = {n.lower() for n in IN_WORDS.findall(FENCED.sub("", PAGES[name]))}
    assert numbers <= of_page(name, "number", "words")
    assert said_without_a_line(PAGES[name], of_page(name, "statement", "words")) == []


def test_the_checks_of_claims_can_fail():
    text = 'It is "new".\n\nThe report says so.\n\n- Two in three {record}`R24-017` of it.\n'
    assert quotations(text) == {"new"}
    assert said_without_a_line(text, set()) == ["The report says so."]
    assert said_without_a_line(text, {"says so"}) == []
    assert cited(text) == {"R24-017"}
    assert IN_WORDS.findall(text) == ["Two in three"]


@pytest.mark.parametrize(
    "claim", CLAIMS.to_dict("records"), ids=lambda c: f"{c['where']} {c['words'][:30]}"
)
def test_a_claim_stands_on_its_page_and_its_lines_on_that_page_of_the_report(claim):
    assert claim["kind"] in ("figure", "quotation", "number", "statement", "words")
    if claim["kind"] != "figure":
        assert claim["words"].lower() in PAGES[claim["where"]].lower()
    if claim["kind"] == "words":
        assert claim["rows"] == claim["page"] == ""
        return
    lines = [PRINTED.loc[name] for name in claim["rows"].split()]
    assert lines
    pages = set().union(*map(pages_of, lines))
    told = {int(page) for page in claim["page"].split(";") if page}
    assert told <= pages
    assert told or not any(line["source"] == SOURCE for line in lines)


def plain(text):
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return re.sub(r"[\s*]+", " ", text).lower()


def test_every_quotation_stands_in_the_report_where_it_is_at_hand():
    documents = [
        beside_the_data(name).read_text(encoding="utf-8")
        for name in (
            "closing_healthcares_trust_gap_2025.txt",
            "future_of_advocacy_partnerships.txt",
        )
    ]
    text = plain(" ".join(documents))
    quoted = CLAIMS[CLAIMS["kind"] == "quotation"]
    assert [words for words in quoted["words"] if plain(words) not in text] == []
    assert quoted["words"].str.split().str.len().max() <= 15  # a short phrase


def test_no_sentence_of_the_report_is_reprinted_where_it_is_at_hand():
    """No page, and no line of the record, shares fourteen words in a row with the report, but for its one question."""
    text = beside_the_data("closing_healthcares_trust_gap_2025.txt").read_text(
        encoding="utf-8"
    )
    theirs = " ".join(re.findall(r"[\w-]+", plain(text)))
    ours = {**PAGES, "figures": " | ".join(FIGURES["claim"] + " | " + FIGURES["note"])}
    question = " ".join(
        re.findall(
            r"[\w-]+", plain(FIGURES.loc[FIGURES["id"] == "S24-005", "claim"].iloc[0])
        )
    )
    for name, page in ours.items():
        for part in re.split(r"[|\n]", page):
            words = re.findall(r"[\w-]+", plain(part))
            for i in range(len(words) - 13):
                run = " ".join(words[i : i + 14])
                assert run not in theirs or run in question, (name, run)


# ----- the contents of the report -----


def test_the_contents_cover_every_page_and_every_line_that_names_one():
    parts = load_contents(REPORT / "contents.yml")
    pages = [page for part in parts for page in page_numbers(part)]
    assert pages == list(range(1, 34))
    known = list(PRINTED.index)
    for name, line in PRINTED.iterrows():
        if line["source"] != SOURCE:
            continue
        where = [
            part for part in parts if name in record_ids(part.record.split(), known)
        ]
        assert where, f"{name} has no page in the contents"
        listed = {page for part in where for page in page_numbers(part)}
        assert pages_of(line) & listed, name


def test_a_part_of_the_contents_leads_somewhere_or_says_why_not(tmp_path):
    path = tmp_path / "contents.yml"
    for wrong in (
        "{pages: '1', title: Cover}",
        "{pages: '2', title: A, record: C-005}",
        "{pages: '3', title: A, record: C-005, chapters: [a], why: b}",
    ):
        path.write_text(f"parts:\n  - {wrong}\n")
        with pytest.raises(CodebookError, match="1 fault"):
            load_contents(path)


def test_the_first_corrections_are_there_and_stay():
    """What was published as a correction is never taken away: the list of their titles only grows."""
    page = PAGES["corrections"]
    titles = re.findall(r"^## (\d+ \w+ 20\d\d: .+)$", page, re.MULTILINE)
    kept = (
        (ROOT / "tests" / "published" / "corrections.txt")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    assert set(kept) <= set(titles), "a correction stays for ever"
    assert set(titles) <= set(kept), (
        "keep it: add its title to tests/published/corrections.txt"
    )
    dates = [pd.to_datetime(title.split(":")[0], format="%d %B %Y") for title in titles]
    assert dates == sorted(dates, reverse=True), "the newest comes first"
    entries = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    for entry in entries:
        for part in (
            "*What stood here.*",
            "*What is right.*",
            "*How it was found.*",
            "*What changed.*",
        ):
            assert entry.count(part) == 1, (entry[:60], part)


def test_feedback_says_what_to_write_and_where():
    page = PAGES["feedback"]
    assert {"Where to write", "What to write", "What happens then"} <= set(
        re.findall(r"^## (.+)$", page, re.M)
    )
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "correction.md").read_text(
        encoding="utf-8"
    )
    name = re.search(r"^name: (.+)$", form, re.M)[1]
    assert f"*{name}*" in page
    for other in (
        "evidence/about",
        "report-contents",
        "do-the-figures-fit",
        "corrections",
        "cite",
    ):
        assert "feedback>`" in PAGES[other], other


def test_the_six_actions_are_the_reports_by_their_titles():
    titles = re.findall(r"'([^']+)'", " ".join(PRINTED.loc["A-011":"A-016", "claim"]))
    assert len(titles) == 6
    headings = re.findall(r"^## (\d)\. (.+)$", PAGES["evidence/actions"], re.MULTILINE)
    assert headings == [(str(k), title) for k, title in enumerate(titles, 1)]
    parts = re.split(r"^## ", PAGES["evidence/actions"], flags=re.MULTILINE)
    for title in titles:
        (mine,) = (part for part in parts if part[3:].startswith(title))
        for word in (
            "*For.*",
            "*Against, or missing.*",
            "*Shown to work?*",
            "*How to measure it.*",
        ):
            assert word in mine, (title, word)


def test_voices_are_one_line_each_and_name_nobody():
    rows = [
        r
        for r in PAGES["evidence/voices"].splitlines()
        if r.startswith("| ") and "{.mark-" in r
    ]
    assert len(rows) == len(PRINTED[PRINTED["id"].str.startswith("V-")])
    names = (
        "Angela",
        "Newman",
        "Daniel",
        "Blackstock",
        "Perrin",
        "Casey",
        "Hudson",
        "Miraldo",
        "Gutierrez",
    )
    for text in (*PAGES.values(), *FIGURES["claim"], *FIGURES["note"]):
        assert not [name for name in names if name in text and name != "Hudson"]
