"""Files as partners have them: every separator, encoding and program; what stands around the table is told in words."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from typer.testing import CliRunner

import partner_steps
import trustlib as tl
from contract import refused
from trustbook.cli import app
from trustbook.proposal import Wanted, first_mapping
from trustbook.supplied import read_supplied
from trustlib.files import read_table

ROWS = 120


def people() -> pd.DataFrame:
    i = np.arange(ROWS)
    return pd.DataFrame(
        {
            "trust": np.where(i % 3 == 0, "No", "Yes"),
            "sex": np.where(i % 2 == 0, "Male", "Femme é"),
            "wt": np.round(0.5 + (i % 7) / 3, 3).astype(str),
        }
    )


def same(read: pd.DataFrame, frame: pd.DataFrame | None = None) -> bool:
    wanted = people() if frame is None else frame
    return read.to_dict("list") == wanted.to_dict("list")


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return " ".join(done.output.split())


# -- separators and encodings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", "^", "~", "\x1f"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt", ".psv", ".csv.gz"])
def test_any_separator_in_any_file_of_texts(tmp_path, mark, ending):
    path = tmp_path / f"people{ending}"
    text = people().to_csv(index=False, sep=mark).encode()
    path.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    assert same(read_table(path)[0])


def test_a_separator_is_found_beside_others_within_the_texts(tmp_path):
    frame = people().assign(why=["cost; time, and fear"] * ROWS, **{"a, b": "1,5"})
    for mark in (",", ";", "\t", "|"):
        frame.to_csv(tmp_path / "p.csv", index=False, sep=mark)
        assert same(read_table(tmp_path / "p.csv")[0], frame)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "utf-8"])
def test_an_encoding_that_says_itself_is_read(tmp_path, encoding):
    people().to_csv(tmp_path / "p.csv", index=False, encoding=encoding)
    assert same(read_table(tmp_path / "p.csv")[0])


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be"])
def test_another_encoding_is_asked_for_by_name_and_read_with_it(tmp_path, encoding):
    people().to_csv(tmp_path / "p.csv", index=False, encoding=encoding)
    told = run("mapping-init", tmp_path / "p.csv", code=1)
    assert "--encoding" in told
    assert same(read_table(tmp_path / "p.csv", encoding)[0])
    run("mapping-init", tmp_path / "p.csv", "--encoding", encoding, "--out", tmp_path / "m.yml")  # fmt: skip
    assert "120 people" in run("validate", tmp_path / "p.csv", "--mapping", tmp_path / "m.yml")  # fmt: skip


def test_decimal_commas_beside_tabs(tmp_path):
    frame = people().assign(wt=people()["wt"].str.replace(".", ","))
    frame.to_csv(tmp_path / "p.tsv", index=False, sep="\t")
    assert read_table(tmp_path / "p.tsv")[0].attrs["decimal"] == ","
    plan = {"variables": {"trust": {"values": {"Yes": 1, "No": 0}}}}
    read = tl.read_survey(tmp_path / "p.tsv", {**plan, "design": {"weight": "wt"}})
    assert read["weight"].tolist() == people()["wt"].astype(float).tolist()


# -- what stands around the table -------------------------------------------------------------------------------------

TEXT = people().to_csv(index=False)
HEAD, BODY = TEXT.split("\n", 1)
QUESTIONS = "Do you trust?,What is your sex?,Weight\n"
IDS = ",".join(['"{""ImportId"":""QID7""}"'] * 3) + "\n"
AROUND = {
    "a title": ("Trust survey 2026 - export\n" + TEXT, "1 title row above"),
    "a title and an empty line": ("Export\n\n" + TEXT, "1 title row above"),
    "a title as Excel writes it": ("Trust survey 2026,,\n,,\n" + TEXT, "1 title row"),
    "two titles": ("Trust survey\n\nDate: 3 May\n\n" + TEXT, "2 title rows above"),
    "empty lines above": ("\n\n" + TEXT, ""),
    "Qualtrics": (f"{HEAD}\n{QUESTIONS}{IDS}{BODY}", "2 further header rows of Qualtrics"),
    "one row of ids": (f"{HEAD}\n{IDS}{BODY}", "1 further header row of Qualtrics"),
    "totals": (TEXT + "Total,120,180.4\n", "a row of totals at the end"),
    "totals in German": (TEXT + "Gesamt:,,180.4\n", "a row of totals at the end"),
    "totals in Japanese": (TEXT + "合計,120,180.4\n", "a row of totals at the end"),
    "a base": (TEXT + "Base,120,120\n", "a row of totals at the end"),
    "a remark": (TEXT + "Source: our survey,,\n", "1 row below the table with a remark"),
    "what divides it": ("sep=,\n" + TEXT, "1 title row above"),
    "questions alone": (f"{HEAD}\n{QUESTIONS}{BODY}", "1 further header row, of questions"),
    "empty rows": (TEXT + ",,\n,,\n", "2 empty rows at the end"),
    "both": (TEXT + ",,\nTotal,120,1\n,,\n", "a row of totals at the end; 2 empty rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", AROUND)
def test_what_stands_around_the_table_is_left_out_and_told(tmp_path, name):
    text, words = AROUND[name]
    (tmp_path / "p.csv").write_text(text)
    read = read_table(tmp_path / "p.csv")[0]
    assert same(read)
    assert words in "; ".join(read.attrs.get("notes", []))
    if not words:
        return
    draft = tmp_path / "m.yml"
    draft.write_text(first_mapping(tmp_path / "p.csv"))
    assert "## not read as people:" in draft.read_text()
    told = run("validate", tmp_path / "p.csv", "--mapping", draft)
    assert "120 people" in told
    assert "Not read as people:" in told


def test_the_questions_of_qualtrics_are_the_labels(tmp_path):
    (tmp_path / "p.csv").write_text(AROUND["Qualtrics"][0])
    assert 'label: "What is your sex?"' in first_mapping(tmp_path / "p.csv")


PLAIN = "trust,wt\n{first},Yes\n" + "1,Yes\n2,No\n" * 20
KEPT = {
    "a first person who writes a number in words": PLAIN.format(first="about two"),
    "a first row with a blank": "trust,wt\nTrust?,\n" + "1,Yes\n2,No\n" * 20,
    "a person who answered nothing among few": "a,b\n1,2\n,\n",
    "a person called Total": "a,b\nTotal,1\n2,3\nTotal,4\n",
    "a person who says Total": "name,b\nx,1\nTotal,never\n",
    "one long word above": "Total,b\n1,2\n",
}


@pytest.mark.parametrize("name", KEPT)
def test_what_may_be_a_person_stays(tmp_path, name):
    (tmp_path / "p.csv").write_text(KEPT[name])
    read = read_table(tmp_path / "p.csv")[0]
    assert len(read) == KEPT[name].count("\n") - 1
    assert not read.attrs.get("notes")


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
def test_rows_that_r_named_are_told_with_what_to_write(tmp_path, mark):
    """R's write.table names rows and not their column."""
    named = people().to_csv(sep=mark).removeprefix(mark)
    (tmp_path / "p.csv").write_text(named)
    refused(
        lambda: read_table(tmp_path / "p.csv"),
        tl.SurveyFileError,
        OSError,
        "one field more in every line",
        "row.names = FALSE",
    )


