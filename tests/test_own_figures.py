"""An own list of printed figures is answered line by line, and refused with all its faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from trustbook import private_book
from trustbook.own_figures import answer_own
from trustbook.supplied import read_supplied
from trustlib.errors import CodebookError
from trustlib.schema import read_survey


@pytest.fixture
def office(tmp_path) -> Path:
    rng = np.random.default_rng(9)
    rows = 2_000
    frame = pd.DataFrame({"t": rng.choice(["a", "b"], rows, p=[0.4, 0.6]), "sex": rng.choice(["m", "w"], rows),
                          "age": rng.choice(["y", "o"], rows), "wt": rng.uniform(0.5, 2, rows)})  # fmt: skip
    frame.loc[:6, "sex"] = "x"
    frame.to_csv(tmp_path / "people.csv", index=False)
    write_mapping(tmp_path)
    return tmp_path


def write_mapping(folder: Path, kind: str = "supplied") -> None:
    plan = {
        "source": {"id": "p", "kind": kind, "label": "a poll"},
        "published": "published.csv",
        "variables": {
            "low_trust": {"column": "t", "values": {"a": 1, "b": 0}},
            "gender": {
                "column": "sex",
                "values": {"m": "man", "w": "woman", "x": "non-binary"},
            },
            "age": {"column": "age", "values": {"y": "young", "o": "old"}},
        },
        "design": {"weight": "wt"},
    }
    (folder / "m.yml").write_text(yaml.safe_dump(plan, sort_keys=False))


def answered(office: Path, text: str) -> pd.DataFrame:
    (office / "published.csv").write_text(text)
    design = read_supplied(office / "people.csv", office / "m.yml")[0]
    return answer_own(design, office / "published.csv")


def percent(office: Path, condition: str = "low_trust.notna()") -> float:
    people = read_survey(office / "people.csv", office / "m.yml").query(condition)
    return 100 * np.average(people["low_trust"], weights=people["weight"])


class TestAnswers:
    def test_a_percentage_is_that_of_those_who_told_its_identities(self, office):
        women = percent(office, "gender == 'woman' and age == 'young'")
        table = f"outcome,value,gender,age\nlow_trust,{women:.0f},woman,young\n"
        table += f"low_trust,{percent(office):.1f}%,,\n"
        table += f"low_trust,{women + 3:.0f},woman,young\n"
        made = answered(office, table)
        assert list(made["verdict"]) == ["match", "match", "differs"]
        assert made["ours"].tolist() == pytest.approx([women, percent(office), women], abs=0.05)  # fmt: skip
        assert made["claim"][0] == "low_trust: gender woman, age young"
        assert made["tolerance"].tolist() == [0.5, pytest.approx(0.05), 0.5]

    def test_a_group_of_few_people_has_no_number(self, office):
        made = answered(office, "outcome,value,gender\nlow_trust,50,non-binary\n")
        assert made["verdict"][0] == "not releasable"
        assert made["ours"].isna().all()

    def test_made_up_people_prove_nothing(self, office):
        write_mapping(office, kind="synthetic")
        made = answered(office, "outcome,value\nlow_trust,40\n")
        assert made["verdict"][0] == "calibrated (synthetic)"

    def test_what_is_said_and_how_it_is_rounded_may_be_told(self, office):
        text = "outcome,value,claim,half_width\n"
        text += f"low_trust,{percent(office) + 3:.1f},Four in ten,5\n"
        made = answered(office, text)
        assert made["claim"][0] == "Four in ten"
        assert made["verdict"][0] == "within rounding"


FAULTS = {
    "outcome\nlow_trust\n": "there is no column value",
    "outcome,value,gendre\nlow_trust,3,x\n": "Did you mean 'gender'?",
    "outcome,value\nlow_trus,30\n": "row 2: There is no outcome 'low_trus'. Did you mean 'low_trust'?",
    "outcome,value\ngender,30\n": "row 2: There is no outcome 'gender'",
    "outcome,value\nn,30\n": "row 2: There is no outcome 'n'",
    "outcome,value\nlow_trust,about 30\n": "row 2: value is 'about 30', expected a percentage",
    "outcome,value\nlow_trust,130\n": "row 2: value is '130', expected a percentage",
    "outcome,value\nlow_trust,-3\n": "row 2: value is '-3'",
    "outcome,value,gender\nlow_trust,30,women\n": "row 2: There is no level of gender 'women'. Did you mean 'woman'?",
    "outcome,value,half_width\nlow_trust,30,wide\n": "row 2: half_width is 'wide'",
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_of_a_list_are_told_with_their_rows(office, text):
    with pytest.raises(CodebookError) as error:
        answered(office, text)
    told = str(error.value)
    assert "published.csv is not a list of printed figures" in told
    assert FAULTS[text] in told


def test_all_faults_are_told_at_once(office):
    with pytest.raises(CodebookError, match="3 faults"):
        answered(
            office, "outcome,value,age\nlow_trust,x,old\nlow,3,old\nlow_trust,3,ol\n"
        )


class TestBook:
    def made(self, office: Path, monkeypatch, edition: str = "private"):
        monkeypatch.setattr(private_book, "run_all", lambda *a, **more: {})
        monkeypatch.setattr(private_book, "_build", lambda out: None)
        files = (office / "people.csv", office / "m.yml", office / edition)
        return private_book.reproduce(*files, edition=edition)

    def test_its_page_stands_first(self, office, monkeypatch):
        (office / "published.csv").write_text(
            "outcome,value,gender\nlow_trust,40,man\n"
        )
        made = self.made(office, monkeypatch)
        out = office / "private"
        assert len(made.own) == 1
        page = (out / "book" / "own-figures.md").read_text(encoding="utf-8")
        assert "low&#95;trust: gender man" in page or "low_trust: gender man" in page
        chapters = yaml.safe_load((out / "_toc.yml").read_text())["chapters"]
        assert chapters[0]["file"] == "own-figures"
        table = pd.read_csv(out / "own-figures.csv")
        assert table["published"].tolist() == [40]

    def test_a_list_with_faults_stops_the_book_before_a_run(self, office, monkeypatch):
        (office / "published.csv").write_text("outcome,value\nlow_trus,40\n")
        with pytest.raises(CodebookError, match="list of printed figures"):
            self.made(office, monkeypatch)
        assert "low_trus" in (office / "private" / "faults.html").read_text()
        assert not (office / "private" / "book").exists()

    def test_without_a_list_there_is_no_page(self, office, monkeypatch):
        plan = yaml.safe_load((office / "m.yml").read_text())
        del plan["published"]
        (office / "m.yml").write_text(yaml.safe_dump(plan, sort_keys=False))
        assert self.made(office, monkeypatch).own is None
        assert not (office / "private" / "book" / "own-figures.md").exists()
