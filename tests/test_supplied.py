"""Supplied microdata: a first mapping, a private book, a ledger; nothing small and nobody's answers in any of them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml
from bs4 import BeautifulSoup
from typer.testing import CliRunner

import trustlib as tl
from trustbook import private_book, supplied
from trustbook.choice import plan_runs
from trustbook.cli import app
from trustbook.committee import FILES, FOLDER
from trustbook.families import REASONS, Family
from trustbook.leaks import leaks
from trustbook.private_book import reproduce
from trustbook.private_pages import markdown_table
from trustbook.proposal import Wanted, first_mapping
from trustbook.r_design import design_in_r
from trustbook.record_answers import answer_record
from trustbook.site import check_pages
from trustbook.supplied import (
    account_of,
    read_supplied,
    roles,
    shown_account,
    shown_counts,
)
from trustlib import yaml12
from trustlib.files import read_table
from trustlib.forms import Design
from trustlib.record.printed import load_figures
from trustlib.schema import load_codebook, load_mapping

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
ROOT = Path(__file__).parents[1]
HINTS6 = ROOT / "data" / "hints6" / "mapping.yml"
NONVOTERS = ROOT / "tests" / "mappings" / "nonvoters.yml"
STAND_IN = ROOT / "data" / "synthetic"
SAMPLES = ("haven_iris.sav", "hebrews.sav", "missing_test.sav", "ordered_category.sav", "sample.sav", "sample.zsav",
           "sample_missing.sav", "simple_alltypes.sav", "tegulu.sav", "test_width.sav")  # fmt: skip
MAPPING = {
    "source": {"id": "made", "kind": "supplied", "label": "made-up people"},
    "variables": {
        "low_trust": {
            "column": "trust",
            "values": {"a little": 1, "a lot": 0},
            "missing": {"refused": "refused"},
        },
        "gender": {
            "column": "sex",
            "values": {"Male": "man", "Female": "woman"},
            "missing": {"Other": "other"},
        },
        "disability": {
            "column": "disabled",
            "values": {"no": "not disabled", "yes": "disabled"},
        },
    },
    "design": {"weight": "wt"},
}


def people(rows: int = 2_000, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(rows) + 700_001,
            "trust": rng.choice(
                ["a little", "a lot", "refused"], rows, p=[0.4, 0.55, 0.05]
            ),
            "sex": rng.choice(["Male", "Female", "Other"], rows, p=[0.49, 0.5, 0.01]),
            "disabled": rng.choice(["no", "yes"], rows, p=[0.8, 0.2]),
            "wt": np.round(rng.lognormal(0, 0.4, rows), 4) * (rng.random(rows) > 0.002),
        }
    )


def written(
    folder: Path, frame: pd.DataFrame, mapping: dict | None = None
) -> tuple[Path, Path]:
    file, plan = folder / "people.csv", folder / "m.yml"
    frame.to_csv(file, index=False)
    plan.write_text(yaml.safe_dump(mapping or MAPPING, sort_keys=False))
    return file, plan


def uncommented(text: str) -> str:
    return re.sub(r"^# ", "", text, flags=re.MULTILINE)


def command(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return " ".join(result.output.split())


class TestFirstMapping:
    def test_its_proposals_are_a_mapping_that_reads_the_file(self, tmp_path):
        file, _ = written(tmp_path, people())
        text = first_mapping(file)
        plan = tmp_path / "first.yml"
        plan.write_text(uncommented(text))
        frame = tl.read_survey(file, plan)
        assert set(frame) >= {"gender", "disability", "trust", "weight"}
        assert frame.attrs["source"]["kind"] == "supplied"
        assert list(frame["disability"].cat.categories) == ["not disabled", "disabled"]
        assert (frame["trust_missing"] == "refused").sum() == (
            people()["trust"] == "refused"
        ).sum()

    def test_it_runs_as_it_is(self, tmp_path):
        file, _ = written(tmp_path, people())
        plan = tmp_path / "first.yml"
        plan.write_text(first_mapping(file))
        design, outcomes, axes = read_supplied(file, plan)
        assert (outcomes, axes) == (["low_trust"], ["gender", "disability"])
        assert design.weight == "weight"
        assert len(design.frame) == len(people())

    def test_it_writes_no_identifier_no_free_text_and_no_rare_answer(self, tmp_path):
        frame = people()
        frame["email"] = [f"person{i}@example.org" for i in frame["id"]]
        frame["town"] = np.where(np.arange(len(frame)) < 9, "Smallville", "elsewhere")
        frame.loc[10:30, "town"] = "Middleton"
        text = first_mapping(written(tmp_path, frame)[0])
        assert "700001" not in text
        assert "@" not in text
        assert "Smallville" not in text
        assert "Middleton" in text
        assert "further answers, each of fewer than 10 people: 1" in text

    def test_every_written_answer_was_given_by_ten_people(self, data_file):
        file = data_file("fivethirtyeight_nonvoters", "nonvoters_data.csv")
        raw, _ = read_table(file)
        text = first_mapping(file, wanted=Wanted(columns=tuple(raw)))
        variables = yaml12.load(uncommented(text))["variables"]
        keys = ("values", "missing", "yes")
        answers = [
            (v["column"], a)
            for v in variables.values()
            for key in keys
            for a in v.get(key, ())
        ]
        assert len(answers) > 300
        assert (
            min((raw[column].str.strip() == answer).sum() for column, answer in answers)
            >= 10
        )

    def test_codes_that_stand_apart_seem_to_mean_missing(self, tmp_path):
        rng = np.random.default_rng(3)
        frame = pd.DataFrame(
            {
                "apart": rng.choice([1, 2, 3, 8, 9], 500),
                "scale": rng.choice(range(1, 10), 500),
            }
        )
        frame["minus"] = rng.choice([-1, 1, 2], 500)
        made = yaml.safe_load(uncommented(first_mapping(written(tmp_path, frame)[0])))[
            "variables"
        ]
        assert set(made["apart"]["missing"]) == {"8", "9"}
        assert "missing" not in made["scale"]
        assert set(made["minus"]["missing"]) == {"-1"}

    def test_weights_strata_psus_and_replicates_of_hints_are_found(self, data_file):
        text = first_mapping(data_file("hints6", "hints6_extract.csv.gz"))
        design = yaml.safe_load(uncommented(text))["design"]
        ours = load_mapping(HINTS6)[0].design
        of_replicates = Design(replicate_weights=design["replicate_weights"])
        assert of_replicates.replicate_weights == ours.replicate_weights
        assert (design["weight"], design["strata"], design["psu"]) == (
            ours.weight,
            ours.strata,
            ours.psu,
        )
        assert design["replicate_method"] == "JK1"

    def test_the_puerto_rico_file_is_proposed_with_labels_and_replicates(
        self, data_file
    ):
        file = data_file("hints_pr2009", "hintspr_d2011_04_22_public.sav")
        made = yaml12.load(uncommented(first_mapping(file)))
        assert made["design"]["weight"] == "R12WGT0"
        replicates = {"prefix": "R12WGT", "count": 48}
        assert made["design"]["replicate_weights"] == replicates
        assert made["variables"]["gender"]["values"] == {
            "Male": "man",
            "Female": "woman",
        }
        assert "professional?" in made["variables"]["low_trust"]["label"]
        assert made["variables"]["low_trust"]["yes"] == ["Not at All", "A Little"]

    def proposed(
        self,
        folder: Path,
        columns: dict,
        labels: dict,
        titles: dict | None = None,
        **more,
    ) -> str:
        """The proposal of an SPSS file with 60 people for each row."""
        file = folder / "people.sav"
        frame = pd.concat([pd.DataFrame(columns)] * 60, ignore_index=True)
        pyreadstat.write_sav(
            frame,
            str(file),
            variable_value_labels=labels,
            column_labels=titles or {},
            **more,
        )
        return first_mapping(file)

    def test_other_languages_are_recognised(self, tmp_path):
        answers = {"S1_Geschlecht": ("Männlich", "Weiblich"), "sexe": ("Homme", "Femme"), "sexo": ("Masculino", "Feminino"),
                   "q_de": ("Nein", "Ja"), "q_fr": ("Non, plutôt confiance", "Oui, méfiance"), "q_es": ("No", "Sí"),
                   "q_pt": ("Não", "Sim"), "q_list": ("Nicht genannt", "Genannt"), "Behinderung": ("Nein", "Ja")}  # fmt: skip
        lost = {
            "q_de": "Keine Angabe",
            "q_fr": "Ne sait pas",
            "q_es": "No sabe",
            "q_pt": "Não sabe",
            "q_list": "Weiß nicht",
        }
        labels = {
            c: {0: no, 1: yes} | ({7: lost[c]} if c in lost else {})
            for c, (no, yes) in answers.items()
        }
        columns = {c: [0.0, 1.0, 7.0 if c in lost else 1.0] for c in answers} | {
            "Gewicht": [0.5, 1.25, 1.5]
        }
        text = self.proposed(tmp_path, columns, labels)
        made = yaml.safe_load(uncommented(text))
        by_column = {v["column"]: (name, v) for name, v in made["variables"].items()}
        for column in ("S1_Geschlecht", "sexe", "sexo"):
            assert list(by_column[column][1]["values"].values()) == ["man", "woman"], (
                column
            )
        for column in lost:
            rule = by_column[column][1]
            assert list(rule["values"].values()) == [0, 1]
            assert list(rule["missing"]) == [lost[column]]
        assert by_column["Behinderung"][0] == "disability"
        assert made["design"]["weight"] == "Gewicht"
        assert text.count("CAUTION") == 1
        assert "neither strata, PSUs nor replicate weights" in text

    def test_numbers_of_0_and_1_without_labels_are_an_outcome(self, tmp_path):
        text = self.proposed(tmp_path, {"Q7": [0.0, 1.0], "Q8": [1.0, 2.0]}, {})
        variables = yaml.safe_load(uncommented(text))["variables"]
        assert variables["q7"]["values"] == {"0": 0, "1": 1}
        assert variables["q8"]["values"] == {"1": "1", "2": "2"}
        assert "## CAUTION: no weight was found." in text

    @pytest.mark.parametrize(
        "title",
        [
            "Age in years",
            "Your age",
            "How old are you?",
            "Alter in Jahren",
            "Edad",
            "Age group",
        ],
    )
    def test_an_age_is_recognised(self, tmp_path, title):
        assert "age_band" in self.proposed(
            tmp_path, {"Q7": [1.0, 2.0]}, {}, {"Q7": title}
        )

    @pytest.mark.parametrize(
        "title",
        ["At what age were you told you had cancer?", "Age when first told", "Average"],
    )
    def test_an_age_at_which_something_happened_is_not_the_age(self, tmp_path, title):
        assert "age_band" not in self.proposed(
            tmp_path, {"Q7": [1.0, 2.0]}, {}, {"Q7": title}
        )

    def test_a_list_on_which_only_what_was_chosen_is_coded_becomes_an_outcome(
        self, tmp_path
    ):
        labels = {
            "Q1_1": {1: "Genannt"},
            "Q1_2": {1: "Not listened to"},
            "sex": {1: "Male", 2: "Female"},
        }
        columns = {
            "Q1_1": [1.0, np.nan, np.nan],
            "Q1_2": [np.nan, 1.0, np.nan],
            "sex": [1.0, 2.0, 1.0],
        }
        text = self.proposed(tmp_path, columns, labels)
        assert (
            "blank is read as not chosen, which is right only if everybody was asked"
            in text
        )
        plan = tmp_path / "first.yml"
        plan.write_text(uncommented(text))
        design, outcomes, axes = read_supplied(tmp_path / "people.sav", plan)
        assert (outcomes, axes) == (["q1_1", "q1_2"], ["gender"])
        assert design.frame["q1_1"].mean() == pytest.approx(1 / 3)
        made = yaml.safe_load(uncommented(text))["variables"]
        assert made["q1_2"]["values"] == {"Not listened to": 1}

    def test_what_the_file_declares_missing_is_no_answer_of_the_proposal(
        self, tmp_path
    ):
        labels = {"Q": {1: "Yes", 2: "No", 9: "Prefer not to say"}}
        text = self.proposed(
            tmp_path, {"Q": [1.0, 2.0, 9.0]}, labels, missing_ranges={"Q": [9]}
        )
        assert (
            "## declared missing in the file, and kept apart: Prefer not to say" in text
        )
        assert yaml.safe_load(uncommented(text))["variables"]["q"] == {
            "column": "Q",
            "label": "Q",
            "values": {"Yes": 1, "No": 0},
        }

    def test_the_scale_of_replicates_is_asked_for(self, data_file):
        text = first_mapping(
            data_file("hints_pr2009", "hintspr_d2011_04_22_public.sav")
        )
        assert (
            "## replicate_scale: 0.979167\n## is what JK1 means for 48 replicates."
            in text
        )

    def test_the_encoding_is_written_into_the_mapping(self, tmp_path):
        frame = people().replace({"sex": {"Male": "Männlich"}})
        frame.to_csv(tmp_path / "people.csv", index=False, encoding="latin-1")
        told = command("mapping-init", tmp_path / "people.csv", code=1)
        assert "--encoding latin-1" in told
        command(
            "mapping-init",
            tmp_path / "people.csv",
            "--encoding",
            "latin-1",
            "--out",
            tmp_path / "m.yml",
        )
        (tmp_path / "m.yml").write_text(uncommented((tmp_path / "m.yml").read_text()))
        assert "man: " in command(
            "validate", tmp_path / "people.csv", "--mapping", tmp_path / "m.yml"
        )

    @pytest.mark.parametrize("name", SAMPLES)
    def test_each_small_file_is_read_and_mapped(self, data_file, name, tmp_path):
        file = data_file("sav_samples", name)
        frame = tl.read_survey(file)
        assert len(frame)
        text = first_mapping(file)
        assert all(
            f"## {json.dumps(c, ensure_ascii=False)}" in text or c in text
            for c in frame
        )
        assert set(yaml.safe_load(uncommented(text))) <= {
            "source",
            "variables",
            "design",
        }
        if name == "simple_alltypes.sav":
            assert "mymrset" in text
            assert "declared missing in the file" in text

    def test_the_command_writes_a_file_once_and_says_why_it_cannot(self, tmp_path):
        file, _ = written(tmp_path, people())
        assert "Written" in command("mapping-init", file, "--out", tmp_path / "new.yml")
        assert "cannot be written" in command(
            "mapping-init", file, "--out", tmp_path / "new.yml", code=1
        )
        assert "no survey file" in command(
            "mapping-init", tmp_path / "absent.sav", code=1
        )
        (tmp_path / "broken.sav").write_bytes(b"$FL2" + bytes(50))
        assert "cannot be read" in command(
            "mapping-init", tmp_path / "broken.sav", code=1
        )


class TestReading:
    def test_all_faults_are_told_in_the_terminal_and_in_a_page(self, tmp_path):
        bad = json.loads(json.dumps(MAPPING))
        bad["source"]["kind"] = "published"
        bad["variables"]["gender"]["column"] = "gendre"
        del bad["variables"]["low_trust"]["missing"]
        file, plan = written(tmp_path, people(), bad)
        out = tmp_path / "private"
        told = command("reproduce", file, "--mapping", plan, "--out", out, code=1)
        page = BeautifulSoup((out / "faults.html").read_text(), "html.parser").get_text(
            " "
        )
        for words in (
            "kind is published, expected supplied or real",
            "'gendre'",
            "not declared: 'refused'",
            "3 faults",
        ):
            assert words in told
            assert words in page
        raw = (out / "faults.html").read_text()
        assert "people.csv" in page
        assert "m.yml" in page
        assert "check the spelling of columns" in page
        assert raw.count("<li>") == 3
        assert all(part in raw for part in ('lang="en"', "viewport", "<style>", "<h1>"))
        assert "http" not in raw
        assert "700001" not in raw

    def test_the_stand_in_cannot_pass_for_real(self, tmp_path):
        plan = tmp_path / "m.yml"
        text = (
            (STAND_IN / "mapping.yml")
            .read_text()
            .replace("kind: synthetic", "kind: supplied")
        )
        plan.write_text(
            text.replace("../codebook.yml", str(ROOT / "data" / "codebook.yml"))
        )
        with pytest.raises(
            tl.CodebookError, match="the file itself says that its data are synthetic"
        ):
            read_supplied(STAND_IN / "trust_polling_synthetic.parquet", plan)

    def test_a_folder_that_holds_something_else_is_left_alone(self, tmp_path):
        file, plan = written(tmp_path, people())
        with pytest.raises(tl.SurveyFileError, match="no private book"):
            reproduce(file, plan, tmp_path, ROOT)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["m.yml", "people.csv"]

    def test_names_that_do_not_exist_are_refused_with_the_nearest(self, tmp_path):
        file, plan = written(tmp_path, people())
        with pytest.raises(tl.UnknownNameError, match="Did you mean 'gender'"):
            reproduce(file, plan, tmp_path / "private", ROOT, axes=["gendre"])
        with pytest.raises(tl.UnknownNameError, match="Did you mean 'low_trust'"):
            reproduce(file, plan, tmp_path / "private", ROOT, ["LOW_TRUST"])
        with pytest.raises(tl.UnknownNameError, match="'low_trust' is an outcome"):
            reproduce(file, plan, tmp_path / "private", ROOT, axes=["low_trust"])
        with pytest.raises(tl.UnknownNameError, match="'gender' is an identity"):
            reproduce(file, plan, tmp_path / "private", ROOT, ["gender"])

    def test_git_is_kept_away_from_the_folder(self, tmp_path):
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        file, plan = written(tmp_path, people())
        with pytest.raises(tl.UnknownNameError):
            reproduce(file, plan, tmp_path / "book of mine", ROOT, axes=["gendre"])
        seen = subprocess.run(
            ["git", "status", "--porcelain"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert sorted(seen.stdout.split()) == ["??", "??", "m.yml", "people.csv"]

    def test_two_at_once_in_one_folder_are_refused_before_anything_is_laid_out(
        self, tmp_path
    ):
        file, plan = written(tmp_path, people())
        out = tmp_path / "private"
        out.mkdir()
        (out / "PRIVATE.txt").write_text("")
        (out / "notebooks").mkdir()
        holder = os.open(out, os.O_RDONLY)
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(tl.RunError, match="is at work"):
            reproduce(file, plan, out, ROOT)
        os.close(holder)
        assert list((out / "notebooks").iterdir()) == []
        assert sorted(p.name for p in out.iterdir()) == ["PRIVATE.txt", "notebooks"]

    def test_what_the_system_refuses_is_a_message(self, tmp_path, monkeypatch):
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(private_book, "run_all", lambda *args, **more: {})
        file, plan = written(tmp_path, people())
        (tmp_path / "private").write_text("a file of mine")
        private = tmp_path / "private" / "book"
        told = command("reproduce", file, "--mapping", plan, "--out", private, code=1)
        assert "book cannot be written: Not a directory." in told
        assert (tmp_path / "private").read_text() == "a file of mine"

    def test_validate_says_what_each_variable_is_and_how_many_people_there_are(
        self, tmp_path
    ):
        mapping = json.loads(json.dumps(MAPPING))
        mapping["variables"]["gender"]["levels"] = ["man", "woman", "nobody"]
        mapping["variables"]["region"] = {
            "column": "sex",
            "values": {"Male": "n", "Female": "s", "Other": "s"},
        }
        mapping["variables"]["counted"] = mapping["variables"]["low_trust"] | {
            "missing_as": 0
        }
        frame = people()
        frame.loc[frame["sex"] == "Other", "sex"] = "Male"
        frame.loc[:4, "sex"] = "Other"
        file, plan = written(tmp_path, frame, mapping)
        told = command("validate", file, "--mapping", plan)
        n = frame["trust"].value_counts()
        assert (
            f"low_trust: outcome (0: {n['a lot']:,}; 1: {n['a little']:,}); missing: refused: {n['refused']}"
            in told
        )
        woman, man = ((frame["sex"] == s).sum() for s in ("Female", "Male"))
        hidden = [
            f"man: {man:,}; woman: all others",
            f"man: all others; woman: {woman:,}",
        ][int(man > woman)]
        assert f"gender: identity, compared with man ({hidden}); missing: other" in told
        assert "nobody" not in told
        assert "region: identity, compared with n" in told
        assert (
            "counted: not taken as an outcome: missing_as counts everybody; use blank"
            in told
        )
        assert "unweighted" not in told
        del (
            mapping["design"],
            mapping["variables"]["low_trust"],
            mapping["variables"]["counted"],
        )
        told = command(
            "validate", file, "--mapping", written(tmp_path, frame, mapping)[1]
        )
        assert "CAUTION: unweighted" in told
        assert "no outcome; give one the values 1 and 0" in told
        mapping["source"]["rounding"] = 25
        told = command(
            "validate", file, "--mapping", written(tmp_path, frame, mapping)[1]
        )
        assert all(
            int(t.replace(",", "")) % 25 == 0
            for t in re.findall(r": ([\d,]+)(?=[;)])", told)
        )

    def test_a_small_number_is_not_what_is_left_of_the_sum(self):
        assert shown_counts([("a", 50), ("b", 900), ("c", 3)]) == [
            "a: 50",
            "b: all others",
            "c: fewer than 10",
        ]
        assert shown_counts([("a", 52), ("b", 901)], 5) == ["a: 50", "b: 900"]

    def test_codes_of_missing_that_nobody_declared_make_no_identity(self, tmp_path):
        frame = people().assign(
            out=lambda f: np.where(
                f["trust"] == "a lot", 0, np.where(f["trust"] == "a little", 1, 9)
            )
        )
        mapping = json.loads(json.dumps(MAPPING))
        mapping["variables"]["out"] = {"column": "out"}
        file, plan = written(tmp_path, frame, mapping)
        with pytest.raises(
            tl.CodebookError,
            match="variable out: holds numbers other than 0 and 1; give values",
        ):
            read_supplied(file, plan)
        file, plan = written(tmp_path, frame[frame["out"] < 9], mapping)
        assert read_supplied(file, plan)[1] == ["low_trust", "out"]
        assert roles(tl.read_survey(file, plan), plan)["out"] == "outcome"


class TestAccount:
    @pytest.mark.parametrize("seed", range(5))
    def test_rows_in_are_rows_used_and_rows_dropped(self, tmp_path, seed):
        frame = people(700, seed)
        design, outcomes, axes = read_supplied(*written(tmp_path, frame))
        account = account_of(design, outcomes[0], axes)
        asked, told, weighed = (
            frame["trust"] != "refused",
            frame["sex"] != "Other",
            frame["wt"] > 0,
        )
        assert account["n"].sum() == 700
        assert (
            account.set_index("reason")["n"]["used"] == (asked & told & weighed).sum()
        )
        cells = tl.compress(Family(design, outcomes[0], axes).base, outcomes[0], [])
        assert account["n"].iloc[0] == cells.frame["n"].sum()

    def test_small_reasons_are_shown_together(self):
        account = pd.DataFrame(
            {"outcome": "y", "reason": ["used", "a", "b", "c"], "n": [900, 50, 7, 4]}
        )
        shown = [
            ("used", "900"),
            ("a", "50"),
            ("together: c; b", "11"),
            ("rows in the file", "961"),
        ]
        assert shown_account(account) == shown
        rounded = [
            ("used", "900"),
            ("a", "50"),
            ("together: c; b", "10"),
            ("rows in the file", "960"),
        ]
        assert shown_account(account, 5) == rounded
        account = account[account["reason"] != "a"]
        assert shown_account(account)[:2] == [("used", "900"), ("together: c; b", "11")]
        alone = account[account["reason"] != "b"]
        assert shown_account(alone)[:2] == [
            ("used", "all others"),
            ("c", "fewer than 10"),
        ]


class TestFamily:
    def design(
        self, cells: dict[tuple[int, int, int], tuple[int, int]], **more
    ) -> tl.SurveyDesign:
        """People in cells (a, b, c): so many with the outcome, so many without."""
        rows = [
            (*k, y)
            for k, counts in cells.items()
            for y, n in zip((1.0, 0.0), counts, strict=True)
            for _ in range(n)
        ]
        frame = pd.DataFrame(rows, columns=["a", "b", "c", "y"]).assign(**more)
        for c in "abc":
            frame[c] = pd.Categorical(frame[c].map(str))
        return tl.SurveyDesign(frame, weight=None)

    def test_everything_is_one_hub_if_every_cell_is_large(self):
        family = Family(
            self.design(dict.fromkeys(product((0, 1), repeat=3), (20, 30))),
            "y",
            ["a", "b", "c"],
        )
        assert [sorted(s) for s in family.sets] == [["a", "b", "c"]]
        assert not family.withheld

    def test_no_set_of_tables_pins_a_small_cell(self):
        """A linear programme on the published margins, as an attacker would put it."""
        from scipy.optimize import linprog

        rng = np.random.default_rng(5)
        found = 0
        for _ in range(30):
            cells = {
                k: tuple(rng.integers(1, 60, 2)) for k in product((0, 1), repeat=3)
            }
            family = Family(self.design(cells), "y", ["a", "b", "c"])
            counts = {
                (*k, y): n
                for k, pair in cells.items()
                for y, n in zip((1, 0), pair, strict=True)
            }
            keys = list(counts)
            known, totals = [], []
            for axes in family.sets:
                at = ["abc".index(x) for x in axes] + [3]
                for level in product((0, 1), repeat=len(at)):
                    row = [float(tuple(k[i] for i in at) == level) for k in keys]
                    known.append(row)
                    totals.append(np.dot(row, list(counts.values())))
            for i, key in enumerate(keys):
                if family.sets and counts[key] < 10:
                    aim = np.eye(len(keys))[i]
                    low, high = (
                        linprog(s * aim, A_eq=known, b_eq=totals).fun * s
                        for s in (1, -1)
                    )
                    found += 1
                    assert high - low >= 10 - 1e-6
        assert found > 20

    def test_an_outcome_that_implies_another_hides_who_has_only_one(self):
        cells = dict.fromkeys(product((0, 1), repeat=3), (40, 40))
        design = self.design(cells)
        y = design.frame["y"].to_numpy().copy()
        y[np.flatnonzero(y == 1)[:3]] = (
            0  # three people of one cell have only the wider outcome
        )
        nested = tl.SurveyDesign(design.frame.assign(strict=y), weight=None)
        assert not Family(nested, "y", ["a", "b"]).withheld
        assert Family(nested, "y", ["a", "b"], ["y", "strict"]).withheld

    def test_an_identity_that_few_told_does_not_empty_the_others(self):
        design = self.design(dict.fromkeys(product((0, 1), repeat=3), (30, 30)))
        design.frame.loc[design.frame.index > 100, "c"] = None
        family = Family(design, "y", ["a", "b", "c"])
        assert family.axes == ["a", "b"]
        assert family.withheld == {
            "y by c": "fewer than half of those who answered told it"
        }


def polled(places: dict[str, list[str]], size: int = 40, **more) -> tl.SurveyDesign:
    """People of countries in waves, of two levels of two identities, as many with the outcome as without."""
    of = [(w, c) for w, countries in places.items() for c in countries]
    rows = [
        (*place, *levels, y)
        for place in of
        for levels in product("ab", "mn")
        for y in (0.0, 1.0)
        for _ in range(size)
    ]
    frame = pd.DataFrame(rows, columns=["wave", "country", "one", "two", "y"]).assign(
        weight=1.0
    )
    for c in ("wave", "country", "one", "two"):
        frame[c] = pd.Categorical(frame[c], sorted(frame[c].unique()))
    frame = frame.drop(columns=more.pop("drop", []))
    frame.attrs = {
        "source": {"kind": "supplied", "label": "made"},
        "labels": {c: c.capitalize() for c in frame},
    }
    return tl.SurveyDesign(frame.assign(**more.pop("columns", {})), **more)


PLACES = {
    "no wave": (
        {"2024": ["BR", "UK"]},
        {"drop": ["wave"]},
        {"waves": "no_place"},
    ),
    "no country": (
        {"2024": ["BR"]},
        {"drop": ["country"]},
        {"countries": "no_place", "waves": "no_place"},
    ),
    "one of each": (
        {"2024": ["BR"]},
        {},
        {"countries": "one_country", "waves": "one_wave"},
    ),
    "neither": ({"2024": ["BR"]}, {"drop": ["wave", "country"]}, {}),
}


class TestPlan:
    def planned(
        self, design: tl.SurveyDesign, folder: Path, outcome: str = "y"
    ) -> tuple[dict[str, dict], dict[str, str]]:
        family = Family(design, outcome, ["one", "two"])
        paths = {"file": folder / "people.sav", "mapping": folder / "m.yml"}
        (folder / "cells").mkdir(exist_ok=True)
        return {
            r["id"]: r["parameters"] for r in plan_runs(family, paths, folder, {})
        }, family.withheld

    def test_a_page_on_countries_weights_those_that_were_polled_in_its_wave(
        self, tmp_path
    ):
        design = polled({"2022": ["BR", "FR", "UK", "US"], "2024": ["BR", "UK", "US"]})
        runs, withheld = self.planned(design, tmp_path)
        given = runs["y-countries-one"]
        assert set(given["populations"]) == {"BR", "UK", "US"}
        assert given["title"] == "Y: One (countries, 2024)"
        assert given["about"].endswith(
            "This page counts only those of them who were asked in wave 2024."
        )
        inside = design.domain(given["where"]).frame
        assert set(inside.loc[inside["_in_domain"], "wave"]) == {"2024"}
        assert withheld == {"y: page on waves": REASONS["other_countries"]}

    def test_a_page_on_waves_says_which(self, tmp_path):
        runs, withheld = self.planned(
            polled({"2022": ["BR", "UK"], "2024": ["BR", "UK"]}), tmp_path
        )
        assert runs["y-waves-two"]["title"] == "Y: Two (waves, 2022, 2024)"
        assert "asked in wave 2022 and 2024." in runs["y-waves-two"]["about"]
        assert "asked in wave" not in runs["y-levels-one-two"]["about"]
        assert withheld == {}

    @pytest.mark.parametrize("name", PLACES)
    def test_pages_on_places_that_are_not_made_have_a_reason(self, tmp_path, name):
        places, more, reasons = PLACES[name]
        runs, withheld = self.planned(polled(places, **more), tmp_path)
        lacking = {"no wave": "wave", "no country": "country"}.get(name)
        expected = {
            f"y: page on {page}": REASONS[r].format(lacking=lacking, countries="ES")
            for page, r in reasons.items()
        }
        assert withheld == expected
        assert not [run for run in runs if any(page in run for page in reasons)]

    def test_own_countries_count_by_the_populations_of_the_mapping_or_alike(
        self, tmp_path
    ):
        design = polled({"2024": ["AT", "UK"]})
        runs, _ = self.planned(design, tmp_path)
        given = runs["y-countries-one"]
        assert given["populations"] == {"AT": 1.0, "UK": 1.0}
        assert "each counts the same" in given["about"]
        design.frame.attrs["populations"] = {"AT": 9.1}
        runs, _ = self.planned(design, tmp_path)
        given = runs["y-countries-one"]
        assert given["populations"] == {"AT": 9.1, "UK": 69.1}
        assert "each counts the same" not in given["about"]

    @pytest.mark.parametrize("drop", [[], ["country"]])
    def test_a_population_that_was_asked_twice_has_a_page_on_its_change(
        self, tmp_path, drop
    ):
        design = polled({"2022": ["UK"], "2024": ["UK"]}, drop=drop)
        runs, withheld = self.planned(design, tmp_path)
        assert runs["y-change-one"]["title"] == "Y: One (change, 2022, 2024)"
        assert not [run for run in runs if "-waves-" in run]
        assert set(withheld) == {"y: page on countries"}

    def test_countries_without_waves_have_a_page(self, tmp_path):
        design = polled({"2024": ["BR", "UK"]}, drop=["wave"])
        given = self.planned(design, tmp_path)[0]["y-countries-one"]
        assert "wave" not in given["where"]
        assert given["populations"] == {"BR": 212.0, "UK": 69.1}

    def test_replicate_weights_are_a_reason(self, tmp_path):
        rng = np.random.default_rng(1)
        design = polled({"2022": ["BR", "UK"], "2024": ["BR", "UK"]})
        columns = {
            f"weight_{i}": rng.uniform(0.5, 1.5, len(design.frame)) for i in range(1, 9)
        }
        of_replicates = tl.SurveyDesign(
            design.frame.assign(**columns),
            replicate_weights=list(columns),
            replicate_method="JK1",
        )
        runs, withheld = self.planned(of_replicates, tmp_path)
        assert withheld == {
            f"y: page on {page}": REASONS["replicates"]
            for page in ("countries", "waves")
        }
        assert "carried on by linearisation" in runs["y-levels-one-two"]["about"]

    def test_small_cells_of_places_are_a_reason_that_names_them(self, tmp_path):
        design = polled({"2022": ["BR", "UK"], "2024": ["BR", "UK"]}, size=8)
        runs, withheld = self.planned(design, tmp_path)
        assert {"y-countries-one", "y-waves-one"} <= set(runs)
        frame = design.frame
        small = (
            (frame["one"] == "b")
            & (frame["wave"] == "2022")
            & (frame["country"] == "UK")
            & (frame["y"] == 1)
        )
        kept = frame[small].groupby("two", observed=True).cumcount() < 3
        frame = frame.drop(kept.index[~kept]).reset_index(drop=True)
        frame.attrs = design.frame.attrs
        runs, withheld = self.planned(tl.SurveyDesign(frame), tmp_path)
        reason = REASONS["small"].format(levels="wave 2022, country UK, one b")
        assert withheld["y by one: pages on countries and waves"] == reason
        assert "y-countries-one" not in runs
        assert "y-countries-two" in runs

    def test_names_in_any_script_make_runs_of_their_own(self, tmp_path):
        for one, two, outcome in (
            ("größe", "grosse", "méfiance"),
            ("性別", "年齢", "信頼"),
            ("a_b", "a-b", "Y"),
            ("Y", "y", "ý"),
        ):
            design = polled({"2024": ["BR"]}, drop=["wave", "country"])
            frame = design.frame.rename(columns={"one": one, "two": two, "y": outcome})
            frame.attrs = {"source": design.source, "labels": {c: c for c in frame}}
            paths = {"file": tmp_path / "people.sav", "mapping": tmp_path / "m.yml"}
            family, taken = Family(tl.SurveyDesign(frame), outcome, [one, two]), {}
            ids = [run["id"] for run in plan_runs(family, paths, tmp_path, taken)]
            assert len(set(ids)) == len(ids) == 3
            assert all(re.fullmatch(r"[a-z\d][a-z\d-]*", name) for name in ids)
            again = [run["id"] for run in plan_runs(family, paths, tmp_path, taken)]
            assert again == ids
            assert len({*taken}) == len(set(taken.values()))


DESIGNS = {
    "JK1 with a scale": {"replicate_method": "JK1", "replicate_scale": 5 / 6},
    "around the mean": {"replicate_method": "bootstrap", "replicate_mse": False},
    "a scale for each": {
        "replicate_method": "JKn",
        "replicate_scale": [0.5 + i / 96 for i in range(48)],
    },
    "fpc": {"strata": "stratum", "fpc": "fpc"},
    "a lonely stratum": {"strata": "lonely", "lonely_psu": "adjust"},
}


class TestLinesOfR:
    @pytest.mark.skipif(
        shutil.which("Rscript") is None, reason="needs R with the package survey"
    )
    @pytest.mark.parametrize("name", DESIGNS)
    def test_the_design_that_a_page_prints_has_its_variance(
        self, data_file, tmp_path, name
    ):
        if subprocess.run(
            ["Rscript", "-e", "library(survey)"], capture_output=True, check=False
        ).returncode:
            pytest.skip("needs R's package survey")
        raw = tl.read_survey(
            data_file("hints_pr2009", "hintspr_d2011_04_22_public.sav")
        )
        trust = raw["HC07aTrustDoctor"].map(
            {"A Lot": 0.0, "Some": 1.0, "A Little": 1.0, "Not at All": 1.0}
        )
        columns = {"outcome": trust, "gender": raw["GenderN"], "weight": raw["R12WGT0"]}
        frame = pd.DataFrame(
            columns | {f"weight_{i}": raw[f"R12WGT{i}"] for i in range(1, 49)}
        )
        frame["gender"] = pd.Categorical(
            frame["gender"].where(frame["gender"] != "blank"), ["Male", "Female"]
        )
        frame["stratum"], frame["fpc"] = (
            np.arange(len(frame)) % 3,
            700 + 10 * (np.arange(len(frame)) % 3),
        )
        frame["lonely"] = np.where(np.arange(len(frame)) == 5, 9, frame["stratum"])
        more = (
            {"replicate_weights": [f"weight_{i}" for i in range(1, 49)]}
            if "replicate_method" in DESIGNS[name]
            else {}
        )
        design = tl.SurveyDesign(frame, "weight", **more, **DESIGNS[name])
        frame.to_csv(tmp_path / "people.csv", index=False)
        script = f"""library(survey)
        people <- read.csv("people.csv"); people$used <- !is.na(people$outcome) & people$gender != ""
        design <- {design_in_r(design)}
        s <- svyby(~outcome, ~factor(gender, c("Male", "Female")), subset(design, used), svymean)
        cat(sprintf("%.15g", c(coef(s), SE(s))))"""
        done = subprocess.run(
            ["Rscript", "-e", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        ours = tl.cell_means(tl.compress(design, "outcome", ["gender"])).frame
        assert [float(v) for v in done.stdout.split()] == pytest.approx(
            [*ours["estimate"], *ours["std_error"]], rel=1e-6
        )


@pytest.fixture(scope="module")
def figures():
    return load_figures(ROOT / "data" / "published" / "figures.csv")


@pytest.fixture(scope="module")
def codebook():
    return load_codebook(ROOT / "data" / "codebook.yml")


@pytest.fixture(scope="module")
def design():
    return read_supplied(
        STAND_IN / "trust_polling_synthetic.parquet", STAND_IN / "mapping.yml"
    )[0]


@pytest.fixture(scope="module")
def ledger(design, figures, codebook):
    return answer_record(design, figures, codebook)


class TestRecord:
    def test_the_stand_in_never_matches(self, ledger, figures):
        assert set(ledger["verdict"]) == {
            "calibrated (synthetic)",
            "needs microdata",
            "not releasable",
        }
        assert (ledger["verdict"] == "calibrated (synthetic)").sum() > 100
        assert set(ledger["id"]) == set(figures["id"])
        assert (
            ledger.loc[ledger["verdict"] == "needs microdata", "cause"].str.len().min()
            > 0
        )

    def test_the_answers_are_those_that_the_stand_in_was_held_to(self, ledger, figures):
        """calibration.csv was written by the simulator, by other code."""
        held = pd.read_csv(STAND_IN / "calibration.csv")
        same = held["group"] == held["id"].map(
            figures.set_index("id")["group"]
        )  # others are a reading of ours
        held = held[
            held["item"].isin(["provider", "system"])
            & (held["statistic"] == "percent")
            & same
        ]
        ours = ledger.set_index(["id", "reading"])["ours"]
        pairs = [
            (ours[row.id, f"trust_damaged_{row.item}"], row.achieved)
            for row in held.itertuples()
        ]
        answered = [(a, b) for a, b in pairs if not np.isnan(a)]
        assert [a for a, _ in answered] == pytest.approx(
            [b for _, b in answered], abs=0.06
        )
        assert len(answered) > 30

    def test_a_file_that_says_supplied_gets_verdicts_by_the_printed_rounding(
        self, design, figures, codebook
    ):
        frame = design.frame.copy()
        frame.attrs = {"source": {"kind": "supplied"}, "labels": {}}
        supplied = tl.SurveyDesign(frame, weight="weight", strata="stratum")
        few = figures[
            figures["id"].isin(
                ["W23-009", "W22-035", "W23-001", "R24-019", "R24-016", "W22-044b"]
            )
        ].copy()
        few.loc[few["id"] == "W22-035", "value"] = 90
        verdicts = (
            answer_record(supplied, few, codebook)
            .drop_duplicates("id")
            .set_index("id")["verdict"]
        )
        assert verdicts["W23-009"] == "match"
        assert verdicts["W22-035"] == "differs"
        assert verdicts["W23-001"] in ("match", "within rounding")
        assert verdicts["R24-019"] in ("match", "within rounding")
        assert verdicts["R24-016"] == "differs"
        assert verdicts["W22-044b"] == "match"

    def test_a_small_group_is_not_releasable(self, design, figures, codebook):
        frame = design.frame
        spain = frame[(frame["wave"] == "2023") & (frame["country"] == "ES")]
        disabled = spain["disability"] == "disabled"
        few = pd.concat([spain[~disabled], spain[disabled].head(9)]).reset_index(
            drop=True
        )
        few.attrs = {"source": {"kind": "supplied"}, "labels": {}}
        ledger = answer_record(tl.SurveyDesign(few), figures, codebook).set_index("id")
        assert ledger.loc["W23-010", "verdict"] == "not releasable"
        assert np.isnan(ledger.loc["W23-010", "ours"])
        assert ledger.loc["R24-001", "verdict"] == "needs microdata"

    def test_a_file_that_asked_of_one_experience_only_is_answered(
        self, design, figures, codebook
    ):
        frame = design.frame.drop(columns=["trust_damaged_any", "trust_damaged_system"])
        frame.attrs = {"source": {"kind": "supplied"}, "labels": {}}
        ledger = answer_record(tl.SurveyDesign(frame), figures, codebook)
        assert ledger["ours"].notna().sum() > 50
        lost = ledger[ledger["cause"].str.contains("trust_damaged_any")]
        assert set(lost["verdict"]) == {"needs microdata"}

    def test_numbers_are_rounded_where_the_source_asks_for_it_and_verdicts_are_not(
        self, design, figures, codebook
    ):
        frame = design.frame.copy()
        exact, rounded = (
            answer_record(
                tl.SurveyDesign(frame, source={"kind": "supplied"} | more),
                figures,
                codebook,
            )
            for more in ({}, {"rounding": 25})
        )
        assert exact["verdict"].tolist() == rounded["verdict"].tolist()
        counts = rounded["statistic"] == "count"
        assert (rounded.loc[counts, "ours"].dropna() % 25 == 0).all()
        assert not (exact.loc[counts, "ours"].dropna() % 25 == 0).all()
        percent = rounded.loc[
            rounded["statistic"] == "percent", ["ours", "conf_low", "conf_high"]
        ].dropna()
        assert len(percent) > 50
        assert (percent == percent.round()).all(axis=None)
        assert (
            (percent - exact.loc[percent.index, percent.columns]).abs() <= 0.55
        ).all(axis=None)

    def test_a_file_of_another_survey_answers_nothing(
        self, figures, codebook, tmp_path
    ):
        design, *_ = read_supplied(*written(tmp_path, people()))
        ledger = answer_record(design, figures, codebook)
        assert set(ledger["verdict"]) == {"needs microdata"}
        assert (
            ledger["cause"]
            .str.match("this file cannot answer: (the file has no|no number)")
            .all()
        )


def test_the_puerto_rico_file_has_a_replicate_design(data_file, tmp_path):
    mapping = {
        "source": {"id": "pr", "kind": "real", "label": "HINTS Puerto Rico 2009"},
        "variables": {
            "low_trust": {"column": "HC07aTrustDoctor", "values": {"A Lot": 0, "Some": 1, "A Little": 1, "Not at All": 1},
                          "missing": {"7": "refused", "8": "do not know", "9": "not ascertained", "Refused": "refused",
                                      "Don't know": "do not know", "Not Ascertained": "not ascertained"}},
            "gender": {"column": "GenderN", "values": {"Male": "man", "Female": "woman"}},
        },
        "design": {"weight": "R12WGT0", "replicate_weights": {"prefix": "R12WGT", "count": 48},
                   "replicate_method": "JK1", "replicate_scale": 5 / 6, "replicate_df": 48},
    }  # fmt: skip
    plan = tmp_path / "pr.yml"
    plan.write_text(yaml.safe_dump(mapping))
    design, outcomes, axes = read_supplied(
        data_file("hints_pr2009", "hintspr_d2011_04_22_public.sav"), plan
    )
    assert (outcomes, axes) == (["low_trust"], ["gender"])
    assert design.variance.startswith("48 replicate weights")
    assert (
        account_of(design, "low_trust", ["gender"])["n"].sum()
        == len(design.frame)
        == 639
    )
    assert Family(design, "low_trust", ["gender"]).sets == [["gender"]]


def counts_on(site: Path) -> list[int]:
    """Numbers of people in the tables of a site."""
    found = []
    for page in site.rglob("*.html"):
        for table in BeautifulSoup(page.read_text(), "html.parser").select(
            "main table"
        ):
            heads = [h.get_text(strip=True) for h in table.select("thead th, thead td")]
            if "People" in heads:
                at = heads.index("People")
                cells = [row.find_all(["td", "th"]) for row in table.select("tbody tr")]
                texts = [
                    row[at].get_text(strip=True)
                    for row in cells
                    if len(row) == len(heads)
                ]
                found += [
                    int(t.replace(",", "")) for t in texts if re.fullmatch(r"[\d,]+", t)
                ]
    return found


def require_complete(made, out: Path, file: Path) -> BeautifulSoup:
    """The pages are there, the account adds up, no small number of people and no row of the file is anywhere."""
    assert made.runs
    assert not made.failed
    assert check_pages(made.site) == []
    for run in made.runs:
        assert (made.site / "_runs" / run / f"{run}.html").is_file()
        assert (out / "book" / "_runs" / run / "provenance.json").is_file()
    index = BeautifulSoup((made.site / "index.html").read_text(), "html.parser")
    rows = len(read_table(file)[0])
    assert (made.account.groupby("outcome")["n"].sum() == rows).all()
    assert f"{rows:,}" in index.get_text()
    assert made.site.joinpath("ledger.html").is_file() == made.answers_record
    begins = index.select_one("article h1").find_next(["table", "p", "h2"])
    assert "found-table" in begins["class"]
    assert "SHA-256" not in begins.get_text()
    assert len(begins.select("tr.found-outcome")) == made.account["outcome"].nunique()
    for name in FILES.values():
        assert (out / FOLDER / name).is_file()
        assert index.select_one(f'a[href$="{name}"]')
    assert min(counts_on(made.site)) >= 10
    assert not [
        p
        for p in made.site.rglob("*")
        if "whatever they told" in (p.read_text() if p.suffix == ".html" else "")
    ]
    for what, why in made.withheld.items():
        assert what in index.get_text()
        assert why[:40] in index.get_text()
    return index


def no_lines_of(file: Path, out: Path) -> None:
    """No identifier of a person (a first column of different values) is anywhere in the private folder."""
    raw, _ = read_table(file)
    ids = raw.iloc[:, 0].astype(str)
    assert ids.is_unique
    assert leaks(out / "_build", raw) == []
    texts = [
        p.read_text(errors="ignore")
        for p in (out / "book").rglob("*")
        if p.suffix in (".csv", ".md", ".ipynb")
    ]
    assert not [
        i
        for i in ids.sample(200, random_state=1)
        if len(i) > 4 and any(re.search(rf"\b{i}\b", t) for t in texts)
    ]


@pytest.fixture
def unbuilt(monkeypatch):
    """`reproduce` without its runs and without Sphinx; what each run answers may be set."""
    answers: dict[str, str] = {}
    monkeypatch.setattr(private_book, "run_all", lambda *args, **more: answers)
    monkeypatch.setattr(private_book, "_build", lambda out: None)
    return answers


class TestFirstPage:
    def test_a_run_that_failed_is_on_the_page(self, tmp_path, unbuilt):
        file, plan = written(tmp_path, people())
        unbuilt["low-trust-levels-gender-disability"] = (
            "Run low-trust-levels-gender-disability failed: KeyError: 'x'"
        )
        unbuilt["low-trust-robustness-gender-disability"] = (
            "Run x failed in the cell: SeparationError: No finite estimate."
        )
        made = reproduce(file, plan, tmp_path / "private", ROOT)
        index = (tmp_path / "private" / "book" / "index.md").read_text()
        assert list(made.failed) == ["low-trust-levels-gender-disability"]
        section = index.partition("## Runs that failed")[2]
        assert "failed: KeyError: 'x'" in section
        assert "SeparationError" not in section
        assert "No finite estimate." in index
        assert "low-trust-levels" not in (tmp_path / "private" / "_toc.yml").read_text()

    def test_the_ledger_is_made_to_be_read(self, tmp_path, unbuilt):
        design = read_supplied(
            STAND_IN / "trust_polling_synthetic.parquet", STAND_IN / "mapping.yml"
        )[0]
        frame = design.frame[
            ["wave", "country", "gender", "trust_damaged_provider", "weight"]
        ]
        frame.to_parquet(tmp_path / "people.parquet")
        variables = {
            v: {} for v in ("wave", "country", "gender", "trust_damaged_provider")
        }
        mapping = {
            "source": {"kind": "supplied", "label": "made"},
            "codebook": str(ROOT / "data" / "codebook.yml"),
        }
        (tmp_path / "m.yml").write_text(
            yaml.safe_dump(
                mapping | {"variables": variables, "design": {"weight": "weight"}}
            )
        )
        reproduce(
            tmp_path / "people.parquet", tmp_path / "m.yml", tmp_path / "private", ROOT
        )
        title, _, *lines = (
            (tmp_path / "private" / "book" / "ledger.md").read_text().splitlines()
        )
        assert title == "# The ledger: published, and this file"
        rows = [
            [cell.strip() for cell in line.strip("|").split(" | ")]
            for line in lines
            if line.startswith("|")
        ]
        assert rows[0][:3] == ["Id", "Claim", "Verdict"]
        assert {row[2] for row in rows[2:]} <= set(supplied.WORDS["verdicts"])
        counts = [row for row in rows[2:] if row[4] == "count"]
        assert [row for row in counts if row[6] != "–"]
        assert all(
            re.fullmatch(r"[\d,]+|–", cell) for row in counts for cell in row[5:7]
        )
        told = {row[-1] for row in rows[2:] if row[2] == "needs microdata"}
        assert all(cause.startswith("this file cannot answer: ") for cause in told)
        index = (tmp_path / "private" / "book" / "index.md").read_text()
        assert "| Verdict | Lines | Meaning |" in index
        assert supplied.WORDS["verdicts"]["needs microdata"] in index

    def test_a_book_in_which_nothing_can_be_shown_says_so(
        self, tmp_path, unbuilt, monkeypatch
    ):
        monkeypatch.chdir(ROOT)
        file, plan = written(tmp_path, people(30))
        told = command(
            "reproduce", file, "--mapping", plan, "--out", tmp_path / "private"
        )
        assert (
            "Nothing of this file could be shown: low_trust by gender: fewer than 10 people"
            in told
        )
        assert "Runs: 0" in told
        index = (tmp_path / "private" / "book" / "index.md").read_text()
        assert (
            "Nothing of this file could be shown" in index.partition("## The file")[0]
        )

    def test_options_are_printed_as_they_are_typed(self, tmp_path, unbuilt):
        assert markdown_table(
            ["Why"], [["run again with --axis a --axis b_c"]]
        ).endswith("`--axis a` `--axis b_c` |\n")


@pytest.mark.slow
def test_a_book_from_the_raw_hints_file(data_file, tmp_path):
    file, out = data_file("hints6", "hints6_extract.csv.gz"), tmp_path / "private"
    made = reproduce(file, HINTS6, out, ROOT, ["mistrust"], ["ethnicity", "disability"])
    templates = ("levels", "intersection", "robustness")
    assert made.runs == [
        f"mistrust-{template}-ethnicity-disability" for template in templates
    ]
    index = require_complete(made, out, file)
    assert "Taylor linearisation over" in index.get_text()
    everyone = pd.read_csv(
        out / "book" / "_runs" / made.runs[0] / "tables" / "everyone.csv"
    )
    used = made.account.set_index("reason")["n"]["used"]
    assert everyone["n"].item() == used
    frame = tl.read_survey(file, HINTS6)
    inside = frame[["mistrust", "ethnicity", "disability"]].notna().all(axis=1)
    weighed = frame[inside]
    assert used == inside.sum()
    assert everyone["estimate"].item() == pytest.approx(
        np.average(weighed["mistrust"], weights=weighed["weight"]), rel=1e-12
    )


@pytest.mark.slow
def test_a_book_from_the_poll_on_non_voters(data_file, tmp_path):
    file, out = (
        data_file("fivethirtyeight_nonvoters", "nonvoters_data.csv"),
        tmp_path / "private",
    )
    made = reproduce(
        file, NONVOTERS, out, ROOT, axes=["gender", "disability", "education"]
    )
    index = require_complete(made, out, file)
    assert "low_trust_cdc by disability and education" in made.withheld
    assert made.account.set_index("reason")["n"]["low_trust_cdc: refused"] == 34
    assert "weights taken as fixed" in index.get_text()
    no_lines_of(file, out)


@pytest.mark.slow
def test_the_command_makes_a_synthetic_book_that_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    before = {p: p.stat().st_mtime_ns for p in (ROOT / "book").rglob("*.md")}
    words = (
        "--outcome",
        "trust_damaged_provider",
        "--axis",
        "disability",
        "--out",
        tmp_path / "private",
    )
    file = STAND_IN / "trust_polling_synthetic.parquet"
    told = command("reproduce", file, "--mapping", STAND_IN / "mapping.yml", *words)
    assert "calibrated (synthetic)" in told
    assert "match" not in told
    site = tmp_path / "private" / "_build" / "html"
    assert check_pages(site) == []
    pages = {p.stem for p in (site / "_runs").rglob("*.html")}
    assert {
        "trust-damaged-provider-countries-disability",
        "trust-damaged-provider-waves-disability",
    } <= pages
    assert {p: p.stat().st_mtime_ns for p in before} == before
    shutil.rmtree(tmp_path / "private")


def test_a_book_without_a_page_says_why_and_is_built(tmp_path):
    rows = {"happy": ["No", "Yes"] * 6, "gender": ["Female", "Male"] * 6}
    pd.DataFrame(rows).to_csv(tmp_path / "few.csv", index=False)
    mapping = {
        "source": {"id": "few", "kind": "supplied", "label": "Few"},
        "variables": {
            "happy": {"column": "happy", "values": {"No": 0, "Yes": 1}},
            "gender": {"column": "gender", "values": {"Female": "f", "Male": "m"}},
        },
    }
    (tmp_path / "m.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    out = tmp_path / "private"
    made = reproduce(tmp_path / "few.csv", tmp_path / "m.yml", out, ROOT)
    assert made.runs == []
    page = (out / "_build" / "html" / "index.html").read_text(encoding="utf-8")
    assert "Nothing of this file could be shown" in page
    assert "fewer than 10 people" in page