@pytest.mark.parametrize("mark", [":", " ", "^"])
def test_further_marks_divide_a_table(tmp_path, mark):
    people().to_csv(tmp_path / "p.txt", sep=mark, index=False)
    assert read_table(tmp_path / "p.txt")[0].equals(people())


def test_several_rows_of_totals_and_notes_below_are_refused_in_words(tmp_path):
    (tmp_path / "p.csv").write_text(TEXT + "Mean,1,1\nTotal,120,1\n")
    refused(
        lambda: read_table(tmp_path / "p.csv"),
        tl.SurveyFileError,
        OSError,
        "several rows of totals",
    )
    (tmp_path / "p.csv").write_text(TEXT + "Source: our panel\n")
    refused(
        lambda: read_table(tmp_path / "p.csv"),
        tl.SurveyFileError,
        OSError,
        "line 122",
        "A note below the table",
    )


# -- SPSS, Stata and SAS ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".xpt", ".por"])
def test_transport_and_portable_files_are_read_and_mapped(tmp_path, ending):
    frame = people().rename(columns=str.upper).assign(
        SEX=(np.arange(ROWS) % 2 + 1.0), WT=people()["wt"].astype(float)
    )  # fmt: skip
    path = tmp_path / f"people{ending}"
    if ending == ".xpt":
        pyreadstat.write_xport(
            frame, str(path), column_labels=["Trust", "Sex", "Weight"]
        )
    else:
        pyreadstat.write_por(frame, str(path))
    text = first_mapping(path)
    (tmp_path / "m.yml").write_text(text)
    design, outcomes, axes = read_supplied(path, tmp_path / "m.yml")
    assert (outcomes, len(axes), design.weight) == (["trust"], 1, "weight")
    assert design.frame["weight"].to_numpy() == pytest.approx(frame["WT"].to_numpy())
    assert design.frame["trust"].mean() == pytest.approx(
        (frame["TRUST"] == "Yes").mean()
    )


