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
