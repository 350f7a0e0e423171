"""The weighted crosstab that FiveThirtyEight published of its survey of 1,615 men (May 2018), from the raw answers.

github.com/fivethirtyeight/data, folder masculinity-survey (CC BY 4.0): published_crosstab.csv has one block of rows for each
question, one column for everyone and nine for groups, whole percentages, and blanks where fewer than 100 men were asked.
Every cell of every question with one answer is compared, through the library: each answer is an outcome, people without
it are those who were asked and said something else. Questions with several answers are not compared.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import trustlib as tl

# Column of the raw answers for each question with one answer, in the order of the published table.
QUESTIONS = [
    "q0001", "q0002", "q0005", *(f"q0007_{i:04d}" for i in range(1, 12)), "q0009", "q0013", "q0014", "q0015", "q0017",
    "q0018", "q0022", "q0024", "q0026", "q0028", "q0029", "age3",
]  # fmt: skip
AXES = ["age3", "race2", "kids", "orientation"]
GROUPS = [
    ("age3", "18 - 34"), ("age3", "35 - 64"), ("age3", "65 and up"), ("race2", "White"), ("race2", "Non-white"),
    ("kids", "Has children"), ("kids", "No children"), ("orientation", "Straight"), ("orientation", "Gay/Bisexual"),
]  # fmt: skip
HALF = 0.5 + 1e-9  # published as whole percentages
EXCEPTIONS: dict[
    tuple[str, str, str], str
] = {}  # (question, answer, group): the cause; there are none
SMALLEST_BASE = 100


@cache
def answers(path):
    """The men; an axis that a man did not answer is a level of its own, so that he stays in the other columns."""
    d = pd.read_csv(path)
    return d.assign(**{axis: d[axis].fillna("not stated") for axis in AXES})


@cache
def published(path):
    """Question, answer, and the text of each of the ten columns."""
    rows, question = [], ""
    for first, answer, *cells in (
        pd.read_csv(path, header=None, dtype=str).fillna("").iloc[2:].to_numpy()
    ):
        question = first or question
        if answer:
            rows.append((question, answer, *cells))
    table = pd.DataFrame(rows, columns=["question", "answer", "everyone", *GROUPS])
    single = table[~table["question"].str.contains("Select all that apply")]
    names = dict(zip(single["question"].drop_duplicates(), QUESTIONS, strict=True))
    return single.assign(question=single["question"].map(names))


@pytest.fixture(scope="module")
def files(data_file):
    folder = "fivethirtyeight_masculinity"
    return data_file(folder, "raw-responses.csv.gz"), data_file(
        folder, "published_crosstab.csv"
    )


def percentages(men, question, answer):
    """Percent who gave an answer, of all men and of each group, with the number of men asked."""
    asked = men[men[question].notna()]
    spelt = {
        answer,
        answer.replace("'", "?"),
    }  # the raw file has ? for the curly apostrophe
    frame = asked[[*AXES, "weight"]].assign(
        gave=asked[question].isin(spelt).astype(float)
    )
    cells = tl.compress(tl.SurveyDesign(frame, weight="weight"), "gave", AXES)
    everyone, groups = (
        tl.cell_means(cells, []).frame,
        tl.one_way(cells).frame.set_index(["axis", "level"]),
    )
    found = {"everyone": everyone.loc[0, ["estimate", "n"]]} | {
        g: groups.loc[g, ["estimate", "n"]] for g in GROUPS
    }
    return {name: (100 * row["estimate"], row["n"]) for name, row in found.items()}


def compared(files, question):
    """(answer, group, published text, ours, men asked) of each cell of a question."""
    men, table = answers(files[0]), published(files[1])
    out = []
    for row in table[table["question"] == question].to_dict("records"):
        found = percentages(men, question, row["answer"])
        out += [
            (row["answer"], name, row[name], *found[name])
            for name in ("everyone", *GROUPS)
        ]
    return out


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_cell_of_a_question(question, files):
    cells = compared(files, question)
    wrong = [
        (answer, group, text, round(ours, 2))
        for answer, group, text, ours, _ in cells
        if text
        and abs(ours - float(text.rstrip("%"))) > HALF
        and (question, answer, str(group)) not in EXCEPTIONS
    ]
    assert not wrong
    blank = {group: n for _, group, text, _, n in cells if not text}
    shown = {group: n for _, group, text, _, n in cells if text}
    assert all(n < SMALLEST_BASE for n in blank.values())
    assert all(n >= SMALLEST_BASE for n in shown.values())


def test_more_than_1200_cells_are_compared(files):
    table = published(files[1])
    columns = ["everyone", *GROUPS]
    filled = (table[columns] != "").to_numpy()
    assert list(table["question"].drop_duplicates()) == QUESTIONS
    assert filled.sum() == 1294
    assert (
        filled[(table["question"] != "age3").to_numpy()].sum() == 1264
    )  # without the axis that is a question itself
    assert not EXCEPTIONS


def test_answers_of_a_question_add_up(files):
    """Each man who was asked is in exactly one answer, so that no answer is misspelt."""
    men, table = answers(files[0]), published(files[1])
    for question in QUESTIONS:
        spelt = {
            a.replace("'", "?")
            for a in table.loc[table["question"] == question, "answer"]
        }
        found = {str(a).replace("'", "?") for a in men[question].dropna().unique()}
        assert found <= spelt, question


def test_without_the_weights_the_table_is_not_reproduced(files):
    """The comparison can fail: unweighted shares differ from hundreds of the published cells."""
    men, table = answers(files[0]), published(files[1])
    far = 0
    for question, part in table.groupby("question"):
        for row in part.to_dict("records"):
            if row["everyone"]:
                said = (
                    men[question]
                    .dropna()
                    .isin({row["answer"], row["answer"].replace("'", "?")})
                )
                far += (
                    abs(100 * said.mean() - float(row["everyone"].rstrip("%"))) > HALF
                )
    assert far > 60


def test_a_design_effect_above_three(files):
    """Very uneven weights: Kish's 1 + cv^2 of the weights, and the n_eff of a share, are far from the 1,615 men."""
    men = answers(files[0])
    w = men["weight"].to_numpy()
    kish = len(w) * (w**2).sum() / w.sum() ** 2
    frame = men[["weight"]].assign(y=(men["q0001"] == "Very masculine").astype(float))
    found = tl.cell_means(
        tl.compress(tl.SurveyDesign(frame, weight="weight"), "y")
    ).frame.iloc[0]
    assert kish > 3
    assert found["n_eff"] == pytest.approx(found["n"] / kish, rel=0.2)
    y, p = frame["y"].to_numpy(), found["estimate"]
    scores = w * (y - p) / w.sum()
    assert found["std_error"] == pytest.approx(
        np.sqrt(len(w) / (len(w) - 1) * (scores**2).sum()), rel=1e-10
    )
