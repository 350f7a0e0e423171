"""`trustlib start`: a session of few answers gives a mapping that loads and whose book can be planned."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from trustbook.cli import app
from trustbook.forecast import forecast
from trustbook.proposal import draft_of
from trustbook.supplied import read_supplied
from trustbook.wizard.answers import bands_in, name_in, numbers_in
from trustbook.wizard.asking import AnswerError
from trustbook.wizard.offers import Shelf
from trustlib.schema import load_mapping, load_yaml, read_survey

SCALE = ["Not at all", "A little", "Somewhat", "Mostly", "Completely"]
MOST_ANSWERS = 15
ROWS = 900
PROMPT = re.compile(r"(?:\[[^\]\n]*\]|\S): ")


def people(rows: int = ROWS) -> pd.DataFrame:
    """Made-up people: a 5-point scale, ages in years, a weight and three identities."""
    rng = np.random.default_rng(20)
    trust = rng.choice([*SCALE, "Don't know"], rows, p=[0.2, 0.2, 0.2, 0.2, 0.15, 0.05])
    gender = rng.choice(["Man", "Woman"], rows)
    gender[:4] = "Agender"
    return pd.DataFrame(
        {
            "Respondent ID": [f"R{i:05}" for i in range(rows)],
            "How much do you trust your doctor?": trust,
            "Gender": gender,
            "Ethnic group": rng.choice(["White", "Asian", "Black"], rows, p=[0.6, 0.2, 0.2]),
            "Do you have a disability?": rng.choice(["Yes", "No"], rows, p=[0.3, 0.7]),
            "Age": rng.integers(18, 90, rows),
            "Weight": np.round(rng.uniform(0.4, 2.2, rows), 4),
        }
    )  # fmt: skip


def write_xlsx(frame: pd.DataFrame, path: Path) -> Path:
    """A workbook with one sheet, by hand: the environment writes none."""
    table = [list(frame), *frame.to_numpy().tolist()]
    rows = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in table)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
    }  # fmt: skip
    with zipfile.ZipFile(path, "w") as book:
        for name, text in parts.items():
            book.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def cell(value: object) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


@pytest.fixture
def poll(tmp_path) -> Path:
    return write_xlsx(people(), tmp_path / "poll.xlsx")


def session(
    file: Path, *answers: str, code: int = 0, more: tuple[str, ...] = ()
) -> str:
    """What a scripted session prints; each answer is one line of the input."""
    typed = "".join(f"{answer}\n" for answer in answers)
    done = CliRunner().invoke(app, ["start", str(file), *more], input=typed)
    assert "Traceback" not in done.output
    assert done.exit_code == code, done.output
    return done.output


# The session of somebody who searches, says who is counted, and takes what is proposed.
SESSION = (
    "trust doctor",  # search for the outcome
    "",  # the only one that was found
    "",  # no answers: Don't know
    "",  # the low end counts
    "Low trust in the doctor",
    "",  # the identities that are proposed
    "18-34, 35-54, 55+",
    "White",  # the others are compared with
    "",  # the weight
    "",  # no strata
    "Doctors poll, Utopia 2026",
    "3",  # made-up people
    "",  # beside the file
    "n",  # no book now
)


class TestSession:
    def test_fifteen_answers_are_enough_for_a_mapping_whose_book_can_be_planned(
        self, poll
    ):
        assert len(SESSION) <= MOST_ANSWERS
        said = session(poll, *SESSION)
        assert "Nothing was built" in said
        mapping = poll.parent / "mapping.yml"
        assert sorted(path.name for path in poll.parent.iterdir()) == [
            "mapping.yml",
            "poll.xlsx",
        ]
        _, outcomes, axes = read_supplied(poll, mapping)
        assert outcomes == ["low_trust"]
        assert axes == ["gender", "ethnicity_detail", "disability", "age_band"]
        planned = forecast(poll, mapping)
        assert planned.runs["levels"] >= 1
        assert planned.runs["intersection"] >= 3

    def test_the_mapping_says_what_was_chosen(self, poll):
        session(poll, *SESSION)
        mapping = poll.parent / "mapping.yml"
        plan = load_mapping(mapping)[0]
        rule = plan.variables["low_trust"]
        assert rule.yes == SCALE[:2]
        assert rule.no == SCALE[2:]
        assert rule.missing == {"Don't know": "Don't know"}
        assert rule.label == "Low trust in the doctor"
        assert list(plan.variables["age_band"].cut) == ["18-34", "35-54", "55+"]
        assert plan.variables["ethnicity_detail"].levels[0] == "White"
        assert plan.variables["ethnicity_detail"].ordered is False
        assert plan.source.label == "Doctors poll, Utopia 2026"
        assert plan.source.kind == "synthetic"
        assert plan.design.weight == "Weight"
        frame = read_survey(poll, mapping)
        answers = people()["How much do you trust your doctor?"]
        assert frame["low_trust"].sum() == answers.isin(SCALE[:2]).sum()
        assert frame["low_trust"].isna().sum() == (answers == "Don't know").sum()

    def test_a_level_that_is_first_already_stays_without_a_word(self, poll):
        session(poll, *SESSION[:7], "Man", *SESSION[8:])
        rule = load_mapping(poll.parent / "mapping.yml")[0].variables["gender"]
        assert rule.levels is None

    def test_the_mapping_is_short_and_each_variable_has_a_comment(self, poll):
        session(poll, *SESSION)
        lines = (poll.parent / "mapping.yml").read_text(encoding="utf-8").splitlines()
        assert len(lines) < 50
        heads = [i for i, line in enumerate(lines) if re.fullmatch(r'  "\w+":', line)]
        assert len(heads) == 5
        assert all(lines[i - 1].startswith("  # ") for i in heads)

    def test_nothing_of_a_respondent_is_shown_or_written(self, poll):
        said = session(poll, *SESSION)
        said += (poll.parent / "mapping.yml").read_text(encoding="utf-8")
        said = said.replace(str(poll.parent), "")  # whose name has digits
        assert "Agender" not in said  # of four people
        assert "R00" not in said
        assert "too few to show" in said
        ages = sorted(people()["Age"].unique())
        assert f"{ages[-1]}" not in said

    def test_the_next_command_is_printed_and_works(self, poll, monkeypatch):
        monkeypatch.chdir(poll.parent)
        said = session(poll, *SESSION)
        (command,) = re.findall(r"^  trustlib (reproduce .*)$", said, re.MULTILINE)
        done = CliRunner().invoke(app, [*command.split(), "--plan"])
        assert done.exit_code == 0, done.output
        assert "900 people, 1 outcome, 4 identities" in done.output

    def test_a_real_process_with_piped_answers(self, poll):
        typed = "".join(f"{answer}\n" for answer in SESSION)
        done = subprocess.run(
            [sys.executable, "-m", "trustbook.cli", "start", str(poll)],
            input=typed,
            capture_output=True,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert (poll.parent / "mapping.yml").is_file()
        assert done.stderr == ""


class TestLeaving:
    @pytest.mark.parametrize("answered", range(len(SESSION) - 1))
    def test_the_end_of_the_input_leaves_nothing(self, poll, answered):
        said = session(poll, *SESSION[:answered], code=1)
        assert said.endswith("Stopped: nothing was written.\n")
        assert [path.name for path in poll.parent.iterdir()] == ["poll.xlsx"]

    def test_the_end_of_the_input_after_the_mapping_builds_nothing(self, poll):
        said = session(poll, *SESSION[:-1])
        assert "Nothing was built" in said
        assert "nothing was written" not in said
        assert not (poll.parent / "private").exists()

    def test_a_signal_leaves_nothing_and_says_so(self, poll):
        process = subprocess.Popen(
            [sys.executable, "-m", "trustbook.cli", "start", str(poll)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = ""
        while "OUTCOME" not in said:
            said += process.stdout.readline()
        process.stdin.write("trust\n")
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        said = process.communicate()[0]
        assert process.returncode == 130
        assert said.endswith("Stopped: nothing was written.\n")
        assert [path.name for path in poll.parent.iterdir()] == ["poll.xlsx"]


class TestWrongAnswers:
    def test_each_is_asked_again_in_words(self, poll):
        wrong = (
            "zebra", "9", "trust", "",  # outcome
            "maybe", "",  # no answers
            "0", "1-5", "7", "5",  # who counts
            "",  # label
            "99", "1-3, 4",  # identities
            "18-34, 40+", "old", "18-34, 30-54, 55+", "40-50, 51+", "up to 34, 35-54, 55+",
            "Martian", "keep",
            "Nothing", "Respondent ID", "weight",
            "a, b, c", "Wight", "none",
            "", "7", "",  # kind
            "", "n",
        )  # fmt: skip
        said = session(poll, *wrong)
        for words in (
            "No column that can be used here has these words",
            "Give the number 1.",
            "Type y for yes, or n for no.",
            "One answer at least must not count.",
            "Give numbers from 1 to 5, such as 1 or 1,2.",
            "These bands do not follow each other: that leaves a gap between 18-34 and 40+",
            "Write bands with commas between them",
            "that has bands that overlap",
            "Some people are outside of these bands.",
            "Give a name as it is listed above, or keep",
            "There is no column 'Nothing'",
            "holds something else than numbers above zero",
            "Give strata, PSU; or strata; or , PSU; or none.",
            "Did you mean 'Weight'?",
            "Give one number from 1 to 3.",
        ):
            assert words in said, words
        plan = load_mapping(poll.parent / "mapping.yml")[0]
        (outcome,) = [name for name, rule in plan.variables.items() if rule.yes]
        assert plan.variables[outcome].yes == ["Completely"]
        assert outcome != "low_trust"

    def test_a_file_is_never_written_over_without_asking(self, poll):
        mapping = poll.parent / "mapping.yml"
        mapping.write_text("mine: true\n")
        session(poll, *SESSION[:-1], "n", "", "n")
        assert mapping.read_text() == "mine: true\n"
        assert load_mapping(poll.parent / "mapping-2.yml")
        session(poll, *SESSION[:-1], "y", "n")
        assert "mine" not in load_yaml(mapping)

    @pytest.mark.parametrize("text", ["0", "6", "2-1", "x", "", "1-9"])
    def test_numbers_that_are_not_listed(self, text):
        with pytest.raises(AnswerError, match="from 1 to 5"):
            numbers_in(text, 5)

    @pytest.mark.parametrize("text", ["18-34", "young, old", "18-34, 34-50", "50+, 18-49", ""])  # fmt: skip
    def test_bands_that_are_none(self, text):
        with pytest.raises(AnswerError, match="Write bands"):
            bands_in(text)

    @pytest.mark.parametrize("text", ["../m.yml", "m", "m.txt", ".yml", "a b.yml"])
    def test_names_of_files_that_are_none(self, text):
        with pytest.raises(AnswerError, match=r"ends in \.yml"):
            name_in(text)


class TestOffers:
    def test_labels_and_answers_are_searched_and_personal_columns_are_not_offered(
        self, poll
    ):
        shelf = Shelf(draft_of(poll))
        assert [o.column.name for o in shelf.search("disab")] == ["Do you have a disability?"]  # fmt: skip
        assert not shelf.search("respondent")
        assert shelf.hidden("respondent") == 1
        (found,) = shelf.search("doctor trust")
        assert found.answers.kept == SCALE
        assert found.yes == SCALE[:2]

    def test_numbers_without_labels_have_no_direction(self, tmp_path):
        frame = people().replace({text: i for i, text in enumerate(SCALE, 1)})
        frame["How much do you trust your doctor?"] = frame[
            "How much do you trust your doctor?"
        ].replace("Don't know", 4)
        path = write_xlsx(frame, tmp_path / "codes.xlsx")
        answers = ("trust", "", "", "4,5", "High trust", "", "", "", "", "", "", "3", "", "n")  # fmt: skip
        said = session(path, *answers)
        assert "does not say which end" in said
        plan = load_mapping(tmp_path / "mapping.yml")[0]
        (rule,) = [rule for rule in plan.variables.values() if rule.yes]
        assert rule.yes == ["4", "5"]

    @pytest.mark.parametrize("left_out", [True, False])
    def test_of_an_identity_it_is_asked_too_which_answers_are_none(
        self, tmp_path, left_out
    ):
        frame = people()[["How much do you trust your doctor?", "Gender"]]
        group = np.resize(["White", "Asian", "Prefer not to say"], ROWS)
        path = write_xlsx(frame.assign(**{"Ethnic group": group}), tmp_path / "p.xlsx")
        answer = "" if left_out else "n"
        said = session(
            path, "trust doctor", "", "", "", "", "2", answer, "", "", "", "", "3", "", "n"
        )  # fmt: skip
        assert "Ethnic group: leave out as no answers: Prefer not to say?" in said
        rule = load_yaml(tmp_path / "mapping.yml")["variables"]["ethnicity_detail"]
        assert ("Prefer not to say" in rule["values"]) == (not left_out)
        assert ("missing" in rule) == left_out
        axes = read_supplied(path, tmp_path / "mapping.yml")[2]
        assert axes == ["ethnicity_detail"]

    def test_ages_that_cannot_be_years_have_a_caution_and_no_bands_to_take(
        self, tmp_path
    ):
        frame = people().drop(columns="Age").assign(age=1.8 + np.arange(ROWS) % 80 / 10)
        path = write_xlsx(frame, tmp_path / "p.xlsx")
        said = session(
            path, "trust doctor", "", "", "", "", "age", "4", "up to 3.9, 4+", "", "", "", "3", "", "n"
        )  # fmt: skip
        assert "CAUTION: these numbers cannot be ages of adults in years" in said
        rules = load_yaml(tmp_path / "mapping.yml")["variables"].values()
        [cut] = [rule["cut"] for rule in rules if "cut" in rule]
        assert cut == {"up to 3.9": [None, 3.9], "4+": [4]}

    def test_the_rare_end_of_a_scale_is_counted(self, tmp_path):
        trust = np.repeat(SCALE, [6, 200, 250, 240, 204])
        frame = people().assign(**{"How much do you trust your doctor?": trust})
        path = write_xlsx(frame, tmp_path / "p.xlsx")
        session(path, "trust doctor", "", "", "", "", "", "", "", "", "", "3", "", "n")
        [rule] = [
            rule
            for rule in load_yaml(tmp_path / "mapping.yml")["variables"].values()
            if "yes" in rule
        ]
        assert rule["yes"] == ["A little", "Somewhat"]
        assert rule["rare"] == 1
        assert rule["label"].startswith("up to Somewhat (")
        read = read_survey(path, tmp_path / "mapping.yml")
        assert read[next(iter(read))].sum() == 456

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ([], "The file has no column of which an outcome"),
            (["Age"], "The file has no column of which an outcome"),
            (["Gender"], "Beside the outcome the file has no column of which an ident"),
        ],
    )
    def test_a_file_of_which_nothing_can_be_made_is_refused(
        self, tmp_path, columns, words
    ):
        frame = people()[["Respondent ID", *columns]].assign(name="Dr Jane Doe")
        path = write_xlsx(frame, tmp_path / "ids.xlsx")
        said = session(path, "Gender", "", "1", "Men", code=1)
        assert words in said
        assert [each.name for each in tmp_path.iterdir()] == ["ids.xlsx"]

    def test_where_nothing_is_proposed_she_is_told_to_search(self, tmp_path):
        frame = people()[["Age", "Weight"]].assign(
            colour=np.resize(["red", "blue"], ROWS)
        )
        path = write_xlsx(frame, tmp_path / "p.xlsx")
        said = session(path, "colour", "", "1", "Red", code=1)
        assert "None is proposed. Search for one word" in said

    def test_countries_of_their_own_are_asked_for_their_inhabitants(self, tmp_path):
        frame = people().assign(Country=np.resize(["AT", "CH"], ROWS))
        path = write_xlsx(frame, tmp_path / "p.xlsx")
        asked = (*SESSION[:10], "9,1", "9.1 8.9", *SESSION[10:])
        said = session(path, *asked)
        assert "Inhabitants in millions of AT, CH" in said
        assert "Give 2 numbers above 0" in said
        plan = load_mapping(tmp_path / "mapping.yml")[0]
        assert plan.populations == {"AT": 9.1, "CH": 8.9}
        assert "with its year" in said  # a column says the country
