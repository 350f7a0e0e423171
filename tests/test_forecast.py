"""`reproduce --plan` builds nothing and says what the book will be; `--first` puts an identity first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from trustbook import private_book
from trustbook.cli import app
from trustbook.forecast import FORMER, SECONDS, forecast
from trustbook.run_order import counted
from trustbook.runs import load_plan

OUTCOMES = {"low_trust": ("a", "b"), "hurt": ("c", "d")}


@pytest.fixture
def office(tmp_path) -> Path:
    """A folder with a made-up file and its mapping; one level has six people."""
    rng = np.random.default_rng(8)
    rows = 1_500
    frame = pd.DataFrame({"t": rng.choice(["a", "b"], rows), "h": rng.choice(["c", "d"], rows),
                          "sex": rng.choice(["m", "w"], rows), "age": rng.choice(["y", "o"], rows),
                          "town": rng.choice(["n", "s"], rows)})  # fmt: skip
    frame.loc[:5, "town"] = "e"
    frame.to_csv(tmp_path / "people.csv", index=False)
    plan = {
        "source": {"id": "p", "kind": "synthetic", "label": "made up"},
        "variables": {
            "low_trust": {"column": "t", "values": {"a": 1, "b": 0}},
            "hurt": {"column": "h", "values": {"c": 1, "d": 0}},
            "gender": {"column": "sex", "values": {"m": "man", "w": "woman"}},
            "age": {"column": "age", "values": {"y": "young", "o": "old"}},
            "town": {"column": "town", "values": {"n": "n", "s": "s", "e": "e"}},
        },
    }
    (tmp_path / "m.yml").write_text(yaml.safe_dump(plan, sort_keys=False))
    return tmp_path


def planned(office: Path, *words: str, code: int = 0) -> str:
    paths = [str(office / "people.csv"), "--mapping", str(office / "m.yml")]
    out = ["--out", str(office / "private")]
    done = CliRunner().invoke(app, ["reproduce", *paths, *out, "--plan", *words])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


class TestPlan:
    def test_it_says_runs_minutes_and_what_is_withheld_and_builds_nothing(self, office):
        before = sorted(office.iterdir())
        told = planned(office)
        assert sorted(office.iterdir()) == before
        made = forecast(office / "people.csv", office / "m.yml")
        total = sum(made.runs.values())
        assert f"1,500 people, 2 outcomes, 3 identities: {total} runs" in told
        for template, n in made.runs.items():
            assert f"{template} {n}" in told
        assert "minute" in told
        assert SECONDS["measured"] in told
        assert "Nothing was built." in told
        assert len(made.joined) == 2  # town, of each outcome
        for table in made.joined:
            assert table in told

    def test_what_is_withheld_has_its_reason(self, office):
        frame = pd.read_csv(office / "people.csv")
        frame.loc[frame["town"] == "e", "town"] = "n"
        frame["town"] = np.where(np.arange(len(frame)) < 8, "s", "n")
        frame.to_csv(office / "people.csv", index=False)
        plan = yaml.safe_load((office / "m.yml").read_text())
        del plan["variables"]["town"]["values"]["e"]
        (office / "m.yml").write_text(yaml.safe_dump(plan, sort_keys=False))
        told = planned(office)
        made = forecast(office / "people.csv", office / "m.yml")
        assert f"Will be withheld, {len(made.withheld)}:" in told
        assert "low_trust by town: fewer than 10 people" in told
        assert "8" not in told  # how many they are

    def test_the_runs_are_those_that_are_executed(self, office, monkeypatch):
        executed = []

        def note(runs, out, **more):
            executed.extend(run.id for run in runs)
            return {}

        monkeypatch.setattr(private_book, "run_all", note)
        monkeypatch.setattr(private_book, "_build", lambda out: None)
        files = (office / "people.csv", office / "m.yml", office / "private")
        made = private_book.reproduce(*files, first=["age"])
        foreseen = forecast(*files, first=["age"])
        assert executed == foreseen.order
        assert executed == [run.id for run in load_plan(office / "private" / "notebooks" / "runs.yml")]  # fmt: skip
        assert dict(made.withheld) == dict(foreseen.withheld)
        assert dict(made.joined) == dict(foreseen.joined)

    def test_a_public_edition_is_planned_without_a_release(self, office):
        told = planned(office, "--edition", "public")
        made = forecast(office / "people.csv", office / "m.yml", edition="public")
        assert set(made.runs) == {"levels", "intersection"}
        assert "it is made from the rows of the file" in told

    def test_minutes_come_from_a_former_book_where_there_is_one(self, office):
        files = (office / "people.csv", office / "m.yml", office / "private")
        usual = forecast(*files)
        for number, seconds in enumerate((100, 200)):
            run = office / "private" / "book" / "_runs" / f"run-{number}"
            run.mkdir(parents=True)
            origin = {"template": "levels.ipynb", "seconds": seconds}
            (run / "provenance.json").write_text(json.dumps(origin))
        (run.parent / "bad").mkdir()
        (run.parent / "bad" / "provenance.json").write_text("{")
        slow = forecast(*files, jobs=1)
        assert slow.measured == FORMER
        assert usual.measured == SECONDS["measured"]
        more = 150 - SECONDS["templates"]["levels"]
        expected = forecast(*files[:2], jobs=1).seconds + more * usual.runs["levels"]
        assert slow.seconds == pytest.approx(expected)

    def test_more_runs_at_a_time_take_less_time(self, office):
        files = (office / "people.csv", office / "m.yml")
        assert forecast(*files, jobs=4).seconds < forecast(*files, jobs=1).seconds

    def test_every_template_of_a_private_book_has_its_seconds(self):
        templates = {"levels", "intersection", "maihda", "robustness", "countries", "waves", "change"}  # fmt: skip
        assert set(SECONDS["templates"]) == templates
        assert min(SECONDS["templates"].values()) > 0

    def test_a_file_that_does_not_fit_is_refused_and_nothing_is_written(self, office):
        plan = yaml.safe_load((office / "m.yml").read_text())
        del plan["variables"]["gender"]["values"]["w"]
        (office / "m.yml").write_text(yaml.safe_dump(plan, sort_keys=False))
        told = planned(office, code=1)
        assert "column sex has answers that are not declared" in told
        assert not (office / "private").exists()


class TestFirst:
    def test_an_identity_stands_first_and_by_itself_before_it_is_crossed(self, office):
        files = (office / "people.csv", office / "m.yml")
        usual = forecast(*files).order
        first = forecast(*files, first=["town"]).order
        assert sorted(first) == sorted(usual)
        n = sum("town" in run for run in usual)
        assert 0 < n < len(usual)
        assert all("town" in run for run in first[:n])
        rest = [run for run in usual if "town" not in run]
        assert first[n:] == rest  # the others keep their order

    def test_of_two_the_one_that_is_named_first_comes_first(self, office):
        files = (office / "people.csv", office / "m.yml")
        order = forecast(*files, first=["age", "gender"]).order
        assert "age" in order[0]
        without = [run for run in order if "age" not in run]
        assert "gender" in without[0]

    def test_a_name_that_is_no_identity_is_refused(self, office):
        assert "Did you mean 'gender'?" in planned(office, "--first", "gendre", code=1)
        told = planned(office, "--first", "hurt", code=1)
        assert "'hurt' is an outcome" in told
        assert "There is: gender" in planned(office, "--axis", "gender", "--first", "age", code=1)  # fmt: skip


def test_progress_counts_the_runs_that_have_ended():
    said = []
    report = counted(lambda name, state: said.append(name), 312)
    for number in range(14):
        report(f"run-{number}", "done")
    assert said[-1] == "14 of 312: run-13"