def test_a_zero_of_sas_is_a_zero(tmp_path):
    frame = pd.DataFrame(
        {"WT": [5.397605346934028e-79, 1.5] * 30, "Y": [0.0, 1.0] * 30}
    )
    pyreadstat.write_xport(frame, str(tmp_path / "p.xpt"))
    assert read_table(tmp_path / "p.xpt")[0]["WT"].tolist() == [0, 1.5] * 30


# -- workbooks --------------------------------------------------------------------------------------------------------


def workbook(path, **sheets: list[list]) -> None:
    partner_steps.workbook(**sheets)(path)


def rows_of(frame: pd.DataFrame) -> list[list]:
    return [
        list(frame),
        *frame.assign(wt=frame["wt"].astype(float)).to_numpy().tolist(),
    ]


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(wt=[f"{float(w):g}" for w in frame["wt"]])


def test_a_sheet_is_read_as_a_table_of_texts(tmp_path):
    rows = [["Trust survey 2026"], [], *rows_of(people()), [None, None, None], ["Total", 120, 9]]  # fmt: skip
    workbook(tmp_path / "p.xlsx", People=rows, Notes=[["made by us"]])
    read = read_table(tmp_path / "p.xlsx")[0]
    assert same(read, as_texts(people()))
    assert read.attrs["notes"] == [
        "1 title row above the names of the columns, which stand in row 3",
        "a row of totals at the end",
        "1 empty row at the end",
    ]


def test_of_two_tables_one_is_asked_for_by_name(tmp_path):
    path = tmp_path / "p.xlsx"
    workbook(path, First=rows_of(people()), Second=rows_of(people().head(40)))
    told = run("mapping-init", path, code=1)
    assert "'First', 'Second'" in told
    assert "--sheet NAME" in told
    run("mapping-init", path, "--sheet", "Second", "--out", tmp_path / "m.yml")
    assert "40 people" in run("validate", path, "--mapping", tmp_path / "m.yml")
    told = run("mapping-init", path, "--sheet", "Frist", code=1)
    assert "Did you mean 'First'?" in told


def test_a_sheet_of_labels_explains_codes_and_columns(tmp_path):
    i = np.arange(ROWS)
    codes = pd.DataFrame({"Q1": i % 4 + 1, "Q2": i % 2 + 1, "wt": people()["wt"]})
    labels = [
        ["Variable", "Value", "Label"],
        ["Q1", None, "How much do you trust doctors?"],
        ["Q1", 1, "A lot"], [None, 2, "Some"], [None, 3, "A little"], [None, 4, "Not at all"],
        ["Q2", None, "What is your sex?"], ["Q2", 1, "Male"], ["Q2", 2, "Female"],
    ]  # fmt: skip
    workbook(tmp_path / "p.xlsx", Data=rows_of(codes), Labels=labels)
    text = first_mapping(tmp_path / "p.xlsx")
    assert 'yes: ["Not at all", "A little"]' in text
    assert 'values: {"Male": "man", "Female": "woman"}' in text
    (tmp_path / "m.yml").write_text(text)
    design, outcomes, axes = read_supplied(tmp_path / "p.xlsx", tmp_path / "m.yml")
    assert (outcomes, axes) == (["low_trust"], ["gender"])
    assert design.frame["low_trust"].mean() == 0.5


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["a", None, "c"], [1, 2, 3]], "without a name: see columns 2"),
        ([["a", "b", "a"], [1, 2, 3]], "more than one column: see columns 1, 3"),
        ([["a", "b", "c"]], "holds no rows"),
    ],
)
def test_faults_of_sheets(tmp_path, rows, words):
    workbook(tmp_path / "p.xlsx", People=rows)
    refused(lambda: read_table(tmp_path / "p.xlsx"), tl.SurveyFileError, OSError, words)


def test_a_workbook_without_its_reader_is_refused_in_words(tmp_path, monkeypatch):
    from trustlib import workbooks

    (tmp_path / "p.xlsx").write_bytes(b"PK")
    monkeypatch.setattr(workbooks, "find_spec", lambda name: None)
    refused(
        lambda: read_table(tmp_path / "p.xlsx"),
        tl.SurveyFileError,
        OSError,
        "not installed",
        "excel",
    )


# -- lists of answers -------------------------------------------------------------------------------------------------

PICK = np.arange(ROWS)[:, None] % np.array([2, 3, 5]) == 0
REASONS = ("Not listened to", "Judged", "Pain ignored")
LISTS = {
    "1 and blank": [["", "1"]] * 3,
    "0 and the label": [["0", reason] for reason in REASONS],
    "label and blank": [["", reason] for reason in REASONS],
    "label and not selected": [["Not selected", reason] for reason in REASONS],
    "in German": [["nicht genannt", "genannt"]] * 3,
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_columns_gives_an_outcome_each(tmp_path, name):
    frame = people()
    for k, (no, yes) in enumerate(LISTS[name]):
        frame[f"Q7_{k + 1}"] = np.where(PICK[:, k], yes, no)
    frame.to_csv(tmp_path / "p.csv", index=False)
    asked = Wanted(columns=("Q7_1,Q7_2", "Q7_3", "sex"))
    (tmp_path / "m.yml").write_text(first_mapping(tmp_path / "p.csv", wanted=asked))
    design, outcomes, axes = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")
    assert outcomes == ["q7_1", "q7_2", "q7_3"]
    assert axes == ["gender"]
    assert (design.frame[outcomes].to_numpy() == PICK).all()


@pytest.mark.parametrize("mark", [";", "; ", "|", ", "])
def test_a_list_in_one_cell_gives_an_outcome_for_each_option(tmp_path, mark):
    frame = people()
    chosen = [mark.join(r for r, p in zip(REASONS, row, strict=True) if p) for row in PICK]  # fmt: skip
    frame["why"] = [text or "None of these" for text in chosen]
    frame.to_csv(tmp_path / "p.csv", index=False)
    asked = Wanted(columns=("why", "sex"))
    (tmp_path / "m.yml").write_text(first_mapping(tmp_path / "p.csv", wanted=asked))
    design, outcomes, _ = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")
    assert len(outcomes) == 4
    for k, name in enumerate(("not_listened_to", "judged", "pain_ignored")):
        assert (design.frame[f"why_{name}"].to_numpy() == PICK[:, k]).all()


def test_answers_with_a_comma_are_no_list(tmp_path):
    frame = people().assign(q=["Yes, definitely", "Yes, somewhat", "No"] * 40)
    frame.to_csv(tmp_path / "p.csv", index=False)
    assert "chosen:" not in first_mapping(tmp_path / "p.csv")


# -- what a draft says and leaves out ---------------------------------------------------------------------------------


def test_a_draft_of_a_wide_file_is_short_and_says_what_it_left_out(tmp_path):
    rng = np.random.default_rng(1)
    wide = {f"X{i}": rng.choice(["a", "b", "c"], ROWS) for i in range(600)}
    pd.concat([people(), pd.DataFrame(wide)], axis=1).to_csv(tmp_path / "p.csv", index=False)  # fmt: skip
    text = first_mapping(tmp_path / "p.csv")
    assert len(text.splitlines()) < 250
    assert "## left out, 572 columns" in text
    assert "and 512 more" in text
    (tmp_path / "m.yml").write_text(text)
    assert read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")[1:] == (["trust"], ["gender"])  # fmt: skip
    told = run("mapping-init", tmp_path / "p.csv", "--grep", "x59[0-9]")
    assert told.count("column:") == 10
    told = run("mapping-init", tmp_path / "p.csv", "--columns", "X7,X8", "--columns", "sex")  # fmt: skip
    assert told.count("column:") == 3
    told = run("mapping-init", tmp_path / "p.csv", "--columns", "sexx", code=1)
    assert "Did you mean 'sex'?" in told


def test_ages_in_years_are_cut_into_the_bands_of_the_codebook(tmp_path):
    frame = people().assign(age=[str(18 + i % 73) for i in range(ROWS)])
    frame.to_csv(tmp_path / "p.csv", index=False)
    (tmp_path / "m.yml").write_text(first_mapping(tmp_path / "p.csv"))
    design, _, axes = read_supplied(tmp_path / "p.csv", tmp_path / "m.yml")
    assert axes == ["gender", "age_band"]
    levels = ["18-24", "25-34", "35-44", "45-54", "55-64", "65+"]
    assert list(design.frame["age_band"].cat.categories) == levels
    assert design.frame.attrs["ordered"] == ["age_band"]


def test_rare_answers_are_missing_and_frequent_ones_still_have_to_be_declared(tmp_path):
    frame = people().assign(sex=["Male", "Femme é"] * 55 + ["X1", "X2"] * 5)
    frame.to_csv(tmp_path / "p.csv", index=False)
    values = {"Male": "man", "Femme é": "woman"}
    rule = {"column": "sex", "values": values, "rare": "too few to show"}
    plan = {"variables": {"gender": rule, "trust": {"values": {"Yes": 1, "No": 0}}}}
    read = tl.read_survey(tmp_path / "p.csv", plan)
    assert (read["gender_missing"] == "too few to show").sum() == 10
    frame.assign(sex=["Male"] * 60 + ["Femme é"] * 40 + ["X"] * 20).to_csv(tmp_path / "p.csv")  # fmt: skip
    with pytest.raises(tl.CodebookError, match="not declared: 'X'"):
        tl.read_survey(tmp_path / "p.csv", plan)


def test_the_ways_of_telling_do_not_mix():
    def variable(**rule: object) -> object:
        return lambda: tl.read_survey("none.csv", {"variables": {"v": rule}})

    for rule, words in (
        ({"yes": ["a"], "values": {"b": 1}}, "values and yes stand in one variable"),
        ({"yes": ["a"], "chosen": "b"}, "yes and chosen stand in one variable"),
        ({"no": ["a"]}, "no has answers and yes has none"),
        ({"yes": ["a"], "no": ["a"]}, "declared more than once: a"),
        ({"chosen": " "}, "chosen names an option"),
    ):
        refused(variable(**rule), tl.CodebookError, ValueError, words)


def test_a_mapping_may_say_that_levels_are_no_scale(tmp_path):
    people().to_csv(tmp_path / "p.csv", index=False)
    for more, ordered in (
        ({"levels": ["Male", "Femme é"]}, ["sex"]),
        ({"levels": ["Male", "Femme é"], "ordered": False}, None),
        ({"ordered": True}, ["sex"]),
        ({}, None),
    ):
        read = tl.read_survey(tmp_path / "p.csv", {"variables": {"sex": more}})
        assert read.attrs.get("ordered") == ordered


def test_an_ordered_category_of_a_file_is_a_scale(tmp_path):
    kind = pd.CategoricalDtype(["low", "middle", "high"], ordered=True)
    frame = people().assign(step=pd.Series(["high", "low", "middle"] * 40).astype(kind))
    frame.to_parquet(tmp_path / "p.parquet")
    read = tl.read_survey(tmp_path / "p.parquet", {"variables": {"step": {}}})
    assert json.dumps(read.attrs.get("ordered")) == '["step"]'
    assert 'levels: ["low", "middle", "high"]' in first_mapping(tmp_path / "p.parquet")


def test_the_label_of_an_outcome_begins_with_the_answers_that_it_counts(tmp_path):
    rows = {
        "vote": ["Very likely", "Likely", "Unlikely", "Very unlikely"] * 20,
        "tea": ["tea", "Not.tea"] * 40,
        "hurt": ["Yes", "No"] * 40,
        "gender": ["man", "woman", "woman", "man"] * 20,
    }
    pd.DataFrame(rows).to_csv(tmp_path / "p.csv", index=False)
    draft = first_mapping(tmp_path / "p.csv")
    assert 'label: "Very unlikely or Unlikely (vote)"' in draft
    assert 'label: "hurt"' in draft


@pytest.mark.parametrize(
    "word", ["-", "--", "do_not_know", "Not coded", "Can't remember"]
)
def test_what_means_no_answer_is_proposed_as_missing(word, tmp_path):
    rows = {
        "trust": ["A lot", "Some", "A little", word] * 20,
        "gender": ["m", "w"] * 40,
    }
    pd.DataFrame(rows).to_csv(tmp_path / "p.csv", index=False)
    draft = first_mapping(tmp_path / "p.csv")
    assert re.search(rf'missing: \{{"{re.escape(word)}"', draft)
